import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

struct MaintenanceTests {
  private static func machine(_ hostname: String, ip: String = "10.0.0.1") -> MachineID {
    .with {
      $0.hostname = hostname
      $0.ip = ip
    }
  }

  private static func schedule(
    _ hostnames: String..., start: Int64 = 1_700_000_100_000_000_000, duration: Int64? = nil
  ) -> (inout MasterCall) -> Void {
    { call in
      call.type = .updateMaintenanceSchedule
      call.updateMaintenanceSchedule.schedule.windows =
        hostnames.isEmpty
        ? []
        : [
          .with {
            $0.machineIds = hostnames.map { machine($0) }
            $0.unavailability.start.nanoseconds = start
            if let duration { $0.unavailability.duration.nanoseconds = duration }
          }
        ]
    }
  }

  private static func start(_ hostnames: String...) -> (inout MasterCall) -> Void {
    { call in
      call.type = .startMaintenance
      call.startMaintenance.machines = hostnames.map { machine($0) }
    }
  }

  private static func stop(_ hostnames: String...) -> (inout MasterCall) -> Void {
    { call in
      call.type = .stopMaintenance
      call.stopMaintenance.machines = hostnames.map { machine($0) }
    }
  }

  @Test func `a schedule is kept before offers tell of it`() throws {
    var cluster = Cluster()
    _ = try cluster.agent()
    let scheduler = cluster.framework()
    #expect(cluster.settle().offers(on: scheduler.connection).first?.hasUnavailability == false)
    cluster.persistsAtOnce = false
    let asked = cluster.operate(Self.schedule("HOST", duration: 5))
    let write = try #require(asked.persisted.first)
    #expect(asked.answer == nil && asked.rescinded(on: scheduler.connection).isEmpty)
    cluster.persistsAtOnce = true
    let done = cluster.handle(.persisted(write.number))
    #expect(done.answer == .ok)
    #expect(done.rescinded(on: scheduler.connection).count == 1)
    let offer = try #require(cluster.settle().offers(on: scheduler.connection).first)
    #expect(offer.unavailability.start.nanoseconds == 1_700_000_100_000_000_000)
    #expect(offer.unavailability.duration.nanoseconds == 5)
    #expect(cluster.view.maintenance.drainingMachines.count == 1)

    #expect(cluster.operate(Self.schedule()).answer == .ok)
    #expect(cluster.settle().offers(on: scheduler.connection).first?.hasUnavailability == false)
    #expect(cluster.view.maintenance.isEmpty)
  }

  @Test func `whoever has something on a machine of the schedule is asked to leave, and the answer is shown`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    _ = cluster.operate(Self.schedule("host"))
    var directives = cluster.settle()
    let asked = directives.events(on: scheduler.connection).filter { $0.type == .inverseOffers }
    let inverse = try #require(asked.first?.inverseOffers.inverseOffers.first)
    #expect(inverse.agentID.key == agent.id)
    #expect(inverse.frameworkID.key == scheduler.id)
    #expect(inverse.url.path == "/slave(1)")
    #expect(inverse.resources.isEmpty)
    #expect(inverse.unavailability.start.nanoseconds == 1_700_000_100_000_000_000)
    #expect(cluster.view.inverseOffers.count == 1)

