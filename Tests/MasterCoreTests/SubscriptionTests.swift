import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

struct SubscriptionTests {
  @Test func `a new framework gets an id, SUBSCRIBED and a heartbeat, in this order`() {
    var cluster = Cluster()
    let (connection, directives) = cluster.subscribe(Cluster.info())
    #expect(directives.answer == .streaming)
    let events = directives.events(on: connection)
    #expect(events.map(\.type) == [.subscribed, .heartbeat])
    #expect(events[0].subscribed.frameworkID.value == "\(Cluster.masterID)-0000")
    #expect(events[0].subscribed.heartbeatIntervalSeconds == 15)
    #expect(events[0].subscribed.masterInfo.id == Cluster.masterID)
    guard case .answer = directives.first else {
      Issue.record("the answer must come before what is sent on the stream")
      return
    }
    let row = cluster.view.frameworks[FrameworkKey("\(Cluster.masterID)-0000")]
    #expect(row?.roles == ["dev"])
    #expect(row?.status.active == true && row?.status.connected == true && row?.status.recovered == false)
  }

  @Test func `ids of frameworks count up`() {
    var cluster = Cluster()
    #expect(cluster.framework().id.value.hasSuffix("-0000"))
    #expect(cluster.framework().id.value.hasSuffix("-0001"))
  }

  @Test func `a heartbeat comes every fifteen seconds`() {
    var cluster = Cluster()
    let scheduler = cluster.framework()
    #expect(cluster.pass(.seconds(14)).events(on: scheduler.connection).isEmpty)
    #expect(cluster.pass(.seconds(1)).events(on: scheduler.connection).map(\.type) == [.heartbeat])
    #expect(cluster.pass(.seconds(45)).events(on: scheduler.connection).count == 3)
  }

  @Test func `a stream that ended gets no heartbeat`() {
    var cluster = Cluster()
    let scheduler = cluster.framework()
    cluster.handle(.schedulerDisconnected(scheduler.connection))
    #expect(cluster.pass(.seconds(31)).events(on: scheduler.connection).isEmpty)
  }

  @Test func `a framework id never seen before is accepted`() {
    var cluster = Cluster()
    var info = Cluster.info()
    info.id = .with { $0.value = "never-seen" }
    let (connection, directives) = cluster.subscribe(info)
    #expect(directives.events(on: connection).first?.subscribed.frameworkID.value == "never-seen")
  }

  @Test func `a second subscription with the id takes over and the old stream is told and closed`() {
    var cluster = Cluster()
    let scheduler = cluster.framework()
    let (connection, directives) = cluster.subscribe(scheduler.info)
    let old = directives.events(on: scheduler.connection)
    #expect(old.map(\.type) == [.error])
    #expect(old.first?.error.message == "Framework failed over")
    #expect(directives.isClosed(scheduler.connection))
    #expect(directives.events(on: connection).map(\.type) == [.subscribed, .heartbeat])
    #expect(directives.events(on: connection).first?.subscribed.frameworkID.key == scheduler.id)
    // What the old stream's end brings later is about a stream that is no longer the framework's.
    cluster.handle(.schedulerDisconnected(scheduler.connection))
    #expect(cluster.view.frameworks[scheduler.id]?.status.connected == true)
  }

  @Test func `the offers of the old stream are gone after a failover and come again on the new one`() throws {
    var cluster = Cluster()
    _ = try cluster.agent()
    let scheduler = cluster.framework()
    let offer = try #require(cluster.settle().offers(on: scheduler.connection).first)
    let (connection, directives) = cluster.subscribe(scheduler.info)
    #expect(directives.rescinded(on: scheduler.connection).isEmpty)
    #expect(cluster.view.offers[offer.id.key] == nil)
    let again = try #require(cluster.settle().offers(on: connection).first)
    #expect(again.id != offer.id)
    #expect(again.resources == offer.resources)
  }

