import AgentLinkModel
import MesosAllocator
import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

private func hostname(_ role: String, matches regex: String) -> OfferConstraints {
  .with {
    $0.roleConstraints[role] = .with {
      $0.groups = [
        .with {
          $0.attributeConstraints = [
            .with {
              $0.selector.pseudoattributeType = .hostname
              $0.predicate.textMatches.regex = regex
            }
          ]
        }
      ]
    }
  }
}

struct OfferConstraintsTests {
  private func subscribe(
    _ cluster: inout Cluster, _ constraints: OfferConstraints
  ) -> (connection: SchedulerConnection, directives: [MasterCore.Directive]) {
    let connection = cluster.makeConnection()
    let directives = cluster.subscribe(
      .with {
        $0.type = .subscribe
        $0.subscribe = .with {
          $0.frameworkInfo = Cluster.info()
          $0.offerConstraints = constraints
        }
      }, on: connection)
    return (connection, directives)
  }

  @Test func `a framework is offered the agents that it wants, from the first cycle on`() throws {
    var cluster = Cluster()
    _ = try cluster.agent(hostname: "node1")
    _ = try cluster.agent(hostname: "node2")
    let constraints = hostname("dev", matches: "node[2-9]")
    let (connection, directives) = subscribe(&cluster, constraints)
    #expect(directives.events(on: connection).first?.type == .subscribed)
    let offers = cluster.settle().offers(on: connection)
    #expect(offers.map(\.hostname) == ["node2"])
    let id = try #require(directives.events(on: connection).first).subscribed.frameworkID
    #expect(cluster.view.frameworks[id.key]?.status.offerConstraints == constraints)

    // An update is effective at once, and replaces what was said before.
    var info = Cluster.info()
    info.id = id
    let scheduler = Scheduler(id: id.key, connection: connection, info: info)
    let (answer, _) = cluster.call(scheduler) {
      $0.type = .updateFramework
      $0.updateFramework = .with { $0.frameworkInfo = info }
    }
    #expect(answer == .ok)
    #expect(cluster.settle().offers(on: connection).map(\.hostname) == ["node1"])
    #expect(cluster.view.frameworks[id.key]?.status.offerConstraints == OfferConstraints())
  }

  @Test func `constraints without meaning are refused in the words of Apache Mesos`() throws {
    var cluster = Cluster()
    let (connection, directives) = subscribe(&cluster, hostname("dev", matches: "(a"))
    let text =
      "A role dev has an invalid 'AttributeConstraint': Failed to construct regex from pattern '(a': missing ): (a"
    #expect(directives.events(on: connection).map(\.error.message) == [text])

    let scheduler = cluster.framework()
    let (answer, told) = cluster.call(scheduler) {
      $0.type = .updateFramework
      $0.updateFramework = .with {
        $0.frameworkInfo = scheduler.info
        $0.offerConstraints = hostname("dev", matches: "a{100}")
      }
    }
    #expect(
      answer
        == .rejected(
          status: 400,
          text: "'UpdateFramework.offer_constraints' are not valid: A role dev has an invalid 'AttributeConstraint': "
            + "Regex 'a{100}' is too complex: program size of 104 is larger than maximum of 100 allowed"))
    #expect(told.changes.isEmpty)
  }

  @Test func `the size of regular expressions is limited as the flags say`() throws {
    var cluster = Cluster { $0.offerConstraintsLimits.programSizeMax = 8 }
    let (connection, directives) = subscribe(&cluster, hostname("dev", matches: "abcde"))
    #expect(
      directives.events(on: connection).first?.error.message.hasSuffix("larger than maximum of 8 allowed") == true)
  }

  @Test func `after a failover offers wait for the agents of the registry where roles have quotas`() throws {
    let known = (0..<2).map { number in
      let info = AgentInfo.with {
        $0.id.value = "old-S\(number)"
        $0.hostname = "old"
      }
      return RecoveredRegistry.Agent(
        id: AgentKey("old-S\(number)"), info: MessageBytes.encoded(info), unreachableSince: nil)
    }
    for hasQuotas in [true, false] {
      var cluster = Cluster(registry: RecoveredRegistry(agents: known)) {
        $0.agentRecoveryFactor = 1
        $0.recoveryTimeout = .seconds(60)
        if hasQuotas { $0.quotas["dev"] = Quota(limits: ["cpus": 100]) }
      }
      _ = try cluster.agent()
      let scheduler = cluster.framework()
      #expect(cluster.pass(.seconds(30)).offers(on: scheduler.connection).isEmpty == hasQuotas)
      #expect(cluster.pass(.seconds(40)).offers(on: scheduler.connection).isEmpty != hasQuotas)
    }
  }
}