    cluster.call(scheduler) {
      $0.type = .declineInverseOffers
      $0.declineInverseOffers.inverseOfferIds = [inverse.id]
      $0.declineInverseOffers.filters.refuseSeconds = 100
    }
    #expect(cluster.view.inverseOffers.isEmpty)
    #expect(cluster.view.answers[agent.id]?[scheduler.id]?.status == .decline)
    func isAsked(_ directives: [MasterCore.Directive]) -> Bool {
      directives.events(on: scheduler.connection).contains { $0.type == .inverseOffers }
    }
    cluster.handle(.agentHeard(agent.session))
    directives = cluster.pass(.seconds(60))
    #expect(!isAsked(directives))
    cluster.handle(.agentHeard(agent.session))
    directives = cluster.pass(.seconds(60))
    #expect(isAsked(directives))
    let again = try #require(cluster.view.inverseOffers.keys.first)
    cluster.call(scheduler) {
      $0.type = .acceptInverseOffers
      $0.acceptInverseOffers.inverseOfferIds = [OfferID(again)]
      $0.acceptInverseOffers.filters.refuseSeconds = 1_000
    }
    #expect(cluster.view.answers[agent.id]?[scheduler.id]?.status == .accept)
  }

  @Test func `a schedule that changes rescinds inverse offers and forgets answers`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    _ = cluster.operate(Self.schedule("host"))
    cluster.settle()
    let first = try #require(cluster.view.inverseOffers.keys.first)
    let done = cluster.operate(Self.schedule("host", start: 1_700_000_900_000_000_000))
    let rescinded = done.events(on: scheduler.connection).filter { $0.type == .rescindInverseOffer }
    #expect(rescinded.map(\.rescindInverseOffer.inverseOfferID.key) == [first])
    cluster.settle()
    let second = try #require(cluster.view.inverseOffers.values.first)
    #expect(second.unavailability.start.nanoseconds == 1_700_000_900_000_000_000)
    cluster.call(scheduler) {
      $0.type = .acceptInverseOffers
      $0.acceptInverseOffers.inverseOfferIds = [second.id]
    }
    #expect(cluster.view.answers[agent.id]?.count == 1)
    _ = cluster.operate(Self.schedule())
    #expect(cluster.view.answers[agent.id]?.isEmpty == true)
  }

  @Test func `an inverse offer that is not the framework's own cannot be answered`() throws {
    var (cluster, _, scheduler) = try TaskUpdateTests.running()
    let other = cluster.framework()
    _ = cluster.operate(Self.schedule("host"))
    cluster.settle()
    let key = try #require(cluster.view.inverseOffers.first { $0.value.frameworkID.key == scheduler.id }?.key)
    cluster.call(other) {
      $0.type = .acceptInverseOffers
      $0.acceptInverseOffers.inverseOfferIds = [OfferID(key)]
    }
    #expect(cluster.view.inverseOffers[key] != nil)
  }

  @Test func `agents of a machine that is taken down end, and none may join from there until it is up`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    _ = cluster.operate(Self.schedule("host"))
    let down = cluster.operate(Self.start("host"))
    #expect(down.answer == .ok)
    #expect(down.toAgent(agent.session).compactMap(\.shutDown) == ["Operator initiated 'Machine DOWN'"])
    #expect(down.isClosed(agent.session))
    let status = try #require(down.statuses(on: scheduler.connection).first)
    #expect(status.state == .taskLost)
    #expect(status.reason == .agentRemoved)
    #expect(cluster.view.agents.isEmpty)
    #expect(cluster.view.maintenance.downMachines == [Self.machine("host")])

    let session = cluster.makeSession()
    let refused = cluster.handle(
      .agentMessage(session, .register(Cluster.register(agent.info)), address: agent.address))
    #expect(refused.toAgent(session).compactMap(\.shutDown) == ["Machine is `DOWN`"])
    #expect(refused.isClosed(session))
    let (back, directives) = try cluster.reregister(agent)
    #expect(directives.toAgent(back.session).compactMap(\.shutDown) == ["Machine is `DOWN`"])

    #expect(cluster.operate(Self.stop("host")).answer == .ok)
    #expect(cluster.view.maintenance.isEmpty)
    _ = try cluster.agent()
    #expect(cluster.view.agents.count == 1)
    #expect(cluster.settle().offers(on: scheduler.connection).first?.hasUnavailability == false)
  }

  @Test func `an agent that joins while its machine is taken down does not stay`() throws {
    var cluster = Cluster()
    let scheduler = cluster.framework()
    _ = cluster.operate(Self.schedule("host"))
    cluster.persistsAtOnce = false
    let session = cluster.makeSession()
    let info = AgentInfo.with {
      $0.hostname = "host"
      $0.resources = (try? Resources.parse("cpus:1;mem:100").messages) ?? []
    }
    let address = AgentAddress(hostname: "host", ip: "10.0.0.1", port: 5051)
    let joining = cluster.handle(.agentMessage(session, .register(Cluster.register(info)), address: address))
    let taking = cluster.operate(Self.start("host"))
    let first = try #require(joining.persisted.first)
    let second = try #require(taking.persisted.first)
    _ = cluster.handle(.persisted(first.number))
    #expect(cluster.view.agents.count == 1)
    cluster.persistsAtOnce = true
    let done = cluster.handle(.persisted(second.number))
    #expect(done.toAgent(session).compactMap(\.shutDown).count == 1)
    #expect(cluster.view.agents.isEmpty)
    #expect(cluster.settle().offers(on: scheduler.connection).isEmpty)
  }

  @Test func `machines go from draining to down and from down to up alone`() throws {
    var cluster = Cluster()
    _ = try cluster.agent()
    let text = #"{"hostname":"host","ip":"10.0.0.1"}"#
    #expect(
      cluster.operate(Self.start("nobody")).answer
        == .rejected(
          status: 400,
          text: #"Machine '{"hostname":"nobody","ip":"10.0.0.1"}' is not part of a maintenance schedule"#))
    #expect(
      cluster.operate(Self.start("host")).answer
        == .rejected(status: 400, text: "Machine '\(text)' is not in DRAINING mode and cannot be brought down"))
    _ = cluster.operate(Self.schedule("host"))
    #expect(
      cluster.operate(Self.stop("host")).answer
        == .rejected(status: 400, text: "Machine '\(text)' is not in DOWN mode and cannot be brought up"))
    #expect(cluster.operate(Self.start("host")).answer == .ok)
    #expect(
      cluster.operate(Self.schedule()).answer
        == .rejected(
          status: 400, text: "Machine '\(text)' is deactivated and cannot be removed from the schedule"))
    #expect(cluster.operate(Self.start()).answer == .rejected(status: 400, text: "List of machines is empty"))
  }

  @Test func `an agent of a machine of the schedule cannot be drained`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    _ = cluster.operate(Self.schedule("host"))
    let refused = cluster.operate {
      $0.type = .drainAgent
      $0.drainAgent.agentID = AgentID(agent.id)
    }
    #expect(
      refused.answer
        == .rejected(
          status: 400,
          text: "Agent \(agent.id) is part of a maintenance schedule under Machine host (10.0.0.1)"))
  }

  @Test func `schedule and machines that are down outlive the master`() throws {
    var schedule = MasterCall()
    Self.schedule("host", "other")(&schedule)
    var registry = RecoveredRegistry()
    registry.maintenance = MaintenancePlan(
      schedule: schedule.updateMaintenanceSchedule.schedule, down: [MachineName(Self.machine("other"))])
    var cluster = Cluster(registry: registry)
    #expect(cluster.view.maintenance.downMachines == [Self.machine("other")])
    _ = try cluster.agent()
    let scheduler = cluster.framework()
    #expect(cluster.settle().offers(on: scheduler.connection).first?.hasUnavailability == true)
  }

  @Test func `a machine that the registry cannot note as down stays as it was`() throws {
    var (cluster, agent, _) = try TaskUpdateTests.running()
    _ = cluster.operate(Self.schedule("host"))
    cluster.persistsAtOnce = false
    let write = try #require(cluster.operate(Self.start("host")).persisted.first)
    let done = cluster.handle(.persistFailed(write.number, message: "full"))
    #expect(done.answer == .rejected(status: 503, text: "The registry cannot be written: full"))
    #expect(cluster.view.agents[agent.id]?.status.active == true)
    #expect(cluster.view.maintenance.downMachines.isEmpty)
  }

  @Test func `agents whose domain does not fit the master are refused`() throws {
    let domain = DomainInfo.with {
      $0.faultDomain.region.name = "r"
      $0.faultDomain.zone.name = "z"
    }
    func refusal(_ agentDomain: DomainInfo?, _ masterDomain: DomainInfo?, requires: Bool) -> String? {
      var cluster = Cluster {
        if let masterDomain { $0.masterInfo.domain = masterDomain }
        $0.requiresAgentDomain = requires
      }
      let session = cluster.makeSession()
      let info = AgentInfo.with {
        $0.hostname = "h"
        if let agentDomain { $0.domain = agentDomain }
      }
      let directives = cluster.handle(
        .agentMessage(
          session, .register(Cluster.register(info)), address: AgentAddress(hostname: "h", ip: "10.0.0.1", port: 1)))
      return directives.toAgent(session).compactMap(\.refusal).first
    }
    #expect(refusal(nil, nil, requires: false) == nil)
    #expect(refusal(domain, domain, requires: true) == nil)
    #expect(refusal(nil, domain, requires: false) == nil)
    #expect(refusal(domain, nil, requires: false)?.contains("the master has none") == true)
    #expect(refusal(nil, domain, requires: true)?.contains("requires agents to have one") == true)
  }
}
