import CoreMetrics
import MesosModel
import SchedulerCore

/// What a scheduler counts. All labels come from closed lists, so that their number is bounded.
struct SchedulerMetrics: Sendable {
  /// Levels that gauges show.
  struct Levels: Hashable, Sendable {
    var isSubscribed = false
    var knownTasks = 0
    var callsQueued = 0
    var acknowledgementsQueued = 0
    var updatesBuffered = 0
  }

  enum Outcome: String, CaseIterable {
    case accepted, refused
    case notSent = "not_sent"
    case unknown

    init(_ outcome: CallOutcome) {
      switch outcome {
      case .answered(200..<300, _, _): self = .accepted
      case .answered: self = .refused
      case .notSent: self = .notSent
      case .unknown: self = .unknown
      }
    }
  }

  let connectionAttempts: Counter
  let disconnections: Counter
  let badRecords: Counter
  let readerLag: CoreMetrics.Timer
  private let firstSubscriptions: Counter
  private let resubscriptions: Counter
  private let updates: Counter
  private let terminalUpdates: Counter
  private let acknowledgements: Counter
  private let explicitReconciliations: Counter
  private let implicitReconciliations: Counter
  private let events: [SchedulerEvent.TypeEnum: Counter]
  private let calls: [SchedulerCall.TypeEnum: [Outcome: Counter]]
  private let durations: [SchedulerCall.TypeEnum: CoreMetrics.Timer]
  private let connected: Gauge
  private let knownTasks: Gauge
  private let callsQueued: Gauge
  private let acknowledgementsQueued: Gauge
  private let updatesBuffered: Gauge

  init(_ factory: any MetricsFactory) {
    func counter(_ name: String, _ dimensions: [(String, String)] = []) -> Counter {
      Counter(label: "mesos_scheduler_" + name, dimensions: dimensions, factory: factory)
    }
    func gauge(_ name: String) -> Gauge { Gauge(label: "mesos_scheduler_" + name, factory: factory) }
    connectionAttempts = counter("connection_attempts_total")
    firstSubscriptions = counter("subscriptions_total", [("kind", "first")])
    resubscriptions = counter("subscriptions_total", [("kind", "again")])
    disconnections = counter("disconnections_total")
    badRecords = counter("bad_records_total")
    updates = counter("updates_delivered_total", [("terminal", "false")])
    terminalUpdates = counter("updates_delivered_total", [("terminal", "true")])
    acknowledgements = counter("acknowledgements_total")
    explicitReconciliations = counter("reconciliations_total", [("kind", "explicit")])
    implicitReconciliations = counter("reconciliations_total", [("kind", "implicit")])
    readerLag = CoreMetrics.Timer(label: "mesos_scheduler_reader_lag", factory: factory)
    connected = gauge("connected")
    knownTasks = gauge("known_tasks")
    callsQueued = gauge("calls_queued")
    acknowledgementsQueued = gauge("acknowledgements_queued")
    updatesBuffered = gauge("updates_buffered")
    events = Dictionary(
      uniqueKeysWithValues: SchedulerEvent.TypeEnum.allCases.map {
        ($0, counter("events_total", [("type", $0.metricName)]))
      })
    let types = SchedulerCall.TypeEnum.allCases.filter { $0 != .unknown && $0 != .subscribe }
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
            label: "mesos_scheduler_call_duration", dimensions: [("type", $0.metricName)], factory: factory)
        )
      })
  }

  /// Counts what the core is told.
  func noted(_ event: SchedulerCore.Event) {
    switch event {
    case .record(_, let record): events[record.type]?.increment()
    case .badRecord: badRecords.increment()
    default: break
    }
  }

  func subscribed(again: Bool) { (again ? resubscriptions : firstSubscriptions).increment() }

  /// Counts what the user is given.
  func delivered(_ update: SchedulerUpdate, after lag: Duration) {
    readerLag.recordNanoseconds(lag.wholeNanoseconds)
    guard case .task(let update) = update else { return }
    (update.isTerminal ? terminalUpdates : updates).increment()
  }

  func ended(_ call: SchedulerCall, _ outcome: Outcome, after duration: Duration) {
    calls[call.type]?[outcome]?.increment()
    durations[call.type]?.recordNanoseconds(duration.wholeNanoseconds)
    guard outcome == .accepted else { return }
    switch call.type {
    case .acknowledge: acknowledgements.increment()
    case .reconcile: (call.reconcile.tasks.isEmpty ? implicitReconciliations : explicitReconciliations).increment()
    default: break
    }
  }

  /// Shows what is not as it was.
  func show(_ levels: Levels, after last: Levels) {
    if levels.isSubscribed != last.isSubscribed { connected.record(levels.isSubscribed ? 1 : 0) }
    if levels.knownTasks != last.knownTasks { knownTasks.record(levels.knownTasks) }
    if levels.callsQueued != last.callsQueued { callsQueued.record(levels.callsQueued) }
    if levels.acknowledgementsQueued != last.acknowledgementsQueued {
      acknowledgementsQueued.record(levels.acknowledgementsQueued)
    }
    if levels.updatesBuffered != last.updatesBuffered { updatesBuffered.record(levels.updatesBuffered) }
  }
}

extension SchedulerEvent.TypeEnum {
  /// The name on the wire, in lower case.
  var metricName: String {
    switch self {
    case .unknown: "unknown"
    case .subscribed: "subscribed"
    case .offers: "offers"
    case .inverseOffers: "inverse_offers"
    case .rescind: "rescind"
    case .rescindInverseOffer: "rescind_inverse_offer"
    case .update: "update"
    case .updateOperationStatus: "update_operation_status"
    case .message: "message"
    case .failure: "failure"
    case .error: "error"
    case .heartbeat: "heartbeat"
    }
  }
}

extension SchedulerCall.TypeEnum {
  /// The name on the wire, in lower case.
  var metricName: String {
    switch self {
    case .unknown: "unknown"
    case .subscribe: "subscribe"
    case .teardown: "teardown"
    case .accept: "accept"
    case .decline: "decline"
    case .acceptInverseOffers: "accept_inverse_offers"
    case .declineInverseOffers: "decline_inverse_offers"
    case .revive: "revive"
    case .kill: "kill"
    case .shutdown: "shutdown"
    case .acknowledge: "acknowledge"
    case .acknowledgeOperationStatus: "acknowledge_operation_status"
    case .reconcile: "reconcile"
    case .reconcileOperations: "reconcile_operations"
    case .message: "message"
    case .request: "request"
    case .suppress: "suppress"
    case .updateFramework: "update_framework"
    }
  }
}
