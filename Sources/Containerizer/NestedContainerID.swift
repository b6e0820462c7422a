public import MesosModel

/// The id of a container with those of the containers that it is nested in.
///
/// Each part names a folder and a cgroup, so it is a short text without slashes, blanks, points and control characters.
/// - Source: Apache Mesos, `src/common/validation.cpp`, `validateContainerId`.
public struct NestedContainerID: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The outermost first; at least one.
  public let values: [String]

  /// Containers within one another, the outermost counted.
  public static let depthMax = 32
  /// Bytes of one part.
  public static let lengthMax = 255

  /// - Throws: ``ContainerizerError`` with code `.invalid`.
  public init(_ values: [String]) throws(ContainerizerError) {
    guard !values.isEmpty, values.count <= Self.depthMax else {
      throw ContainerizerError(.invalid, "A container's id has 1 to \(Self.depthMax) parts, not \(values.count)")
    }
    for value in values {
      guard !value.isEmpty, value.utf8.count <= Self.lengthMax,
        value.unicodeScalars.allSatisfy({ scalar in
          scalar.value > 0x20 && scalar.value != 0x7f && scalar != "/" && scalar != "\\" && scalar != "."
        })
      else {
        throw ContainerizerError(
          .invalid, "The container id '\(value.prefix(80))' is empty, too long or has a character that no id has")
      }
    }
    self.values = values
  }

  /// - Throws: ``ContainerizerError`` with code `.invalid`.
  public init(_ message: ContainerID) throws(ContainerizerError) {
    var values: [String] = []
    var next = message
    while true {
      values.append(next.value)
      guard next.hasParent, values.count <= Self.depthMax else { break }
      next = next.parent
    }
    try self.init(values.reversed())
  }

  public init(_ key: ContainerKey) throws(ContainerizerError) { try self.init([key.value]) }

  private init(unchecked values: [String]) { self.values = values }

  public var value: String { values[values.count - 1] }
  public var parent: NestedContainerID? {
    values.count > 1 ? NestedContainerID(unchecked: Array(values.dropLast())) : nil
  }
  public var root: NestedContainerID { NestedContainerID(unchecked: [values[0]]) }
  public var isNested: Bool { values.count > 1 }

  /// The id of a container nested in this one.
  ///
  /// - Throws: ``ContainerizerError`` with code `.invalid`.
  public func child(_ value: String) throws(ContainerizerError) -> NestedContainerID {
    try NestedContainerID(values + [value])
  }

  /// Whether this one is nested in `other`, at whatever depth.
  public func isWithin(_ other: NestedContainerID) -> Bool {
    values.count > other.values.count && values.starts(with: other.values)
  }

  public var message: ContainerID {
    var message = ContainerID()
    for (index, value) in values.enumerated() {
      let outer = message
      message = ContainerID()
      message.value = value
      if index > 0 { message.parent = outer }
    }
    return message
  }

  /// The folder of its cgroup below the one of all containers, as Apache Mesos names it: nested ones below `mesos` of their parent.
  public var cgroupPath: String { values.joined(separator: "/mesos/") }

  /// As Apache Mesos writes it, the outermost first, with points between.
  public var description: String { values.joined(separator: ".") }

  public static func < (left: Self, right: Self) -> Bool { left.values.lexicographicallyPrecedes(right.values) }
}
