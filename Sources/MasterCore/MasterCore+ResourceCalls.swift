import MesosAllocator
import MesosModel
import SwiftProtobuf

// Operators reserve resources and make volumes as frameworks do, of what no task uses.
extension MasterCore {
  /// Takes RESERVE_RESOURCES, UNRESERVE_RESOURCES, CREATE_VOLUMES, DESTROY_VOLUMES, GROW_VOLUME and SHRINK_VOLUME.
  ///
  /// Offers are taken back as far as the operation needs what they hold; what tasks use it cannot have.
  /// - Returns: Accepted; 400 about the call itself, 409 when not all is there, in the words of Apache Mesos.
  /// - Source: Apache Mesos `src/master/http.cpp`, `_operation`.
  mutating func convertResources(_ call: MasterCall, principal: Principal?, at now: Moment) -> CallAnswer {
    guard let (id, operation) = Offer.Operation.ofOperator(call), let agent = agents[id] else {
      return .rejected(status: 400, text: "No agent found with specified ID")
    }
    let upgraded: Offer.Operation
    let required: Resources
    do throws(OperationError) { upgraded = try operation.upgraded() } catch {
      return .rejected(status: 400, text: error.message)
    }
    do throws(ValidationError) {
      try OperationValidation.validate(
        upgraded,
        in: OperationContext(
          principal: principal?.value, agentCapabilities: Set(agent.capabilities.map(\.type)),
          checkpointed: agent.total.needingCheckpoint, used: agent.allocated))
    } catch {
      let isAboutAgent = upgraded.type != .unreserve && upgraded.type != .destroy
      return .rejected(
        status: 400,
        text:
          "Invalid \(upgraded.type.wireName) operation\(isAboutAgent ? " on agent \(agent.text)" : ""): \(error.message)"
      )
    }
    guard permits(upgraded, by: principal) else { return .forbidden }
    let conversions: [ResourceConversion]
    do throws(OperationError) {
      conversions = try upgraded.conversions()
      required = try upgraded.consumedResources()
    } catch {
      return .rejected(status: 400, text: "Invalid \(upgraded.type.wireName) operation: \(error.message)")
    }
    rescindOffers(of: id, toFree: required, for: conversions, at: now)
    do throws(OperationError) {
      guard let agent = agents[id] else { return .rejected(status: 400, text: "No agent found with specified ID") }
      // Nothing is made of what tasks use. Shared volumes are there for everybody.
      _ = try agent.available.applying(conversions)
      let total = try agent.total.applying(conversions)
      allocator.set(id, total: total)
      apply(upgraded, on: id, by: nil, total: total)
    } catch {
      return .rejected(status: 409, text: error.message)
    }
    return .accepted
  }

  /// Takes offers back, one by one, until what they held is enough, or none is left that holds any of it.
  private mutating func rescindOffers(
    of agent: AgentKey, toFree required: Resources, for conversions: [ResourceConversion], at now: Moment
  ) {
    var missing = required
    var recovered = Resources()
    for key in agents[agent]?.offers ?? [] {
      guard let offered = offers[key]?.resources.unallocated, missing != missing - offered else { continue }
      recovered += offered
      missing -= offered
      // Refused for the usual time, so that the next cycle does not give them to the same framework before the operation is done.
      removeOffers([key], notify: true, refusal: Self.refusal(Filters()), at: now)
      if (try? recovered.applying(conversions)) != nil { return }
    }
  }
}

extension Offer.Operation {
  /// The operation that a call of an operator comes to, and the agent it is for; nil for any other call.
  fileprivate static func ofOperator(_ call: MasterCall) -> (agent: AgentKey, operation: Offer.Operation)? {
    var operation = Offer.Operation()
    let agent: AgentID
    switch call.type {
    case .reserveResources:
      agent = call.reserveResources.agentID
      let source = call.reserveResources.source
      operation = .with {
        $0.type = .reserve
        $0.reserve.source = source
        $0.reserve.resources = call.reserveResources.resources
      }
    case .unreserveResources:
      agent = call.unreserveResources.agentID
      operation.type = .unreserve
      operation.unreserve.resources = call.unreserveResources.resources
    case .createVolumes:
      agent = call.createVolumes.agentID
      operation.type = .create
      operation.create.volumes = call.createVolumes.volumes
    case .destroyVolumes:
      agent = call.destroyVolumes.agentID
      operation.type = .destroy
      operation.destroy.volumes = call.destroyVolumes.volumes
    case .growVolume:
      agent = call.growVolume.agentID
      operation.type = .growVolume
      operation.growVolume.volume = call.growVolume.volume
      operation.growVolume.addition = call.growVolume.addition
    case .shrinkVolume:
      agent = call.shrinkVolume.agentID
      operation.type = .shrinkVolume
      operation.shrinkVolume.volume = call.shrinkVolume.volume
      operation.shrinkVolume.subtract = call.shrinkVolume.subtract
    default: return nil
    }
    return (agent.key, operation)
  }
}

extension TrackedAgent {
  /// What neither tasks nor offers hold, of shared volumes all.
  fileprivate var available: Resources {
    total.nonShared - allocated.unallocated.nonShared - offered.unallocated.nonShared + total.shared
  }
}

extension Allocator {
  mutating func set(_ agent: AgentKey, total: Resources) {
    // The amounts are those of before, so they can be counted.
    do { try updateAgent(agent, total: total) } catch {
      preconditionFailure("the master and its allocator disagree: \(error.message)")
    }
  }
}
