import CContainerLaunch
import Glibc

/// Namespaces of the kernel, as `clone` numbers them.
public struct ContainerNamespaces: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let mount = ContainerNamespaces(rawValue: 0x0002_0000)
  public static let cgroup = ContainerNamespaces(rawValue: 0x0200_0000)
  public static let uts = ContainerNamespaces(rawValue: 0x0400_0000)
  public static let ipc = ContainerNamespaces(rawValue: 0x0800_0000)
  public static let pid = ContainerNamespaces(rawValue: 0x2000_0000)
  public static let network = ContainerNamespaces(rawValue: 0x4000_0000)
}

/// One thing that is made in a container's view of the file system, before its program.
public enum LaunchStep: Hashable, Sendable {
  /// What is made of a mount's target that is missing.
  public enum Target: UInt32, Hashable, Sendable { case mustExist = 0, folder, file }

  /// A mount. With `isStrict` no part of the target's path may be a symbolic link.
  case mount(
    source: String, target: String, fileSystem: String = "", flags: UInt64 = 0, options: String = "",
    create: Target = .mustExist, isStrict: Bool = false)
  /// The folder becomes the root, and what was it is out of reach.
  case pivot(String)
  case folder(String, mode: UInt32)
  /// `mode` has the kind of file (`S_IFCHR` or `S_IFBLK`) in it.
  case device(String, mode: UInt32, major: UInt32, minor: UInt32)
  case link(String, to: String)
  case write(String, to: String)

  /// Shows a folder or file at a second place, with all that is mounted below it.
  public static func bind(
    _ source: String, to target: String, isReadOnly: Bool = false, create: Target = .mustExist, isStrict: Bool = false
  ) -> [LaunchStep] {
    let bind = UInt64(MS_BIND)
    var steps = [
      LaunchStep.mount(
        source: source, target: target, flags: bind | UInt64(MS_REC), create: create, isStrict: isStrict)
    ]
    if isReadOnly {
      let flags = bind | UInt64(MS_REMOUNT) | UInt64(MS_RDONLY)
      steps.append(.mount(source: source, target: target, flags: flags, isStrict: isStrict))
    }
    return steps
  }
}

/// A limit of `setrlimit`; `nil` for none.
public struct ResourceLimit: Hashable, Sendable {
  /// `RLIMIT_…`.
  public var resource: UInt32
  public var soft: UInt64?
  public var hard: UInt64?

  public init(resource: UInt32, soft: UInt64?, hard: UInt64?) {
    self.resource = resource
    self.soft = soft
    self.hard = hard
  }
}

/// The five sets of capabilities that a process has, a bit each.
public struct CapabilitySets: Hashable, Sendable {
  public var bounding: UInt64
  public var effective: UInt64
  public var permitted: UInt64
  public var inheritable: UInt64
  public var ambient: UInt64

  public init(bounding: UInt64, effective: UInt64, permitted: UInt64, inheritable: UInt64, ambient: UInt64) {
    self.bounding = bounding
    self.effective = effective
    self.permitted = permitted
    self.inheritable = inheritable
    self.ambient = ambient
  }
}

/// What isolators want of a container's launch.
public struct LaunchContribution: Hashable, Sendable {
  public var namespaces: ContainerNamespaces = []
  /// Namespaces of other processes to join.
  public var joins: [Join] = []
  public var steps: [LaunchStep] = []
  public var limits: [ResourceLimit] = []
  public var capabilities: CapabilitySets?
  public var noNewPrivileges = false
  /// A seccomp filter, eight bytes an instruction.
  public var filter: [UInt8] = []
  public var environment: [String: String] = [:]
  public var hostname: String?

  public struct Join: Hashable, Sendable {
    public var pid: Int32
    public var namespaces: ContainerNamespaces

    public init(pid: Int32, namespaces: ContainerNamespaces) {
      self.pid = pid
      self.namespaces = namespaces
    }
  }

  public init() {}

