import Glibc
import Testing

@testable import ProcessLaunch

/// A folder that goes with the value.
private struct Scratch: ~Copyable {
  let path: String

  init() throws {
    var template = Array("/tmp/process-launch-XXXXXX".utf8CString)
    let made = try #require(mkdtemp(&template))
    path = String(cString: made)
    chmod(path, 0o755)
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  deinit {
    guard let folder = opendir(path) else { return }
    while let item = readdir(folder) {
      let name = withUnsafePointer(to: &item.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      unlink("\(path)/\(name)")
    }
    closedir(folder)
    rmdir(path)
  }
}

private func contents(of path: String) throws -> String {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  try #require(descriptor >= 0, "cannot open \(path)")
  defer { close(descriptor) }
  return readAll(descriptor)
}

private func readAll(_ descriptor: Int32) -> String {
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 4096)
  while true {
    let count = read(descriptor, &buffer, buffer.count)
    guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
    bytes += buffer[..<count]
  }
}

/// A pipe whose writing end a child inherits as a stream.
private struct Pipe: ~Copyable {
  let reading: Int32
  let writing: Int32

  init() throws {
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    (reading, writing) = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  }

  /// The next line, read as far as its end and no further.
  func line() -> String {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while read(reading, &byte, 1) == 1, byte != UInt8(ascii: "\n") { bytes.append(byte) }
    return String(decoding: bytes, as: UTF8.self)
  }

  deinit {
    close(reading)
    close(writing)
  }
}

private let searchPath = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

@Suite struct ProcessLaunchTests {
  /// Runs a command and gives what it wrote to standard output.
  private func output(of request: LaunchRequest) async throws -> (text: String, status: ProcessExit) {
    let scratch = try Scratch()
    var request = request
    request.standardOutput = .file(scratch.file("out"))
    let watcher = try ProcessWatcher()
    let process = try launch(request)
    let status = try await watcher.exitStatus(of: process)
    return (try contents(of: scratch.file("out")), status)
  }

  @Test(arguments: [
    ("exit 0", ProcessExit.exited(code: 0), "exited with status 0"),
    ("exit 1", .exited(code: 1), "exited with status 1"),
    ("exit 255", .exited(code: 255), "exited with status 255"),
    ("kill -KILL $$", .signaled(number: SIGKILL, coreDumped: false), "terminated with signal Killed"),
    ("kill -TERM $$", .signaled(number: SIGTERM, coreDumped: false), "terminated with signal Terminated"),
  ])
  func `the watcher tells how a child ended`(command: String, expected: ProcessExit, text: String) async throws {
    let watcher = try ProcessWatcher()
    let process = try launch(LaunchRequest(program: .shell(command)))
    let status = try await watcher.exitStatus(of: process)
    #expect(status == expected)
    #expect(status.description == text)
    #expect(!process.isAlive)
    #expect(try await watcher.exitStatus(of: process) == .unknown)
  }

  @Test func `the environment is exactly what was asked for`() async throws {
    let request = LaunchRequest(
      program: .program(path: "/usr/bin/env", arguments: []),
      environment: .exactly(["B": "two words", "A": "1=1", "EMPTY": ""]))
    #expect(try await output(of: request).text == "A=1=1\nB=two words\nEMPTY=\n")
  }

  @Test func `an inherited environment has the settings on top`() async throws {
    let request = LaunchRequest(
      program: .program(path: "/usr/bin/env", arguments: []), environment: .inherited(setting: ["PATH": "/nowhere"]))
    var expected = currentEnvironment()
    expected["PATH"] = "/nowhere"
    // A value with line breaks spans lines, so whole text is compared.
    let text = expected.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)\n" }.joined()
    #expect(try await output(of: request).text == text)
  }

  @Test func `arguments arrive unchanged`() async throws {
    let request = LaunchRequest(
      program: .program(path: "printf", arguments: ["anything", "%s|", "a b", "", "$HOME", "é"]),
      environment: .exactly(["PATH": searchPath]))
    #expect(try await output(of: request).text == "a b||$HOME|é|")
  }

  @Test func `streams are appended to files that others may read`() async throws {
    let scratch = try Scratch()
    let watcher = try ProcessWatcher()
    for word in ["one", "two"] {
      let process = try launch(
        LaunchRequest(
          program: .shell("pwd; echo \(word) >&2"), workingDirectory: scratch.path,
          standardOutput: .file(scratch.file("stdout")), standardError: .file(scratch.file("stderr"))))
      _ = try await watcher.exitStatus(of: process)
    }
    #expect(try contents(of: scratch.file("stdout")) == "\(scratch.path)\n\(scratch.path)\n")
    #expect(try contents(of: scratch.file("stderr")) == "one\ntwo\n")
    var status = stat()
    #expect(stat(scratch.file("stdout"), &status) == 0)
    #expect(status.st_mode & 0o7777 == 0o644)
  }

