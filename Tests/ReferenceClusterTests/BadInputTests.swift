import Foundation
import MesosHTTP
import MesosHTTPClient
import MesosModel
import ReferenceMaster
import SchedulerKit
import SwiftProtobuf
import Testing

/// What a master is sent that it must not take, the answer Apache Mesos 1.11 gives to the same bytes, and that nothing changes.
@Suite(.serialized)
struct BadInputTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var path = "/api/v1/scheduler"
    var method = "POST"
    var headers: HeaderFields = ["Content-Type": "application/json", "Accept": "application/json"]
    var body: [UInt8]
    var status: Int
    var text: String
    var allow: String?

    var testDescription: String { name }

    init(
      _ name: String, _ body: String, path: String = "/api/v1/scheduler", method: String = "POST",
      headers: HeaderFields? = nil, status: Int = 400, _ text: String, allow: String? = nil
    ) {
      self.name = name
      self.body = Array(body.utf8)
      self.path = path
      self.method = method
      if let headers { self.headers = headers }
      self.status = status
      self.text = text
      self.allow = allow
    }
  }

  private static let accept = "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'"
  private static let types = "Expecting 'Content-Type' of application/json or application/x-protobuf"
  private static let invalid = "Failed to validate scheduler::Call: "
  private static let subscribe =
    #"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root","name":"x","roles":["*"],"capabilities":[{"type":"MULTI_ROLE"}]}}}"#

  static let cases: [Case] = [
    Case("malformed JSON", #"{"type": "#, "Failed to parse body into JSON: syntax error at line 1 near: "),
    Case("a list", "[]", "Failed to convert JSON into Call protobuf: Expecting a JSON object"),
    Case(
      "malformed protobuf", "\u{7f}\u{7f}", headers: ["Content-Type": "application/x-protobuf"],
      "Failed to parse body into Call protobuf"),
    Case("an empty object", "{}", invalid + "Expecting 'type' to be present"),
    Case("an unknown type", #"{"type":"NO_SUCH"}"#, invalid + "Expecting 'type' to be present"),
    Case(
      "a number for an enum", #"{"type":1}"#,
      "Failed to convert JSON into Call protobuf: Not expecting a JSON number for field 'type'"),
    Case("SUBSCRIBE without its message", #"{"type":"SUBSCRIBE"}"#, invalid + "Expecting 'subscribe' to be present"),
    Case(
      "a missing required field", #"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"root"}}}"#,
      "Failed to convert JSON into Call protobuf: Missing required fields: subscribe.framework_info.name"),
    Case(
      "ids that differ",
      #"{"type":"SUBSCRIBE","framework_id":{"value":"b"},"subscribe":{"framework_info":{"user":"r","name":"x","id":{"value":"a"}}}}"#,
      invalid + "'framework_id' differs from 'subscribe.framework_info.id'"),
    Case(
      "SUBSCRIBE with a stream id", subscribe,
      headers: ["Content-Type": "application/json", "Mesos-Stream-Id": "x"],
      "Subscribe calls should not include the 'Mesos-Stream-Id' header"),
    Case("no content type", "{}", headers: ["Accept": "*/*"], "Expecting 'Content-Type' to be present"),
    Case("another content type", "{}", headers: ["Content-Type": "text/plain"], status: 415, types),
    Case(
      "a charset", "{}", headers: ["Content-Type": "application/json; charset=utf-8"], status: 415, types),
    Case(
      "an answer nobody gives", subscribe, headers: ["Content-Type": "application/json", "Accept": "text/html"],
      status: 406, accept),
    Case(
      "the wrong method", "", method: "GET", status: 405,
      "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.", allow: "POST"),
    Case(
      "a call of no framework", #"{"type":"REVIVE"}"#, invalid + "Expecting 'framework_id' to be present"),
    Case(
      "a call before SUBSCRIBE", #"{"type":"REVIVE","framework_id":{"value":"nosuch"}}"#, "Framework cannot be found"),
    Case(
      "TEARDOWN of an unknown framework", #"{"type":"TEARDOWN","framework_id":{"value":"nosuch"}}"#,
      "Framework cannot be found"),
    Case(
      "ACCEPT without its message", #"{"type":"ACCEPT","framework_id":{"value":"nosuch"}}"#,
      invalid + "Expecting 'accept' to be present"),
    Case(
      "KILL without its message", #"{"type":"KILL","framework_id":{"value":"nosuch"}}"#,
      invalid + "Expecting 'kill' to be present"),
    Case(
      "no base64",
      #"{"type":"ACKNOWLEDGE","framework_id":{"value":"a"},"acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"},"uuid":"!!"}}"#,
      "Failed to convert JSON into Call protobuf: Failed to base64 decode bytes field 'uuid': Invalid character '!'"),
    Case(
      "a UUID of four bytes",
      #"{"type":"ACKNOWLEDGE","framework_id":{"value":"a"},"acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"},"uuid":"AAAAAA=="}}"#,
      invalid + "Not a valid UUID"),
    Case("an unknown path", "", path: "/nosuch", method: "GET", status: 404, "404 Not Found."),
    Case(
      "an operator's call without type", "{}", path: "/api/v1",
      "Failed to validate master::Call: Expecting 'type' to be present"),
    Case(
      "GET_METRICS without its message", #"{"type":"GET_METRICS"}"#, path: "/api/v1",
      "Failed to validate master::Call: Expecting 'get_metrics' to be present"),
    Case("a file nobody has", "", path: "/files/read", method: "GET", "Expecting 'path=value' in query.\n"),
  ]

  @Test(.timeLimit(.minutes(2)))
  func `bad requests are answered as Apache Mesos answers them and change nothing`() async throws {
    try await TestCluster.with { cluster in
      let before = try await cluster.state()
      for bad in Self.cases {
        let answer = try await TestCluster.post(
          cluster.master, bad.path, bad.body, headers: bad.headers, method: bad.method)
        #expect(answer.status == bad.status, "\(bad.name)")
        #expect(answer.excerpt == bad.text, "\(bad.name)")
        #expect(answer.headers["Allow"] == bad.allow, "\(bad.name)")
      }
      #expect(try await cluster.state() == before)
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `nesting beyond the limit is refused`() async throws {
    try await TestCluster.with { cluster in
      let deep = #"{"type":"GET_HEALTH","x":"# + String(repeating: "[", count: 100_000)
      let answer = try await TestCluster.post(
        cluster.master, "/api/v1", Array(deep.utf8), headers: ["Content-Type": "application/json"])
      #expect(answer.status == 400)
      #expect(answer.excerpt.hasPrefix("Failed to parse body into JSON: "))
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `a body beyond the limit is refused with 413`() async throws {
    try await TestCluster.with(adjust: { $0.bodyLimit = 10_000 }) { cluster in
      let body = [UInt8](repeating: UInt8(ascii: " "), count: 20_000)
      let answer = try await TestCluster.post(
        cluster.master, "/api/v1/scheduler", body, headers: ["Content-Type": "application/json"])
      #expect(answer.status == 413)
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `a stream id that is missing or stale is refused`() async throws {
    try await TestCluster.with { cluster in
      try await withScheduler(try TestFramework.configuration(cluster.master)) { scheduler in
        for await update in scheduler.updates { if case .subscribed = update { break } }
        let id = try #require(scheduler.frameworkID)
        let call = SchedulerCall.with {
          $0.type = .revive
          $0.frameworkID = id
        }
        let without = try await TestCluster.post(
          cluster.master, "/api/v1/scheduler", call.jsonBytes(), headers: ["Content-Type": "application/json"])
        #expect(without.status == 400)
        #expect(without.excerpt == "All non-subscribe calls should include the 'Mesos-Stream-Id' header")
        let stale = "00000000-0000-4000-8000-000000000000"
        let with = try await TestCluster.post(
          cluster.master, "/api/v1/scheduler", call.jsonBytes(),
          headers: ["Content-Type": "application/json", "Mesos-Stream-Id": stale])
        #expect(with.status == 400)
        #expect(
          with.excerpt
            == "The stream ID '\(stale)' included in this request didn't match the stream ID currently associated "
            + "with framework ID \(id.value)")
      }
    }
  }

  /// A task that must not run, and why.
  struct Refused: Sendable, CustomTestStringConvertible {
    var name: String
    var reason: TaskStatus.Reason
    var text: @Sendable (Offer) -> String
    var change: @Sendable (inout TaskInfo) -> Void
    var testDescription: String { name }
  }

  static let refused: [Refused] = [
    Refused(
      name: "no command", reason: .taskInvalid,
      text: { _ in "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present" },
      change: { $0.clearCommand() }),
    Refused(
      name: "no resources", reason: .taskInvalid, text: { _ in "Task uses no resources" }, change: { $0.resources = [] }
    ),
    Refused(
      name: "another agent", reason: .taskInvalid,
      text: { "Task uses invalid agent nosuch while agent \($0.agentID.value) is expected" },
      change: { $0.agentID.value = "nosuch" }),
    Refused(
      name: "a bad id", reason: .taskInvalid, text: { _ in "'a/b' contains invalid characters" },
      change: { $0.taskID.value = "a/b" }),
    Refused(
      name: "negative resources", reason: .taskInvalid,
      text: { _ in "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0" },
      change: {
        $0.resources = [
          .with {
            $0.name = "cpus"
            $0.type = .scalar
            $0.scalar.value = -1
          }
        ]
      }),
    Refused(
      name: "resources beyond the offer", reason: .taskInvalid,
      text: { offer in
        let available = (try? Resources(offer.resources)).map { "\($0)" } ?? ""
        return
          "Total resources cpus(allocated: *):100; mem(allocated: *):32 required by task and its executor is more "
          + "than available \(available)"
      }, change: { $0.resources[0].scalar.value = 100 }),
  ]

  @Test(.timeLimit(.minutes(2)), arguments: refused)
  func `a task that breaks a rule is TASK_ERROR and the offer's resources return`(_ bad: Refused) async throws {
    try await TestCluster.with { cluster in
      // What the library would refuse itself is sent to the master.
      var configuration = try TestFramework.configuration(cluster.master)
      configuration.policy.checksOffers = false
      try await withScheduler(configuration) { scheduler in
        var offered: Offer?
        updates: for await update in scheduler.updates {
          switch update {
          case .offers(let offers):
            let offer = offers[0]
            if offered != nil {
              // The same resources came back.
              #expect(offer.resources == offered?.resources)
              break updates
            }
            offered = offer
            var pool = OfferPool([offer])
            var task = TaskInfo()
            task.name = "t"
            task.taskID.value = "t"
            task.agentID = offer.agentID
            let resources = pool.take(["cpus": 0.1, "mem": 32])
            task.resources = try #require(resources)
            task.command = .shell("true")
            bad.change(&task)
            try await scheduler.accept([offer], launch: [task], refuse: .zero)
          case .task(let update):
            #expect(update.status.state == .taskError)
            #expect(update.status.reason == bad.reason)
            #expect(update.status.source == .master)
            #expect(update.status.message == bad.text(try #require(offered)))
          case .error(let error):
            throw error
          default: break
          }
        }
      }
    }
  }

  @Test(.timeLimit(.minutes(2)))
  func `an offer is good once, and a task id of a living task is refused`() async throws {
    try await TestCluster.with(agents: 2) { cluster in
      // What the library would refuse itself is sent to the master.
      var configuration = try TestFramework.configuration(cluster.master)
      configuration.policy.checksOffers = false
      try await withScheduler(configuration) { scheduler in
        var first: Offer?
        var outcomes: [String: TaskStatus] = [:]
        func task(_ id: String, on offer: Offer) throws -> TaskInfo {
          var pool = OfferPool([offer])
          let taken = pool.take(["cpus": 0.1, "mem": 32])
          let resources = try #require(taken)
          var task = TaskInfo()
          task.name = id
          task.taskID.value = id
          task.agentID = offer.agentID
          task.resources = resources
          task.command = .shell("sleep 1000")
          return task
        }
        updates: for await update in scheduler.updates {
          switch update {
          case .offers(let offers):
            for offer in offers {
              if let used = first {
                guard outcomes["late"] == nil else { break updates }
                try await scheduler.accept([used], launch: [try task("late", on: used)])
                try await scheduler.accept([offer], launch: [try task("living", on: offer)], refuse: .zero)
              } else {
                first = offer
                try await scheduler.accept([offer], launch: [try task("living", on: offer)], refuse: .zero)
              }
            }
          case .task(let update):
            let status = update.status
            if status.reason == .invalidOffers || status.state == .taskError { outcomes[status.taskID.value] = status }
            if outcomes.count == 2 { break updates }
          case .error(let error): throw error
          default: break
          }
        }
        #expect(outcomes["late"]?.state == .taskDropped)
        #expect(outcomes["late"]?.reason == .invalidOffers)
        #expect(outcomes["living"]?.state == .taskError)
        #expect(outcomes["living"]?.message == "Task has duplicate ID: living")
      }
    }
  }

  @Test(.timeLimit(.minutes(2)))
  func `an agent that nobody knows changes nothing, and its tasks are unknown`() async throws {
    try await TestCluster.with { cluster in
      try await withScheduler(try TestFramework.configuration(cluster.master)) { scheduler in
        for await update in scheduler.updates { if case .subscribed = update { break } }
        let before = try await cluster.state().getTasks
        let nobody = AgentID.with { $0.value = "nosuch" }
        let task = TaskID.with { $0.value = "t" }
        try await scheduler.message([1, 2, 3], to: .with { $0.value = "e" }, on: nobody)
        try await scheduler.shutdown(executor: .with { $0.value = "e" }, on: nobody)
        try await scheduler.kill(task, on: nobody)
        try await scheduler.reconcile([(task: task, agent: nobody)])
        // The calls are taken in their order, so this answers for all of them.
        var answers: [TaskStatus] = []
        for await update in scheduler.updates {
          guard case .task(let update) = update else { continue }
          answers.append(update.status)
          if update.status.reason == .reconciliation { break }
        }
        #expect(Set(answers.map(\.state)) == [.taskUnknown])
        #expect(answers.allSatisfy { $0.source == .master && $0.taskID == task })
        #expect(answers.last?.message == "Reconciliation: Task is unknown")
        #expect(try await cluster.state().getTasks == before)
      }
    }
  }
}
