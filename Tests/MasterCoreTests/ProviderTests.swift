import AgentLinkModel
import ClusterView
import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

/// What agents have of resource providers, from the offer of a disk to the acknowledged end of what was done with it.
///
/// After each event the harness checks that resources are conserved, those with operations that hold them.
struct ProviderTests {
  // MARK: What there is

  @Test func `what a provider has is offered, and what is offered of it is taken back when it changes`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let before = cluster.settle().offers(on: scheduler.connection)
    let directives = cluster.tell(agent, [.provider(try raw(100))])
    // Offers without anything of the provider stay.
    #expect(directives.rescinded(on: scheduler.connection).isEmpty)
    cluster.accept(scheduler, before, [])
    func offered(_ offers: [Offer]) -> [Double] {
      offers.flatMap(\.resources).filter { $0.providerID.value == "P" }.map(\.scalar.value)
    }
    let offers = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
    #expect(offered(offers) == [100])
    let changed = cluster.tell(agent, [.provider(try raw(60), version: 2)])
    #expect(changed.rescinded(on: scheduler.connection) == offers.map(\.id.value))
    #expect(offered(cluster.settle().offers(on: scheduler.connection)) == [60])
    #expect(cluster.total(of: agent).scalar("disk") == 10_060)
  }

  @Test func `a provider that goes away takes its resources and its operations along`() throws {
    var cluster = Cluster()
    let (agent, scheduler, offers) = try cluster.withDisk()
    cluster.accept(scheduler, offers, [try createDisk(id: "op")])
    let directives = cluster.tell(agent, unsubscribed: ["P"])
    #expect(directives.operations(on: scheduler.connection).isEmpty)
    #expect(cluster.total(of: agent).scalar("disk") == 10_000)
    #expect(cluster.view.operations.isEmpty)
    #expect(cluster.view.agents[agent.id]?.status.resourceProviders == [])
    // Who asks is told that it may come back; of one that never was, nothing is known.
    let asked = cluster.reconcile(scheduler, "op", on: agent, of: "P").operations(on: scheduler.connection)
    #expect(asked.map(\.state) == [.operationRecovering])
    #expect(asked.first?.resourceProviderID.value == "P")
    let other = cluster.reconcile(scheduler, "op", on: agent, of: "Q").operations(on: scheduler.connection)
    #expect(other.map(\.state) == [.operationUnknown])
    cluster.tell(agent, removed: ["P"])
    let gone = cluster.reconcile(scheduler, "op", on: agent, of: "P").operations(on: scheduler.connection)
    #expect(gone.map(\.state) == [.operationUnknown])
  }

  @Test func `readers see an agent's providers and what they have`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    cluster.tell(agent, [.provider(try raw(100))])
    let status = try #require(cluster.view.agents[agent.id]?.status)
    let row = AgentRow(
      id: agent.id,
      stable: MessageBytes.encoded(MasterResponse.GetAgents.Agent.with { $0.agentInfo.id = AgentID(agent.id) }),
      status: status)
    let shown = row.message.resourceProviders
    #expect(shown.map(\.resourceProviderInfo.id.value) == ["P"])
    #expect(shown.flatMap(\.totalResources).map(\.scalar.value) == [100])
  }

  @Test func `an agent that says what cannot be is refused`() throws {
    for change in 0..<3 {
      var cluster = Cluster()
      let agent = try cluster.agent()
      var record = LinkResourceProviderRecord.provider(try raw(100))
      switch change {
      case 0: record.totalResources[0].providerID.value = "other"
      case 1: record.totalResources[0].allocationInfo.role = "dev"
      default: record.operations = [.with { $0.operationUuid = MessageBytes.copy([UInt8(1)]) }]
      }
      let directives = cluster.tell(agent, [record])
      #expect(directives.toAgent(agent.session).contains { $0.refusal != nil })
      #expect(cluster.total(of: agent).scalar("disk") == 10_000)
    }
  }

  // MARK: Disks

  @Test func `a disk is made: what it is made of is nobody else's until then, and it is offered afterwards`() throws {
    var cluster = Cluster()
    let (agent, scheduler, offers) = try cluster.withDisk()
    let directives = cluster.accept(scheduler, offers, [try createDisk(id: "op")])
    let order = try #require(directives.applied(agent).first)
    #expect(order.resourceVersionUuid == MessageBytes.copy(Cluster.uuid(1)))
    #expect(cluster.view.operations.count == 1)
    #expect(cluster.view.agents[agent.id]?.status.allocated.scalar("disk") == 100)
    let rest = cluster.pass(.seconds(5)).offers(on: scheduler.connection)
    #expect(rest.flatMap(\.resources).allSatisfy { !$0.hasProviderID })
    cluster.accept(scheduler, rest, [])

    let finished = cluster.end(order, agent, converted: [try disk()])
    let told = try #require(finished.operations(on: scheduler.connection).first)
    #expect(told.state == .operationFinished && told.operationID.value == "op" && told.hasUuid)
    #expect(told.convertedResources.map(\.disk.source.type) == [.mount])
    #expect(cluster.total(of: agent).entries.contains { $0.isDisk(of: .mount) })
    #expect(cluster.view.agents[agent.id]?.status.allocated.isEmpty == true)
    let acknowledged = cluster.acknowledge(scheduler, operation: "op", on: agent)
    #expect(acknowledged.operationAcknowledgements(agent).map(\.resourceProviderID) == ["P"])
    #expect(cluster.view.operations.isEmpty)

    let disks = cluster.pass(.seconds(2)).offers(on: scheduler.connection)
    let made = try #require(disks.flatMap(\.resources).first { $0.disk.source.type == .mount })
    let destroyed = cluster.accept(scheduler, disks, [try destroyDisk(made, id: "end")])
    let second = try #require(destroyed.applied(agent).first)
    cluster.end(second, agent, converted: [try raw(100)])
    #expect(cluster.total(of: agent).entries.contains { $0.isDisk(of: .raw) })
  }

  @Test(arguments: [OperationState.operationFailed, .operationError, .operationDropped])
  func `an operation that comes to nothing gives back what it held`(state: OperationState) throws {
    var cluster = Cluster()
    let (agent, scheduler, offers) = try cluster.withDisk()
    let before = cluster.total(of: agent)
    let order = try #require(cluster.accept(scheduler, offers, [try createDisk(id: "op")]).applied(agent).first)
    let directives = cluster.end(order, agent, state: state)
    #expect(directives.operations(on: scheduler.connection).map(\.state) == [state])
    #expect(cluster.total(of: agent) == before)
    #expect(
      cluster.pass(.seconds(2)).offers(on: scheduler.connection).flatMap(\.resources).contains { $0.hasProviderID })
  }

  @Test func `a disk that vanishes with its profile is no part of the total any more`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    cluster.tell(agent, [.provider(try disk())])
    let offers = cluster.settle().offers(on: scheduler.connection)
    let made = try #require(offers.flatMap(\.resources).first { $0.hasProviderID })
    let order = try #require(cluster.accept(scheduler, offers, [try destroyDisk(made)]).applied(agent).first)
    let directives = cluster.end(order, agent)
    // Nobody named it: the master acknowledges it itself.
    #expect(directives.operationAcknowledgements(agent).map(\.resourceProviderID) == ["P"])
    #expect(cluster.total(of: agent).scalar("disk") == 10_000)
    #expect(cluster.view.operations.isEmpty)
  }

  @Test func `what is not offered cannot be made a disk, nor what was made one in the same call`() throws {
    var cluster = Cluster()
    let (agent, scheduler, offers) = try cluster.withDisk()
    let directives = cluster.accept(
      scheduler, offers, [try createDisk(id: "first"), try createDisk(id: "second")])
    #expect(directives.applied(agent).count == 1)
    let refused = directives.operations(on: scheduler.connection)
    #expect(refused.map(\.state) == [.operationError])
    #expect(refused.first?.message.hasPrefix("Invalid CREATE_DISK Operation: ") == true)
  }

  @Test func `an agent that knows no providers does nothing for them`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent(capabilities: [.multiRole, .hierarchicalRole, .reservationRefinement])
    let scheduler = cluster.framework()
    let offers = cluster.settle().offers(on: scheduler.connection)
    var operation = try createDisk(id: "op")
    operation.clearID()
    #expect(cluster.accept(scheduler, offers, [operation]).applied(agent).isEmpty)
  }

  @Test func `a reservation of a provider's disk counts at once and names the version that it presumes`() throws {
    var cluster = Cluster()
    let (agent, scheduler, offers) = try cluster.withDisk(version: 7)
    let wanted = try raw(100).with {
      $0.reservations = [
        .with {
          $0.type = .dynamic
          $0.role = "dev"
        }
      ]
    }
    let directives = cluster.accept(scheduler, offers, [.reserve([wanted], id: "op")])
    #expect(directives.applied(agent).map(\.resourceVersionUuid) == [MessageBytes.copy(Cluster.uuid(7))])
    #expect(cluster.total(of: agent).reserved(to: "dev").scalar("disk") == 100)
  }

  @Test func `a newer status than the one that is told counts`() throws {
    var cluster = Cluster()
    let (agent, scheduler, offers) = try cluster.withDisk()
    let order = try #require(cluster.accept(scheduler, offers, [try createDisk(id: "op")]).applied(agent).first)
    let pending = OperationStatus.with {
      $0.state = .operationPending
      $0.uuid = .with { $0.value = MessageBytes.copy(Cluster.uuid(8)) }
      $0.resourceProviderID.value = "P"
    }
    let failed = pending.with { $0.state = .operationFailed }
    let directives = cluster.say(
      .operationUpdate(
        .with {
          $0.operationUuid = order.operationUuid
          $0.status = MessageBytes.copy(MessageBytes.encoded(pending))
          $0.latestStatus = MessageBytes.copy(MessageBytes.encoded(failed))
        }), agent)
    #expect(directives.operations(on: scheduler.connection).map(\.state) == [.operationPending])
    #expect(cluster.view.agents[agent.id]?.status.allocated.isEmpty == true)
  }

  // MARK: Reconciliation and fail-over

  @Test func `a provider is asked for operations that it did not tell of`() throws {
    var cluster = Cluster()
    let (agent, scheduler, offers) = try cluster.withDisk()
    let order = try #require(cluster.accept(scheduler, offers, [try createDisk(id: "op")]).applied(agent).first)
    let directives = cluster.tell(agent, [.provider(try raw(100), version: 2)])
    let asked = directives.toAgent(agent.session).compactMap { message -> LinkReconcileOperations? in
      guard case .reconcileOperations(let asked) = message else { return nil }
      return asked
    }
    #expect(asked.flatMap(\.operations).map(\.operationUuid) == [order.operationUuid])
    #expect(asked.flatMap(\.operations).map(\.resourceProviderID) == ["P"])
    let dropped = cluster.end(order, agent, state: .operationDropped)
    #expect(dropped.operations(on: scheduler.connection).map(\.state) == [.operationDropped])
    // Of another provider that has changed nothing is asked.
    let other = cluster.tell(agent, [.provider(try raw(5, of: "Q"), id: "Q")])
    #expect(other.toAgent(agent.session).isEmpty)
  }

  @Test func `an end that a provider tells of with what it has is counted once`() throws {
    var cluster = Cluster()
    let (agent, scheduler, offers) = try cluster.withDisk()
    let order = try #require(cluster.accept(scheduler, offers, [try createDisk(id: "op")]).applied(agent).first)
    let finished = OperationStatus.with {
      $0.state = .operationFinished
      if let made = try? disk() { $0.convertedResources = [made] }
    }
    cluster.tell(agent, [.provider(try disk(), version: 2, operations: [.of(order, finished)])])
    #expect(cluster.view.agents[agent.id]?.status.allocated.isEmpty == true)
    #expect(cluster.total(of: agent).scalar("disk") == 10_100)
    let told = cluster.end(order, agent, converted: [try disk()])
    #expect(told.operations(on: scheduler.connection).map(\.state) == [.operationFinished])
    #expect(cluster.total(of: agent).scalar("disk") == 10_100)
  }

  @Test func `an agent that registers again tells of its providers anew`() throws {
    var cluster = Cluster()
    let (agent, scheduler, offers) = try cluster.withDisk()
    let order = try #require(cluster.accept(scheduler, offers, [try createDisk(id: "op")]).applied(agent).first)
    let (back, directives) = try cluster.reregister(agent, hasProviders: true)
    // Whether the operation reached the provider, the agent will say.
    #expect(directives.operations(on: scheduler.connection).isEmpty)
    #expect(
      cluster.reconcile(scheduler, "other", on: back, of: "P").operations(on: scheduler.connection).map(\.state)
        == [.operationRecovering])
    let pending = OperationStatus.with { $0.state = .operationPending }
    cluster.tell(back, [.provider(try raw(100), operations: [.of(order, pending)])], isComplete: true)
    #expect(cluster.view.operations.count == 1)
    cluster.end(order, back, converted: [try disk()])
    #expect(cluster.total(of: back).entries.contains { $0.isDisk(of: .mount) })

    let (again, _) = try cluster.reregister(back)
    #expect(cluster.total(of: again).scalar("disk") == 10_000)
    #expect(cluster.view.operations.isEmpty)
  }

  @Test(arguments: [true, false])
  func `the next master learns of operations that are under way`(isKnown: Bool) throws {
    var first = Cluster()
    let (agent, scheduler, offers) = try first.withDisk()
    let order = try #require(first.accept(scheduler, offers, [try createDisk(id: "op")]).applied(agent).first)
    let info = MessageBytes.encoded(agent.info)
    var cluster = Cluster(
      registry: RecoveredRegistry(agents: [.init(id: agent.id, info: info, unreachableSince: nil)]))
    var next = scheduler
    if isKnown { next.connection = cluster.subscribe(scheduler.info).connection }
    let (back, _) = try cluster.reregister(agent, hasProviders: true)
    let pending = OperationStatus.with {
      $0.state = .operationPending
      $0.operationID.value = "op"
    }
    cluster.tell(back, [.provider(try raw(100), operations: [.of(order, pending)])], isComplete: true)
    #expect(cluster.view.operations.count == 1)
    // Allocated to its framework, or out of the total until somebody can have it.
    #expect(cluster.total(of: back).scalar("disk") == (isKnown ? 10_100 : 10_000))
    #expect(cluster.view.agents[back.id]?.status.allocated.scalar("disk") == (isKnown ? 100 : 0))
    if !isKnown { next.connection = cluster.subscribe(scheduler.info).connection }
    let directives = cluster.end(order, back, converted: [try disk()])
    #expect(directives.operations(on: next.connection).map(\.operationID.value) == ["op"])
    #expect(cluster.total(of: back).scalar("disk") == 10_100)
    let acknowledged = cluster.acknowledge(next, operation: "op", on: back)
    #expect(acknowledged.operationAcknowledgements(back).count == 1)
  }

  @Test func `what the operation of a framework that is over holds is nobody's until it ends`() throws {
    var cluster = Cluster()
    let (agent, scheduler, offers) = try cluster.withDisk()
    let order = try #require(cluster.accept(scheduler, offers, [try createDisk(id: "op")]).applied(agent).first)
    #expect(cluster.teardown(scheduler.id) == .ok)
    #expect(cluster.total(of: agent).scalar("disk") == 10_000)
    let other = cluster.framework()
    let offered = cluster.pass(.seconds(2)).offers(on: other.connection).flatMap(\.resources)
    #expect(!offered.isEmpty && offered.allSatisfy { !$0.hasProviderID })
    let directives = cluster.end(order, agent, converted: [try disk()])
    #expect(directives.operationAcknowledgements(agent).count == 1)
    #expect(cluster.total(of: agent).scalar("disk") == 10_100)
  }

  @Test func `an agent that is lost takes operations along, and their frameworks are told`() throws {
    var cluster = Cluster()
    let (agent, scheduler, offers) = try cluster.withDisk()
    cluster.accept(scheduler, offers, [try createDisk(id: "op")])
    cluster.handle(.agentDisconnected(agent.session))
    let directives = cluster.pass(.seconds(120))
    #expect(directives.operations(on: scheduler.connection).map(\.state) == [.operationUnreachable])
    #expect(cluster.view.operations.isEmpty)
  }

  @Test func `what became of an operation that the master has forgotten is passed on`() throws {
    var cluster = Cluster()
    let (agent, scheduler, offers) = try cluster.withDisk()
    let order = try #require(cluster.accept(scheduler, offers, [try createDisk(id: "op")]).applied(agent).first)
    cluster.tell(agent, unsubscribed: ["P"])
    let status = OperationStatus.with {
      $0.operationID.value = "op"
      $0.state = .operationDropped
      $0.resourceProviderID.value = "P"
    }
    let directives = cluster.say(
      .operationUpdate(
        .with {
          $0.operationUuid = order.operationUuid
          $0.status = MessageBytes.copy(MessageBytes.encoded(status))
          $0.frameworkID = scheduler.id.value
        }), agent)
    #expect(directives.operations(on: scheduler.connection).map(\.state) == [.operationDropped])
  }

  // MARK: Resources

  private func raw(_ megabytes: Double, of provider: String = "P") throws -> Resource {
    try Resources.parse("disk:\(megabytes)").messages[0].with {
      $0.providerID.value = provider
      $0.disk.source.type = .raw
      $0.disk.source.profile = "default"
    }
  }

  private func disk() throws -> Resource {
    try raw(100).with {
      $0.disk.source.type = .mount
      $0.disk.source.id = "volume"
    }
  }

  private func createDisk(id: String) throws -> Offer.Operation {
    .of(.createDisk, id: id) {
      if let source = try? raw(100) { $0.createDisk.source = source }
      $0.createDisk.targetType = .mount
    }
  }

  private func destroyDisk(_ disk: Resource, id: String? = nil) throws -> Offer.Operation {
    .of(.destroyDisk, id: id) { $0.destroyDisk.source = disk }
  }
}

