import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

struct CallTests {
  struct Bad: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var call: @Sendable (inout SchedulerCall) -> Void
    var text: String
  }

  @Test(arguments: [
    Bad(testDescription: "no type", call: { _ in }, text: "Expecting 'type' to be present"),
    Bad(
      testDescription: "no framework id",
      call: {
        $0.type = .teardown
        $0.clearFrameworkID()
      }, text: "Expecting 'framework_id' to be present"),
    Bad(testDescription: "accept", call: { $0.type = .accept }, text: "Expecting 'accept' to be present"),
    Bad(testDescription: "decline", call: { $0.type = .decline }, text: "Expecting 'decline' to be present"),
    Bad(testDescription: "kill", call: { $0.type = .kill }, text: "Expecting 'kill' to be present"),
    Bad(testDescription: "shutdown", call: { $0.type = .shutdown }, text: "Expecting 'shutdown' to be present"),
    Bad(
      testDescription: "acknowledge", call: { $0.type = .acknowledge }, text: "Expecting 'acknowledge' to be present"),
    Bad(testDescription: "reconcile", call: { $0.type = .reconcile }, text: "Expecting 'reconcile' to be present"),
    Bad(testDescription: "message", call: { $0.type = .message }, text: "Expecting 'message' to be present"),
    Bad(testDescription: "request", call: { $0.type = .request }, text: "Expecting 'request' to be present"),
    Bad(
      testDescription: "inverse", call: { $0.type = .acceptInverseOffers },
      text: "Expecting 'accept_inverse_offers' to be present"),
    Bad(
      testDescription: "inverse declined", call: { $0.type = .declineInverseOffers },
      text: "Expecting 'decline_inverse_offers' to be present"),
    Bad(
      testDescription: "operations", call: { $0.type = .reconcileOperations },
      text: "Expecting 'reconcile_operations' to be present"),
    Bad(
      testDescription: "operation status", call: { $0.type = .acknowledgeOperationStatus },
      text: "Expecting 'acknowledge_operation_status' to be present"),
    Bad(
      testDescription: "update framework", call: { $0.type = .updateFramework },
      text: "Expecting 'update_framework' to be present"),
    Bad(
      testDescription: "bad UUID",
      call: {
        $0.type = .acknowledge
        $0.acknowledge = .with {
          $0.agentID = .with { $0.value = "a" }
          $0.taskID = .with { $0.value = "t" }
          $0.uuid = MessageBytes.copy([UInt8](repeating: 0, count: 16))
        }
      }, text: "Not a valid UUID"),
    Bad(
      testDescription: "another framework in the update",
      call: {
        $0.type = .updateFramework
        $0.updateFramework = .with {
          $0.frameworkInfo = Cluster.info()
          $0.frameworkInfo.id = .with { $0.value = "other" }
        }
      }, text: "'framework_id' differs from 'update_framework.framework_info.id'"),
  ])
  func `a call that lacks something is refused with 400 and changes nothing`(bad: Bad) {
    var cluster = Cluster()
    let scheduler = cluster.framework()
    let (answer, directives) = cluster.call(scheduler, bad.call)
    #expect(answer == .rejected(status: 400, text: "Failed to validate scheduler::Call: \(bad.text)"))
    #expect(directives.changes.isEmpty)
  }

  @Test func `a call of an unknown framework is refused`() {
    var cluster = Cluster()
    let nobody = Scheduler(id: "nobody", connection: cluster.makeConnection(), info: Cluster.info())
    #expect(
      cluster.call(nobody) { $0.type = .revive }.answer == .rejected(status: 400, text: "Framework cannot be found"))
  }

  @Test func `a call needs the id of the stream, and it must be the present one`() {
    var cluster = Cluster()
    let scheduler = cluster.framework()
    #expect(
      cluster.call(scheduler, streamID: .some(nil)) { $0.type = .revive }.answer
        == .rejected(status: 400, text: "All non-subscribe calls should include the 'Mesos-Stream-Id' header"))
    #expect(
      cluster.call(scheduler, streamID: "nosuch") { $0.type = .revive }.answer
        == .rejected(
          status: 400,
          text: "The stream ID 'nosuch' included in this request didn't match the stream ID currently associated with "
            + "framework ID \(scheduler.id)"))
    cluster.subscribe(scheduler.info)
    #expect(
      cluster.call(scheduler) { $0.type = .revive }.answer
        == .rejected(
          status: 400,
          text:
            "The stream ID 'stream-1' included in this request didn't match the stream ID currently associated with "
            + "framework ID \(scheduler.id)"))
  }

  @Test func `a call of a framework that is disconnected is forbidden`() {
    var cluster = Cluster()
    let scheduler = cluster.framework()
    cluster.handle(.schedulerDisconnected(scheduler.connection))
    #expect(
      cluster.call(scheduler) { $0.type = .revive }.answer
        == .rejected(status: 403, text: "Framework is not subscribed"))
  }

  @Test func `a call with another principal than the framework's is refused`() {
    var cluster = Cluster()
    let scheduler = cluster.framework { $0.principal = "p" }
    #expect(
      cluster.call(scheduler, principal: Principal(value: "q")) { $0.type = .revive }.answer
        == .rejected(
          status: 400,
          text: "Authenticated principal 'q' does not match principal 'p' set in `FrameworkInfo`"))
    #expect(cluster.call(scheduler, principal: Principal(value: "p")) { $0.type = .revive }.answer == .accepted)
  }

  @Test func `REQUEST is accepted and counted, and brings nothing`() throws {
    var cluster = Cluster()
    try cluster.agent()
    let scheduler = cluster.framework()
    cluster.launch(scheduler, [], on: cluster.settle().offers(on: scheduler.connection), refuse: 60)
    let (answer, directives) = cluster.call(scheduler) {
      $0.type = .request
      $0.request.requests = [.with { $0.resources = [] }]
    }
    #expect(answer == .accepted)
    #expect(directives.events(on: scheduler.connection).isEmpty)
    #expect(cluster.pass(.seconds(10)).offers(on: scheduler.connection).isEmpty)
    #expect(MetricsTests.value("master/messages_resource_request", of: cluster) == 1)
  }

  @Test func `calls that lead to nothing yet are accepted as Apache Mesos does`() {
    var cluster = Cluster()
    let scheduler = cluster.framework()
    cluster.settle()
    let calls: [(inout SchedulerCall) -> Void] = [
      {
        $0.type = .request
        $0.request = SchedulerCall.Request()
      },
      {
        $0.type = .acceptInverseOffers
        $0.acceptInverseOffers = .with { $0.inverseOfferIds = [.with { $0.value = "x" }] }
      },
      {
        $0.type = .declineInverseOffers
        $0.declineInverseOffers = .with { $0.inverseOfferIds = [.with { $0.value = "x" }] }
      },
      {
        $0.type = .acknowledgeOperationStatus
        $0.acknowledgeOperationStatus = .with {
          $0.agentID = .with { $0.value = "a" }
          $0.uuid = MessageBytes.copy(Cluster.uuid(1))
          $0.operationID = .with { $0.value = "o" }
        }
      },
      {
        $0.type = .suppress
        $0.suppress = .with { $0.roles = ["not-mine"] }
      },
      {
        $0.type = .reconcileOperations
        $0.reconcileOperations = SchedulerCall.ReconcileOperations()
      },
    ]
    for call in calls {
      let (answer, directives) = cluster.call(scheduler, call)
      #expect(answer == .accepted)
      #expect(directives.count == 1)
    }
  }

  @Test func `a call of unknown type is not implemented`() {
    var cluster = Cluster()
    let scheduler = cluster.framework()
    #expect(cluster.call(scheduler) { $0.type = .unknown }.answer == .rejected(status: 501, text: ""))
  }

  @Test func `MESSAGE reaches the agent and the executor's answer the framework`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let (_, directives) = cluster.call(scheduler) {
      $0.type = .message
      $0.message = .with {
        $0.agentID = AgentID(agent.id)
        $0.executorID = .with { $0.value = "e" }
        $0.data = MessageBytes.copy([1, 2, 255])
      }
    }
    guard case .frameworkMessage(let message) = directives.toAgent(agent.session).first else {
      Issue.record("no message")
      return
    }
    #expect(message.executorID == "e")
    #expect(message.frameworkID == scheduler.id.value)
    #expect([UInt8](message.data) == [1, 2, 255])
    let back = cluster.say(
      .executorMessage(
        .with {
          $0.frameworkID = scheduler.id.value
          $0.executorID = "e"
          $0.data = MessageBytes.copy([7])
        }), agent)
    let event = try #require(back.events(on: scheduler.connection).first)
    #expect(event.type == .message)
    #expect(event.message.agentID.key == agent.id)
    #expect([UInt8](event.message.data) == [7])
  }

  @Test func `SHUTDOWN reaches the agent and the executor's end the framework`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let offers = cluster.settle().offers(on: scheduler.connection)
    let task = try sleeper("t", on: agent) {
      $0.clearCommand()
      $0.executor = .with {
        $0.executorID = .with { $0.value = "e" }
        $0.command = .with { $0.value = "run" }
      }
      $0.executor.resources = (try? Resources.parse("cpus:0.1;mem:32").messages) ?? []
    }
    cluster.launch(scheduler, [task], on: offers)
    #expect(cluster.view.executors.count == 1)
    #expect(cluster.view.agents[agent.id]?.status.allocated.scalar("cpus") == 0.6)
    let (_, directives) = cluster.call(scheduler) {
      $0.type = .shutdown
      $0.shutdown = .with {
        $0.agentID = AgentID(agent.id)
        $0.executorID = .with { $0.value = "e" }
      }
    }
    guard case .shutdownExecutor(let order) = directives.toAgent(agent.session).first else {
      Issue.record("no order")
      return
    }
    #expect(order.executorID == "e")
    let ended = cluster.say(
      .executorTerminated(
        .with {
          $0.frameworkID = scheduler.id.value
          $0.executorID = "e"
          $0.status = 9
        }), agent)
    let event = try #require(ended.events(on: scheduler.connection).first)
    #expect(event.type == .failure)
    #expect(event.failure.executorID.value == "e")
    #expect(event.failure.agentID.key == agent.id)
    #expect(event.failure.status == 9)
    #expect(cluster.view.executors.isEmpty)
    #expect(cluster.view.agents[agent.id]?.status.allocated.scalar("cpus") == 0.5)
  }

  @Test func `TEARDOWN ends the framework, its stream and its tasks`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    cluster.launch(
      scheduler, [try sleeper("t", on: agent)], on: cluster.settle().offers(on: scheduler.connection))
    let (answer, directives) = cluster.call(scheduler) { $0.type = .teardown }
    #expect(answer == .accepted)
    #expect(directives.isClosed(scheduler.connection))
    #expect(directives.toAgent(agent.session).compactMap(\.shutFramework) == [scheduler.id.value])
    #expect(cluster.view.completed == [scheduler.id])
    #expect(
      cluster.call(scheduler) { $0.type = .revive }.answer == .rejected(status: 400, text: "Framework cannot be found"))
  }

  @Test func `an operator can end a framework once`() {
    var cluster = Cluster()
    let scheduler = cluster.framework()
    #expect(cluster.teardown(scheduler.id) == .ok)
    #expect(cluster.teardown(scheduler.id) == .rejected(status: 400, text: "No framework found with specified ID"))
  }
}
