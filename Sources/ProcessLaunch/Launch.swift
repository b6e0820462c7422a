import CProcessLaunch
import Glibc

/// Starts a process and says how to know it again.
///
/// The call returns when the program has been executed, or has failed to be; it stops its own thread for that long, no
/// other. Any thread of any process may call it.
///
/// - Throws: ``ProcessLaunchError`` with the stage that failed and the error number; then no child is left.
/// - Note: The child stays in the process table until its status is taken: by ``ProcessWatcher/exitStatus(of:)`` or
///   ``ProcessDescriptor/reap()``.
public func launch(_ request: LaunchRequest) throws(ProcessLaunchError) -> LaunchedProcess {
  let pid = try PreparedLaunch(request).start()
  // Not yet waited for, so the entry is there even if the process has ended.
  guard let entry = ProcessEntry(pid: pid) else {
    throw ProcessLaunchError(stage: .processTable, code: ESRCH, subject: "process \(pid)")
  }
  return entry.process
}

/// A request in the form that the system takes it, good for as many starts as wanted.
struct PreparedLaunch: Sendable {
  private let request: LaunchRequest
  private let path: String
  private let candidateStrings: CStrings
  private let argumentStrings: CStrings
  private let environmentStrings: CStrings
  private let directory: CStrings
  private let output: OutputTarget
  private let error: OutputTarget

  init(_ request: LaunchRequest) throws(ProcessLaunchError) {
    let environment: [String: String]
    switch request.environment {
    case .exactly(let variables): environment = variables
    case .inherited(let variables): environment = currentEnvironment().merging(variables) { _, new in new }
    }
    for (name, _) in environment where name.isEmpty || name.utf8.contains(UInt8(ascii: "=")) {
      throw ProcessLaunchError(stage: .request, code: EINVAL, subject: "environment variable '\(name)'")
    }

    let path: String
    let arguments: [String]
    switch request.program {
    case .shell(let command): (path, arguments) = ("/bin/sh", ["sh", "-c", command])
    case .program(let program, let given): (path, arguments) = (program, given.isEmpty ? [program] : given)
    }
    guard !path.isEmpty else { throw ProcessLaunchError(stage: .request, code: ENOENT, subject: "empty program") }
    self.request = request
    self.path = path
    candidateStrings = try CStrings(candidates(for: path, searchPath: environment["PATH"]))
    argumentStrings = try CStrings(arguments)
    environmentStrings = try CStrings(environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })
    directory = try CStrings(request.workingDirectory.map { [$0] } ?? [])
    output = try OutputTarget(request.standardOutput, inherited: 1)
    error = try OutputTarget(request.standardError, inherited: 2)
  }

  /// Starts the process and gives its number once its program is executed; the thread stops for that long.
  ///
  /// - Parameter hold: A socket that the child stands at until it may go on; see `HeldProcess`.
  func start(hold: Int32 = -1) throws(ProcessLaunchError) -> Int32 {
    let groups = request.user?.supplementaryGroups ?? []
    var failure = swift_mesos_launch_failure()
    let pid = groups.withUnsafeBufferPointer { groups in
      var call = swift_mesos_launch()
      call.candidates = UnsafePointer(candidateStrings.pointers)
      call.arguments = UnsafePointer(argumentStrings.pointers)
      call.environment = UnsafePointer(environmentStrings.pointers)
      call.directory = UnsafePointer(directory.pointers[0])
      if case .descriptor(let number) = request.standardInput { call.input = number } else { call.input = -1 }
      call.output = output.value
      call.error = error.value
      call.new_session = request.startsSession ? 1 : 0
      call.hold = hold
      if let user = request.user, user.uid != geteuid() || user.gid != getegid() || geteuid() == 0 {
        call.switch_user = 1
        call.uid = user.uid
        call.gid = user.gid
        call.groups = groups.baseAddress
        call.group_count = groups.count
      }
      if let owner = request.fileOwner ?? (call.switch_user != 0 ? request.user : nil) {
        call.gives_files = 1
        call.file_uid = owner.uid
        call.file_gid = owner.gid
      }
      return swift_mesos_launch(&call, &failure)
    }
    // The strings must outlive the call, which holds bare pointers to them.
    withExtendedLifetime((candidateStrings, argumentStrings, environmentStrings, directory, output, error)) {}

    guard pid > 0 else {
      let (stage, subject) = describe(stage: failure.stage, of: request, path: path)
      throw ProcessLaunchError(stage: stage, code: failure.error, subject: subject)
    }
    return pid
  }
}

