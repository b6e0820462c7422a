import Foundation
import MesosHTTP
import MesosModel
import SchedulerKit
import SwiftProtobuf
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Tasks with URIs on a real cluster in this process.
@Suite(.serialized)
struct FetchTests {
  private func command(_ text: String, _ uris: [String], cache: Bool = false) -> CommandInfo {
    var command = CommandInfo.shell(text)
    command.uris = uris.map { value in
      .with {
        $0.value = value
        $0.cache = cache
      }
    }
    return command
  }

  private func metric(_ name: String, of cluster: TestCluster) async throws -> Double? {
    let page = try await TestCluster.post(cluster.agents[0], "/metrics/snapshot", [], headers: [:], method: "GET")
    let document = try JSONSerialization.jsonObject(with: Data(page.body)) as? [String: Any]
    return document?["containerizer/fetcher/\(name)"] as? Double
  }

  @Test(.timeLimit(.minutes(2)))
  func `a task finds its files when it starts`() async throws {
    try await TestCluster.with { cluster in
      let file = cluster.folder + "/greeting"
      try Data("hello".utf8).write(to: URL(fileURLWithPath: file))
      try await withScheduler(try TestFramework.configuration(cluster.master)) { scheduler in
        let check = "[ \"$(cat greeting)\" = hello ]"
        let statuses = try await TestFramework.run(
          [.init("direct", command(check, [file])), .init("cached", command(check, [file], cache: true))],
          on: scheduler)
        #expect(statuses["direct"]?.last?.state == .taskFinished)
        #expect(statuses["cached"]?.last?.state == .taskFinished)
        #expect(try await metric("task_fetches_succeeded", of: cluster) == 2)
        #expect(try await metric("cache_size_used_bytes", of: cluster) == 5)
      }
    }
  }

  @Test(.timeLimit(.minutes(2)))
  func `a task whose files cannot be fetched fails and says why`() async throws {
    try await TestCluster.with { cluster in
      try await withScheduler(try TestFramework.configuration(cluster.master)) { scheduler in
        let statuses = try await TestFramework.run(
          [.init("missing", command("true", ["/nonexistent/file"])), .init("bad", command("true", ["http://host"]))],
          on: scheduler)
        for task in ["missing", "bad"] {
          let last = try #require(statuses[task]?.last)
          #expect(last.state == .taskFailed)
          #expect(last.reason == .containerLaunchFailed)
          #expect(last.source == .agent)
          #expect(last.message.hasPrefix("Failed to launch container: "))
        }
        #expect(statuses["missing"]?.last?.message.contains("/nonexistent/file: No such file or directory") == true)
        #expect(statuses["missing"]?.last?.message.contains("Failed to fetch all URIs for container '") == true)
        // Word for word as an agent of Apache Mesos 1.11.0 says it.
        #expect(
          statuses["bad"]?.last?.message
            == "Failed to launch container: Could not fetch: Malformed URI (missing path): http://host")
        #expect(try await metric("task_fetches_failed", of: cluster) == 2)
      }
    }
  }

  /// A socket that listens and never answers.
  private func silentPort() throws -> (socket: Int32, port: UInt16) {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let port = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer -> UInt16? in
        guard bind(socket, pointer, length) == 0, listen(socket, 8) == 0, getsockname(socket, pointer, &length) == 0
        else { return nil }
        return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt16(bigEndian: $0.pointee.sin_port) }
      }
    }
    return (socket, try #require(port))
  }

  @Test(.timeLimit(.minutes(2)))
  func `a task is killed while its files are being fetched`() async throws {
    let (socket, port) = try silentPort()
    defer { close(socket) }
    try await TestCluster.with { cluster in
      try await withScheduler(try TestFramework.configuration(cluster.master)) { scheduler in
        async let killing: Void = {
          // The fetcher has connected: it waits for an answer that does not come.
          await Self.acceptOne(socket)
          try await scheduler.kill(TaskID.with { $0.value = "slow" })
        }()
        let statuses = try await TestFramework.run(
          [.init("slow", command("true", ["http://127.0.0.1:\(port)/file"]))], on: scheduler)
        try await killing
        #expect(statuses["slow"]?.map(\.state) == [.taskKilled])
      }
      // Nothing of it is left.
      while try await cluster.agentState().getExecutors.executors.count > 0 { await Task.yield() }
    }
  }

  @concurrent
  private static func acceptOne(_ socket: Int32) async { _ = accept(socket, nil, nil) }
}

extension TestCluster {
  /// The state of the first agent.
  fileprivate func agentState() async throws -> AgentResponse.GetState {
    let answer = try await TestCluster.post(
      agents[0], "/api/v1", MessageEncoding.protobuf.encode(AgentCall.with { $0.type = .getState }),
      headers: [
        "Content-Type": MessageEncoding.protobuf.contentType, "Accept": MessageEncoding.protobuf.contentType,
      ])
    return try MessageEncoding.protobuf.decode(AgentResponse.self, from: answer.body).getState
  }
}
