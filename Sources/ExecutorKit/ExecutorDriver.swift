import CoreMetrics
public import ExecutorCore
import Foundation
public import Logging
import MesosHTTP
import MesosHTTPClient
public import MesosModel
public import MesosRuntime
public import ServiceLifecycle
import Synchronization
import Tracing

/// A custom executor's connection to its agent: events come in, updates and messages go out.
///
/// ```swift
/// let driver = try ExecutorDriver()
/// try await driver.run(MyExecutor())
/// ```
///
/// What it decides is `ExecutorCore`'s: it subscribes again after the agent was away, with all that was not
/// acknowledged, and shuts down when the agent is lost for good. As a `Service` it runs in a service group; what a graceful shutdown
/// does is the configuration's (``ExecutorConfiguration/atShutdown``).
///
/// ``updates`` or ``events`` must be read while it runs, or an ``Executor`` does that: nothing is thrown away, and a reader that does
/// not read holds the agent back.
public final class ExecutorDriver: Service {
  private let environment: ExecutorEnvironment
  let configuration: ExecutorConfiguration
  private let logger: Logger
  private let metrics: ExecutorMetrics
  private let tracer: any Tracer
  private let state: Mutex<ExecutorState>
  /// Where time and chance come from; an executor's own code takes them from here too.
  public let runtime: Runtime

  /// - Parameters:
  ///   - environment: What the agent told this executor.
  ///   - configuration: How the driver talks to the agent.
  ///   - logger: Gets what `docs/logging.md` lists.
  ///   - runtime: Where time and chance come from; the machine's where none is named.
  public init(
    environment: ExecutorEnvironment, configuration: ExecutorConfiguration = ExecutorConfiguration(),
    logger: Logger = Logger(label: "mesos.executor"), runtime: Runtime = .system
  ) {
    self.environment = environment
    self.configuration = configuration
    self.logger = logger
    self.runtime = runtime
    metrics = ExecutorMetrics(configuration.metrics ?? MetricsSystem.factory)
    tracer = configuration.tracer ?? InstrumentationSystem.tracer
    var policy = ExecutorCore.Configuration(environment)
    policy.unacknowledgedUpdatesMax = configuration.unacknowledgedUpdatesMax
    let (notices, continuation) = AsyncStream<ExecutorNotice>.makeStream(
      bufferingPolicy: .bufferingNewest(ExecutorNotice.keptMax))
    self.notices = notices
    state = Mutex(
      ExecutorState(
        core: ExecutorCore(configuration: policy), eventsMax: max(1, configuration.eventsBufferedMax),
        rng: runtime.generator, notices: continuation))
  }

  /// Reads what the agent told this process in its environment.
  ///
  /// - Throws: `ExecutorError` with code `.missingVariable` or `.badVariable` when no agent started it.
  public convenience init(
    configuration: ExecutorConfiguration = ExecutorConfiguration(), logger: Logger = Logger(label: "mesos.executor")
  ) throws(ExecutorError) {
    self.init(
      environment: try ExecutorEnvironment(ProcessInfo.processInfo.environment), configuration: configuration,
      logger: logger)
  }

  /// What happens, in order, for one reader: all events but HEARTBEAT, and when the agent goes away. A SHUTDOWN also comes when the
  /// agent is lost for good, and at a graceful shutdown. It ends when the driver has ended.
  public var updates: ExecutorUpdates { ExecutorUpdates(driver: self) }

  /// ``updates`` without those that are no events. There is one reader for both.
  public var events: ExecutorEvents { ExecutorEvents(driver: self) }

  /// What was skipped, and why streams were given up, for one reader; the oldest are left out where nobody reads.
  public let notices: AsyncStream<ExecutorNotice>

  public var isSubscribed: Bool { state.withLock { $0.core.isSubscribed } }

  /// Updates that the agent has not acknowledged.
  public var unacknowledgedUpdates: [TaskStatus] {
    state.withLock { $0.core.unacknowledgedUpdates.map(\.status) }
  }

