import Foundation
import MasterCore
import MesosHTTP
import MesosHTTPClient
import MesosModel
import ReferenceMaster
import SchedulerKit
import Testing

/// Keys that a real Apache Mesos 1.11 showed on `/metrics/snapshot`, with names of frameworks, roles and principals replaced.
struct MetricsTests {
  private static let fixture = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Fixtures/metric-keys.txt")

  /// Keys that need what the cluster of the test does not have.
  private static let conditional = [
    "/quota/", "/source_", "frameworks/PRINCIPAL/",
  ]

  @Test func `the snapshot has every key of Apache Mesos 1.11`() async throws {
    let expected = try String(contentsOf: Self.fixture, encoding: .utf8).split(separator: "\n").map(String.init)
    #expect(expected.count > 290)
    try await TestCluster.with(agents: 1) { cluster in
      try await withScheduler(try TestFramework.configuration(cluster.master, name: "a b/c")) { scheduler in
        _ = try await TestFramework.run([.init("echo", .shell("echo hello"))], on: scheduler)
        let id = try #require(scheduler.frameworkID?.value)
        let answer = try await Self.get(cluster, "/metrics/snapshot")
        let found = try #require(try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Double])
        for key in expected where !Self.conditional.contains(where: key.contains) {
          let key = key.replacing("NAME", with: "a%20b%2Fc").replacing("FRAMEWORK", with: id).replacing(
            "ROLE", with: "*")
          #expect(found[key] != nil, "\(key)")
        }
        let prefix = "master/frameworks/a%20b%2Fc/\(id)/"
        #expect(found[prefix + "subscribed"] == 1)
        #expect(found[prefix + "calls/subscribe"] == 1)
        #expect(found[prefix + "operations/launch"] == 1)
        #expect(found[prefix + "offers/accepted"] == 1)
        #expect(found[prefix + "tasks/terminal/task_finished"] == 1)
        #expect(found["allocator/mesos/allocation_run_ms/count"] ?? 0 > 0)
        #expect(found["registrar/registry_size_bytes"] ?? 0 > 0)
        #expect(found["registrar/state_store_ms/count"] ?? 0 > 0)
        #expect(found["system/cpus_total"] ?? 0 > 0)
      }
    }
  }

  /// The fixture is what the agent of a real Apache Mesos 1.11.0 showed after two tasks.
  @Test func `the agent's snapshot has the keys of Apache Mesos 1.11 but for what it does not do yet`() async throws {
    let fixture = Self.fixture.deletingLastPathComponent().appending(path: "agent-metric-keys.txt")
    let expected = try String(contentsOf: fixture, encoding: .utf8).split(separator: "\n").map(String.init)
    #expect(expected.count == 68)
    let missing = [
      "containerizer/", "gc/", "slave/executor_directory_max_allowed_age_secs", "slave/recovery_time_secs",
    ]
    try await TestCluster.with(agents: 1) { cluster in
      try await withScheduler(try TestFramework.configuration(cluster.master)) { scheduler in
        _ = try await TestFramework.run([.init("echo", .shell("echo hello"))], on: scheduler)
        let answer = try await TestCluster.post(
          cluster.agents[0], "/metrics/snapshot", [], headers: [:], method: "GET")
        let found = try #require(try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Double])
        for key in expected where !missing.contains(where: key.hasPrefix) { #expect(found[key] != nil, "\(key)") }
        #expect(found["slave/registered"] == 1 && found["slave/tasks_finished"] == 1)
        #expect(found["slave/cpus_total"] == 8)
      }
    }
  }

  @Test func `metrics by framework can be left out`() async throws {
    try await TestCluster.with(agents: 1, adjust: { $0.adjust = { $0.publishesFrameworkMetrics = false } }) { cluster in
      try await withScheduler(try TestFramework.configuration(cluster.master)) { scheduler in
        _ = try await TestFramework.run([.init("echo", .shell("echo hello"))], on: scheduler)
        let answer = try await Self.get(cluster, "/metrics/snapshot")
        #expect(!String(decoding: answer.body, as: UTF8.self).contains("master/frameworks/"))
      }
    }
  }

  @Test func `Prometheus reads the same metrics as text`() async throws {
    try await TestCluster.with(agents: 1) { cluster in
      let answer = try await Self.get(cluster, "/metrics")
      #expect(answer.status == 200)
      #expect(answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
      let text = String(decoding: answer.body, as: UTF8.self)
      #expect(text.hasSuffix("\n"))
      #expect(text.contains("# TYPE mesos_master_slaves_active gauge\nmesos_master_slaves_active 1.0\n"))
      #expect(text.contains("mesos_allocator_mesos_resources_total{resource=\"cpus\"} 8.0\n"))
      var names: Set<Substring> = []
      for line in text.split(separator: "\n") {
        if line.hasPrefix("# TYPE ") {
          let name = line.dropFirst("# TYPE ".count).prefix { $0 != " " }
          #expect(names.insert(name).inserted, "\(name) is in two groups")
        } else {
          #expect(line.wholeMatch(of: /[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? -?[0-9.e+-]+/) != nil, "\(line)")
        }
      }
      let agent = try await TestCluster.post(cluster.agents[0], "/metrics", [], headers: [:], method: "GET")
      #expect(String(decoding: agent.body, as: UTF8.self).contains("mesos_slave_cpus_total 8.0\n"))
    }
  }

  private static func get(_ cluster: TestCluster, _ path: String) async throws -> ClientResponse {
    try await TestCluster.post(cluster.master, path, [], headers: [:], method: "GET")
  }
}
