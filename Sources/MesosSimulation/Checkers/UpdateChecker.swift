import AgentCore
import AgentLinkModel
import MesosModel
import SchedulerCore
import SwiftProtobuf

/// Follows every status update from the disk of its agent to the acknowledgement of its framework.
struct UpdateChecker: Sendable {
  private struct Kept: Sendable {
    var uuid: [UInt8]
    var framework: String
  }

  /// Updates on the disks of agents, by key.
  private var kept: [Int: [String: Kept]] = [:]
  /// Updates that were on a disk at some time.
  private var durable: Set<[UInt8]> = []
  /// Tasks whose end was, and the containers whose process is.
  private var ended: Set<[String]> = []
  private var processes: Set<String> = []
  /// What frameworks were told, and what they acknowledged.
  private var told: Set<[UInt8]> = []
  private var acknowledged: Set<[UInt8]> = []
  /// Frameworks that are over: nobody waits for their updates.
  private var over: Set<String> = []

  mutating func frameworkCompleted(_ id: FrameworkKey) { over.insert(id.value) }

  mutating func delivered(_ status: TaskStatus) {
    if status.hasUuid { told.insert([UInt8](status.uuid)) }
  }

  mutating func sent(_ call: SchedulerCall) -> String? {
    guard call.type == .acknowledge else { return nil }
    let uuid = [UInt8](call.acknowledge.uuid)
    acknowledged.insert(uuid)
    return told.contains(uuid)
      ? nil : "an update of task \(call.acknowledge.taskID.value) is acknowledged that its framework was never told"
  }

  mutating func agentDurable(_ agent: Int, _ changes: [CheckpointChange], isCheckpointing: (String) -> Bool) -> String?
  {
    // An agent that leaves for good takes everything with it: its tasks were given up.
    let isLeaving = changes.contains { if case .remove("agent") = $0 { true } else { false } }
    for change in changes {
      switch change {
      case .put(let key, let record):
        if key.hasPrefix("updates/"), let message = try? CheckpointUpdate(serializedBytes: record) {
          let framework = Self.framework(key)
          let uuid = [UInt8](message.status.uuid)
          durable.insert(uuid)
          kept[agent, default: [:]][key] = Kept(uuid: uuid, framework: framework)
          if message.status.state.isTerminal { ended.insert([framework, message.status.taskID.value]) }
        } else if key.hasPrefix("executors/"), let message = try? CheckpointExecutor(serializedBytes: record),
          message.hasPid, let slash = key.lastIndex(of: "/")
        {
          processes.insert(String(key[key.index(after: slash)...]))
        }
      case .remove(let key):
        guard key.hasPrefix("updates/"), let update = kept[agent]?.removeValue(forKey: key) else { continue }
        if !isLeaving, !acknowledged.contains(update.uuid), !over.contains(update.framework),
          isCheckpointing(update.framework)
        {
          return "agent \(agent) takes the update \(key) off its disk, and its framework has not acknowledged it"
        }
      }
    }
    return nil
  }

  private static func framework(_ key: String) -> String {
    let parts = key.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
    return parts.count > 1 ? String(parts[1]) : ""
  }

  /// Returns what the directive gives away too early: first what an update is told to be, then what is not on the disk.
  func check(_ directive: AgentCore.Directive, of agent: Int) -> (updates: String?, durability: String?) {
    switch directive {
    case .send(_, let event) where event.type == .acknowledged:
      let uuid = [UInt8](event.acknowledged.uuid)
      let task = event.acknowledged.taskID.value
      guard !durable.contains(uuid), !acknowledged.contains(uuid), !ended.contains(where: { $0[1] == task }) else {
        return (nil, nil)
      }
      return ("agent \(agent) tells an executor that an update of task \(task) is safe, and it is on no disk", nil)
    case .sendToMaster(.statusUpdate(let update)):
      guard !durable.contains([UInt8](update.uuid)) else { return (nil, nil) }
      return (nil, "agent \(agent) tells the master of an update of task \(update.taskID) before it is durable")
    case .proceed(let container):
      guard !processes.contains(container.value) else { return (nil, nil) }
      return (nil, "agent \(agent) lets container \(container) begin before its process is on the disk")
    default: return (nil, nil)
    }
  }

  /// Updates that wait for an acknowledgement, sorted.
  var waiting: [String] {
    kept.sorted { $0.key < $1.key }.flatMap { agent, updates in
      updates.filter { !over.contains($0.value.framework) }.keys.sorted().map { "agent \(agent): \($0)" }
    }
  }
}
