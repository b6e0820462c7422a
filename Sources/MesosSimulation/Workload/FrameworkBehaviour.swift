public import MesosModel
public import SchedulerCore

/// What a simulated framework does with what its scheduler is told: the part of a framework that its author writes.
///
/// A value that decides and does nothing else, like a core. Its state stands for what the framework keeps in a database of its own: it
/// survives a crash of the framework's process, while the `SchedulerCore` begins anew.
public protocol FrameworkBehaviour: Sendable {
  /// A scheduler's process began, for the first time or after a crash.
  mutating func started(at now: Moment)
  /// An update of the `SchedulerCore`, in order.
  ///
  /// - Returns: Calls to make, in this order.
  mutating func received(_ update: SchedulerUpdate, at now: Moment) -> [SchedulerCall]
  /// A call ended; `error` is `nil` where the master took it.
  mutating func completed(_ call: SchedulerCall, _ error: SchedulerError?, at now: Moment) -> [SchedulerCall]
  /// A task is wanted from now on.
  mutating func demanded(_ task: SimulatedTask, at now: Moment) -> [SchedulerCall]
  /// Time has passed; at the latest at ``nextDeadline``.
  mutating func tick(at now: Moment) -> [SchedulerCall]
  /// The uptime at which ``tick(at:)`` is due, if any.
  var nextDeadline: Duration? { get }
  /// The names of tasks that are wanted and have not ended, sorted; a simulation that demands progress waits for them.
  var unfinished: [String] { get }
  /// Tasks that were launched and never end by themselves, sorted; a simulation that demands progress kills them.
  var endless: [TaskKey] { get }
}
