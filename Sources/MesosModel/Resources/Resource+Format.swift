import SwiftProtobuf

extension Resource {
  /// The message in the format with the list `reservations` alone, whichever format it has.
  ///
  /// The message has to be valid, as ``Resources/init(_:)-5j8fz`` checks.
  /// - Source: Apache Mesos, `upgradeResource`.
  public func upgraded() -> Resource {
    var result = self
    result.upgrade()
    return result
  }

  /// See ``upgraded()``.
  public mutating func upgrade() {
    defer {
      clearRole()
      clearReservation()
    }
    guard reservations.isEmpty, role != RoleName.star else { return }
    var info = reservation
    info.type = hasReservation ? .dynamic : .static
    info.role = role
    reservations = [info]
  }

  /// The message in the format with `role` and `reservation` alone, whichever format it has.
  /// - Throws: `ResourceError` with code `.refinedReservation` when there is more than one reservation.
  /// - Source: Apache Mesos, `downgradeResource`.
  public func downgraded() throws(ResourceError) -> Resource {
    var result = self
    try result.downgrade()
    return result
  }

  /// See ``downgraded()``; throws leaving the message as it was.
  public mutating func downgrade() throws(ResourceError) {
    guard reservations.count <= 1 else {
      throw ResourceError(
        .refinedReservation, "Cannot downgrade resources containing refined reservations: \(text)")
    }
    upgrade()
    addRoleField()
    reservations = []
  }

  /// The message in the format for readers of any age: both the list and, where there is at most one reservation, the older fields.
  public func convertedForEndpoint() -> Resource {
    var result = self
    result.upgrade()
    if result.reservations.count <= 1 { result.addRoleField() }
    return result
  }

  /// Fills `role` and `reservation` from a list of at most one reservation.
  private mutating func addRoleField() {
    guard let only = reservations.first else { return role = RoleName.star }
    role = only.role
    guard only.type == .dynamic else { return }
    var info = ReservationInfo()
    if only.hasPrincipal { info.principal = only.principal }
    if only.hasLabels { info.labels = only.labels }
    reservation = info
  }
}

extension Sequence<Resource> {
  /// The messages in the format with the list `reservations` alone.
  public func upgraded() -> [Resource] { map { $0.upgraded() } }

  /// The messages in the format with `role` and `reservation` alone.
  /// - Throws: `ResourceError` with code `.refinedReservation` when one has more than one reservation.
  public func downgraded() throws(ResourceError) -> [Resource] {
    var result: [Resource] = []
    for message in self { result.append(try message.downgraded()) }
    return result
  }
}