  @Test func `a child has three descriptors and reads nothing`() async throws {
    let low = open("/dev/null", O_RDONLY)
    let extra = fcntl(low, F_DUPFD, 100)
    defer {
      close(low)
      close(extra)
    }
    try #require(extra >= 100)
    let request = LaunchRequest(
      program: .shell("readlink /proc/self/fd/0; echo /proc/$$/fd/*; cat"), environment: .exactly(["PATH": searchPath]))
    let lines = try await output(of: request).text.split(separator: "\n").map(String.init)
    #expect(lines.count == 2)
    #expect(lines.first == "/dev/null")
    let numbers = Set((lines.last ?? "").split(separator: " ").compactMap { $0.split(separator: "/").last })
    #expect(numbers.isSuperset(of: ["0", "1", "2"]))
    #expect(numbers.isSubset(of: ["0", "1", "2", "3"]), "the shell opens the folder to list it")
    #expect(!numbers.contains("\(extra)"))
  }

  @Test func `signals are neither ignored nor blocked in a child`() async throws {
    var mask = sigset_t()
    var before = sigset_t()
    sigemptyset(&mask)
    sigaddset(&mask, SIGUSR2)
    signal(SIGPIPE, SIG_IGN)
    pthread_sigmask(SIG_BLOCK, &mask, &before)
    let scratch = try Scratch()
    let result = Result {
      try launch(
        LaunchRequest(
          program: .program(path: "/bin/cat", arguments: ["cat", "/proc/self/status"]),
          standardOutput: .file(scratch.file("out"))))
    }
    pthread_sigmask(SIG_SETMASK, &before, nil)
    _ = try await ProcessWatcher().exitStatus(of: try result.get())
    let lines = try contents(of: scratch.file("out")).split(separator: "\n")
    for name in ["SigBlk", "SigIgn", "SigCgt"] {
      let line = try #require(lines.first { $0.hasPrefix(name) })
      #expect(line.hasSuffix("\t0000000000000000"), "\(line)")
    }
  }

  @Test func `a child leads a session unless told otherwise`() async throws {
    let watcher = try ProcessWatcher()
    for startsSession in [true, false] {
      let ready = try Pipe()
      let process = try launch(
        LaunchRequest(
          program: .shell("echo ready; exec sleep 1000"), environment: .exactly(["PATH": searchPath]),
          standardOutput: .descriptor(ready.writing), startsSession: startsSession))
      #expect(ready.line() == "ready")
      let entry = try #require(ProcessEntry(pid: process.pid))
      #expect((entry.session == process.pid) == startsSession)
      #expect((entry.group == process.pid) == startsSession)
      #expect(entry.parent == getpid())
      #expect(process.isAlive)
      kill(process.pid, SIGKILL)
      #expect(try await watcher.exitStatus(of: process) == .signaled(number: SIGKILL, coreDumped: false))
    }
  }

