public import MesosModel

/// One controller's part of the cgroups isolator.
///
/// Nested containers that share their cgroups with their parent never come here.
public protocol CgroupSubsystem: Sendable {
  /// As in `--isolation` after `cgroups/`.
  var name: String { get }
  /// The kernel's controllers that it needs, by the version of cgroups; empty where the version has it without one.
  func controllers(_ version: CgroupHierarchy.Version) -> [String]
  func prepare(_ container: IsolatedContainer, _ cgroups: CgroupHierarchy) throws(ContainerizerError)
  func recover(_ id: NestedContainerID, _ cgroups: CgroupHierarchy) throws(ContainerizerError)
  func update(
    _ id: NestedContainerID, _ resources: ContainerResources, isFirst: Bool, _ cgroups: CgroupHierarchy
  ) throws(ContainerizerError)
  func measure(
    _ id: NestedContainerID, _ cgroups: CgroupHierarchy, into statistics: inout ResourceStatistics
  ) throws(ContainerizerError)
  func report(_ id: NestedContainerID, into status: inout ContainerStatus)
  func limitation(of id: NestedContainerID, _ cgroups: CgroupHierarchy) async -> ContainerLimitation?
  func presentLimitation(of id: NestedContainerID, _ cgroups: CgroupHierarchy) -> ContainerLimitation?
  func cleanUp(_ id: NestedContainerID)
}

extension CgroupSubsystem {
  public func prepare(_ container: IsolatedContainer, _ cgroups: CgroupHierarchy) throws(ContainerizerError) {}
  public func recover(_ id: NestedContainerID, _ cgroups: CgroupHierarchy) throws(ContainerizerError) {}
  public func update(
    _ id: NestedContainerID, _ resources: ContainerResources, isFirst: Bool, _ cgroups: CgroupHierarchy
  ) throws(ContainerizerError) {}
  public func measure(
    _ id: NestedContainerID, _ cgroups: CgroupHierarchy, into statistics: inout ResourceStatistics
  ) throws(ContainerizerError) {}
  public func report(_ id: NestedContainerID, into status: inout ContainerStatus) {}
  public func limitation(of id: NestedContainerID, _ cgroups: CgroupHierarchy) async -> ContainerLimitation? { nil }
  public func presentLimitation(of id: NestedContainerID, _ cgroups: CgroupHierarchy) -> ContainerLimitation? { nil }
  public func cleanUp(_ id: NestedContainerID) {}
}

/// `NAME VALUE` a line, as cgroups write their statistics.
func keyedValues(_ text: String) -> [Substring: UInt64] {
  var values: [Substring: UInt64] = [:]
  for line in text.split(separator: "\n") {
    let parts = line.split(separator: " ")
    if parts.count == 2, let value = UInt64(parts[1]) { values[parts[0]] = value }
  }
  return values
}

/// A file that holds one number, or a word for none such as `max`.
func number(_ text: String) -> UInt64? {
  guard let word = text.split(whereSeparator: \.isWhitespace).first else { return nil }
  return UInt64(word)
}
