import AgentLink
import DequeModule
import MasterCore
import MesosModel

/// A master's machine: its process, where one runs, and its disk.
struct MasterNode: Sendable {
  /// Absent while no process runs.
  var core: MasterCore?
  var links: LinkSessions?
  /// Tells the present process from those before.
  var incarnation = 0
  var rng: SplitMix
  var disk = SimulatedDisk<RegistryOperation>()
  /// What is durable.
  var registry = RegistryContents()
  /// The earliest tick that is in the queue.
  var scheduled: Int64?
  /// What the wall clock shows beside the time since the start.
  var wallOffset: Int64 = 0

  // Of the present process.
  var pending: Deque<MasterCore.Event> = []
  var schedulers: [SchedulerConnection: ConnectionNumber] = [:]
  var streams: [UInt64: SchedulerConnection] = [:]
  var exchanges: [LinkExchange: ConnectionNumber] = [:]
  var addresses: [LinkSessionID: AgentAddress] = [:]
  /// Who waits for an answer.
  var waiting: [CallToken: ConnectionNumber] = [:]
  var lastToken: UInt64 = 0
  var lastConnection: UInt64 = 0
  var lastExchange: UInt64 = 0

  init(rng: SplitMix) { self.rng = rng }

  var isRunning: Bool { if case .some = core { true } else { false } }

  /// The registry as a process that starts reads it.
  var recovered: RecoveredRegistry { registry.recovered }

  mutating func write(_ operations: [RegistryOperation]) {
    for operation in operations { registry.apply(operation) }
  }

  /// The process is gone with all that it held in memory.
  mutating func die() {
    core = nil
    links = nil
    incarnation += 1
    scheduled = nil
    pending = []
    schedulers = [:]
    streams = [:]
    exchanges = [:]
    addresses = [:]
    waiting = [:]
  }
}
