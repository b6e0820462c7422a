import AgentCore
import AgentLink
import DequeModule
import MesosModel

/// An agent's machine: its process, where one runs, its disk, and the containers.
struct AgentNode: Sendable {
  let configuration: AgentCore.Configuration
  /// Absent while no process runs.
  var core: AgentCore?
  var link: AgentSideSession?
  var incarnation = 0
  var rng: SplitMix
  var disk = SimulatedDisk<CheckpointChange>()
  /// What is durable.
  var records: [String: [UInt8]] = [:]
  var rebooted = false
  var scheduled: Int64?
  var wallOffset: Int64 = 0
  /// Containers whose process is there, held back or running.
  var containers: [ContainerKey: Int] = [:]
  /// Folders of persistent volumes.
  var volumes: Set<String> = []
  /// Processes that were asked for and are not made yet, and whether they are still wanted.
  var making: [ContainerKey: (executor: Int, isWanted: Bool)] = [:]
  var lastPID: Int32 = 100
  /// How the process ended, if the core ended it.
  var ending: String?
  /// It ended in peace and is not started again.
  var hasLeft = false

  // Of the present process.
  var pending: Deque<AgentCore.Event> = []
  var exchange: ConnectionNumber?
  var failures = 0
  var streams: [ExecutorConnection: ConnectionNumber] = [:]
  var answers: [CallToken: CallAnswer] = [:]
  var lastToken: UInt64 = 0
  var lastConnection: UInt64 = 0

  init(configuration: AgentCore.Configuration, rng: SplitMix) {
    self.configuration = configuration
    self.rng = rng
  }

  var isRunning: Bool { if case .some = core { true } else { false } }

  mutating func take(_ steps: [VolumeStep]) {
    for step in steps {
      switch step {
      case .make(let folder): volumes.insert(folder.path)
      case .remove(let folder): volumes.remove(folder.path)
      case .link: break
      }
    }
  }

  mutating func write(_ changes: [CheckpointChange]) {
    for change in changes {
      switch change {
      case .put(let key, let record): records[key] = record
      case .remove(let key): records[key] = nil
      }
    }
  }

  /// The process is gone with all that it held in memory; the containers live on.
  mutating func die() {
    core = nil
    link = nil
    incarnation += 1
    scheduled = nil
    pending = []
    exchange = nil
    failures = 0
    streams = [:]
    answers = [:]
    making = [:]
  }
}