  /// Connects and stays connected until ``stop()``, a cancellation, or the end of the grace period of a SHUTDOWN.
  /// To be called once.
  ///
  /// - Throws: `ExecutorError`: `.ended` when the executor did not stop within the grace period: the process should exit, the agent
  ///   is about to kill it; `.unauthorized` or `.refused` when the agent did not take the executor in; `.badVariable` for TLS settings
  ///   of the environment that cannot be used. `CancellationError` when cancelled.
  public func run() async throws {
    guard state.withLock({ $0.begin() }) else { throw ExecutorError(.ended, "An executor runs once") }
    let transport: ExecutorTransport
    do throws(ExecutorError) {
      transport = try ExecutorTransport(environment: environment, configuration: configuration)
    } catch {
      feed(.stop)
      throw error
    }
    let error = await withGracefulShutdownHandler {
      await withTaskCancellationHandler {
        await self.perform(over: transport)
      } onCancel: {
        self.feed(.stop)
      }
    } onGracefulShutdown: {
      self.feed(self.configuration.atShutdown == .stop ? .stop : .shutDown)
    }
    await transport.shutdown()
    try Task.checkCancellation()
    if let error { throw error }
  }

  /// Ends the run. Returns at once; ``run()`` returns when it is done. Updates that are not acknowledged are lost: see
  /// ``acknowledgements(within:)``.
  public func stop() { feed(.stop) }

  /// Reports a task's status; UUID, timestamp, source and executor are filled in. It is kept until the agent has
  /// acknowledged it, over lost connections.
  ///
  /// - Throws: `ExecutorError` with code `.invalidUpdate`, `.tooManyUpdates` or `.ended`.
  public func sendUpdate(_ status: TaskStatus) throws(ExecutorError) {
    if let error = feed(.update(status), from: ServiceContext.current) { throw error }
    metrics.updates.increment()
  }

  /// Reports that a task is in `state`.
  public func sendUpdate(
    _ task: TaskID, _ state: TaskState, message: String? = nil
  ) throws(ExecutorError) {
    var status = TaskStatus()
    status.taskID = task
    status.state = state
    if let message { status.message = message }
    try sendUpdate(status)
  }

  /// Sends bytes to the scheduler, at most once and without a promise that they arrive.
  ///
  /// - Throws: `ExecutorError` with code `.notSubscribed` while the agent is away, or `.ended`.
  public func sendMessage(_ bytes: [UInt8]) throws(ExecutorError) {
    if let error = feed(.message(bytes), from: ServiceContext.current) { throw error }
  }