  /// Adds what another isolator wants, after what is here.
  ///
  /// - Throws: ``ContainerizerError`` with code `.isolation` where both want to have the say.
  mutating func add(_ other: LaunchContribution, of name: String) throws(ContainerizerError) {
    func twice(_ what: String) -> ContainerizerError {
      ContainerizerError(.isolation, "Two isolators set the \(what) of the container, the second is '\(name)'")
    }
    namespaces.formUnion(other.namespaces)
    joins += other.joins
    steps += other.steps
    limits += other.limits
    noNewPrivileges = noNewPrivileges || other.noNewPrivileges
    environment.merge(other.environment) { _, new in new }
    if let sets = other.capabilities {
      guard capabilities == nil else { throw twice("capabilities") }
      capabilities = sets
    }
    if !other.filter.isEmpty {
      guard filter.isEmpty else { throw twice("seccomp filter") }
      filter = other.filter
    }
    if let name = other.hostname {
      guard hostname == nil else { throw twice("host name") }
      hostname = name
    }
  }

  /// Whether a process of this user started the plain way would have all of it.
  var isPlain: Bool {
    namespaces.isEmpty && joins.isEmpty && steps.isEmpty && limits.isEmpty && capabilities == nil && !noNewPrivileges
      && filter.isEmpty && hostname == nil
  }
}

/// All that `mesos-launch` is told.
public struct LaunchDescription: Sendable {
  public var contribution = LaunchContribution()
  /// The first process stays beside the program, as its parent; see `CContainerLaunch.h`.
  public var staysAsInit = false
  public var startsSession = true
  public var credentials: (uid: UInt32, gid: UInt32, groups: [UInt32])?
  public var directory: String?
  /// Where the first process writes how the program ended; needs ``staysAsInit``.
  public var statusFile: String?
  /// Paths of the program, tried in turn.
  public var programs: [String]
  /// The zeroth included.
  public var arguments: [String]
  public var environment: [(name: String, value: String)]

  public init(programs: [String], arguments: [String], environment: [(name: String, value: String)] = []) {
    self.programs = programs
    self.arguments = arguments
    self.environment = environment
  }

  /// The bytes that `mesos-launch` reads.
  ///
  /// - Throws: ``ContainerizerError`` with code `.invalid` for a text with a zero byte, a variable without a name, too much of anything.
  public func encoded() throws(ContainerizerError) -> [UInt8] {
    var records = LaunchRecords()
    if !contribution.namespaces.isEmpty {
      records.add(SWIFT_MESOS_TAG_NAMESPACES) { $0.number(contribution.namespaces.rawValue) }
    }
    for join in contribution.joins {
      records.add(SWIFT_MESOS_TAG_JOIN) {
        $0.number(UInt32(bitPattern: join.pid))
        $0.number(join.namespaces.rawValue)
      }
    }
    var options: UInt32 = 0
    if staysAsInit { options |= SWIFT_MESOS_OPTION_INIT.rawValue }
    if contribution.noNewPrivileges { options |= SWIFT_MESOS_OPTION_NO_NEW_PRIVILEGES.rawValue }
    if startsSession { options |= SWIFT_MESOS_OPTION_SESSION.rawValue }
    records.add(SWIFT_MESOS_TAG_OPTIONS) { $0.number(options) }
    for step in contribution.steps { records.add(step) }
    for limit in contribution.limits {
      records.add(SWIFT_MESOS_TAG_RLIMIT) {
        $0.number(limit.resource)
        $0.number(UInt32(0))
        $0.number(limit.soft ?? .max)
        $0.number(limit.hard ?? .max)
      }
    }
    if let credentials {
      records.add(SWIFT_MESOS_TAG_CREDENTIALS) {
        $0.number(credentials.uid)
        $0.number(credentials.gid)
        for group in credentials.groups { $0.number(group) }
      }
    }
    if let sets = contribution.capabilities {
      records.add(SWIFT_MESOS_TAG_CAPABILITIES) {
        for set in [sets.bounding, sets.effective, sets.permitted, sets.inheritable, sets.ambient] { $0.number(set) }
      }
    }
    if !contribution.filter.isEmpty {
      records.add(SWIFT_MESOS_TAG_SECCOMP) { $0.bytes += contribution.filter }
    }
    if let directory { records.add(SWIFT_MESOS_TAG_DIRECTORY) { $0.text(directory) } }
    if let statusFile { records.add(SWIFT_MESOS_TAG_STATUS) { $0.text(statusFile) } }
    if let hostname = contribution.hostname { records.add(SWIFT_MESOS_TAG_HOSTNAME) { $0.text(hostname) } }
    for program in programs { records.add(SWIFT_MESOS_TAG_PROGRAM) { $0.text(program) } }
    for argument in arguments { records.add(SWIFT_MESOS_TAG_ARGUMENT) { $0.text(argument) } }
    var variables: [String: String] = [:]
    for variable in environment { variables[variable.name] = variable.value }
    variables.merge(contribution.environment) { _, new in new }
    for (name, value) in variables.sorted(by: { $0.key < $1.key }) {
      guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "=")) else {
        throw ContainerizerError(.invalid, "'\(name.prefix(80))' is no name of an environment variable")
      }
      records.add(SWIFT_MESOS_TAG_VARIABLE) { $0.text("\(name)=\(value)") }
    }
    return try records.finished()
  }
}

