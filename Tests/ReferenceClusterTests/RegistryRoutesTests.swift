import MesosHTTP
import MesosHTTPClient
import MesosModel
import SwiftProtobuf
import Testing

/// The endpoints of before the v1 API that change quotas, weights and machines.
@Suite(.timeLimit(.minutes(2))) struct RegistryRoutesTests {
  private func send(
    _ method: String, _ path: String, _ body: String = "", to cluster: TestCluster
  ) async throws -> (status: Int, text: String) {
    let answer = try await TestCluster.post(cluster.master, path, Array(body.utf8), headers: [:], method: method)
    return (answer.status, String(decoding: answer.body, as: UTF8.self))
  }

  @Test func `quotas are set, conflict, and are removed`() async throws {
    try await TestCluster.with { cluster in
      let guarantee = #"[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]"#
      let set = try await send("POST", "/quota", #"{"role":"dev","guarantee":\#(guarantee)}"#, to: cluster)
      #expect(set.status == 200, "\(set.text)")
      let again = try await send("POST", "/master/quota", #"{"role":"dev","guarantee":\#(guarantee)}"#, to: cluster)
      #expect(again.status == 400)
      let large = guarantee.replacing("\"value\":1", with: "\"value\":1000")
      let conflict = try await send("POST", "/quota", #"{"role":"ops","guarantee":\#(large)}"#, to: cluster)
      #expect(conflict.status == 409)
      let forced = try await send(
        "POST", "/quota", #"{"role":"ops","force":true,"guarantee":\#(large)}"#, to: cluster)
      #expect(forced.status == 200)
      let configs = try await cluster.read(.with { $0.type = .getQuota }).getQuota.status.configs
      #expect(configs.map(\.role) == ["dev", "ops"])
      let removed = try await send("DELETE", "/master/quota/dev", to: cluster)
      #expect(removed.status == 200)
      let unknown = try await send("DELETE", "/quota/dev", to: cluster)
      #expect(unknown.status == 400)
      let nameless = try await send("DELETE", "/quota", to: cluster)
      #expect(nameless.text.contains("expected 3 tokens, found 2 tokens"))
      let malformed = try await send("POST", "/quota", "x", to: cluster)
      #expect(malformed.status == 400 && malformed.text.hasPrefix("Failed to parse set quota request JSON 'x'"))
    }
  }

  @Test func `weights are put, and machines go down and up`() async throws {
    try await TestCluster.with { cluster in
      let put = try await send("PUT", "/weights", #"[{"role":"dev","weight":2.5}]"#, to: cluster)
      #expect(put.status == 200)
      let half = try await send("PUT", "/weights", #"[{"role":"dev"}]"#, to: cluster)
      #expect(half.text.contains("Missing required fields: weight"))
      let weights = try await cluster.read(.with { $0.type = .getWeights }).getWeights.weightInfos
      #expect(weights.map(\.weight) == [2.5])

      let machine = #"{"hostname":"other","ip":"10.0.0.9"}"#
      let window = #"{"machine_ids":[\#(machine)],"unavailability":{"start":{"nanoseconds":5}}}"#
      let planned = try await send("POST", "/maintenance/schedule", #"{"windows":[\#(window)]}"#, to: cluster)
      #expect(planned.status == 200, "\(planned.text)")
      let down = try await send("POST", "/machine/down", "[\(machine)]", to: cluster)
      #expect(down.status == 200, "\(down.text)")
      let status = try await cluster.read(.with { $0.type = .getMaintenanceStatus }).getMaintenanceStatus.status
      #expect(status.downMachines.map(\.hostname) == ["other"])
      let up = try await send("POST", "/master/machine/up", "[\(machine)]", to: cluster)
      #expect(up.status == 200)
      let empty = try await send("POST", "/machine/up", "[]", to: cluster)
      #expect(empty.status == 400 && empty.text.contains("List of machines is empty"))
    }
  }
}
