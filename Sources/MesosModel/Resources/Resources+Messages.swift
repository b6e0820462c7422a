import SwiftProtobuf

/// How messages say who resources are reserved to; the format changed when reservations could be refined.
public struct ResourceFormat: Hashable, Sendable {
  private enum Value { case stack, roleField, both }
  private let value: Value

  /// The list `reservations` alone: what frameworks with the capability RESERVATION_REFINEMENT and agents see.
  public static let postReservationRefinement = ResourceFormat(value: .stack)
  /// The fields `role` and `reservation`, for frameworks without the capability. What is refined keeps the list.
  public static let preReservationRefinement = ResourceFormat(value: .roleField)
  /// All of them, so that any reader understands: what the operator API answers. What is refined has the list alone.
  public static let endpoint = ResourceFormat(value: .both)

  var hasList: Bool { value != .roleField }
  var hasRoleField: Bool { value != .stack }
}

extension Resources {
  /// Reads messages in either reservation format; entries of nothing are left out.
  ///
  /// - Throws: `ResourceError` with code `.invalidResource` that names the resource and what is wrong with it.
  public init(_ messages: [Resource]) throws(ResourceError) {
    self.init()
    entries.reserveCapacity(messages.count)
    for message in messages {
      let entry: Entry
      do {
        entry = try Entry(message)
      } catch {
        throw ResourceError(.invalidResource, "Resource '\(message.text)' is invalid: \(error.message)")
      }
      if !entry.amount.isEmpty { add(entry) }
    }
  }

  /// The resources as messages in the format with the list `reservations`, one an entry.
  public var messages: [Resource] { messages(in: .postReservationRefinement) }

  /// The resources as messages in the given format, one an entry.
  public func messages(in format: ResourceFormat) -> [Resource] { entries.map { $0.message(in: format) } }
}

extension Resources.Entry {
  /// The entry as a message.
  public func message(in format: ResourceFormat = .postReservationRefinement) -> Resource {
    var message = Resource()
    message.name = name
    switch amount {
    case .scalar(let scalar):
      message.type = .scalar
      message.scalar = .with { $0.value = scalar.doubleValue }
    case .ranges(let ranges):
      message.type = .ranges
      message.ranges.range = ranges.intervals.map { interval in
        MesosValue.Range.with {
          $0.begin = interval.begin
          $0.end = interval.end
        }
      }
    case .set(let set):
      message.type = .set
      message.set.item = set.items
    }
    if let allocationRole { message.allocationInfo = .with { $0.role = allocationRole } }
    if format.hasList || hasRefinedReservation { message.reservations = reservations.map(\.message) }
    if format.hasRoleField, !hasRefinedReservation {
      message.role = reservationRole ?? RoleName.star
      if let reservation = reservations.last, reservation.kind == .dynamic {
        message.reservation = .with {
          if let principal = reservation.principal { $0.principal = principal }
          if let labels = reservation.labels { $0.labels = labels }
        }
      }
    }
    if let disk { message.disk = disk }
    if let providerID { message.providerID = .with { $0.value = providerID } }
    if isRevocable { message.revocable = Resource.RevocableInfo() }
    if isShared { message.shared = Resource.SharedInfo() }
    return message
  }

  /// Reads one message; an amount of nothing is legal here.
  /// - Throws: `ResourceError` with code `.invalidResource`.
  init(_ message: Resource) throws(ResourceError) {
    func invalid(_ text: String) -> ResourceError { ResourceError(.invalidResource, text) }
    guard !message.name.isEmpty else { throw invalid("Empty resource name") }
    guard message.hasType else { throw invalid("Invalid resource type") }
    let kind: ResourceIdentity.Kind
    switch message.type {
    case .scalar:
      guard message.hasScalar, !message.hasRanges, !message.hasSet else { throw invalid("Invalid scalar resource") }
      guard let scalar = Scalar(message.scalar.value) else {
        throw invalid("Invalid scalar resource: value is too large")
      }
      guard scalar > .zero || message.scalar.value == 0 else { throw invalid("Invalid scalar resource: value <= 0") }
      (kind, amount) = (.scalar, .scalar(scalar))
    case .ranges:
      guard message.hasRanges, !message.hasScalar, !message.hasSet else { throw invalid("Invalid ranges resource") }
      var intervals: [ResourceRanges.Interval] = []
      for range in message.ranges.range {
        guard range.begin <= range.end else { throw invalid("Invalid ranges resource: begin > end") }
        intervals.append(ResourceRanges.Interval(range.begin, range.end))
      }
      intervals.sort { $0.begin < $1.begin }
      for (left, right) in zip(intervals, intervals.dropFirst()) where left.end >= right.begin {
        throw invalid("Invalid ranges resource: overlapping ranges")
      }
      (kind, amount) = (.ranges, .ranges(ResourceRanges(intervals)))
    case .set:
      guard message.hasSet, !message.hasScalar, !message.hasRanges else { throw invalid("Invalid set resource") }
      let set = ResourceSet(message.set.item)
      guard set.items.count == message.set.item.count else {
        throw invalid("Invalid set resource: duplicated elements")
      }
      (kind, amount) = (.set, .set(set))
    case .text:
      throw invalid("Unsupported resource type")
    }
    if let problem = Resources.Entry.diskProblem(message) { throw invalid(problem) }
    let reservations = try Resources.Entry.reservations(of: message)
    if message.hasShared {
      guard message.name == "disk" else { throw invalid("Resource \(message.name) cannot be shared") }
      guard message.disk.hasPersistence else { throw invalid("Only persistent volumes can be shared") }
    }
    identity = ResourceIdentity(
      name: message.name, kind: kind, reservations: reservations, disk: message.hasDisk ? message.disk : nil,
      provider: message.hasProviderID ? message.providerID.value : nil, isRevocable: message.hasRevocable,
      isShared: message.hasShared)
    allocationRole = message.hasAllocationInfo && message.allocationInfo.hasRole ? message.allocationInfo.role : nil
    copies = 1
  }