/// Writes records as `CContainerLaunch.h` has them.
private struct LaunchRecords {
  var bytes: [UInt8] = [UInt8](repeating: 0, count: 8)
  private var count: UInt32 = 0
  private var hasBadText = false

  mutating func number(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
  }

  mutating func text(_ text: String) {
    if text.utf8.contains(0) { hasBadText = true }
    bytes.append(contentsOf: text.utf8)
    bytes.append(0)
  }

  mutating func add(_ tag: swift_mesos_launch_tag, _ content: (inout LaunchRecords) -> Void) {
    count += 1
    number(tag.rawValue)
    let start = bytes.count
    number(UInt32(0))
    content(&self)
    set(UInt32(truncatingIfNeeded: bytes.count - start - 4), at: start)
  }

  mutating func add(_ step: LaunchStep) {
    switch step {
    case .mount(let source, let target, let fileSystem, let flags, let options, let create, let isStrict):
      add(SWIFT_MESOS_TAG_MOUNT) {
        $0.number(flags)
        $0.number(create.rawValue | (isStrict ? 4 : 0))
        $0.number(UInt32(0))
        for text in [source, target, fileSystem, options] { $0.text(text) }
      }
    case .pivot(let root): add(SWIFT_MESOS_TAG_PIVOT) { $0.text(root) }
    case .folder(let path, let mode):
      add(SWIFT_MESOS_TAG_FOLDER) {
        $0.number(mode)
        $0.text(path)
      }
    case .device(let path, let mode, let major, let minor):
      add(SWIFT_MESOS_TAG_DEVICE) {
        for value in [mode, major, minor] { $0.number(value) }
        $0.text(path)
      }
    case .link(let link, let target):
      add(SWIFT_MESOS_TAG_LINK) {
        $0.text(target)
        $0.text(link)
      }
    case .write(let text, let file):
      add(SWIFT_MESOS_TAG_WRITE) {
        $0.text(file)
        $0.text(text)
      }
    }
  }

  private mutating func set(_ value: UInt32, at offset: Int) {
    withUnsafeBytes(of: value) { bytes.replaceSubrange(offset..<(offset + 4), with: $0) }
  }

  func finished() throws(ContainerizerError) -> [UInt8] {
    guard !hasBadText else { throw ContainerizerError(.invalid, "A text of the launch has a zero byte") }
    guard count <= SWIFT_MESOS_LAUNCH_RECORDS_MAX, bytes.count - 8 <= SWIFT_MESOS_LAUNCH_LENGTH_MAX else {
      throw ContainerizerError(
        .invalid, "The launch has \(count) parts and \(bytes.count) bytes, more than the helper takes")
    }
    var result = self
    result.set(SWIFT_MESOS_LAUNCH_MAGIC, at: 0)
    result.set(UInt32(truncatingIfNeeded: bytes.count - 8), at: 4)
    return result.bytes
  }
}