  /// Waits until every update is acknowledged.
  ///
  /// - Returns: False when the time is up, or the driver has ended, first.
  public func acknowledgements(within limit: Duration = .seconds(5)) async -> Bool {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await self.wait { $0.core.unacknowledgedUpdates.isEmpty || $0.isOver }
      }
      group.addTask { try? await self.runtime.sleep(for: limit) }
      await group.next()
      group.cancelAll()
    }
    return state.withLock { $0.core.unacknowledgedUpdates.isEmpty }
  }

  // MARK: Directives

  /// Does what the core says until it says that it is finished.
  private func perform(over transport: ExecutorTransport) async -> ExecutorError? {
    await withDiscardingTaskGroup(returning: ExecutorError?.self) { group in
      group.addTask { await self.keepTime() }
      feed(.start)
      let lane = CallLane()
      group.addTask {
        // One call at a time: the agent sees updates in the order in which they were reported.
        while let (stream, call, context) = await lane.next() {
          guard self.isCurrent(stream) else { continue }
          switch await self.send(call, from: context, over: transport) {
          case .success(let answer):
            guard !(200..<300).contains(answer.status) else { continue }
            self.logger.warning(
              "The agent refused a call",
              metadata: ["type": "\(call.type.metricName)", "status": "\(answer.status)"])
            self.feed(.callRefused(stream, status: answer.status, text: answer.excerpt))
          case .failure(let error): self.feed(.disconnected(stream, reason: error.message))
          }
        }
      }
      while true {
        switch await nextWork() {
        case .open(let stream, let call):
          lane.clear()
          metrics.connectionAttempts.increment()
          logger.debug("Subscribing", metadata: ["agent": "\(transport.endpoint)", "stream": "\(stream.number)"])
          group.addTask { await self.read(stream, call, over: transport) }
        case .send(let stream, let call, let context): lane.append((stream, call, context))
        case .close: lane.clear()
        case .finished(let error):
          lane.finish()
          logger.debug("Ended", metadata: error.map { ["error": "\($0)"] })
          group.cancelAll()
          return error
        }
      }
    }
  }

  /// Sends a call within a span of its own.
  private func send(
    _ call: ExecutorCall, from context: ServiceContext?, over transport: ExecutorTransport
  ) async -> Result<ClientResponse, HTTPClientError> {
    let name = call.type.metricName
    return await tracer.withAnySpan(
      "mesos.executor.\(name)", context: context ?? .topLevel, ofKind: .client
    ) { span in
      span.attributes["mesos.call.type"] = name
      span.attributes["mesos.framework.id"] = environment.frameworkID
      span.attributes["mesos.executor.id"] = environment.executorID
      if call.type == .update { span.attributes["mesos.task.id"] = call.update.status.taskID.value }
      let began = runtime.now.uptime
      var headers = HeaderFields()
      tracer.inject(span.context, into: &headers, using: HeaderInjector())
      let result = await transport.send(call, headers: headers)
      let outcome: ExecutorMetrics.Outcome
      switch result {
      case .success(let answer):
        outcome = (200..<300).contains(answer.status) ? .accepted : .refused
        span.attributes["http.response.status_code"] = answer.status
      case .failure(let error):
        outcome = .failed
        span.recordError(error)
      }
      span.attributes["mesos.call.outcome"] = outcome.rawValue
      if outcome != .accepted { span.setStatus(SpanStatus(code: .error)) }
      metrics.ended(call.type, outcome, after: runtime.now.uptime - began)
      logger.trace("A call ended", metadata: ["type": "\(name)", "outcome": "\(outcome.rawValue)"])
      return result
    }
  }

  private func isCurrent(_ stream: ExecutorStream) -> Bool { state.withLock { $0.core.stream == stream } }

  /// Reads one stream until it ends or the core has done with it.
  private func read(_ stream: ExecutorStream, _ call: ExecutorCall, over transport: ExecutorTransport) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        do {
          let response = try await transport.open(call)
          defer { response.cancel() }
          guard response.status == 200 else {
            let text = (try? await response.collect(upTo: 64 * 1024))?.excerpt ?? ""
            self.feed(.refused(stream, status: response.status, text: text))
            return
          }
          let encoding = self.configuration.encoding
          if let type = response.headers["Content-Type"], MessageEncoding(MediaType(type)) != encoding {
            throw ExecutorError(
              .protocolViolation,
              "The answer to SUBSCRIBE is of type \(type.prefix(100)), and \(encoding.contentType) was asked for")
          }
          for try await record in response.records(maximumRecordSize: self.configuration.recordBytesMax) {
            do throws(MessageDecodingError) {
              let event = try encoding.decode(ExecutorEvent.self, from: record)
              self.metrics.received(event.type)
              if event.type == .acknowledged { self.metrics.acknowledgements.increment() }
              self.feed(.received(stream, event))
            } catch {
              self.feed(.undecodable(stream, reason: error.detail))
            }
            await self.wait { !$0.isFull }
          }
          self.feed(.disconnected(stream, reason: "the agent closed the stream"))
        } catch is CancellationError {
        } catch {
          self.notice(error)
          self.feed(.disconnected(stream, reason: "\(error)"))
        }
      }
      group.addTask { await self.wait { $0.core.stream != stream } }
      await group.next()
      group.cancelAll()
    }
  }

  /// Tells the core the time when it asked to be told.
  private func keepTime() async {
    while !Task.isCancelled {
      let (deadline, isOver) = state.withLock { ($0.core.nextDeadline, $0.isOver) }
      guard !isOver else { return }
      await withTaskGroup(of: Void.self) { group in
        if let deadline {
          group.addTask { try? await self.runtime.sleep(until: deadline) }
        }
        group.addTask { await self.wait { $0.core.nextDeadline != deadline || $0.isOver } }
        await group.next()
        group.cancelAll()
      }
      if let deadline, deadline <= runtime.now.uptime { feed(.tick) }
    }
  }

  /// Tells why a stream is given up.
  private func notice(_ error: any Error) {
    guard let error = error as? HTTPClientError else {
      if let error = error as? ExecutorError { state.withLock { $0.notices }.yield(.malformedStream(error.message)) }
      return
    }
    guard error.code == .badRecord || error.code == .badAnswer else { return }
    state.withLock { $0.notices }.yield(.malformedStream(error.message))
  }

  @discardableResult
  private func feed(_ event: ExecutorCore.Event, from context: ServiceContext? = nil) -> ExecutorError? {
    // The clock is read under the lock, so that moments come in order.
    let outcome = state.withLock { $0.handle(event, at: runtime.now, from: context) }
    for wake in outcome.wakes { wake.perform() }
    metrics.show(outcome.levels, after: outcome.lastLevels)
    if let again = outcome.subscribedAgain {
      metrics.subscribed(again: again)
      logger.debug("Subscribed", metadata: ["again": "\(again)"])
    }
    if outcome.hasDisconnected {
      metrics.disconnections.increment()
      logger.info("Disconnected from the agent")
    }
    return outcome.error
  }

  // MARK: Waiting

  private func nextWork() async -> ExecutorState.Work {
    while true {
      if let work = state.withLock({ $0.takeWork() }) { return work }
      let generation = state.withLock { $0.generation }
      if let work = state.withLock({ $0.takeWork() }) { return work }
      await change(after: generation, cancellable: false)
    }
  }

  /// Returns once `condition` holds, or on cancellation.
  private func wait(_ condition: (ExecutorState) -> Bool) async {
    while !Task.isCancelled {
      let (holds, generation) = state.withLock { (condition($0), $0.generation) }
      if holds { return }
      await change(after: generation, cancellable: true)
    }
  }

  /// Returns once something has changed since `generation`.
  private func change(after generation: UInt64, cancellable: Bool) async {
    let number = state.withLock { $0.nextWaiter() }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let waits = state.withLock { state in
          guard state.generation == generation, !(cancellable && Task.isCancelled) else { return false }
          state.wait(continuation, as: number)
          return true
        }
        if !waits { continuation.resume() }
      }
    } onCancel: {
      guard cancellable else { return }
      state.withLock { $0.forgetWaiter(number) }?.resume()
    }
  }

  /// The next update for the reader; `nil` at the end or on cancellation.
  fileprivate func nextUpdate() async -> ExecutorUpdate? {
    let buffered = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<ExecutorState.Buffered?, Never>) in
        let taken = state.withLock { $0.take(for: continuation, isCancelled: Task.isCancelled) }
        guard let taken else { return }
        for wake in taken.wakes { wake.perform() }
        continuation.resume(returning: taken.update)
      }
    } onCancel: {
      state.withLock { $0.forgetReader() }?.resume(returning: nil)
    }
    guard let buffered else { return nil }
    metrics.readerLag.recordNanoseconds((runtime.now.uptime - buffered.since).wholeNanoseconds)
    return buffered.update
  }

  fileprivate func nextEvent() async -> ExecutorEvent? {
    while let update = await nextUpdate() {
      if case .event(let event) = update { return event }
    }
    return nil
  }
}