extension LinkResourceProviderRecord {
  static func provider(
    _ resource: Resource, id: String = "P", version: UInt8 = 1, operations: [LinkOperationRecord] = []
  ) -> Self {
    .with {
      $0.info.id.value = id
      $0.info.type = "test"
      $0.info.name = "disks"
      $0.totalResources = [resource]
      $0.resourceVersionUuid = MessageBytes.copy(Cluster.uuid(version))
      $0.operations = operations
    }
  }
}

extension LinkOperationRecord {
  static func of(_ order: LinkApplyOperation, _ status: OperationStatus) -> Self {
    .with {
      $0.operationUuid = order.operationUuid
      $0.frameworkID = order.frameworkID
      $0.operation = order.operation
      $0.latestStatus = MessageBytes.copy(MessageBytes.encoded(status))
    }
  }
}

extension OperationStatus {
  fileprivate func with(_ change: (inout Self) -> Void) -> Self {
    var status = self
    change(&status)
    return status
  }
}

extension Cluster {
  @discardableResult
  mutating func tell(
    _ agent: Agent, _ providers: [LinkResourceProviderRecord] = [], unsubscribed: [String] = [],
    removed: [String] = [], isComplete: Bool = false
  ) -> [MasterCore.Directive] {
    say(
      .updateAgent(
        .with {
          $0.isComplete = isComplete
          $0.resourceProviders = providers
          $0.unsubscribed = unsubscribed
          $0.removed = removed
        }), agent)
  }

