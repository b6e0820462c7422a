import Foundation
import MesosHTTP
import MesosHTTPClient
import MesosModel
import SchedulerKit
import SwiftProtobuf
import Testing

/// The master's documents from before the v1 API, as pollers and the web page of Apache Mesos read them.
struct LegacyPageTests {
  private typealias Object = [String: Any]

  private static func get(
    _ cluster: TestCluster, _ path: String, query: [(name: String, value: String)] = [], headers: HeaderFields = [:]
  ) async throws -> ClientResponse {
    let endpoint = try #require(HTTPEndpoint(cluster.master))
    let client = MesosHTTPClient(logger: nil)
    do {
      let answer = try await client.call(
        OutgoingRequest(endpoint, path: path, query: query, headers: headers), maximumBody: 64 << 20,
        deadline: .seconds(30))
      try await client.shutdown()
      return answer
    } catch {
      try? await client.shutdown()
      throw error
    }
  }

  private static func object(
    _ cluster: TestCluster, _ path: String, query: [(name: String, value: String)] = []
  ) async throws -> Object {
    let answer = try await get(cluster, path, query: query)
    #expect(answer.status == 200, "\(path)")
    #expect(answer.headers["Content-Type"] == "application/json", "\(path)")
    return try #require(try JSONSerialization.jsonObject(with: Data(answer.body)) as? Object, "\(path)")
  }

  /// Runs `body` while a framework has one task that runs and two that finished.
  private static func withTasks(_ body: @escaping @Sendable (TestCluster, String) async throws -> Void) async throws {
    try await TestCluster.with(agents: 2) { cluster in
      try await withScheduler(try TestFramework.configuration(cluster.master, name: "pages")) { scheduler in
        let jobs: [TestFramework.Job] = [
          .init("first", .shell("true")), .init("second", .shell("true")), .init("long", .shell("sleep 1000")),
        ]
        _ = try await TestFramework.run(
          jobs, on: scheduler,
          until: { statuses in
            statuses["long"]?.last?.state == .taskRunning && statuses["first"]?.last?.state == .taskFinished
              && statuses["second"]?.last?.state == .taskFinished
          })
        try await body(cluster, try #require(scheduler.frameworkID?.value))
      }
    }
  }

  @Test func `state-summary counts the tasks of agents and frameworks`() async throws {
    try await Self.withTasks { cluster, id in
      for path in ["/state-summary", "/master/state-summary"] {
        let page = try await Self.object(cluster, path)
        #expect(Set(page.keys) == ["hostname", "slaves", "frameworks"])
        let framework = try #require((page["frameworks"] as? [Object])?.first)
        #expect(framework["id"] as? String == id && framework["name"] as? String == "pages")
        #expect(framework["TASK_RUNNING"] as? Int == 1 && framework["TASK_FINISHED"] as? Int == 2)
        #expect(framework["TASK_UNREACHABLE"] as? Int == 0)
        let agents = try #require(page["slaves"] as? [Object])
        #expect(agents.reduce(0) { $0 + (($1["TASK_RUNNING"] as? Int) ?? 0) } == 1)
        #expect(
          Set(try #require(framework["slave_ids"] as? [String]))
            == Set(agents.filter { ($0["framework_ids"] as? [String]) == [id] }.compactMap { $0["id"] as? String }))
      }
    }
  }

  @Test func `tasks are listed by the time of their first status, with limit, offset, order and filters`() async throws
  {
    try await Self.withTasks { cluster, id in
      func ids(_ query: [(name: String, value: String)]) async throws -> [String] {
        try #require(try await Self.object(cluster, "/tasks", query: query)["tasks"] as? [Object])
          .compactMap { $0["id"] as? String }
      }
      let newestFirst = try await ids([])
      #expect(Set(newestFirst) == ["first", "second", "long"])
      #expect(try await ids([("order", "asc")]) == newestFirst.reversed())
      #expect(try await ids([("limit", "2")]) == Array(newestFirst.prefix(2)))
      #expect(try await ids([("limit", "2"), ("offset", "1")]) == Array(newestFirst.dropFirst()))
      #expect(try await ids([("offset", "7")]) == [])
      #expect(try await ids([("limit", "0")]) == [])
      #expect(try await ids([("limit", "-1")]) == [])
      #expect(try await ids([("limit", "many")]) == newestFirst)
      #expect(try await ids([("task_id", "long")]) == ["long"])
      #expect(try await ids([("framework_id", id)]) == newestFirst)
      #expect(try await ids([("framework_id", "none")]) == [])
    }
  }

  @Test func `frameworks and agents are listed, all of them or one`() async throws {
    try await Self.withTasks { cluster, id in
      let all = try await Self.object(cluster, "/frameworks")
      #expect(Set(all.keys) == ["frameworks", "completed_frameworks", "unregistered_frameworks"])
      let framework = try #require((all["frameworks"] as? [Object])?.first)
      // The end of one is not acknowledged yet.
      let (tasks, completed) = (framework["tasks"] as? [Object] ?? [], framework["completed_tasks"] as? [Object] ?? [])
      #expect(Set((tasks + completed).compactMap { $0["id"] as? String }) == ["first", "second", "long"])
      #expect(completed.allSatisfy { $0["state"] as? String == "TASK_FINISHED" })
      #expect(
        (try await Self.object(cluster, "/frameworks", query: [("framework_id", id)])["frameworks"] as? [Object])?.count
          == 1)
      #expect(
        (try await Self.object(cluster, "/frameworks", query: [("framework_id", "x")])["frameworks"] as? [Object])?
          .count
          == 0)

      let agents = try #require(try await Self.object(cluster, "/slaves")["slaves"] as? [Object])
      #expect(agents.count == 2)
      for key in [
        "reserved_resources_full", "unreserved_resources_full", "used_resources_full", "offered_resources_full",
        "resources", "attributes", "pid", "active", "deactivated", "capabilities",
      ] { #expect(agents[0][key] != nil, "\(key)") }
      let one = try #require(agents[1]["id"] as? String)
      let found = try await Self.object(cluster, "/slaves", query: [("slave_id", one)])
      #expect((found["slaves"] as? [Object])?.compactMap { $0["id"] as? String } == [one])
      #expect((found["recovered_slaves"] as? [Object])?.isEmpty == true)
    }
  }

