extension Resources.Entry {
  /// The entry with one more reservation, which is in force from then on.
  /// - Throws: `ResourceError` with code `.invalidResource` when the reservation may not stand on top of those there are, see
  ///   ``Reservation/validate(onTopOf:)``.
  public func pushingReservation(_ reservation: Reservation) throws(ResourceError) -> Resources.Entry {
    try reservation.validate(onTopOf: reservations)
    return with(identity.with(reservations: reservations + [reservation]))
  }

  /// The entry without the reservation in force: the one it refined is in force again, or none.
  /// - Throws: `ResourceError` with code `.invalidResource` when there is no reservation.
  public func poppingReservation() throws(ResourceError) -> Resources.Entry {
    guard isReserved else {
      throw ResourceError(.invalidResource, "Resource '\(self)' is not reserved")
    }
    return with(identity.with(reservations: Array(reservations.dropLast())))
  }

  /// The entry with no reservation at all.
  public var withoutReservations: Resources.Entry {
    isReserved ? with(identity.with(reservations: [])) : self
  }

  /// The entry with another reservation stack, for instance that of a statically reserved resource.
  /// - Throws: `ResourceError` with code `.invalidResource` when one of the reservations may not stand where it stands.
  public func replacingReservations(_ stack: [Reservation]) throws(ResourceError) -> Resources.Entry {
    for index in stack.indices { try stack[index].validate(onTopOf: Array(stack[..<index])) }
    return with(identity.with(reservations: stack))
  }
}

extension Resources {
  /// These resources with one more reservation, which is in force from then on: `pushReservation` in Apache Mesos.
  /// - Throws: `ResourceError` with code `.invalidResource` when the reservation may not stand on top of those there are: a refinement
  ///   is dynamic and to a role below that of the one it refines.
  public func pushingReservation(_ reservation: Reservation) throws(ResourceError) -> Resources {
    var result = Resources()
    for entry in entries { result += try entry.pushingReservation(reservation) }
    return result
  }

  /// These resources without the reservation in force of each: `popReservation` in Apache Mesos.
  /// - Throws: `ResourceError` with code `.invalidResource` when something is not reserved.
  public func poppingReservation() throws(ResourceError) -> Resources {
    var result = Resources()
    for entry in entries { result += try entry.poppingReservation() }
    return result
  }

  /// These resources with no reservations at all: `toUnreserved` in Apache Mesos.
  public var withoutReservations: Resources {
    entries.contains(where: \.isReserved) ? rebuilt { $0 = $0.withoutReservations } : self
  }

  /// The longest part of the reservation stack, from its bottom, that all entries of both sides share.
  ///
  /// What two reservations of the same resources have in common; a reservation is moved from one role to another by taking off all
  /// above it and pushing the rest of the other stack.
  /// - Source: Apache Mesos, `Resources::getReservationAncestor`.
  public func commonReservations(with other: Resources) -> [Reservation] {
    guard var common = entries.first?.reservations ?? other.entries.first?.reservations else { return [] }
    for entry in entries + other.entries {
      common = zip(common, entry.reservations).prefix { $0 == $1 }.map(\.0)
    }
    return common
  }

  /// The resources that come closest to `targets` and are here: `find` in Apache Mesos.
  ///
  /// For each entry of `targets` the amount is taken from what is reserved to the same role first, then from what is unreserved, then
  /// from any other; all the rest of an entry (disk, revocable, allocation, …) has to be the same. What one target took is not there
  /// for the next.
  /// - Returns: What was found, contained in these resources; nil when something is missing.
  public func find(_ targets: Resources) -> Resources? {
    var left = self
    var found = Resources()
    for target in targets.entries {
      guard let part = left.find(target) else { return nil }
      left -= part
      found += part
    }
    return found
  }

  private func find(_ target: Entry) -> Resources? {
    var remaining = target.withoutReservations
    var found = Resources()
    let role = target.reservationRole
    let byPreference =
      entries.filter { role != nil && $0.reservationRole == role }
      + entries.filter { !$0.isReserved }
      + entries.filter { $0.isReserved && $0.reservationRole != role }
    for entry in byPreference {
      let candidate = entry.withoutReservations
      guard candidate.matches(remaining) else { continue }
      if Resources(canonical: [candidate]).contains(remaining) {
        found += remaining.with(entry.identity)
        return found
      }
      guard !entry.isWhole else { continue }
      let rest = Resources(canonical: [remaining]) - Resources(canonical: [candidate])
      guard let next = rest.entries.first, next != remaining else { continue }
      // Of ranges and sets only what was wanted.
      let taken = Resources(canonical: [remaining]) - rest
      for part in taken.entries { found += part.with(entry.identity) }
      remaining = next
    }
    return nil
  }
}
