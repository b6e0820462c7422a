import MesosHTTP
import MesosHTTPClient
import MesosModel
import SwiftProtobuf
import Testing

/// Reads of the operator API that tell of the server itself, and what operators did that reads tell of.
@Suite(.serialized)
struct OperatorReadTests {
  @Test(.timeLimit(.minutes(1)), arguments: [MessageEncoding.json, .protobuf])
  func `GET_HEALTH, GET_VERSION, GET_FLAGS, GET_METRICS and GET_MASTER tell of the server`(
    encoding: MessageEncoding
  ) async throws {
    try await TestCluster.with { cluster in
      func read(_ type: MasterCall.TypeEnum) async throws -> MasterResponse {
        let response = try await cluster.read(.with { $0.type = type }, encoding: encoding)
        #expect("\(response.type)" == "\(type)")
        return response
      }
      #expect(try await read(.getHealth).getHealth.healthy)
      #expect(try await read(.getVersion).getVersion.versionInfo.version == "1.11.0")
      #expect(try await read(.getFlags).hasGetFlags)
      let metrics = try await cluster.read(
        .with {
          $0.type = .getMetrics
          $0.getMetrics.timeout.nanoseconds = 5_000_000_000
        }, encoding: encoding
      ).getMetrics.metrics
      #expect(metrics.contains { $0.name == "master/elected" && $0.value == 1 })
      #expect(metrics.map(\.name) == metrics.map(\.name).sorted())
      let master = try await read(.getMaster).getMaster
      #expect(cluster.master.hasSuffix(":\(master.masterInfo.port)"))
      #expect(master.electedTime > 0 && master.startTime <= master.electedTime)
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `GET_AGENTS tells of capabilities, deactivation and draining`() async throws {
    try await TestCluster.with { cluster in
      func agent() async throws -> MasterResponse.GetAgents.Agent {
        try #require(try await cluster.read(.with { $0.type = .getAgents }).getAgents.agents.first)
      }
      let before = try await agent()
      #expect(before.active && !before.deactivated && !before.hasDrainInfo)
      #expect(before.capabilities.contains { $0.type == .agentDraining })
      let id = before.agentInfo.id
      func tell(_ build: (inout MasterCall) -> Void) async throws -> Int {
        try await TestCluster.post(
          cluster.master, "/api/v1", MessageEncoding.protobuf.encode(MasterCall.with(build)),
          headers: ["Content-Type": MessageEncoding.protobuf.contentType]
        ).status
      }
      #expect(
        try await tell {
          $0.type = .deactivateAgent
          $0.deactivateAgent.agentID = id
        } == 200)
      let deactivated = try await agent()
      #expect(deactivated.deactivated && !deactivated.active && !deactivated.hasDrainInfo)
      #expect(
        try await tell {
          $0.type = .reactivateAgent
          $0.reactivateAgent.agentID = id
        } == 200)
      #expect(try await agent().deactivated == false)
      #expect(
        try await tell {
          $0.type = .drainAgent
          $0.drainAgent.agentID = id
          $0.drainAgent.maxGracePeriod.seconds = 7
        } == 200)
      let drained = try await agent()
      #expect(drained.deactivated && drained.drainInfo.config.maxGracePeriod.nanoseconds == 7_000_000_000)
      #expect(drained.drainInfo.state == .drained, "it had no tasks")
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `GET_ROLES tells of weights, frameworks and what roles have`() async throws {
    try await TestCluster.with { cluster in
      let put = try await TestCluster.post(
        cluster.master, "/weights", Array(#"[{"role":"dev","weight":2.5}]"#.utf8),
        headers: ["Content-Type": "application/json"], method: "PUT")
      #expect(put.status == 200)
      let roles = try await cluster.read(.with { $0.type = .getRoles }).getRoles.roles
      #expect(roles.first { $0.name == "dev" }?.weight == 2.5)
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `the pages maintenance schedule and status show what was planned and who is asked to leave`() async throws {
    try await TestCluster.with { cluster in
      let machine = #"{"hostname":"other","ip":"10.0.0.9"}"#
      let window = #"{"machine_ids":[\#(machine)],"unavailability":{"start":{"nanoseconds":5}}}"#
      func send(_ method: String, _ path: String, _ body: String = "") async throws -> String {
        let answer = try await TestCluster.post(
          cluster.master, path, Array(body.utf8), headers: ["Content-Type": "application/json"], method: method)
        return "\(answer.status) \(String(decoding: answer.body, as: UTF8.self))"
      }
      #expect(try await send("POST", "/maintenance/schedule", #"{"windows":[\#(window)]}"#) == "200 ")
      #expect(try await send("GET", "/maintenance/schedule") == #"200 {"windows":[\#(window)]}"#)
      let draining = try await send("GET", "/maintenance/status")
      #expect(draining == #"200 {"draining_machines":[{"id":\#(machine)}]}"#)
      #expect(try await send("POST", "/machine/down", "[\(machine)]").hasPrefix("200"))
      #expect(try await send("GET", "/master/maintenance/status") == #"200 {"down_machines":[\#(machine)]}"#)
    }
  }
}
