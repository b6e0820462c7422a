public import MesosModel
import OrderedCollections
import SwiftProtobuf

/// An executor's side of the v1 executor API.
///
/// It subscribes, and subscribes again when the agent comes back, with the tasks of which no update has been acknowledged
/// and the updates that have not: so nothing is lost when the agent dies between taking an update and storing it. An
/// update is sent once on each stream, in the order in which updates were reported, and forgotten when it is
/// acknowledged. A framework that checkpoints has executors that wait for their agent as long as the recovery timeout;
/// one that does not has executors that shut down with their agent.
///
/// Unlike Apache Mesos' library it waits before its first attempt to reconnect, a random part of the longest back-off:
/// an agent that restarts under a thousand executors is not met by all of them at once.
///
/// - Source: Apache Mesos, *Executor HTTP API*, "Disconnections", "Executor Subscribe Retry Interval".
public struct ExecutorCore: Sendable {
  private enum Connection: Hashable {
    case none
    case waiting(until: Duration)
    case connecting(ExecutorStream)
    case subscribed(ExecutorStream)
    case finished

    var stream: ExecutorStream? {
      switch self {
      case .connecting(let stream), .subscribed(let stream): stream
      case .none, .waiting, .finished: nil
      }
    }
  }

  private struct PendingUpdate: Hashable {
    var update: ExecutorCall.Update
    /// The stream it was last sent on, as a call or within SUBSCRIBE.
    var sentOn: ExecutorStream?
  }

  public let configuration: Configuration
  private var connection = Connection.none
  private var lastStream: UInt64 = 0
  private var tasks: OrderedDictionary<TaskKey, TaskInfo> = [:]
  private var updates: OrderedDictionary<[UInt8], PendingUpdate> = [:]
  private var recoveryDeadline: Duration?
  private var heartbeatDeadline: Duration?
  private var shutdownDeadline: Duration?
  /// Why the agent did not take the executor in, where it said so for good.
  public private(set) var refusal: ExecutorError?

  public init(configuration: Configuration) { self.configuration = configuration }

  public var isSubscribed: Bool {
    if case .subscribed = connection { return true }
    return false
  }

  /// The stream that is open or being opened.
  public var stream: ExecutorStream? { connection.stream }

  /// Tasks launched of which no update has been acknowledged, in the order of their launch.
  public var unacknowledgedTasks: [TaskInfo] { Array(tasks.values) }

  /// Updates that have not been acknowledged, in the order in which they were reported.
  public var unacknowledgedUpdates: [ExecutorCall.Update] { updates.values.map(\.update) }

  /// How many these are.
  public var unacknowledgedTasksCount: Int { tasks.count }
  /// How many these are.
  public var unacknowledgedUpdatesCount: Int { updates.count }

  /// When `.tick` is due at the latest, by `Moment.uptime`; `nil` while nothing is.
  public var nextDeadline: Duration? {
    var deadlines: [Duration] = []
    if let shutdownDeadline { deadlines.append(shutdownDeadline) }
    if let recoveryDeadline { deadlines.append(recoveryDeadline) }
    switch connection {
    case .waiting(let until): deadlines.append(until)
    case .subscribed: if let heartbeatDeadline { deadlines.append(heartbeatDeadline) }
    case .none, .connecting, .finished: break
    }
    return deadlines.min()
  }

  public mutating func handle(
    _ event: Event, at now: Moment, using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    if connection == .finished { return refusal(of: event) }
    switch event {
    case .start:
      guard connection == .none, lastStream == 0 else { return [.ignored("Started twice")] }
      return connect()
    case .received(let stream, let event):
      guard stream == connection.stream else { return [.ignored("An event of an earlier stream")] }
      return receive(event, on: stream, at: now)
    case .undecodable(let stream, let reason):
      guard stream == connection.stream else { return [.ignored("A record of an earlier stream")] }
      let ignored = [Directive.ignored("A record that is no event: \(Self.excerpt(reason))")]
      // Skipped like an event of an unknown type; but what does not begin with SUBSCRIBED is no subscription.
      guard !isSubscribed else { return ignored }
      return ignored + [.disconnect(stream)]
        + disconnected("The first record is no event", canRetry: configuration.checkpoint, at: now, using: &rng)
    case .refused(let stream, let status, let text):
      guard stream == connection.stream else { return [.ignored("An answer to an earlier SUBSCRIBE")] }
      return refused(status: status, text: text, at: now, using: &rng)
    case .disconnected(let stream, let reason):
      guard stream == connection.stream else { return [.ignored("The end of an earlier stream")] }
      return disconnected(reason, canRetry: configuration.checkpoint, at: now, using: &rng)
    case .callRefused(let stream, let status, let text):
      guard stream == connection.stream else { return [.ignored("An answer to a call on an earlier stream")] }
      // The agent is starting: it will take the update with the next SUBSCRIBE.
      if status == 503 || status == 404 {
        return [.disconnect(stream)]
          + disconnected("A call was answered with status \(status)", canRetry: true, at: now, using: &rng)
      }
      return [.deliver(error("Received unexpected '\(status)' (\(Self.excerpt(text))) for a call"))]
    case .update(let status):
      return report(status, at: now, using: &rng)
    case .message(let bytes):
      guard case .subscribed(let stream) = connection else {
        return [.rejected(ExecutorError(.notSubscribed, "A message cannot be sent while the agent is away"))]
      }
      var call = makeCall(.message)
      call.message.data = StatusUUID.field(bytes)
      return [.send(stream, call)]
    case .tick:
      return tick(at: now)
    case .shutDown:
      guard shutdownDeadline == nil else { return [.ignored("The executor is shutting down already")] }
      shutdownDeadline = now.uptime + configuration.shutdownGracePeriod
      return [.deliver(ExecutorEvent.with { $0.type = .shutdown })]
    case .stop:
      let stream = connection.stream
      connection = .finished
      (recoveryDeadline, heartbeatDeadline, shutdownDeadline) = (nil, nil, nil)
      return (stream.map { [.disconnect($0)] } ?? []) + [.finished]
    }
  }

