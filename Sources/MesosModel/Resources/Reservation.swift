import SwiftProtobuf

/// Who resources are reserved to: one level of the reservation stack.
public struct Reservation: Sendable {
  public enum Kind: Hashable, Sendable {
    /// Made by the agent's configuration; only a restart of the agent changes it.
    case configured
    /// Made by a framework or an operator, and undone by one.
    case dynamic
  }

  public var kind: Kind
  public var role: String
  /// Who made it, as far as known.
  public var principal: String?
  /// What its maker attached to tell it from others; order does not matter.
  public var labels: MesosLabels?

  public init(_ kind: Kind, role: String, principal: String? = nil, labels: MesosLabels? = nil) {
    self.kind = kind
    self.role = role
    self.principal = principal
    self.labels = labels
  }

  /// The reservation as the list `Resource.reservations` carries it.
  public var message: Resource.ReservationInfo {
    Resource.ReservationInfo.with {
      $0.type = kind == .dynamic ? .dynamic : .static
      $0.role = role
      if let principal { $0.principal = principal }
      if let labels { $0.labels = labels }
    }
  }
}

extension Reservation: Hashable {
  public static func == (left: Reservation, right: Reservation) -> Bool {
    left.kind == right.kind && left.role == right.role && left.principal == right.principal
      && MesosLabels.sameLabels(left.labels, right.labels)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(kind)
    hasher.combine(role)
    hasher.combine(principal)
  }
}

extension MesosLabels {
  /// Whether both have the same labels, in whatever order; none at all is not the same as an empty list.
  static func sameLabels(_ left: MesosLabels?, _ right: MesosLabels?) -> Bool {
    guard let left, let right else { return left == nil && right == nil }
    guard left.labels.count == right.labels.count else { return false }
    if left.labels == right.labels { return true }
    func sorted(_ labels: [MesosLabel]) -> [MesosLabel] {
      labels.sorted { ($0.key, $0.hasValue ? 1 : 0, $0.value) < ($1.key, $1.hasValue ? 1 : 0, $1.value) }
    }
    return sorted(left.labels) == sorted(right.labels)
  }
}
