import CSeccomp
import Glibc
import MesosModel
import ProcessLaunch
import StreamingJSON

/// `linux/seccomp`: the kernel refuses containers the system calls that a profile does not allow.
///
/// Profiles are JSON in Docker's format, in the folder of `--seccomp_config_dir`; the container's `SeccompInfo` names one, or is
/// unconfined, and `--seccomp_profile_name` is that of others. A profile takes `linux/nnp`, or has to let the change of user, groups and
/// capabilities pass.
/// - Source: Apache Mesos, *linux/seccomp* (`docs/isolators/linux-seccomp.md`); seccomp(2), libseccomp.
public struct SeccompIsolator: Isolator {
  public let name = "linux/seccomp"
  private let folder: String
  private let standard: [UInt8]?

  /// - Throws: ``ContainerizerError`` with code `.invalid` for a profile that is not there or not in order.
  public init(folder: String, profileName: String?) throws(ContainerizerError) {
    self.folder = folder
    standard = try profileName.map { name throws(ContainerizerError) in try Self.filter(name, in: folder) }
  }

  public func prepare(_ container: IsolatedContainer) async throws(ContainerizerError) -> LaunchContribution {
    var wanted = LaunchContribution()
    let info = container.configuration.info?.linuxInfo.seccomp ?? SeccompInfo()
    guard !(info.hasUnconfined && info.unconfined) else {
      guard !info.hasProfileName else {
        throw ContainerizerError(.invalid, "A container with a seccomp profile is not unconfined")
      }
      return wanted
    }
    if info.hasProfileName {
      wanted.filter = try Self.filter(info.profileName, in: folder)
    } else if let standard {
      wanted.filter = standard
    }
    return wanted
  }

  private static func filter(_ name: String, in folder: String) throws(ContainerizerError) -> [UInt8] {
    guard !name.isEmpty, !name.contains("/"), name != "..", name != "." else {
      throw ContainerizerError(.invalid, "'\(name.prefix(200))' is no name of a seccomp profile")
    }
    let path = "\(folder)/\(name)"
    let text: String
    do { text = try SystemCgroupFiles().read(path) } catch {
      throw ContainerizerError(.invalid, "The seccomp profile \(path) cannot be read", errno: error.errno)
    }
    return try SeccompProfile(text, source: path).filter
  }
}

/// A profile, made into the kernel's instructions.
struct SeccompProfile {
  let filter: [UInt8]

