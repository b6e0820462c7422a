import Glibc
public import MesosModel
import ProcessLaunch

/// `linux/nnp`: no process of a container gains privileges by executing a program.
public struct NoNewPrivilegesIsolator: Isolator {
  public let name = "linux/nnp"

  public init() {}

  public func prepare(_ container: IsolatedContainer) async throws(ContainerizerError) -> LaunchContribution {
    var wanted = LaunchContribution()
    wanted.noNewPrivileges = true
    return wanted
  }
}

/// `linux/capabilities`: what root may do in a container, and others who are given a part of it.
///
/// A container may ask for less than the agent's flags allow, not for more. Those that its processes have are kept over the change of
/// user and over the execution of programs; the bounding ones are the most that they can get.
/// - Source: Apache Mesos, *linux/capabilities* (`docs/isolators/linux-capabilities.md`); capabilities(7).
public struct CapabilitiesIsolator: Isolator {
  public let name = "linux/capabilities"
  private let effective: CapabilityInfo?
  private let bounding: CapabilityInfo?

  /// - Parameter effective: What containers have that say nothing, `--effective_capabilities`.
  /// - Parameter bounding: The most that containers may ask for, `--bounding_capabilities`.
  /// - Throws: ``ContainerizerError`` with code `.invalid` where the first goes beyond the second.
  public init(effective: CapabilityInfo? = nil, bounding: CapabilityInfo? = nil) throws(ContainerizerError) {
    self.effective = effective
    self.bounding = bounding
    if let effective, let bounding, try Self.bits(effective) & ~Self.bits(bounding) != 0 {
      throw ContainerizerError(.invalid, "The effective capabilities go beyond the bounding ones")
    }
  }

  static func bits(_ info: CapabilityInfo) throws(ContainerizerError) -> UInt64 {
    var bits: UInt64 = 0
    for capability in info.capabilities {
      // Apache Mesos' numbers are the kernel's and a thousand.
      let number = capability.rawValue - 1_000
      guard (0..<63).contains(number) else {
        throw ContainerizerError(.invalid, "There is no capability of number \(number)")
      }
      bits |= 1 << UInt64(number)
    }
    return bits
  }

  public func prepare(_ container: IsolatedContainer) async throws(ContainerizerError) -> LaunchContribution {
    var wanted = LaunchContribution()
    let info = container.configuration.info?.linuxInfo ?? LinuxInfo()
    var effective = info.hasEffectiveCapabilities ? info.effectiveCapabilities : nil
    if effective == nil, info.hasCapabilityInfo { effective = info.capabilityInfo }
    var bounding = info.hasBoundingCapabilities ? info.boundingCapabilities : nil
    if let asked = bounding ?? effective, let allowed = self.bounding, try Self.bits(asked) & ~Self.bits(allowed) != 0 {
      throw ContainerizerError(.invalid, "The container asks for capabilities beyond the agent's bounding ones")
    }
    if effective == nil { effective = self.effective ?? bounding }
    if bounding == nil { bounding = self.bounding ?? effective }
    guard let effective, let bounding else { return wanted }
    let (have, most) = (try Self.bits(effective), try Self.bits(bounding))
    guard have & ~most == 0 else {
      throw ContainerizerError(.invalid, "The container asks for effective capabilities beyond its bounding ones")
    }
    wanted.capabilities = CapabilitySets(
      bounding: most, effective: have, permitted: have, inheritable: have, ambient: have)
    return wanted
  }
}

/// `posix/rlimits`: the limits of `RLimitInfo`, for the processes of a container each.
/// - Source: Apache Mesos, *posix/rlimits* (`docs/isolators/posix-rlimits.md`); setrlimit(2).
public struct ResourceLimitsIsolator: Isolator {
  public let name = "posix/rlimits"

  public init() {}

  static func number(_ type: RLimitInfo.RLimit.TypeEnum) -> UInt32? {
    // The kernel's numbers, which glibc has as an enumeration.
    switch type {
    case .rlmtCpu: 0
    case .rlmtFsize: 1
    case .rlmtData: 2
    case .rlmtStack: 3
    case .rlmtCore: 4
    case .rlmtRss: 5
    case .rlmtNproc: 6
    case .rlmtNofile: 7
    case .rlmtMemlock: 8
    case .rlmtAs: 9
    case .rlmtLocks: 10
    case .rlmtSigpending: 11
    case .rlmtMsgqueue: 12
    case .rlmtNice: 13
    case .rlmtRtprio: 14
    case .rlmtRttime: 15
    default: nil
    }
  }

  public func prepare(_ container: IsolatedContainer) async throws(ContainerizerError) -> LaunchContribution {
    var wanted = LaunchContribution()
    guard let info = container.configuration.info, info.hasRlimitInfo else { return wanted }
    var seen: Set<UInt32> = []
    for limit in info.rlimitInfo.rlimits {
      guard let resource = Self.number(limit.type), seen.insert(resource).inserted else {
        throw ContainerizerError(.invalid, "The container names a resource limit twice, or one that is not known")
      }
      guard limit.hasSoft == limit.hasHard, limit.soft <= limit.hard else {
        throw ContainerizerError(
          .invalid, "A resource limit has either soft and hard, the first not above the second, or neither")
      }
      wanted.limits.append(
        ResourceLimit(
          resource: resource, soft: limit.hasSoft ? limit.soft : nil, hard: limit.hasHard ? limit.hard : nil))
    }
    return wanted
  }
}