  @Test func `a framework that comes back in time keeps its id and its tasks`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let offers = cluster.settle().offers(on: scheduler.connection)
    cluster.launch(scheduler, [try sleeper("t", on: agent)], on: offers)
    cluster.handle(.schedulerDisconnected(scheduler.connection))
    #expect(cluster.view.frameworks[scheduler.id]?.status.active == false)
    cluster.pass(.seconds(59))
    cluster.handle(.agentHeard(agent.session))
    let (_, directives) = cluster.subscribe(scheduler.info)
    #expect(directives.answer == .streaming)
    cluster.pass(.seconds(60))
    #expect(cluster.view.task(scheduler.id, "t")?.section == .active)
    #expect(cluster.view.completed.isEmpty)
  }

  @Test func `after its failover timeout a framework is over and its tasks are killed`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    cluster.launch(
      scheduler, [try sleeper("t", on: agent)], on: cluster.settle().offers(on: scheduler.connection))
    cluster.handle(.schedulerDisconnected(scheduler.connection))
    var directives = cluster.pass(.seconds(59))
    cluster.handle(.agentHeard(agent.session))
    #expect(cluster.view.completed.isEmpty)
    directives = cluster.pass(.seconds(2))
    #expect(directives.toAgent(agent.session).compactMap(\.shutFramework) == [scheduler.id.value])
    #expect(cluster.view.completed == [scheduler.id])
    let task = try #require(cluster.view.task(scheduler.id, "t"))
    #expect(task.section == .completed)
    #expect(task.status.state == .taskKilled)
    #expect(cluster.view.agents[agent.id]?.status.allocated.isEmpty == true)
    let (connection, refused) = cluster.subscribe(scheduler.info)
    #expect(refused.events(on: connection).map(\.error.message) == ["Framework has been removed"])
    #expect(refused.isClosed(connection))
  }

  @Test func `a framework without failover timeout is over the moment it disconnects`() {
    var cluster = Cluster()
    let scheduler = cluster.framework { $0.failoverTimeout = 0 }
    cluster.handle(.schedulerDisconnected(scheduler.connection))
    #expect(cluster.view.completed == [scheduler.id])
  }

  @Test func `a negative failover timeout never ends`() {
    var cluster = Cluster()
    let scheduler = cluster.framework { $0.failoverTimeout = -1 }
    cluster.handle(.schedulerDisconnected(scheduler.connection))
    cluster.pass(.seconds(1_000_000))
    #expect(cluster.view.completed.isEmpty)
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var info: @Sendable (inout FrameworkInfo) -> Void
    var suppressed: [String] = []
    var message: String
  }

  @Test(arguments: [
    Refusal(
      testDescription: "role with MULTI_ROLE", info: { $0.role = "a" },
      message: "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"),
    Refusal(
      testDescription: "roles without MULTI_ROLE", info: { $0.capabilities = [] },
      message: "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"),
    Refusal(
      testDescription: "duplicate roles", info: { $0.roles = ["a", "b", "a"] },
      message: "'FrameworkInfo.roles' contains duplicate items: { a }"),
    Refusal(
      testDescription: "bad role", info: { $0.roles = ["/a"] },
      message: "'FrameworkInfo.roles' contains invalid role: Role '/a' cannot start with a slash"),
    Refusal(
      testDescription: "unknown suppressed role", info: { _ in }, suppressed: ["other"],
      message: "Suppressed role 'other' is not contained in the list of roles"),
    Refusal(
      testDescription: "role beyond the whitelist", info: { $0.roles = ["secret"] },
      message: "Roles { secret } are not present in the master's --roles"),
    Refusal(
      testDescription: "failover timeout beyond all bounds", info: { $0.failoverTimeout = 1e20 },
      message: "The framework failover_timeout (1e+20) is invalid"),
    Refusal(
      testDescription: "id with a slash", info: { $0.id = .with { $0.value = "a/b" } },
      message: "'a/b' contains invalid characters"),
  ])
  func `an invalid framework gets 200, an ERROR and the end of the stream`(refusal: Refusal) {
    var cluster = Cluster { $0.roles = ["dev", "a", "b"] }
    var info = Cluster.info()
    refusal.info(&info)
    let (connection, directives) = cluster.subscribe(info, suppressed: refusal.suppressed)
    #expect(directives.answer == .streaming)
    #expect(directives.events(on: connection).map(\.error.message) == [refusal.message])
    #expect(directives.isClosed(connection))
    #expect(cluster.view.frameworks.isEmpty)
  }

  @Test func `root may not run frameworks where root submissions are off`() {
    var cluster = Cluster { $0.rootSubmissions = false }
    let (connection, directives) = cluster.subscribe(Cluster.info())
    #expect(
      directives.events(on: connection).map(\.error.message) == [
        "User 'root' is not allowed to run frameworks without --root_submissions set"
      ])
  }

  @Test func `another principal cannot take a framework over`() {
    var cluster = Cluster()
    let scheduler = cluster.framework { $0.principal = "p" }
    var info = scheduler.info
    info.principal = "q"
    let (connection, directives) = cluster.subscribe(info)
    #expect(
      directives.events(on: connection).map(\.error.message) == ["Changing framework's principal is not allowed."])
    #expect(directives.isClosed(connection))
    #expect(!directives.isClosed(scheduler.connection))
  }

  @Test func `a resubscription cannot change user and checkpointing, and it is not refused for that`() {
    var cluster = Cluster()
    let scheduler = cluster.framework()
    var info = scheduler.info
    info.user = "other"
    info.checkpoint = false
    info.name = "renamed"
    let (connection, directives) = cluster.subscribe(info)
    #expect(directives.events(on: connection).first?.type == .subscribed)
    #expect(cluster.core.frameworks[scheduler.id]?.info.user == "root")
    #expect(cluster.core.frameworks[scheduler.id]?.info.checkpoint == true)
    #expect(cluster.core.frameworks[scheduler.id]?.info.name == "renamed")
  }

  @Test func `the authenticated principal is that of the framework`() {
    var cluster = Cluster()
    let (_, directives) = cluster.subscribe(Cluster.info(), principal: Principal(value: "p"))
    #expect(directives.answer == .streaming)
    #expect(cluster.core.frameworks.values.first?.info.principal == "p")
    var info = Cluster.info()
    info.principal = "q"
    #expect(
      cluster.subscribe(info, principal: Principal(value: "p")).directives.answer
        == .rejected(
          status: 400,
          text: "Failed to validate scheduler::Call: Authenticated principal 'p' does not match principal 'q' set in "
            + "`FrameworkInfo`"))
  }

  @Test func `a SUBSCRIBE whose two framework ids differ is refused`() {
    var cluster = Cluster()
    let connection = cluster.makeConnection()
    let call = SchedulerCall.with {
      $0.type = .subscribe
      $0.frameworkID = .with { $0.value = "a" }
      $0.subscribe = .with { $0.frameworkInfo = Cluster.info() }
    }
    #expect(
      cluster.subscribe(call, on: connection).answer
        == .rejected(
          status: 400,
          text: "Failed to validate scheduler::Call: 'framework_id' differs from 'subscribe.framework_info.id'"))
    let without = SchedulerCall.with { $0.type = .subscribe }
    #expect(
      cluster.subscribe(without, on: connection).answer
        == .rejected(status: 400, text: "Failed to validate scheduler::Call: Expecting 'subscribe' to be present"))
  }

  @Test func `suppressed roles get no offers until they are revived`() throws {
    var cluster = Cluster()
    _ = try cluster.agent()
    var info = Cluster.info()
    info.roles = ["dev", "prod"]
    let (connection, directives) = cluster.subscribe(info, suppressed: ["dev", "prod"])
    let id = try #require(directives.events(on: connection).first?.subscribed.frameworkID.key)
    let scheduler = Scheduler(id: id, connection: connection, info: info)
    #expect(cluster.pass(.seconds(10)).offers(on: connection).isEmpty)
    cluster.call(scheduler) {
      $0.type = .revive
      $0.revive = .with { $0.roles = ["prod"] }
    }
    #expect(cluster.settle().offers(on: connection).map(\.allocationInfo.role) == ["prod"])
  }

  @Test func `UPDATE_FRAMEWORK changes what may change and answers 200`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    cluster.launch(
      scheduler, [try sleeper("t", on: agent)], on: cluster.settle().offers(on: scheduler.connection), refuse: 0)
    var info = scheduler.info
    info.name = "renamed"
    info.roles = ["dev", "prod"]
    info.failoverTimeout = 5
    let (answer, directives) = cluster.call(scheduler) {
      $0.type = .updateFramework
      $0.updateFramework = .with { $0.frameworkInfo = info }
    }
    #expect(answer == .ok)
    #expect(cluster.view.frameworks[scheduler.id]?.roles == ["dev", "prod"])
    let told = directives.toAgent(agent.session).contains { if case .updateFramework = $0 { true } else { false } }
    #expect(told)
    cluster.handle(.schedulerDisconnected(scheduler.connection))
    cluster.pass(.seconds(6))
    #expect(cluster.view.completed == [scheduler.id])
  }

  @Test(arguments: [
    (
      "user",
      "FrameworkInfo update is not valid: Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'root' to 'other'"
    ),
    (
      "checkpoint",
      "FrameworkInfo update is not valid: Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from 'true' to 'false'"
    ),
    ("principal", "FrameworkInfo update is not valid: Changing framework's principal is not allowed."),
    (
      "roles",
      "Supplied FrameworkInfo is not valid: 'FrameworkInfo.roles' contains invalid role: Role '/x' cannot start with a slash"
    ),
  ])
  func `UPDATE_FRAMEWORK refuses what cannot change`(field: String, text: String) {
    var cluster = Cluster()
    let scheduler = cluster.framework()
    var info = scheduler.info
    switch field {
    case "user": info.user = "other"
    case "checkpoint": info.checkpoint = false
    case "principal": info.principal = "p"
    default: info.roles = ["/x"]
    }
    let (answer, directives) = cluster.call(scheduler) {
      $0.type = .updateFramework
      $0.updateFramework = .with { $0.frameworkInfo = info }
    }
    #expect(answer == .rejected(status: 400, text: text))
    #expect(directives.changes.isEmpty)
  }

  @Test func `the history of completed frameworks is bounded`() throws {
    var cluster = Cluster { $0.completedFrameworksMax = 2 }
    let agent = try cluster.agent()
    var ids: [FrameworkKey] = []
    for _ in 0..<4 {
      let scheduler = cluster.framework()
      let offers = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
      cluster.launch(scheduler, [try sleeper("t", on: agent)], on: offers)
      #expect(cluster.call(scheduler) { $0.type = .teardown }.answer == .accepted)
      ids.append(scheduler.id)
      cluster.handle(.agentHeard(agent.session))
    }
    #expect(cluster.view.completed == Array(ids.suffix(2)))
    #expect(cluster.view.task(ids[0], "t") == nil)
    #expect(cluster.view.task(ids[3], "t")?.section == .completed)
    // One that was forgotten is like one never seen.
    var info = Cluster.info()
    info.id = FrameworkID(ids[0])
    let (connection, directives) = cluster.subscribe(info)
    #expect(directives.events(on: connection).first?.type == .subscribed)
  }
}
