public import MesosModel
import SwiftProtobuf

/// What a resource provider of disks decides: a pool of so many megabytes, of which operations make disks and back.
///
/// A value without I/O: it takes the events of `/api/v1/resource_provider` and gives the calls that answer them. Nothing is done on a
/// machine: whoever has a storage system does the operation between the event and the call. An operation is kept with its end until that is
/// acknowledged; ``unacknowledged`` is to be said again from time to time, as there may be no master to hear it.
///
/// - Source: Apache Mesos, *Resource Provider*, *Container Storage Interface*; `src/resource_provider/storage/provider.cpp`.
public struct ProvidedDisks: Sendable {
  private struct Operation: Sendable {
    var message: MesosOperation
    var status: OperationStatus
  }

  /// The id that the agent gave; absent before the first SUBSCRIBED.
  public private(set) var id: ResourceProviderID?
  /// What there is, allocated to nobody.
  public private(set) var total: Resources
  /// The agent said that the provider is not to come back.
  public private(set) var isTornDown = false
  private let profile: String
  private let mountFolder: String
  private var version = MesosUUID()
  private var made = 0
  /// In the order in which they came.
  private var operations: [(uuid: MesosUUID, operation: Operation)] = []

  /// A pool of RAW disk.
  ///
  /// - Parameters:
  ///   - megabytes: How much there is.
  ///   - profile: The name of the kind of disks that are made of it.
  ///   - mountFolder: The folder below which MOUNT disks are said to be mounted.
  public init(megabytes: Scalar, profile: String, mountFolder: String) {
    self.profile = profile
    self.mountFolder = mountFolder
    total = (try? Resources([Self.pool(megabytes, profile: profile)])) ?? Resources()
  }

  private static func pool(_ megabytes: Scalar, profile: String) -> Resource {
    .with {
      $0.name = "disk"
      $0.type = .scalar
      $0.scalar.value = megabytes.doubleValue
      $0.disk.source.type = .raw
      $0.disk.source.profile = profile
    }
  }

  /// Takes an event of the agent and returns the calls to be made about it, in this order.
  ///
  /// - Parameter rng: Draws the UUIDs of statuses and of what there is.
  public mutating func handle(
    _ event: ResourceProviderEvent, using rng: inout some RandomNumberGenerator
  ) -> [ResourceProviderCall] {
    switch event.type {
    case .subscribed:
      take(event.subscribed.providerID)
      version = Self.uuid(using: &rng)
      return [state] + unacknowledged
    case .applyOperation: return apply(event.applyOperation, using: &rng)
    case .acknowledgeOperationStatus:
      let uuids = event.acknowledgeOperationStatus
      operations.removeAll { $0.uuid == uuids.operationUuid && $0.operation.status.uuid == uuids.statusUuid }
      return []
    case .reconcileOperations:
      var calls: [ResourceProviderCall] = []
      for uuid in event.reconcileOperations.operationUuids {
        if let known = operations.first(where: { $0.uuid == uuid }) {
          calls.append(call(uuid, known.operation))
        } else {
          calls.append(end(uuid, MesosOperation(), .operationDropped, "The operation never came here", using: &rng))
        }
      }
      return calls
    case .publishResources:
      let wanted = (try? Resources(event.publishResources.resources))?.unallocated
      return [
        call(.updatePublishResourcesStatus) {
          $0.updatePublishResourcesStatus.uuid = event.publishResources.uuid
          $0.updatePublishResourcesStatus.status = wanted.map { total.contains($0) } ?? false ? .ok : .failed
        }
      ]
    case .teardown:
      isTornDown = true
      return []
    case .unknown: return []
    }
  }

  /// Calls that tell how operations ended whose end was not acknowledged.
  public var unacknowledged: [ResourceProviderCall] { operations.map { call($0.uuid, $0.operation) } }

  // MARK: Operations