  /// An agent whose provider `P` has a RAW disk of 100 MB, which a framework is offered.
  mutating func withDisk(version: UInt8 = 1) throws -> (agent: Agent, scheduler: Scheduler, offers: [Offer]) {
    let agent = try agent()
    let scheduler = framework()
    var raw = try Resources.parse("disk:100").messages[0]
    raw.providerID.value = "P"
    raw.disk.source.type = .raw
    raw.disk.source.profile = "default"
    tell(agent, [.provider(raw, version: version)])
    return (agent, scheduler, settle().offers(on: scheduler.connection))
  }

  /// The agent passes on how the operation on provider `P` ended.
  @discardableResult
  mutating func end(
    _ operation: LinkApplyOperation, _ agent: Agent, state: OperationState = .operationFinished,
    converted: [Resource] = []
  ) -> [MasterCore.Directive] {
    let status = OperationStatus.with {
      $0.state = state
      $0.uuid = .with { $0.value = MessageBytes.copy(Self.uuid(9)) }
      $0.agentID = AgentID(agent.id)
      $0.resourceProviderID.value = "P"
      $0.convertedResources = converted
    }
    return say(
      .operationUpdate(
        .with {
          $0.operationUuid = operation.operationUuid
          $0.frameworkID = operation.frameworkID
          $0.status = MessageBytes.copy(MessageBytes.encoded(status))
        }), agent)
  }

  mutating func reconcile(
    _ scheduler: Scheduler, _ operation: String, on agent: Agent, of provider: String
  ) -> [MasterCore.Directive] {
    call(scheduler) { call in
      call.type = .reconcileOperations
      call.reconcileOperations.operations = [
        .with {
          $0.operationID.value = operation
          $0.agentID = AgentID(agent.id)
          $0.resourceProviderID.value = provider
        }
      ]
    }.directives
  }
}
