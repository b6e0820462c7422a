import DequeModule
public import MesosModel
import SchedulerCore

/// A framework's machine: its scheduler's process, where one runs, and what it keeps.
struct FrameworkNode: Sendable {
  let configuration: SchedulerCore.Configuration
  var core: SchedulerCore?
  var incarnation = 0
  var rng: SplitMix
  var behaviour: any FrameworkBehaviour
  /// The id, once it is durable.
  var storedID: FrameworkID?
  /// The id that is being written.
  var writingID: FrameworkID?
  var scheduled: Int64?
  var wallOffset: Int64 = 0
  /// What is known of each task, by the test that looks.
  var tasks: [TaskKey: SimulatedTaskRecord] = [:]
  var ending: SchedulerError?
  var hasEnded = false
  /// Its scheduler is code outside the cluster: no core of it is here.
  var isOutside = false
  /// What arrived for the code outside and was not taken yet.
  var arrivals: [OutsideArrival] = []

  // Of the present process.
  var pending: Deque<SchedulerCore.Event> = []
  var stream: (number: StreamNumber, connection: ConnectionNumber)?
  /// Records that are not read before the id is durable.
  var unread: Deque<SchedulerEvent>?
  var calls: [CallToken: SchedulerCall] = [:]
  var lastToken: UInt64 = 0

  init(configuration: SchedulerCore.Configuration, behaviour: any FrameworkBehaviour, rng: SplitMix) {
    self.configuration = configuration
    self.behaviour = behaviour
    self.rng = rng
  }

  var isRunning: Bool { if case .some = core { true } else { false } }

  mutating func die() {
    core = nil
    incarnation += 1
    scheduled = nil
    pending = []
    stream = nil
    unread = nil
    calls = [:]
  }
}

/// What a simulated framework was told of one of its tasks.
public struct SimulatedTaskRecord: Hashable, Sendable {
  /// The state it was last told; `nil` before it was told anything.
  public internal(set) var state: TaskState?
  /// Each state that differs from the one before, in order.
  public internal(set) var states: [TaskState] = []
  /// When it was wanted, since the start of the simulation; absent for attempts after a loss.
  public internal(set) var demanded: Duration?
  /// When it was first heard to run.
  public internal(set) var running: Duration?
  /// When it was first heard to have ended.
  public internal(set) var ended: Duration?
  /// The agent that it was last heard to be on.
  public internal(set) var agent: AgentKey?
}