  private mutating func apply(
    _ order: ResourceProviderEvent.ApplyOperation, using rng: inout some RandomNumberGenerator
  ) -> [ResourceProviderCall] {
    guard !operations.contains(where: { $0.uuid == order.operationUuid }) else { return [] }
    var message = MesosOperation.with {
      $0.info = order.info
      $0.uuid = order.operationUuid
    }
    if order.hasFrameworkID { message.frameworkID = order.frameworkID }
    func end(_ state: OperationState, _ text: String? = nil, _ converted: [Resource] = []) -> ResourceProviderCall {
      self.end(order.operationUuid, message, state, text, converted, using: &rng)
    }
    guard order.resourceVersionUuid == version else {
      return [end(.operationDropped, "Mismatched resource version")]
    }
    do {
      let outcome = try convert(order.info)
      total = outcome.total
      return [end(.operationFinished, nil, outcome.converted)]
    } catch {
      let call = end(order.info.isSpeculative ? .operationError : .operationFailed, error.message)
      guard order.info.isSpeculative else { return [call] }
      // Master and agent count with what does not come about.
      version = Self.uuid(using: &rng)
      return [state, call]
    }
  }

  /// What there is after an operation, and what became of what it consumed where only the provider knows.
  private mutating func convert(
    _ operation: Offer.Operation
  ) throws(OperationError) -> (total: Resources, converted: [Resource]) {
    let converted: [Resource]
    switch operation.type {
    case .createDisk:
      made += 1
      let name = "disk-\(made)"
      converted = [operation.createDisk.disk(id: name, mountRoot: "\(mountFolder)/\(name)")]
    case .destroyDisk:
      let known = operation.destroyDisk.source.disk.source.profile == profile
      converted = operation.destroyDisk.disk(deprovisioned: true, isProfileKnown: known).map { [$0] } ?? []
    default: return (try total.applying(operation.unallocated), [])
    }
    return (try total.applying(operation.conversion(into: converted).unallocated), converted)
  }

  private mutating func end(
    _ uuid: MesosUUID, _ message: MesosOperation, _ state: OperationState, _ text: String?,
    _ converted: [Resource] = [], using rng: inout some RandomNumberGenerator
  ) -> ResourceProviderCall {
    let drawn = Self.uuid(using: &rng)
    let status = OperationStatus.with {
      $0.state = state
      if message.info.hasID { $0.operationID = message.info.id }
      if let text { $0.message = text }
      $0.convertedResources = converted
      $0.uuid = drawn
      if let id { $0.resourceProviderID = id }
    }
    let operation = Operation(message: message, status: status)
    operations.append((uuid, operation))
    return call(uuid, operation)
  }

  // MARK: Calls

  /// Gives everything the id of the provider.
  private mutating func take(_ id: ResourceProviderID) {
    self.id = id
    let messages = total.messages.map { resource in
      var resource = resource
      resource.providerID = id
      return resource
    }
    total = (try? Resources(messages)) ?? total
  }

  private var state: ResourceProviderCall {
    call(.updateState) {
      $0.updateState.resources = total.messages
      $0.updateState.resourceVersionUuid = version
      // One that never came here is known by its UUID alone.
      $0.updateState.operations = operations.compactMap { _, operation in
        guard operation.message.info.providerID != nil else { return nil }
        var message = operation.message
        message.latestStatus = operation.status
        message.statuses = [operation.status]
        return message
      }
    }
  }

  private func call(_ uuid: MesosUUID, _ operation: Operation) -> ResourceProviderCall {
    call(.updateOperationStatus) {
      if operation.message.hasFrameworkID { $0.updateOperationStatus.frameworkID = operation.message.frameworkID }
      $0.updateOperationStatus.status = operation.status
      $0.updateOperationStatus.operationUuid = uuid
    }
  }

  private func call(
    _ type: ResourceProviderCall.TypeEnum, _ fill: (inout ResourceProviderCall) -> Void
  ) -> ResourceProviderCall {
    var call = ResourceProviderCall()
    call.type = type
    if let id { call.resourceProviderID = id }
    fill(&call)
    return call
  }

  /// The 16 bytes of a random UUID, RFC 4122 version 4.
  private static func uuid(using rng: inout some RandomNumberGenerator) -> MesosUUID {
    let key = OperationKey(
      high: rng.next() & 0xffff_ffff_ffff_0fff | 0x4000, low: rng.next() & 0x3fff_ffff_ffff_ffff | 1 << 63)
    return .with { $0.value = MessageBytes.copy(key.bytes) }
  }
}