  @Test(arguments: [
    (
      LaunchRequest.Program.program(path: "/nonexistent/program", arguments: []), "", ProcessLaunchError.Stage.execute,
      ENOENT
    ),
    (.program(path: "no-such-program-anywhere", arguments: []), "", .execute, ENOENT),
    (.program(path: "/etc/passwd", arguments: []), "", .execute, EACCES),
    (.program(path: "", arguments: []), "", .request, ENOENT),
    (.shell("a\0b"), "", .request, EINVAL),
    (.shell("true"), "/nonexistent", .directory, ENOENT),
    (.shell("true"), "/etc/passwd", .directory, ENOTDIR),
  ])
  func `a launch that fails names its stage and leaves nothing`(
    program: LaunchRequest.Program, directory: String, stage: ProcessLaunchError.Stage, code: Int32
  ) throws {
    let error = #expect(throws: ProcessLaunchError.self) {
      _ = try launch(LaunchRequest(program: program, workingDirectory: directory.isEmpty ? nil : directory))
    }
    #expect(error?.stage == stage)
    #expect(error?.code == code)
  }

  @Test func `output is not led astray by links and pipes`() throws {
    let scratch = try Scratch()
    #expect(symlink("/tmp/elsewhere", scratch.file("link")) == 0)
    #expect(mkfifo(scratch.file("fifo"), 0o600) == 0)
    for (name, code) in [("link", ELOOP), ("fifo", ENXIO), ("missing/folder", ENOENT)] {
      let error = #expect(throws: ProcessLaunchError.self) {
        _ = try launch(LaunchRequest(program: .shell("true"), standardError: .file(scratch.file(name))))
      }
      #expect(error?.stage == .standardError)
      #expect(error?.code == code)
      #expect(error?.subject == scratch.file(name))
    }
  }

  @Test func `a user of this machine is found by name and another is not`() throws {
    let root = try UserIdentity(named: "root")
    #expect(root.uid == 0)
    #expect(root.supplementaryGroups.contains(0))
    let error = #expect(throws: ProcessLaunchError.self) { _ = try UserIdentity(named: "no-such-user-here") }
    #expect(error?.stage == .lookup)
  }

  @Test(.enabled(if: geteuid() == 0, "switching the user needs root"))
  func `a child of another user owns what it writes`() async throws {
    let scratch = try Scratch()
    let user = UserIdentity(uid: 12_345, gid: 23_456, supplementaryGroups: [23_456, 34_567])
    let process = try launch(
      LaunchRequest(
        program: .shell("id -u; id -g; id -G; id -ru"), environment: .exactly(["PATH": searchPath]),
        standardOutput: .file(scratch.file("out")), user: user))
    #expect(try await ProcessWatcher().exitStatus(of: process) == .exited(code: 0))
    #expect(try contents(of: scratch.file("out")) == "12345\n23456\n23456 34567\n12345\n")
    var status = stat()
    #expect(stat(scratch.file("out"), &status) == 0)
    #expect(status.st_uid == 12_345)
    #expect(status.st_gid == 23_456)
    #expect(geteuid() == 0, "the parent keeps its user")
  }

  @Test func `a held process begins when it is released and not before`() async throws {
    let scratch = try Scratch()
    let made = scratch.file("made")
    let held = try HeldProcess(
      LaunchRequest(program: .shell("echo $$ >\(made); exit 3"), environment: .exactly(["PATH": searchPath])))
    #expect(held.process.isAlive)
    #expect(access(made, F_OK) != 0)
    // It waits in the kernel, so it has begun nothing; others start meanwhile.
    let watcher = try ProcessWatcher()
    let other = try launch(LaunchRequest(program: .shell("exit 4")))
    #expect(try await watcher.exitStatus(of: other) == .exited(code: 4))
    #expect(access(made, F_OK) != 0)
    try held.release()
    #expect(try await watcher.exitStatus(of: held.process) == .exited(code: 3))
    #expect(try contents(of: made) == "\(held.process.pid)\n")
    #expect(throws: ProcessLaunchError.self) { try held.release() }
  }

  @Test func `a held process begins with three descriptors and no blocked signal`() async throws {
    let scratch = try Scratch()
    let waiting = try HeldProcess(LaunchRequest(program: .shell("exit 0")))
    var held: [HeldProcess] = []
    for (name, program) in [
      ("fds", ["/bin/ls", "-1", "/proc/self/fd"]), ("status", ["/bin/cat", "/proc/self/status"]),
    ] {
      held.append(
        try HeldProcess(
          LaunchRequest(
            program: .program(path: program[0], arguments: program), standardOutput: .file(scratch.file(name)))))
    }
    for process in held {
      try process.release()
      _ = try await ProcessWatcher().exitStatus(of: process.process)
    }
    #expect(try contents(of: scratch.file("fds")) == "0\n1\n2\n3\n", "the program itself opens the folder")
    #expect(try contents(of: scratch.file("status")).contains("SigBlk:\t0000000000000000"))
    waiting.abandon()
  }

  @Test func `a held process that is abandoned begins nothing and is gone`() throws {
    let scratch = try Scratch()
    let request = LaunchRequest(program: .shell("touch \(scratch.file("made"))"))
    let held = try HeldProcess(request)
    let next = try HeldProcess(request)
    held.abandon()
    held.abandon()
    #expect(LaunchedProcess(pid: held.process.pid) != held.process)
    #expect(throws: ProcessLaunchError.self) { try held.release() }
    #expect(next.process.isAlive)
    next.abandon()
    #expect(access(scratch.file("made"), F_OK) != 0)
  }

  @Test func `a held process whose value goes away ends`() async throws {
    let scratch = try Scratch()
    var held: HeldProcess? = try HeldProcess(LaunchRequest(program: .shell("touch \(scratch.file("made"))")))
    let process = try #require(held?.process)
    held = nil
    try await ProcessWatcher().end(of: process)
    #expect(access(scratch.file("made"), F_OK) != 0)
  }

  @Test func `a held process that is killed ends by that`() async throws {
    let held = try HeldProcess(LaunchRequest(program: .shell("exit 0")))
    let watcher = try ProcessWatcher()
    #expect(try await watcher.killTree(session: held.process))
    try held.release()
    #expect(try await watcher.exitStatus(of: held.process) == .signaled(number: SIGKILL, coreDumped: false))
  }

  @Test func `a held process that fails says where, before and after its release`() throws {
    let early = #expect(throws: ProcessLaunchError.self) {
      _ = try HeldProcess(LaunchRequest(program: .shell("exit 0"), workingDirectory: "/nowhere"))
    }
    #expect(early?.stage == .directory)
    #expect(early?.code == ENOENT)
    let held = try HeldProcess(LaunchRequest(program: .program(path: "/nowhere/at-all", arguments: [])))
    let late = #expect(throws: ProcessLaunchError.self) { try held.release() }
    #expect(late?.stage == .execute)
    #expect(late?.code == ENOENT)
    #expect(LaunchedProcess(pid: held.process.pid) != held.process)
  }

  @Test func `a held process dies with a launcher that is killed`() async throws {
    let scratch = try Scratch()
    let (noted, made) = (scratch.file("noted"), scratch.file("made"))
    await #expect(processExitsWith: .signal(SIGKILL)) { [noted = noted as String, made = made as String] in
      let held = try HeldProcess(LaunchRequest(program: .shell("touch \(made)")))
      let text = "\(held.process.pid) \(held.process.startTime)"
      let descriptor = open(noted, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
      _ = text.withCString { write(descriptor, $0, strlen($0)) }
      kill(getpid(), SIGKILL)
      try held.release()
    }
    let numbers = try contents(of: noted).split(separator: " ")
    try #require(numbers.count == 2)
    let process = LaunchedProcess(pid: try #require(Int32(numbers[0])), startTime: try #require(UInt64(numbers[1])))
    try await ProcessWatcher().end(of: process)
    #expect(access(made, F_OK) != 0)
  }

  @Test func `teardown kills what ignores SIGTERM and what left the session`() async throws {
    let watcher = try ProcessWatcher()
    let ready = try Pipe()
    let script = """
      trap '' TERM
      setsid sh -c 'trap "" TERM; echo moved; while :; do sleep 1000; done' &
      sh -c 'trap "" TERM; echo stayed; while :; do sleep 1000; done' &
      while :; do sleep 1000; done
      """
    let process = try launch(
      LaunchRequest(
        program: .shell(script), environment: .exactly(["PATH": searchPath]),
        standardOutput: .descriptor(ready.writing)))
    #expect(Set([ready.line(), ready.line()]) == ["moved", "stayed"])
    let table = try ProcessTable()
    let tree = table.tree(ofSession: process)
    #expect(tree.count >= 3)
    #expect(tree.contains { $0.session != process.pid }, "one member has a session of its own")
    #expect(Set(table.descendants(of: process.pid).filter(\.isRunning)).isSubset(of: Set(tree)))
    #expect(try descendants(of: process.pid).count >= 2)

    #expect(try await watcher.tearDown(session: process, .graceful(.milliseconds(20))))
    #expect(try ProcessTable().tree(ofSession: process).isEmpty)
    #expect(tree.allSatisfy { !$0.process.isAlive })
    #expect(try await watcher.exitStatus(of: process) == .signaled(number: SIGKILL, coreDumped: false))
    #expect(try killTree(session: process).isEmpty)
  }

  @Test func `teardown ends early when the tree goes by itself`() async throws {
    let watcher = try ProcessWatcher()
    let ready = try Pipe()
    let scratch = try Scratch()
    #expect(mkfifo(scratch.file("never"), 0o600) == 0)
    let process = try launch(
      LaunchRequest(
        program: .shell("trap 'exit 7' TERM; exec 3<>\(scratch.file("never")); echo ready; read line <&3"),
        standardOutput: .descriptor(ready.writing)))
    #expect(ready.line() == "ready")
    let clock = ContinuousClock()
    let start = clock.now
    #expect(try await watcher.tearDown(session: process, .graceful(.seconds(600))))
    #expect(clock.now - start < .seconds(300))
    #expect(try await watcher.exitStatus(of: process) == .exited(code: 7))
  }

  @Test func `members that outlive their leader are still found`() async throws {
    let watcher = try ProcessWatcher()
    let ready = try Pipe()
    let process = try launch(
      LaunchRequest(
        program: .shell("sleep 1000 & echo $!"), environment: .exactly(["PATH": searchPath]),
        standardOutput: .descriptor(ready.writing)))
    let orphan = try #require(Int32(ready.line()))
    #expect(try await watcher.exitStatus(of: process) == .exited(code: 0))
    #expect(try ProcessTable().tree(ofSession: process).map(\.process.pid) == [orphan])
    #expect(try await watcher.killTree(session: process))
    #expect(ProcessEntry(pid: orphan)?.isRunning != true)
  }

  @Test func `the end of a process that is no child is seen, its status is not`() async throws {
    let watcher = try ProcessWatcher()
    let ready = try Pipe()
    let parent = try launch(
      LaunchRequest(
        program: .shell("sleep 1000 & echo $!; wait; exit 3"), environment: .exactly(["PATH": searchPath]),
        standardOutput: .descriptor(ready.writing)))
    let pid = try #require(Int32(ready.line()))
    let other = try #require(LaunchedProcess(pid: pid))
    async let status = watcher.exitStatus(of: other)
    kill(other.pid, SIGKILL)
    #expect(try await status == .unknown)
    #expect(try await watcher.exitStatus(of: parent) == .exited(code: 3))
  }

  @Test func `a number that was used again is another process`() async throws {
    let watcher = try ProcessWatcher()
    let own = try #require(LaunchedProcess(pid: getpid()))
    #expect(own.isAlive)
    let earlier = LaunchedProcess(pid: own.pid, startTime: own.startTime &- 1)
    #expect(!earlier.isAlive)
    #expect(try ProcessDescriptor(earlier) == nil)
    #expect(try await watcher.exitStatus(of: earlier) == .unknown)
    #expect(try killTree(session: earlier).isEmpty)
  }

  @Test func `a waiting task can be cancelled and the process goes on`() async throws {
    let watcher = try ProcessWatcher()
    let process = try launch(
      LaunchRequest(program: .program(path: "sleep", arguments: ["sleep", "1000"]), environment: .inherited()))
    let stages = await withTaskGroup(of: ProcessLaunchError.Stage?.self) { group in
      for _ in 0..<3 {
        group.addTask {
          do throws(ProcessLaunchError) {
            _ = try await watcher.exitStatus(of: process)
            return nil
          } catch {
            return error.stage
          }
        }
      }
      group.cancelAll()
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(stages == [.cancelled, .cancelled, .cancelled])
    #expect(process.isAlive)
    #expect(try signal(group: process.pid, SIGKILL))
    #expect(try await watcher.exitStatus(of: process) == .signaled(number: SIGKILL, coreDumped: false))
    #expect(try !signal(group: process.pid, SIGKILL), "the group is gone")
  }

  @Test func `many children are told apart`() async throws {
    let watcher = try ProcessWatcher()
    try await withThrowingTaskGroup(of: (Int32, ProcessExit).self) { group in
      for code in Int32(0)..<100 {
        let process = try launch(LaunchRequest(program: .shell("exit \(code)")))
        group.addTask { (code, try await watcher.exitStatus(of: process)) }
      }
      for try await (code, status) in group { #expect(status == .exited(code: code)) }
    }
  }

  @Test func `more processes than the bound are refused`() async throws {
    let watcher = try ProcessWatcher(maximumWatched: 0)
    let process = try launch(LaunchRequest(program: .shell("exit 0")))
    let error = await #expect(throws: ProcessLaunchError.self) { _ = try await watcher.exitStatus(of: process) }
    #expect(error?.stage == .watch)
    _ = try await ProcessWatcher().exitStatus(of: process)
  }

  @Test(arguments: [
    ("42 (sh) S 1 40 39 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 777 100 5", true),
    ("42 (a ) R 9) S 1 40 39 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 777 100 5", true),
    ("42 (sh) S 1 40 39", false),
    ("42 sh S 1", false),
    ("", false),
    ("42 (sh) S 1 x 39 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 777 100 5", false),
  ])
  func `a line of the process table is parsed whatever the name`(line: String, valid: Bool) {
    let entry = ProcessEntry(pid: 42, stat: Array(line.utf8))
    #expect((entry != nil) == valid)
    if let entry {
      #expect(entry.process == LaunchedProcess(pid: 42, startTime: 777))
      #expect((entry.parent, entry.group, entry.session, entry.state) == (1, 40, 39, UInt8(ascii: "S")))
    }
  }
}
