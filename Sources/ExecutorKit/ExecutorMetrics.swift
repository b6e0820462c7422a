import CoreMetrics
import MesosModel

/// What an executor counts. All labels come from closed lists, so that their number is bounded.
struct ExecutorMetrics: Sendable {
  /// Levels that gauges show.
  struct Levels: Hashable, Sendable {
    var isSubscribed = false
    var unacknowledgedUpdates = 0
    var unacknowledgedTasks = 0
    var eventsBuffered = 0
  }

  enum Outcome: String, CaseIterable {
    case accepted, refused, failed
  }

  let connectionAttempts: Counter
  let disconnections: Counter
  let updates: Counter
  let acknowledgements: Counter
  let readerLag: CoreMetrics.Timer
  private let firstSubscriptions: Counter
  private let resubscriptions: Counter
  private let events: [ExecutorEvent.TypeEnum: Counter]
  private let calls: [ExecutorCall.TypeEnum: [Outcome: Counter]]
  private let durations: [ExecutorCall.TypeEnum: CoreMetrics.Timer]
  private let connected: Gauge
  private let unacknowledgedUpdates: Gauge
  private let unacknowledgedTasks: Gauge
  private let eventsBuffered: Gauge

  init(_ factory: any MetricsFactory) {
    func counter(_ name: String, _ dimensions: [(String, String)] = []) -> Counter {
      Counter(label: "mesos_executor_" + name, dimensions: dimensions, factory: factory)
    }
    func gauge(_ name: String) -> Gauge { Gauge(label: "mesos_executor_" + name, factory: factory) }
    connectionAttempts = counter("connection_attempts_total")
    firstSubscriptions = counter("subscriptions_total", [("kind", "first")])
    resubscriptions = counter("subscriptions_total", [("kind", "again")])
    disconnections = counter("disconnections_total")
    updates = counter("updates_total")
    acknowledgements = counter("acknowledgements_total")
    readerLag = CoreMetrics.Timer(label: "mesos_executor_reader_lag", factory: factory)
    connected = gauge("connected")
    unacknowledgedUpdates = gauge("updates_unacknowledged")
    unacknowledgedTasks = gauge("tasks_unacknowledged")
    eventsBuffered = gauge("events_buffered")
    events = Dictionary(
      uniqueKeysWithValues: ExecutorEvent.TypeEnum.allCases.map {
        ($0, counter("events_total", [("type", $0.metricName)]))
      })
    let types = ExecutorCall.TypeEnum.allCases.filter { $0 != .unknown && $0 != .subscribe }
    calls = Dictionary(
      uniqueKeysWithValues: types.map { type in
        (
          type,
          Dictionary(
            uniqueKeysWithValues: Outcome.allCases.map {
              ($0, counter("calls_total", [("type", type.metricName), ("outcome", $0.rawValue)]))
            })
        )
      })
    durations = Dictionary(
      uniqueKeysWithValues: types.map {
        (
          $0,
          CoreMetrics.Timer(
            label: "mesos_executor_call_duration", dimensions: [("type", $0.metricName)], factory: factory)
        )
      })
  }

  func received(_ type: ExecutorEvent.TypeEnum) { events[type]?.increment() }

  func subscribed(again: Bool) { (again ? resubscriptions : firstSubscriptions).increment() }

  func ended(_ type: ExecutorCall.TypeEnum, _ outcome: Outcome, after duration: Duration) {
    calls[type]?[outcome]?.increment()
    durations[type]?.recordNanoseconds(duration.wholeNanoseconds)
  }

  /// Shows what is not as it was.
  func show(_ levels: Levels, after last: Levels) {
    if levels.isSubscribed != last.isSubscribed { connected.record(levels.isSubscribed ? 1 : 0) }
    if levels.unacknowledgedUpdates != last.unacknowledgedUpdates {
      unacknowledgedUpdates.record(levels.unacknowledgedUpdates)
    }
    if levels.unacknowledgedTasks != last.unacknowledgedTasks {
      unacknowledgedTasks.record(levels.unacknowledgedTasks)
    }
    if levels.eventsBuffered != last.eventsBuffered { eventsBuffered.record(levels.eventsBuffered) }
  }
}

extension ExecutorEvent.TypeEnum {
  /// The name on the wire, in lower case.
  var metricName: String {
    switch self {
    case .unknown: "unknown"
    case .subscribed: "subscribed"
    case .launch: "launch"
    case .launchGroup: "launch_group"
    case .kill: "kill"
    case .acknowledged: "acknowledged"
    case .message: "message"
    case .shutdown: "shutdown"
    case .error: "error"
    case .heartbeat: "heartbeat"
    }
  }
}

extension ExecutorCall.TypeEnum {
  /// The name on the wire, in lower case.
  var metricName: String {
    switch self {
    case .unknown: "unknown"
    case .subscribe: "subscribe"
    case .update: "update"
    case .message: "message"
    case .heartbeat: "heartbeat"
    }
  }
}