  init(_ text: String, source: String) throws(ContainerizerError) {
    func wrong(_ why: String) -> ContainerizerError {
      ContainerizerError(.invalid, "The seccomp profile \(source): \(why)")
    }
    do {
      let profile = try LocatedJSONParser(sizeMax: 1 << 20).parse(text, source: source)
      guard let standard = Self.action(try profile.member("defaultAction").string()) else {
        throw wrong("the defaultAction is not known")
      }
      guard let context = seccomp_init(standard) else { throw wrong("libseccomp does not take the defaultAction") }
      defer { seccomp_release(context) }
      // Whether privileges may be gained is another isolator's say.
      seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0)
      let native = seccomp_arch_native()
      for entry in try profile["archMap"]?.array() ?? [] {
        guard let main = Self.architecture(try entry.member("architecture").string()), main == native else { continue }
        for sub in try entry["subArchitectures"]?.array() ?? [] {
          guard let number = Self.architecture(try sub.string()) else { continue }
          let code = seccomp_arch_add(context, number)
          guard code == 0 || code == -EEXIST else { throw wrong("libseccomp does not take an architecture (\(-code))") }
        }
      }
      for entry in try profile["syscalls"]?.array() ?? [] {
        guard let action = Self.action(try entry.member("action").string()) else {
          throw wrong("an action is not known")
        }
        guard try Self.applies(entry), action != standard else { continue }
        var conditions: [scmp_arg_cmp] = []
        for argument in try entry["args"]?.array() ?? [] {
          guard let comparison = Self.comparison(try argument.member("op").string()) else {
            throw wrong("an op is not known")
          }
          let index = try argument.member("index").integer()
          guard (0...5).contains(index), conditions.count < 6 else { throw wrong("a call has six arguments") }
          conditions.append(
            scmp_arg_cmp(
              arg: UInt32(index), op: comparison, datum_a: UInt64(bitPattern: try argument.member("value").integer()),
              datum_b: UInt64(bitPattern: try argument["valueTwo"]?.integer() ?? 0)))
        }
        var names = try entry["names"]?.array() ?? []
        if let one = entry["name"] { names.append(one) }
        for name in names {
          let number = seccomp_syscall_resolve_name(try name.string())
          // A call that this kernel's library does not know cannot be made.
          guard number != __NR_SCMP_ERROR else { continue }
          let code = seccomp_rule_add_array(context, action, number, UInt32(conditions.count), conditions)
          // Calls of another architecture.
          guard code == 0 || code == -EDOM || code == -EEXIST else {
            throw wrong("libseccomp does not take the rule of '\(try name.string())' (\(-code))")
          }
        }
      }
      filter = try Self.export(context, source)
    } catch let error as StreamingJSONError {
      throw wrong("\(error)")
    } catch let error as ContainerizerError {
      throw error
    } catch {
      throw wrong("\(error)")
    }
  }

  /// Whether a rule with conditions of Docker's holds for containers here: those of capabilities and kernels do not, architectures may.
  private static func applies(_ entry: JSONTree) throws(StreamingJSONError) -> Bool {
    if let includes = entry["includes"] {
      if try includes["caps"]?.array().isEmpty == false || includes["minKernel"] != nil { return false }
      if let names = try includes["arches"]?.array(), !names.isEmpty {
        var isHere = false
        for name in names where try name.string() == Self.machine { isHere = true }
        return isHere
      }
    }
    if let excludes = entry["excludes"], let names = try excludes["arches"]?.array() {
      for name in names where try name.string() == Self.machine { return false }
    }
    return true
  }

  #if arch(arm64)
    private static let machine = "arm64"
  #else
    private static let machine = "amd64"
  #endif

  private static func export(_ context: scmp_filter_ctx, _ source: String) throws(ContainerizerError) -> [UInt8] {
    // The library writes to a descriptor; a pipe takes more than the largest filter.
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw ContainerizerError(.isolation, "Cannot make a pipe", errno: errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let code = seccomp_export_bpf(context, ends[1])
    close(ends[1])
    defer { close(ends[0]) }
    guard code == 0 else {
      throw ContainerizerError(.invalid, "The seccomp profile \(source) makes no filter", errno: Int32(-code))
    }
    var bytes = [UInt8](repeating: 0, count: 64 << 10)
    let count = read(ends[0], &bytes, bytes.count)
    guard count > 0, count % 8 == 0 else {
      throw ContainerizerError(.isolation, "Cannot read a seccomp filter", errno: errno)
    }
    bytes.removeSubrange(count...)
    return bytes
  }

  private static func action(_ name: String) -> UInt32? {
    switch name {
    case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD": 0x0000_0000
    case "SCMP_ACT_KILL_PROCESS": 0x8000_0000
    case "SCMP_ACT_TRAP": 0x0003_0000
    case "SCMP_ACT_ERRNO": 0x0005_0000 | UInt32(EPERM)
    case "SCMP_ACT_LOG": 0x7ffc_0000
    case "SCMP_ACT_ALLOW": 0x7fff_0000
    default: nil
    }
  }

  private static func comparison(_ name: String) -> scmp_compare? {
    switch name {
    case "SCMP_CMP_NE": SCMP_CMP_NE
    case "SCMP_CMP_LT": SCMP_CMP_LT
    case "SCMP_CMP_LE": SCMP_CMP_LE
    case "SCMP_CMP_EQ": SCMP_CMP_EQ
    case "SCMP_CMP_GE": SCMP_CMP_GE
    case "SCMP_CMP_GT": SCMP_CMP_GT
    case "SCMP_CMP_MASKED_EQ": SCMP_CMP_MASKED_EQ
    default: nil
    }
  }

  private static func architecture(_ name: String) -> UInt32? {
    guard name.hasPrefix("SCMP_ARCH_") else { return nil }
    let number = seccomp_arch_resolve_name(name.dropFirst("SCMP_ARCH_".count).lowercased())
    return number == 0 ? nil : number
  }
}