  private static func diskProblem(_ message: Resource) -> String? {
    guard message.hasDisk else { return nil }
    guard message.name == "disk" else { return "DiskInfo should not be set for \(message.name) resource" }
    guard message.disk.hasSource else { return nil }
    guard message.disk.source.type != .unknown else {
      return "Unsupported 'DiskInfo.Source.Type' in '\(message.disk.source.text)'"
    }
    return nil
  }

  /// The reservation stack of a message in any of the formats.
  private static func reservations(of message: Resource) throws(ResourceError) -> [Reservation] {
    func invalid(_ text: String) -> ResourceError { ResourceError(.invalidResource, text) }
    func validate(role: String) throws(ResourceError) {
      do { try RoleName.validate(role) } catch { throw invalid(error.message) }
    }
    if message.hasReservation {
      guard !message.reservation.hasType else {
        throw invalid("'Resource.ReservationInfo.type' must not be set for the 'Resource.reservation' field")
      }
      guard !message.reservation.hasRole else {
        throw invalid("'Resource.ReservationInfo.role' must not be set for the 'Resource.reservation' field")
      }
    }
    guard !message.reservations.isEmpty else {
      if message.hasRole { try validate(role: message.role) }
      let info = message.reservation
      if message.role == RoleName.star {
        guard !message.hasReservation else {
          throw invalid("Invalid reservation: role \"*\" cannot be dynamically reserved")
        }
        return []
      }
      return [
        Reservation(
          message.hasReservation ? .dynamic : .configured, role: message.role,
          principal: info.hasPrincipal ? info.principal : nil, labels: info.hasLabels ? info.labels : nil)
      ]
    }
    var stack: [Reservation] = []
    for info in message.reservations {
      guard info.hasType, info.type != .unknown else {
        throw invalid("Invalid reservation: 'Resource.ReservationInfo.type' field must be set.")
      }
      guard info.hasRole else {
        throw invalid("Invalid reservation: 'Resource.ReservationInfo.role' field must be set.")
      }
      try validate(role: info.role)
      guard info.role != RoleName.star else { throw invalid("Invalid reservation: role \"*\" cannot be reserved") }
      if let ancestor = stack.last?.role {
        guard info.type == .dynamic else {
          throw invalid("Invalid refined reservation: A refined reservation cannot be STATIC")
        }
        guard RoleName.isStrictSubrole(info.role, of: ancestor) else {
          throw invalid("Invalid refined reservation: role '\(info.role)' is not a refinement of '\(ancestor)'")
        }
      }
      stack.append(
        Reservation(
          info.type == .dynamic ? .dynamic : .configured, role: info.role,
          principal: info.hasPrincipal ? info.principal : nil, labels: info.hasLabels ? info.labels : nil))
    }
    if let problem = disagreement(between: message, and: stack) { throw invalid("Invalid resource format: " + problem) }
    return stack
  }

  /// How the fields `role` and `reservation` contradict the list, if they do.
  private static func disagreement(between message: Resource, and stack: [Reservation]) -> String? {
    guard message.hasRole || message.hasReservation else { return nil }
    guard let only = stack.last, stack.count == 1 else {
      return message.hasRole
        ? "'Resource.role' must not be set if there is more than one reservation in 'Resource.reservations'"
        : "'Resource.reservation' must not be set if there is more than one reservation in 'Resource.reservations'"
    }
    if only.kind == .configured, message.hasReservation {
      return "'Resource.reservation' must not be set if the single reservation in 'Resource.reservations' is STATIC"
    }
    if only.kind == .dynamic, message.hasRole != message.hasReservation {
      return "'Resource.role' and 'Resource.reservation' must either be both set or both not set if the single "
        + "reservation in 'Resource.reservations' is DYNAMIC"
    }
    if message.hasRole, message.role != only.role {
      return
        "'Resource.role' field with '\(message.role)' does not match the role '\(only.role)' in 'Resource.reservations'"
    }
    guard message.hasReservation else { return nil }
    let info = message.reservation
    if (info.hasPrincipal ? info.principal : nil) != only.principal {
      return "'Resource.reservation.principal' field with '\(info.principal)' does not match the principal "
        + "'\(only.principal ?? "")' in 'Resource.reservations'"
    }
    if !MesosLabels.sameLabels(info.hasLabels ? info.labels : nil, only.labels) {
      return "'Resource.reservation.labels' field with '\(info.labels.text)' does not match the labels "
        + "'\(only.labels?.text ?? "")' in 'Resource.reservations'"
    }
    return nil
  }
}
