import Foundation
import InMemoryTracing
import MesosHTTP
import MesosModel
import SchedulerKit
import Testing
import Tracing
import TransportTestKit

@Suite(.timeLimit(.minutes(1))) struct SchedulerObservabilityTests {
  @Test func `what a scheduler does is counted`() async throws {
    let master = FakeMaster()
    let metrics = MemoryMetrics()
    try await FakeMaster.serving(master) { ports in
      var configuration = try quickConfiguration([local(ports[0])])
      configuration.metrics = metrics
      try await withScheduler(configuration) { scheduler in
        try await subscription(of: scheduler)
        #expect(metrics.gauge("mesos_scheduler_connected") == 1)
        master.send(.update("t", .taskRunning, uuid: "0123456789abcdef"))
        for await update in scheduler.updates {
          guard case .task(let update) = update else { continue }
          if update.isTerminal { break }
          #expect(metrics.gauge("mesos_scheduler_known_tasks") == 1)
          master.send(.update("t", .taskFinished, uuid: "fedcba9876543210"))
        }
        master.send(bytes: Array("3\n\u{01}\u{02}\u{03}".utf8))
        try await scheduler.revive()
        master.answer(.kill, status: 403)
        await #expect(throws: SchedulerError.self) { try await scheduler.kill(TaskID("t")) }
        try await scheduler.reconcile()
        try await scheduler.reconcile([(TaskID("t"), nil)])
        // The last update is acknowledged once the next thing is asked for; on its way when its stream ends, the call would go out once more.
        for await update in scheduler.updates { if case .notice = update { break } }
        while metrics.counter("mesos_scheduler_acknowledgements_total") < 2 {
          try Task.checkCancellation()
          await Task.yield()
        }
        master.end()
        try await subscription(of: scheduler)
      }
    }
    let expected: [String: Int64] = [
      "mesos_scheduler_connection_attempts_total": 2, "mesos_scheduler_disconnections_total": 2,
      "mesos_scheduler_subscriptions_total{kind=first}": 1, "mesos_scheduler_subscriptions_total{kind=again}": 1,
      "mesos_scheduler_events_total{type=subscribed}": 2, "mesos_scheduler_events_total{type=update}": 2,
      "mesos_scheduler_bad_records_total": 1, "mesos_scheduler_updates_delivered_total{terminal=false}": 1,
      "mesos_scheduler_updates_delivered_total{terminal=true}": 1, "mesos_scheduler_acknowledgements_total": 2,
      "mesos_scheduler_calls_total{outcome=accepted,type=acknowledge}": 2,
      "mesos_scheduler_calls_total{outcome=accepted,type=revive}": 1,
      "mesos_scheduler_calls_total{outcome=refused,type=kill}": 1,
      "mesos_scheduler_calls_total{outcome=accepted,type=reconcile}": 2,
      "mesos_scheduler_calls_total{outcome=accepted,type=teardown}": 1,
      "mesos_scheduler_reconciliations_total{kind=explicit}": 1,
      "mesos_scheduler_reconciliations_total{kind=implicit}": 1,
    ]
    for (name, count) in expected.sorted(by: { $0.key < $1.key }) { #expect(metrics.counter(name) == count, "\(name)") }
    #expect(metrics.gauge("mesos_scheduler_known_tasks") == 0)
    #expect(metrics.timer("mesos_scheduler_call_duration{type=revive}").count == 1)
    #expect(metrics.timer("mesos_scheduler_reader_lag").allSatisfy { $0 >= 0 })
    #expect(!metrics.timer("mesos_scheduler_reader_lag").isEmpty)
  }

  @Test func `what comes from a master makes no new names`() async throws {
    let master = FakeMaster()
    let metrics = MemoryMetrics()
    try await FakeMaster.serving(master) { ports in
      var configuration = try quickConfiguration([local(ports[0])])
      configuration.metrics = metrics
      try await withScheduler(configuration) { scheduler in
        let before = metrics.names
        try await subscription(of: scheduler)
        for index in 0..<50 { master.send(.update("task-\(index)", .taskRunning, uuid: "\(index)")) }
        var count = 0
        for await update in scheduler.updates {
          if case .task = update { count += 1 }
          if count == 50 { break }
        }
        #expect(metrics.names == before)
        #expect(before.count < 120)
      }
    }
  }

  @Test func `a call is a span of its caller's trace`() async throws {
    let master = FakeMaster()
    let tracer = InMemoryTracer()
    try await FakeMaster.serving(master) { ports in
      var configuration = try quickConfiguration([local(ports[0])])
      configuration.tracer = tracer
      try await withScheduler(configuration) { scheduler in
        try await subscription(of: scheduler)
        master.answer(.kill, status: 403)
        await tracer.withSpan("the caller") { _ in
          try? await scheduler.revive()
          try? await scheduler.kill(TaskID("t"))
        }
        try await scheduler.suppress()
      }
    }
    let spans = tracer.finishedSpans
    let caller = try #require(spans.first { $0.operationName == "the caller" })
    let revive = try #require(spans.first { $0.operationName == "mesos.scheduler.revive" })
    #expect(revive.traceID == caller.traceID)
    #expect(revive.parentSpanID == caller.spanID)
    #expect(revive.kind == .client)
    #expect(revive.errors.isEmpty)
    #expect(revive.attributes.get("mesos.call.type") == "revive")
    #expect(revive.attributes.get("mesos.framework.id") == "F1")
    #expect(revive.attributes.get("mesos.call.outcome") == "accepted")
    let kill = try #require(spans.first { $0.operationName == "mesos.scheduler.kill" })
    #expect(kill.parentSpanID == caller.spanID)
    #expect(kill.attributes.get("mesos.call.outcome") == "refused")
    #expect(kill.attributes.get("http.response.status_code") == .int64(403))
    #expect(kill.status?.code == .error)
    let suppress = try #require(spans.first { $0.operationName == "mesos.scheduler.suppress" })
    #expect(suppress.traceID != caller.traceID)
    #expect(suppress.parentSpanID == nil)
    // One span a call, and none of the library below.
    #expect(spans.count == 4)
  }
}
