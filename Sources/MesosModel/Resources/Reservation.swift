import SwiftProtobuf

/// Who resources are reserved to: one level of the reservation stack.
///
/// - Source: Apache Mesos, *Reservation*.
public struct Reservation: Sendable {
  /// How a reservation came about.
  public enum Kind: Hashable, Sendable {
    /// Made by the agent's configuration (`STATIC`); only a restart of the agent changes it.
    case configured
    /// Made by a framework or an operator (`DYNAMIC`), and undone by one.
    case dynamic
  }

  /// How the reservation came about.
  public var kind: Kind
  /// The role that has the resources, and with it all roles below.
  public var role: String
  /// Who made it, as far as known.
  public var principal: String?
  /// What its maker attached to tell it from others; order does not matter.
  public var labels: MesosLabels?

  /// A reservation; nothing is checked until it is pushed on resources.
  public init(_ kind: Kind, role: String, principal: String? = nil, labels: MesosLabels? = nil) {
    self.kind = kind
    self.role = role
    self.principal = principal
    self.labels = labels
  }

  /// Reads one element of the list `Resource.reservations`.
  /// - Throws: `ResourceError` with code `.invalidResource` where type or role are missing or the role is no name of a role or `*`.
  public init(_ message: Resource.ReservationInfo) throws(ResourceError) {
    guard message.hasType, message.type != .unknown else {
      throw ResourceError(
        .invalidResource, "Invalid reservation: 'Resource.ReservationInfo.type' field must be set.")
    }
    guard message.hasRole else {
      throw ResourceError(
        .invalidResource, "Invalid reservation: 'Resource.ReservationInfo.role' field must be set.")
    }
    self.init(
      message.type == .dynamic ? .dynamic : .configured, role: message.role,
      principal: message.hasPrincipal ? message.principal : nil, labels: message.hasLabels ? message.labels : nil)
    try validateRole()
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

  private func validateRole() throws(ResourceError) {
    do { try RoleName.validate(role) } catch { throw ResourceError(.invalidResource, error.message) }
    guard role != RoleName.star else {
      throw ResourceError(.invalidResource, "Invalid reservation: role \"*\" cannot be reserved")
    }
  }

  /// Checks that this reservation may stand on top of `stack`: a refinement is dynamic and to a role below that of the one it refines.
  /// - Throws: `ResourceError` with code `.invalidResource`, in the words of Apache Mesos.
  public func validate(onTopOf stack: [Reservation]) throws(ResourceError) {
    try validateRole()
    try validateRefinement(of: stack.last)
  }

  /// As ``validate(onTopOf:)``, with the name of the role known to be one.
  func validateRefinement(of refined: Reservation?) throws(ResourceError) {
    guard let refined else { return }
    guard kind == .dynamic else {
      throw ResourceError(
        .invalidResource, "Invalid refined reservation: A refined reservation cannot be STATIC")
    }
    guard RoleName.isStrictSubrole(role, of: refined.role) else {
      throw ResourceError(
        .invalidResource,
        "Invalid refined reservation: role '\(role)' is not a refinement of '\(refined.role)'")
    }
  }
}

extension Reservation: Hashable {
  /// Whether kind, role, principal and labels are the same, the labels in whatever order.
  public static func == (left: Reservation, right: Reservation) -> Bool {
    left.kind == right.kind && left.role == right.role && left.principal == right.principal
      && MesosLabels.sameLabels(left.labels, right.labels)
  }

  /// Hashes what equality looks at; the labels whatever their order.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(kind)
    hasher.combine(role)
    hasher.combine(principal)
    guard let labels else { return }
    // A sum does not look at the order.
    hasher.combine(labels.labels.reduce(into: 0) { $0 &+= $1.key.hashValue })
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