  // MARK: - Connection

  private mutating func connect() -> [Directive] {
    lastStream += 1
    let stream = ExecutorStream(number: lastStream)
    connection = .connecting(stream)
    var call = makeCall(.subscribe)
    call.subscribe.unacknowledgedTasks = Array(tasks.values)
    call.subscribe.unacknowledgedUpdates = updates.values.map(\.update)
    for index in updates.values.indices { updates.values[index].sentOn = stream }
    return [.connect(stream, call)]
  }

  private mutating func receive(_ event: ExecutorEvent, on stream: ExecutorStream, at now: Moment) -> [Directive] {
    guard isSubscribed || event.type == .subscribed else { return [.ignored("\(event.type) before SUBSCRIBED")] }
    switch event.type {
    case .subscribed:
      guard !isSubscribed else { return [.ignored("SUBSCRIBED twice")] }
      connection = .subscribed(stream)
      recoveryDeadline = nil
      heartbeatDeadline = now.uptime + configuration.heartbeatInterval
      return [.connectivity(isSubscribed: true, reason: ""), .deliver(event)] + sendUpdates(on: stream)
    case .launch:
      guard event.launch.task.hasTaskID else { return [.ignored("LAUNCH without a task")] }
      tasks[event.launch.task.taskID.key] = event.launch.task
      return [.deliver(event)]
    case .launchGroup:
      let group = event.launchGroup.taskGroup.tasks
      guard !group.isEmpty, group.allSatisfy(\.hasTaskID) else { return [.ignored("LAUNCH_GROUP without tasks")] }
      for task in group { tasks[task.taskID.key] = task }
      return [.deliver(event)]
    case .acknowledged:
      tasks[event.acknowledged.taskID.key] = nil
      guard updates.removeValue(forKey: StatusUUID.bytes(event.acknowledged.uuid)) != nil else {
        return [.ignored("An acknowledgement of an unknown update")]
      }
      return [.deliver(event)]
    case .shutdown:
      if shutdownDeadline == nil { shutdownDeadline = now.uptime + configuration.shutdownGracePeriod }
      return [.deliver(event)]
    case .kill:
      return event.kill.hasTaskID ? [.deliver(event)] : [.ignored("KILL without a task")]
    case .message:
      return event.hasMessage ? [.deliver(event)] : [.ignored("MESSAGE without bytes")]
    case .error:
      return [.deliver(error(Self.excerpt(event.error.message)))]
    case .heartbeat:
      return []
    case .unknown:
      return [.ignored("An event of an unknown type")]
    }
  }

  private mutating func sendUpdates(on stream: ExecutorStream) -> [Directive] {
    var directives: [Directive] = []
    for index in updates.values.indices where updates.values[index].sentOn != stream {
      updates.values[index].sentOn = stream
      directives.append(.send(stream, makeUpdateCall(updates.values[index].update)))
    }
    return directives
  }

  private mutating func refused(
    status: Int, text: String, at now: Moment, using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    // 503: the agent is recovering. 404: it has not set up its paths yet.
    if status == 404 || status == 429 || status >= 500 {
      return disconnected("SUBSCRIBE was answered with status \(status)", canRetry: true, at: now, using: &rng)
    }
    let reason = "The agent refused to subscribe the executor with status \(status): \(Self.excerpt(text))"
    refusal = ExecutorError(status == 401 || status == 403 ? .unauthorized : .refused, reason)
    return [.deliver(error(reason))] + shutDown(reason, at: now)
  }

  private mutating func disconnected(
    _ reason: String, canRetry: Bool, at now: Moment, using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    let wasSubscribed = isSubscribed
    let lost: [Directive] = wasSubscribed ? [.connectivity(isSubscribed: false, reason: reason)] : []
    connection = .none
    heartbeatDeadline = nil
    // An executor that is shutting down has nobody left to talk to.
    guard shutdownDeadline == nil else { return lost }
    guard canRetry else { return lost + shutDown("The agent is lost: \(reason)", at: now) }
    if recoveryDeadline == nil { recoveryDeadline = now.uptime + configuration.recoveryTimeout }
    connection = .waiting(until: now.uptime + randomPart(of: configuration.subscriptionBackoffMax, using: &rng))
    return lost
  }

