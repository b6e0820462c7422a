import MesosHTTP
import MesosHTTPClient
import MesosModel
import OperatorKit
import ReferenceMaster
import SchedulerKit
import SwiftProtobuf
import Testing

/// The operator API's event stream of a master that runs tasks.
struct EventStreamTests {
  @Test(arguments: MessageEncoding.allCases)
  func `a watcher sees a framework come, its task run and end, and both go`(encoding: MessageEncoding) async throws {
    try await TestCluster.with(agents: 1) { cluster in
      var configuration = OperatorConfiguration()
      configuration.encoding = encoding
      try await withMasterClient(cluster.master, configuration: configuration) { client in
        let events = try await client.subscribe()
        var iterator = events.makeAsyncIterator()
        let first = try #require(try await iterator.next())
        #expect(first.type == .subscribed)
        #expect(first.subscribed.heartbeatIntervalSeconds == 15)
        #expect(first.subscribed.getState.getAgents.agents.count == 1)
        #expect(try await iterator.next()?.type == .heartbeat)

        let scheduler = try TestFramework.configuration(cluster.master, name: "watched")
        try await withScheduler(scheduler) { scheduler in
          _ = try await TestFramework.run([.init("echo", .shell("echo hello"))], on: scheduler)
          try await scheduler.teardown()
        }
        var seen: [MasterEvent] = []
        while let event = try await iterator.next() {
          seen.append(event)
          if event.type == .frameworkRemoved { break }
        }
        let kinds = seen.map(\.type).filter { $0 != .heartbeat && $0 != .frameworkUpdated }
        #expect(kinds.first == .frameworkAdded && kinds.last == .frameworkRemoved)
        #expect(seen.first { $0.type == .taskAdded }?.taskAdded.task.state == .taskStaging)
        let states = seen.filter { $0.type == .taskUpdated }.map(\.taskUpdated.status.state)
        // Its end may not be acknowledged when the framework goes.
        #expect(states.prefix(3) == [.taskStarting, .taskRunning, .taskFinished])
        #expect(seen.last?.frameworkRemoved.frameworkInfo.name == "watched")
      }
    }
  }

  @Test func `an extended stream is resumed by its numbers, and an unknown log begins with a snapshot`() async throws {
    try await TestCluster.with(agents: 1) { cluster in
      let first = try await Self.records(cluster, [("events", "extended")], count: 2)
      let log = try #require(first.log)
      let state = String(decoding: first.records[0], as: UTF8.self)
      #expect(state.hasPrefix(#"{"type":"SUBSCRIBED""#))
      let sequence = try #require(state.split(separator: "\"sequence\":").last.flatMap { UInt64($0.dropLast()) })

      let resumed = try await Self.records(cluster, [("after", "\(log):\(max(1, sequence - 1))")], count: 1)
      #expect(String(decoding: resumed.records[0], as: UTF8.self) == #"{"type":"HEARTBEAT"}"#)
      let other = try await Self.records(cluster, [("after", "another:\(sequence)")], count: 1)
      #expect(String(decoding: other.records[0], as: UTF8.self).hasPrefix(#"{"type":"SUBSCRIBED""#))

      let plain = try await Self.records(cluster, [], count: 2)
      #expect(plain.log == nil)
      #expect(!String(decoding: plain.records[0], as: UTF8.self).contains("\"sequence\""))

      for bad in [("events", "all"), ("after", "12"), ("after", "\(log):x")] {
        #expect(try await Self.records(cluster, [bad], count: 0).status == 400)
      }
    }
  }

  @Test func `beyond the limit the oldest subscriber's stream ends`() async throws {
    try await TestCluster.with(agents: 1, adjust: { $0.eventStreamSubscribersMax = 1 }) { cluster in
      try await withMasterClient(cluster.master) { client in
        let first = try await client.subscribe()
        var iterator = first.makeAsyncIterator()
        #expect(try await iterator.next()?.type == .subscribed)
        let second = try await client.subscribe()
        var other = second.makeAsyncIterator()
        #expect(try await other.next()?.type == .subscribed)
        while let event = try await iterator.next() { #expect(event.type == .heartbeat) }
        let metrics = try await client.getMetrics().metrics
        #expect(metrics.first { $0.name == "master/operator_event_stream_subscribers" }?.value == 1)
      }
    }
  }

  /// The first records of a stream, in JSON.
  private static func records(
    _ cluster: TestCluster, _ query: [(name: String, value: String)], count: Int
  ) async throws -> (status: Int, log: String?, records: [[UInt8]]) {
    let endpoint = try #require(HTTPEndpoint(cluster.master))
    let client = MesosHTTPClient(logger: nil)
    do {
      let response = try await client.open(
        OutgoingRequest(
          endpoint, method: "POST", path: "/api/v1", query: query,
          headers: ["Content-Type": "application/json", "Accept": "application/json"],
          body: Array(#"{"type":"SUBSCRIBE"}"#.utf8)))
      var records: [[UInt8]] = []
      var iterator = response.records(maximumRecordSize: 1 << 20).makeAsyncIterator()
      while records.count < count, let record = try await iterator.next() { records.append(record) }
      response.cancel()
      try await client.shutdown()
      return (response.status, response.headers["Mesos-Event-Log"], records)
    } catch {
      try? await client.shutdown()
      throw error
    }
  }
}
