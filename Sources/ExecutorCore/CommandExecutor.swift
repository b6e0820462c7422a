public import MesosModel

/// The whole of a command executor but its system calls: the connection to the agent and the one task, joined.
public struct CommandExecutor: Sendable {
  /// What happened.
  public enum Event: Hashable, Sendable {
    case start
    case received(ExecutorStream, ExecutorEvent)
    case refused(ExecutorStream, status: Int, text: String)
    case disconnected(ExecutorStream, reason: String)
    case callRefused(ExecutorStream, status: Int, text: String)
    case launched
    case launchFailed(String)
    case exited(CommandExit)
    case probed(CommandTask.CheckKind, TaskProbe.Outcome)
    case tick
  }

  /// How a check is made.
  public enum Probe: Hashable, Sendable {
    case command(CommandLaunch)
    case http(port: UInt16, path: String, isIPv6: Bool)
    case tcp(port: UInt16, isIPv6: Bool)
  }

  /// What must be done, in this order.
  public enum Directive: Hashable, Sendable {
    case connect(ExecutorStream, ExecutorCall)
    case send(ExecutorStream, ExecutorCall)
    case disconnect(ExecutorStream)
    /// Start the command, then say `.launched` or `.launchFailed`, and later `.exited`.
    case launch(CommandLaunch)
    case signalTree(CommandTask.Signal)
    /// Probe the task, then say `.probed`.
    case probe(CommandTask.CheckKind, Probe)
    /// A running probe is not wanted any more, with all that it started; say nothing of it.
    case cancelProbe(CommandTask.CheckKind)
    /// For the log; holds no secret.
    case note(String)
    /// End with this status, once what was sent is written.
    case exit(Int32)
  }

  private var core: ExecutorCore
  private var task: CommandTask
  private let environment: [String: String]

  /// - Parameter environment: The executor's own environment, for that of the command.
  public init(core: ExecutorCore.Configuration, task: CommandTask.Configuration, environment: [String: String]) {
    self.core = ExecutorCore(configuration: core)
    self.task = CommandTask(configuration: task)
    self.environment = environment
  }

  /// When `.tick` is due at the latest, by `Moment.uptime`.
  public var nextDeadline: Duration? { [core.nextDeadline, task.nextDeadline].compactMap { $0 }.min() }

  public mutating func handle(
    _ event: Event, at now: Moment, using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    switch event {
    case .start: perform(core.handle(.start, at: now, using: &rng), at: now, using: &rng)
    case .received(let stream, let event):
      perform(core.handle(.received(stream, event), at: now, using: &rng), at: now, using: &rng)
    case .refused(let stream, let status, let text):
      perform(core.handle(.refused(stream, status: status, text: text), at: now, using: &rng), at: now, using: &rng)
    case .disconnected(let stream, let reason):
      perform(core.handle(.disconnected(stream, reason: reason), at: now, using: &rng), at: now, using: &rng)
    case .callRefused(let stream, let status, let text):
      perform(
        core.handle(.callRefused(stream, status: status, text: text), at: now, using: &rng), at: now, using: &rng)
    case .launched: perform(task.handle(.launched, at: now, using: &rng), at: now, using: &rng)
    case .launchFailed(let reason):
      perform(task.handle(.launchFailed(reason), at: now, using: &rng), at: now, using: &rng)
    case .probed(let kind, let outcome):
      perform(task.handle(.probed(kind, outcome), at: now, using: &rng), at: now, using: &rng)
    case .exited(let status): perform(task.handle(.exited(status), at: now, using: &rng), at: now, using: &rng)
    case .tick:
      perform(task.handle(.tick, at: now, using: &rng), at: now, using: &rng)
        + perform(core.handle(.tick, at: now, using: &rng), at: now, using: &rng)
    }
  }

  private mutating func perform(
    _ directives: [ExecutorCore.Directive], at now: Moment, using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    var result: [Directive] = []
    for directive in directives {
      switch directive {
      case .connect(let stream, let call): result.append(.connect(stream, call))
      case .send(let stream, let call): result.append(.send(stream, call))
      case .disconnect(let stream): result.append(.disconnect(stream))
      case .deliver(let event): result += deliver(event, at: now, using: &rng)
      case .connectivity(let isSubscribed, let reason):
        guard !isSubscribed else { continue }
        result.append(.note("Disconnected from the agent: \(reason)"))
        result += perform(task.handle(.unsubscribed, at: now, using: &rng), at: now, using: &rng)
      case .rejected(let error): result.append(.note("Not sent: \(error)"))
      case .ignored(let what): result.append(.note("Ignored: \(what)"))
      case .forceExit(let reason): result += [.note(reason), .signalTree(.kill), .exit(1)]
      case .finished: break
      }
    }
    return result
  }

  private mutating func deliver(
    _ event: ExecutorEvent, at now: Moment, using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    let taskEvent: CommandTask.Event
    switch event.type {
    case .subscribed: taskEvent = .subscribed(event.subscribed.frameworkInfo)
    case .launch: taskEvent = .launch([event.launch.task], isGroup: false)
    case .launchGroup: taskEvent = .launch(event.launchGroup.taskGroup.tasks, isGroup: true)
    case .kill: taskEvent = .kill(event.kill.taskID, event.kill.hasKillPolicy ? event.kill.killPolicy : nil)
    case .acknowledged: taskEvent = .acknowledged(uuid: StatusUUID.bytes(event.acknowledged.uuid))
    case .shutdown: taskEvent = .shutdown
    case .error: return [.note("Error: \(event.error.message.prefix(1024))")]
    case .message, .heartbeat, .unknown: return []
    }
    return perform(task.handle(taskEvent, at: now, using: &rng), at: now, using: &rng)
  }

  private mutating func perform(
    _ directives: [CommandTask.Directive], at now: Moment, using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    var result: [Directive] = []
    for directive in directives {
      switch directive {
      case .update(let status):
        result += perform(core.handle(.update(status), at: now, using: &rng), at: now, using: &rng)
      case .launch(let task):
        do {
          result.append(.launch(try CommandLaunch(task, executorEnvironment: environment)))
        } catch {
          result += perform(self.task.handle(.launchFailed(error.message), at: now, using: &rng), at: now, using: &rng)
        }
      case .signalTree(let signal): result.append(.signalTree(signal))
      case .cancelProbe(let kind): result.append(.cancelProbe(kind))
      case .probe(let kind, let probe):
        switch probe {
        case .http(let port, let path, let isIPv6):
          result.append(.probe(kind, .http(port: port, path: path, isIPv6: isIPv6)))
        case .tcp(let port, let isIPv6): result.append(.probe(kind, .tcp(port: port, isIPv6: isIPv6)))
        case .command(let command):
          do {
            result.append(.probe(kind, .command(try CommandLaunch(probe: command, executorEnvironment: environment))))
          } catch {
            result.append(.note("Not probed: \(error.message)"))
            result += perform(
              task.handle(.probed(kind, .failed(error.message)), at: now, using: &rng), at: now, using: &rng)
          }
        }
      case .ignored(let what): result.append(.note("Ignored: \(what)"))
      case .exit: result.append(.exit(0))
      }
    }
    return result
  }
}