  private mutating func shutDown(_ reason: String, at now: Moment) -> [Directive] {
    let stream = connection.stream
    connection = .none
    recoveryDeadline = nil
    heartbeatDeadline = nil
    guard shutdownDeadline == nil else { return [] }
    shutdownDeadline = now.uptime + configuration.shutdownGracePeriod
    let close: [Directive] = stream.map { [.disconnect($0)] } ?? []
    return close + [
      .connectivity(isSubscribed: false, reason: reason), .deliver(ExecutorEvent.with { $0.type = .shutdown }),
    ]
  }

  private mutating func tick(at now: Moment) -> [Directive] {
    if let deadline = shutdownDeadline, deadline <= now.uptime {
      let stream = connection.stream
      connection = .finished
      shutdownDeadline = nil
      let close: [Directive] = stream.map { [.disconnect($0)] } ?? []
      return close + [
        .forceExit(reason: "Did not end within \(configuration.shutdownGracePeriod) of SHUTDOWN"), .finished,
      ]
    }
    if let deadline = recoveryDeadline, deadline <= now.uptime {
      return shutDown("Recovery timeout of \(configuration.recoveryTimeout) exceeded", at: now)
    }
    switch connection {
    case .waiting(let until) where until <= now.uptime:
      return connect()
    case .subscribed(let stream):
      guard let deadline = heartbeatDeadline, deadline <= now.uptime else { return [] }
      heartbeatDeadline = now.uptime + configuration.heartbeatInterval
      return [.send(stream, makeCall(.heartbeat))]
    case .none, .waiting, .connecting, .finished:
      return []
    }
  }

  // MARK: - Updates

  private mutating func report(
    _ status: TaskStatus, at now: Moment, using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    guard !status.taskID.value.isEmpty else {
      return [.rejected(ExecutorError(.invalidUpdate, "A status needs a task id"))]
    }
    guard status.hasState, status.state.mayComeFromExecutor else {
      return [.rejected(ExecutorError(.invalidUpdate, "A status needs a state other than TASK_STAGING"))]
    }
    guard !status.hasExecutorID || status.executorID == configuration.executorID else {
      return [.rejected(ExecutorError(.invalidUpdate, "A status of the executor '\(status.executorID.value)'"))]
    }
    guard updates.count < configuration.unacknowledgedUpdatesMax else {
      return [
        .rejected(
          ExecutorError(
            .tooManyUpdates, "\(updates.count) updates wait for their acknowledgement; nothing more is kept"))
      ]
    }
    var status = status
    status.executorID = configuration.executorID
    status.attributeToExecutor()
    if status.uuid.isEmpty { status.uuid = StatusUUID.make(using: &rng) }
    if !status.hasTimestamp { status.timestamp = now.wallSeconds }
    let key = StatusUUID.bytes(status.uuid)
    guard key.count == 16, updates[key] == nil else {
      return [.rejected(ExecutorError(.invalidUpdate, "A status needs a UUID of its own, of sixteen bytes"))]
    }
    let update = ExecutorCall.Update.with { $0.status = status }
    guard case .subscribed(let stream) = connection else {
      updates[key] = PendingUpdate(update: update, sentOn: nil)
      return []
    }
    updates[key] = PendingUpdate(update: update, sentOn: stream)
    return [.send(stream, makeUpdateCall(update))]
  }

  // MARK: - Messages

  private func refusal(of event: Event) -> [Directive] {
    switch event {
    case .update, .message: [.rejected(ExecutorError(.ended, "The executor has ended"))]
    case .tick: []
    case .start, .received, .undecodable, .refused, .disconnected, .callRefused, .shutDown, .stop:
      [.ignored("The executor has ended")]
    }
  }

  private func makeCall(_ type: ExecutorCall.TypeEnum) -> ExecutorCall {
    ExecutorCall.with {
      $0.type = type
      $0.frameworkID = configuration.frameworkID
      $0.executorID = configuration.executorID
    }
  }

  private func makeUpdateCall(_ update: ExecutorCall.Update) -> ExecutorCall {
    var call = makeCall(.update)
    call.update = update
    return call
  }

  /// The beginning of a text of another machine, in bytes: a letter may have any number of accents.
  private static func excerpt(_ text: String) -> String {
    text.utf8.count <= 512 ? text : String(decoding: text.utf8.prefix(512), as: UTF8.self)
  }

  private func error(_ message: String) -> ExecutorEvent {
    ExecutorEvent.with {
      $0.type = .error
      $0.error.message = message
    }
  }

  private func randomPart(of limit: Duration, using rng: inout some RandomNumberGenerator) -> Duration {
    let nanoseconds = UInt64(max(0, limit.wholeNanoseconds))
    return .nanoseconds(Int64(rng.next(upperBound: nanoseconds + 1)))
  }
}
