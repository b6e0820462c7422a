import MesosHTTP
import MesosHTTPClient
import MesosModel
import SwiftProtobuf
import Testing

/// - Source: Apache Mesos `3rdparty/libprocess/src/logging.cpp`.
@Suite(.serialized)
struct LoggingLevelTests {
  @Test(.timeLimit(.minutes(1)), arguments: [MessageEncoding.json, .protobuf])
  func `SET_LOGGING_LEVEL raises the level of GET_LOGGING_LEVEL on master and agent, and its time ends`(
    encoding: MessageEncoding
  ) async throws {
    try await TestCluster.with { cluster in
      let agent = try #require(cluster.agents.first)
      func master(_ build: (inout MasterCall) -> Void) async throws -> ClientResponse {
        try await post(MasterCall.with(build), to: cluster.master, encoding)
      }
      func level() async throws -> UInt32 {
        let answer = try await master { $0.type = .getLoggingLevel }
        return try encoding.decode(MasterResponse.self, from: answer.body).getLoggingLevel.level
      }
      #expect(try await level() == 0)
      let answer = try await master {
        $0.type = .setLoggingLevel
        $0.setLoggingLevel.level = 2
        $0.setLoggingLevel.duration.nanoseconds = 3_600_000_000_000
      }
      #expect(answer.status == 200 && answer.body.isEmpty)
      #expect(try await level() == 2)
      _ = try await master {
        $0.type = .setLoggingLevel
        $0.setLoggingLevel.level = 1
        $0.setLoggingLevel.duration.nanoseconds = 1
      }
      #expect(try await level() == 0)

      let call = AgentCall.with {
        $0.type = .setLoggingLevel
        $0.setLoggingLevel.level = 3
        $0.setLoggingLevel.duration.nanoseconds = 3_600_000_000_000
      }
      #expect(try await post(call, to: agent, encoding).status == 200)
      let told = try await post(AgentCall.with { $0.type = .getLoggingLevel }, to: agent, encoding)
      #expect(try encoding.decode(AgentResponse.self, from: told.body).getLoggingLevel.level == 3)
      #expect(try await level() == 0, "each server has a level of its own")
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `the page logging toggle tells and sets the level, and says what is wrong`() async throws {
    try await TestCluster.with { cluster in
      for server in [cluster.master, try #require(cluster.agents.first)] {
        func get(level: String? = nil, duration: String? = nil) async throws -> String {
          let query = [("level", level), ("duration", duration)].compactMap { name, value in value.map { (name, $0) } }
          let answer = try await TestCluster.post(
            server, "/logging/toggle", [], headers: [:], method: "GET", query: query)
          return "\(answer.status) \(String(decoding: answer.body, as: UTF8.self))"
        }
        #expect(try await get() == "200 0\n")
        #expect(try await get(level: "2") == "400 Expecting 'duration=value' in query.\n")
        #expect(try await get(duration: "1secs") == "400 Expecting 'level=value' in query.\n")
        #expect(try await get(level: "x", duration: "1secs") == "400 Failed to convert 'x' to number.\n")
        #expect(try await get(level: "-1", duration: "1secs") == "400 Invalid level '-1'.\n")
        #expect(try await get(level: "2", duration: "1hrs") == "200 ")
        #expect(try await get() == "200 2\n")
      }
    }
  }

  private func post(
    _ call: some JSONMessage, to server: String, _ encoding: MessageEncoding
  ) async throws -> ClientResponse {
    try await TestCluster.post(
      server, "/api/v1", encoding.encode(call),
      headers: ["Content-Type": encoding.contentType, "Accept": encoding.contentType])
  }
}