private func candidates(for path: String, searchPath: String?) -> [String] {
  guard !path.utf8.contains(UInt8(ascii: "/")) else { return [path] }
  let search = searchPath ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  return search.split(separator: ":", omittingEmptySubsequences: false).map { folder in
    folder.isEmpty ? "./\(path)" : "\(folder)/\(path)"
  }
}

private func describe(
  stage: Int32, of request: LaunchRequest, path: String
) -> (stage: ProcessLaunchError.Stage, subject: String) {
  func name(_ output: LaunchRequest.Output) -> String {
    switch output {
    case .discarded: "/dev/null"
    case .inherited: "inherited"
    case .file(let path): path
    case .descriptor(let number): "descriptor \(number)"
    }
  }
  let user = request.user.map { "uid \($0.uid), gid \($0.gid)" } ?? ""
  return switch UInt32(bitPattern: stage) {
  case SWIFT_MESOS_STAGE_SESSION.rawValue: (.session, "")
  case SWIFT_MESOS_STAGE_DIRECTORY.rawValue: (.directory, request.workingDirectory ?? "")
  case SWIFT_MESOS_STAGE_STDIN.rawValue:
    (
      .standardInput, request.standardInput == .empty ? "/dev/null" : "\(request.standardInput)"
    )
  case SWIFT_MESOS_STAGE_STDOUT.rawValue: (.standardOutput, name(request.standardOutput))
  case SWIFT_MESOS_STAGE_STDERR.rawValue: (.standardError, name(request.standardError))
  case SWIFT_MESOS_STAGE_DESCRIPTORS.rawValue: (.descriptors, "")
  case SWIFT_MESOS_STAGE_GROUPS.rawValue: (.groups, user)
  case SWIFT_MESOS_STAGE_GROUP.rawValue: (.group, user)
  case SWIFT_MESOS_STAGE_USER.rawValue: (.user, user)
  case SWIFT_MESOS_STAGE_EXECUTE.rawValue: (.execute, path)
  case SWIFT_MESOS_STAGE_HOLD.rawValue: (.hold, path)
  default: (.fork, "")
  }
}

/// The environment of this process; a name that is there twice keeps its first value.
public func currentEnvironment() -> [String: String] {
  var variables: [String: String] = [:]
  var next = environ
  while let entry = next.pointee {
    let text = String(cString: entry)
    if let separator = text.firstIndex(of: "="), separator != text.startIndex {
      let name = String(text[..<separator])
      if variables[name] == nil { variables[name] = String(text[text.index(after: separator)...]) }
    }
    next += 1
  }
  return variables
}

/// A null-terminated array of C strings, freed with the object.
// Written by nobody after it is made, which is what lets threads share it.
private final class CStrings: @unchecked Sendable {
  let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let count: Int

  init(_ strings: [String]) throws(ProcessLaunchError) {
    for string in strings where string.utf8.contains(0) {
      throw ProcessLaunchError(stage: .request, code: EINVAL, subject: "text with a zero byte")
    }
    count = strings.count
    pointers = .allocate(capacity: strings.count + 1)
    for (index, string) in strings.enumerated() { (pointers + index).initialize(to: strdup(string)) }
    (pointers + strings.count).initialize(to: nil)
  }

  deinit {
    for index in 0..<count { free(pointers[index]) }
    pointers.deallocate()
  }
}

// As `CStrings`.
private final class OutputTarget: @unchecked Sendable {
  private let path: CStrings
  let value: swift_mesos_output

  init(_ output: LaunchRequest.Output, inherited: Int32) throws(ProcessLaunchError) {
    var value = swift_mesos_output()
    switch output {
    case .discarded: path = try CStrings(["/dev/null"])
    case .file(let name): path = try CStrings([name])
    case .inherited:
      path = try CStrings([])
      value.descriptor = inherited
    case .descriptor(let number):
      path = try CStrings([])
      value.descriptor = number
    }
    value.path = UnsafePointer(path.pointers[0])
    self.value = value
  }
}
