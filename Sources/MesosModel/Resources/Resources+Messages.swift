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
  /// - Throws: `ResourceError` with code `.invalidResource` that names the resource, its index and what is wrong with it.
  public init(_ messages: [Resource]) throws(ResourceError) {
    var parsed: [Entry] = []
    parsed.reserveCapacity(messages.count)
    for (index, message) in messages.enumerated() {
      let entry: Entry
      do {
        entry = try Entry(message)
      } catch {
        throw ResourceError(
          .invalidResource, "Resource '\(message.text)' is invalid: \(error.message)", index: index)
      }
      parsed.append(entry)
    }
    self.init(parsed)
  }

  /// The resources as messages in the format with the list `reservations`, one an entry.
  public var messages: [Resource] { messages(in: .postReservationRefinement) }

  /// The resources as messages in the given format, one an entry.
  public func messages(in format: ResourceFormat) -> [Resource] { entries.map { $0.message(in: format) } }

  /// The resources as messages in the format with `role` and `reservation`, for readers that know no other.
  /// - Throws: `ResourceError` with code `.refinedReservation` when something has more than one reservation.
  public func downgradedMessages() throws(ResourceError) -> [Resource] { try messages.downgraded() }
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
  public init(_ message: Resource) throws(ResourceError) {
    func invalid(_ text: String) -> ResourceError { ResourceError(.invalidResource, text) }
    guard !message.name.isEmpty else { throw invalid("Empty resource name") }
    guard message.hasType else { throw invalid("Invalid resource type") }
    let amount = try Resources.Amount(message)
    if let problem = Resources.Entry.diskProblem(message) { throw invalid(problem) }
    let reservations = try Resources.Entry.reservations(of: message)
    if message.hasShared {
      guard message.name == "disk" else { throw invalid("Resource \(message.name) cannot be shared") }
      guard message.disk.hasPersistence else { throw invalid("Only persistent volumes can be shared") }
    }
    let isPlain =
      reservations.isEmpty && !message.hasDisk && !message.hasProviderID && !message.hasRevocable && !message.hasShared
    let identity =
      isPlain
      ? ResourceIdentity.plain(message.name, amount.kind)
      : ResourceIdentity(
        name: message.name, kind: amount.kind, reservations: reservations, disk: message.hasDisk ? message.disk : nil,
        provider: message.hasProviderID ? message.providerID.value : nil, isRevocable: message.hasRevocable,
        isShared: message.hasShared)
    let isAllocated = message.hasAllocationInfo && message.allocationInfo.hasRole
    self.init(identity, amount, allocationRole: isAllocated ? message.allocationInfo.role : nil)
  }

  private static func diskProblem(_ message: Resource) -> String? {
    guard message.hasDisk else { return nil }
    guard message.name == "disk" else { return "DiskInfo should not be set for \(message.name) resource" }
    guard message.disk.hasSource else { return nil }
    let source = message.disk.source
    switch source.type {
    case .path, .mount: return nil
    case .block, .raw:
      if source.hasMount { return "Mount should not be set for \(source.typeName) disk source" }
      return source.hasPath ? "Path should not be set for \(source.typeName) disk source" : nil
    case .unknown: return "Unsupported 'DiskInfo.Source.Type' in '\(source.text)'"
    }
  }

  /// The reservation stack of a message in any of the formats.
  private static func reservations(of message: Resource) throws(ResourceError) -> [Reservation] {
    guard message.reservations.isEmpty else {
      var stack: [Reservation] = []
      for info in message.reservations { stack.append(try Reservation(info)) }
      for (below, above) in zip(stack, stack.dropFirst()) { try above.validateRefinement(of: below) }
      if let problem = disagreement(between: message, and: stack) {
        throw ResourceError(.invalidResource, "Invalid resource format: " + problem)
      }
      return stack
    }
    func invalid(_ text: String) -> ResourceError { ResourceError(.invalidResource, text) }
    if message.hasRole {
      do { try RoleName.validate(message.role) } catch { throw invalid(error.message) }
    }
    let info = message.reservation
    guard !info.hasType else {
      throw invalid("'Resource.ReservationInfo.type' must not be set for the 'Resource.reservation' field")
    }
    guard !info.hasRole else {
      throw invalid("'Resource.ReservationInfo.role' must not be set for the 'Resource.reservation' field")
    }
    guard message.role != RoleName.star else {
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

  /// How the fields `role` and `reservation` contradict the list, if they do.
  private static func disagreement(between message: Resource, and stack: [Reservation]) -> String? {
    guard message.hasRole || message.hasReservation else { return nil }
    guard let only = stack.last, stack.count == 1 else {
      return message.hasRole
        ? "'Resource.role' must not be set if there is more than one reservation in 'Resource.reservations'"
        : "'Resource.reservation' must not be set if there is more than one reservation in 'Resource.reservations'"
    }
    if message.hasRole, message.role != only.role {
      return
        "'Resource.role' field with '\(message.role)' does not match the role '\(only.role)' in 'Resource.reservations'"
    }
    if only.kind == .configured {
      return message.hasReservation
        ? "'Resource.reservation' must not be set if the single reservation in 'Resource.reservations' is STATIC" : nil
    }
    guard message.hasRole, message.hasReservation else {
      return "'Resource.role' and 'Resource.reservation' must either be both set or both not set if the single "
        + "reservation in 'Resource.reservations' is DYNAMIC"
    }
    // As Apache Mesos compares them: none is as good as an empty one.
    let info = message.reservation
    if info.principal != only.principal ?? "" {
      return "'Resource.reservation.principal' field with '\(info.principal)' does not match the principal "
        + "'\(only.principal ?? "")' in 'Resource.reservations'"
    }
    if !MesosLabels.sameLabels(info.labels, only.labels ?? MesosLabels()) {
      return "'Resource.reservation.labels' field with '\(info.labels.text)' does not match the labels "
        + "'\((only.labels ?? MesosLabels()).text)' in 'Resource.reservations'"
    }
    return nil
  }
}

extension Resources.Amount {
  /// Reads the amount of a message.
  fileprivate init(_ message: Resource) throws(ResourceError) {
    func invalid(_ text: String) -> ResourceError { ResourceError(.invalidResource, text) }
    switch message.type {
    case .scalar:
      guard message.hasScalar, !message.hasRanges, !message.hasSet else { throw invalid("Invalid scalar resource") }
      guard let scalar = Scalar(message.scalar.value) else {
        throw invalid("Invalid scalar resource: value is too large")
      }
      guard scalar > .zero || message.scalar.value == 0 else { throw invalid("Invalid scalar resource: value <= 0") }
      self = .scalar(scalar)
    case .ranges:
      guard message.hasRanges, !message.hasScalar, !message.hasSet else { throw invalid("Invalid ranges resource") }
      var intervals: [ResourceRanges.Interval] = []
      intervals.reserveCapacity(message.ranges.range.count)
      for range in message.ranges.range {
        guard range.begin <= range.end else { throw invalid("Invalid ranges resource: begin > end") }
        intervals.append(ResourceRanges.Interval(range.begin, range.end))
      }
      intervals.sort { $0.begin < $1.begin }
      for (left, right) in zip(intervals, intervals.dropFirst()) where left.end >= right.begin {
        throw invalid("Invalid ranges resource: overlapping ranges")
      }
      self = .ranges(ResourceRanges(intervals))
    case .set:
      guard message.hasSet, !message.hasScalar, !message.hasRanges else { throw invalid("Invalid set resource") }
      let set = ResourceSet(message.set.item)
      guard set.items.count == message.set.item.count else {
        throw invalid("Invalid set resource: duplicated elements")
      }
      self = .set(set)
    case .text:
      throw invalid("Unsupported resource type")
    }
  }
}