  @Test func `roles are shown with weight, quota and what they have`() async throws {
    try await Self.withTasks { cluster, id in
      let roles = try #require(try await Self.object(cluster, "/roles")["roles"] as? [Object])
      let role = try #require(roles.first { $0["name"] as? String == "*" })
      #expect(role["weight"] as? Double == 1 && role["frameworks"] as? [String] == [id])
      #expect((role["allocated"] as? [String: Double])?["cpus"] == 0.1)
      let quota = try #require(role["quota"] as? Object)
      #expect(Set(quota.keys) == ["role", "guarantee", "limit", "consumed"])
      #expect((quota["consumed"] as? [String: Double])?["mem"] == 32)
      for (path, empty) in [
        ("/weights", "[]"), ("/quota", "{}"), ("/maintenance/schedule", "{}"), ("/maintenance/status", "{}"),
      ] {
        let answer = try await Self.get(cluster, "/master" + path)
        #expect(answer.status == 200 && String(decoding: answer.body, as: UTF8.self) == empty, "\(path)")
      }
    }
  }

  @Test func `a page is wrapped for JSONP, and only in the name of a function`() async throws {
    try await TestCluster.with(agents: 1) { cluster in
      let answer = try await Self.get(cluster, "/state", query: [("jsonp", "angular.callbacks._0")])
      let text = String(decoding: answer.body, as: UTF8.self)
      #expect(answer.headers["Content-Type"] == "text/javascript")
      #expect(text.hasPrefix(#"angular.callbacks._0({"version":"1.11.0""#) && text.hasSuffix("})"))
      #expect(try await Self.get(cluster, "/state", query: [("jsonp", "alert(1);x")]).status == 400)
    }
  }

  @Test func `a page is compressed for who accepts gzip`() async throws {
    try await TestCluster.with(agents: 1) { cluster in
      let plain = try await Self.get(cluster, "/slaves")
      let answer = try await Self.get(cluster, "/slaves", headers: ["Accept-Encoding": "gzip"])
      #expect(plain.headers["Content-Encoding"] == nil)
      #expect(answer.headers["Content-Encoding"] == "gzip")
      #expect(answer.body.starts(with: [0x1F, 0x8B]) && answer.body.count < plain.body.count)
      let refused = try await Self.get(cluster, "/slaves", headers: ["Accept-Encoding": "gzip;q=0, identity"])
      #expect(refused.headers["Content-Encoding"] == nil)
      // Too small to be worth it.
      #expect(
        try await Self.get(cluster, "/weights", headers: ["Accept-Encoding": "gzip"]).headers["Content-Encoding"] == nil
      )
    }
  }

  @Test func `a master says why a framework is offered nothing`() async throws {
    try await Self.withTasks { cluster, id in
      let page = try await Self.object(cluster, "/explain", query: [("framework_id", id)])
      let verdicts = try #require(page["verdicts"] as? [Object])
      #expect(page["framework_id"] as? String == id && verdicts.count == 2)
      for verdict in verdicts {
        #expect(verdict["role"] as? String == "*")
        #expect((verdict["verdict"] as? String)?.isEmpty == false && (verdict["message"] as? String)?.isEmpty == false)
      }
      #expect((page["summary"] as? String)?.contains(id) == true)
      let one = try #require(verdicts[0]["agent_id"] as? String)
      let part = try await Self.object(cluster, "/explain", query: [("framework_id", id), ("agent_id", one)])
      #expect((part["verdicts"] as? [Object])?.count == 1)
      #expect(try await Self.get(cluster, "/explain").status == 400)
      #expect(try await Self.get(cluster, "/explain", query: [("framework_id", "none")]).status == 404)
      #expect(try await Self.get(cluster, "/explain", query: [("framework_id", id), ("role", "x")]).status == 400)
    }
  }
}
