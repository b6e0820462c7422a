import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

struct OfferTests {
  @Test func `an offer says what Apache Mesos says`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent(hostname: "node1")
    let scheduler = cluster.framework()
    let events = cluster.settle().events(on: scheduler.connection)
    #expect(events.map(\.type) == [.offers])
    let offer = try #require(events.first?.offers.offers.first)
    #expect(offer.id.value == "\(Cluster.masterID)-O0")
    #expect(offer.frameworkID.key == scheduler.id)
    #expect(offer.agentID.key == agent.id)
    #expect(offer.hostname == "node1")
    #expect(offer.url.scheme == "http")
    #expect(offer.url.address.hostname == "node1")
    #expect(offer.url.address.ip == "10.0.0.1")
    #expect(offer.url.address.port == 5051)
    #expect(offer.url.path == "/slave(1)")
    #expect(offer.attributes.map(\.name) == ["rack"])
    #expect(offer.executorIds.isEmpty)
    #expect(offer.allocationInfo.role == "dev")
    #expect(offer.resources.map(\.name) == ["cpus", "mem", "disk", "ports"])
    #expect(offer.resources.allSatisfy { $0.allocationInfo.role == "dev" && !$0.hasRole })
    #expect(cluster.view.offers.count == 1)
    #expect(cluster.view.agents[agent.id]?.status.offered.scalar("cpus") == 4)
    #expect(cluster.view.frameworks[scheduler.id]?.status.offered.scalar("cpus") == 4)
  }

  @Test func `the offers of one cycle come in one event`() throws {
    var cluster = Cluster()
    for _ in 0..<3 { _ = try cluster.agent() }
    let scheduler = cluster.framework()
    let events = cluster.settle().events(on: scheduler.connection)
    #expect(events.map(\.offers.offers.count) == [3])
  }

  @Test func `a cycle cut in slices still sends one event`() throws {
    var cluster = Cluster { $0.allocationSliceBudget = 1 }
    for _ in 0..<5 { _ = try cluster.agent() }
    let scheduler = cluster.framework()
    let directives = cluster.settle()
    let slices = directives.count { if case .continueCycle = $0 { true } else { false } }
    #expect(slices >= 3)
    #expect(directives.events(on: scheduler.connection).map(\.offers.offers.count) == [5])
  }

  @Test func `an event of offers is bounded`() throws {
    var cluster = Cluster { $0.offersPerEventMax = 2 }
    for _ in 0..<5 { _ = try cluster.agent() }
    let scheduler = cluster.framework()
    #expect(cluster.settle().events(on: scheduler.connection).map(\.offers.offers.count) == [2, 2, 1])
  }

  @Test func `a framework without MULTI_ROLE and refinement is sent what it can read`() throws {
    var cluster = Cluster()
    _ = try cluster.agent()
    let scheduler = cluster.framework {
      $0.capabilities = []
      $0.roles = []
      $0.role = "dev"
    }
    let offer = try #require(cluster.settle().offers(on: scheduler.connection).first)
    #expect(!offer.hasAllocationInfo)
    #expect(offer.resources.allSatisfy { !$0.hasAllocationInfo && $0.role == "*" })
    #expect(cluster.view.offers.values.first?.allocationInfo.role == "dev")
  }

  @Test func `what is declined comes again after the filter and not before`() throws {
    var cluster = Cluster()
    _ = try cluster.agent()
    let scheduler = cluster.framework()
    let offer = try #require(cluster.settle().offers(on: scheduler.connection).first)
    let (answer, directives) = cluster.call(scheduler) {
      $0.type = .decline
      $0.decline = .with { $0.offerIds = [offer.id] }
    }
    #expect(answer == .accepted)
    #expect(directives.rescinded(on: scheduler.connection).isEmpty)
    #expect(cluster.view.offers.isEmpty)
    #expect(cluster.pass(.milliseconds(4_900)).offers(on: scheduler.connection).isEmpty)
    #expect(cluster.pass(.milliseconds(1_200)).offers(on: scheduler.connection).count == 1)
  }

  @Test(arguments: [0.0, 20.0, -1.0, Double.nan, 1e300])
  func `any number of seconds can be refused`(seconds: Double) throws {
    var cluster = Cluster()
    _ = try cluster.agent()
    let scheduler = cluster.framework()
    let offer = try #require(cluster.settle().offers(on: scheduler.connection).first)
    cluster.call(scheduler) {
      $0.type = .decline
      $0.decline = .with {
        $0.offerIds = [offer.id]
        $0.filters = .with { $0.refuseSeconds = seconds }
      }
    }
    let soon = !cluster.pass(.seconds(1)).offers(on: scheduler.connection).isEmpty
    let later = !cluster.pass(.seconds(6)).offers(on: scheduler.connection).isEmpty
    let late = !cluster.pass(.seconds(20)).offers(on: scheduler.connection).isEmpty
    switch seconds {
    case 0: #expect(soon && !later && !late)
    case 20: #expect(!soon && !later && late)
    case 1e300: #expect(!soon && !later && !late)
    default: #expect(!soon && later && !late, "counts as the default of 5 s")
    }
  }

  @Test func `what is declined for a moment stays away for an allocation interval`() throws {
    var cluster = Cluster { $0.allocationInterval = .seconds(4) }
    _ = try cluster.agent()
    let scheduler = cluster.framework()
    let offer = try #require(cluster.settle().offers(on: scheduler.connection).first)
    cluster.pass(.seconds(3))
    cluster.call(scheduler) {
      $0.type = .decline
      $0.decline = .with {
        $0.offerIds = [offer.id]
        $0.filters = .with { $0.refuseSeconds = 0.1 }
      }
    }
    #expect(cluster.pass(.milliseconds(3_900)).offers(on: scheduler.connection).isEmpty, "a cycle has passed")
    #expect(cluster.pass(.seconds(5)).offers(on: scheduler.connection).count == 1)
  }

  @Test func `REVIVE brings refused resources at once`() throws {
    var cluster = Cluster()
    _ = try cluster.agent()
    let scheduler = cluster.framework()
    let offer = try #require(cluster.settle().offers(on: scheduler.connection).first)
    cluster.call(scheduler) {
      $0.type = .decline
      $0.decline = .with {
        $0.offerIds = [offer.id]
        $0.filters = .with { $0.refuseSeconds = 1_000 }
      }
    }
    #expect(cluster.pass(.seconds(10)).offers(on: scheduler.connection).isEmpty)
    cluster.call(scheduler) { $0.type = .revive }
    #expect(cluster.settle().offers(on: scheduler.connection).count == 1)
  }

  @Test func `SUPPRESS stops offers until REVIVE`() throws {
    var cluster = Cluster()
    let scheduler = cluster.framework()
    cluster.call(scheduler) { $0.type = .suppress }
    _ = try cluster.agent()
    #expect(cluster.pass(.seconds(10)).offers(on: scheduler.connection).isEmpty)
    cluster.call(scheduler) { $0.type = .revive }
    #expect(cluster.settle().offers(on: scheduler.connection).count == 1)
  }

  @Test func `an unanswered offer is rescinded when its time is over`() throws {
    var cluster = Cluster { $0.offerTimeout = .seconds(30) }
    _ = try cluster.agent()
    let scheduler = cluster.framework()
    let offer = try #require(cluster.settle().offers(on: scheduler.connection).first)
    #expect(cluster.pass(.seconds(29)).rescinded(on: scheduler.connection).isEmpty)
    let directives = cluster.pass(.seconds(3))
    #expect(directives.rescinded(on: scheduler.connection) == [offer.id.value])
    #expect(directives.offers(on: scheduler.connection).count == 1)
  }

  @Test func `the offers of an agent that disconnects are rescinded, and come again when it is back`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let offer = try #require(cluster.settle().offers(on: scheduler.connection).first)
    let directives = cluster.handle(.agentDisconnected(agent.session))
    #expect(directives.rescinded(on: scheduler.connection) == [offer.id.value])
    #expect(cluster.view.agents[agent.id]?.status.active == false)
    #expect(cluster.pass(.seconds(10)).offers(on: scheduler.connection).isEmpty)
    _ = try cluster.reregister(agent)
    #expect(cluster.settle().offers(on: scheduler.connection).count == 1)
  }

  @Test func `DECLINE of offers that are unknown or another's changes nothing`() throws {
    var cluster = Cluster()
    _ = try cluster.agent()
    let first = cluster.framework()
    let offer = try #require(cluster.settle().offers(on: first.connection).first)
    let second = cluster.framework()
    let (answer, directives) = cluster.call(second) {
      $0.type = .decline
      $0.decline = .with { $0.offerIds = [offer.id, .with { $0.value = "nosuch" }] }
    }
    #expect(answer == .accepted)
    #expect(directives.changes.isEmpty)
    #expect(cluster.view.offers.count == 1)
  }
}