/// Writes what identifies a span into a request's header.
private struct HeaderInjector: Injector {
  func inject(_ value: String, forKey key: String, into carrier: inout HeaderFields) {
    carrier.set(name: key, value: value)
  }
}

/// What an executor is told, in order.
public enum ExecutorUpdate: Hashable, Sendable {
  /// From the agent; SUBSCRIBED also says that a lost agent is back.
  case event(ExecutorEvent)
  /// The agent is away, and is waited for as long as the recovery timeout.
  case disconnected(reason: String)
}

/// The updates of an executor, for one reader at a time.
public struct ExecutorUpdates: AsyncSequence, Sendable {
  public typealias Element = ExecutorUpdate
  public typealias Failure = Never

  public struct AsyncIterator: AsyncIteratorProtocol {
    let driver: ExecutorDriver

    public mutating func next() async -> ExecutorUpdate? { await driver.nextUpdate() }
    public mutating func next(isolation actor: isolated (any Actor)?) async -> ExecutorUpdate? {
      await driver.nextUpdate()
    }
  }

  let driver: ExecutorDriver

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(driver: driver) }
}

/// The events of an executor, for one reader at a time.
public struct ExecutorEvents: AsyncSequence, Sendable {
  public typealias Element = ExecutorEvent
  public typealias Failure = Never

  public struct AsyncIterator: AsyncIteratorProtocol {
    let driver: ExecutorDriver

    public mutating func next() async -> ExecutorEvent? { await driver.nextEvent() }
    public mutating func next(isolation actor: isolated (any Actor)?) async -> ExecutorEvent? {
      await driver.nextEvent()
    }
  }

  let driver: ExecutorDriver

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(driver: driver) }
}
