public import MesosModel
public import SchedulerCore
import SwiftProtobuf

/// A framework that gives each of its tasks a persistent volume: it reserves disk and makes the volume before the task, and destroys it and
/// takes the reservation back when the task has ended.
///
/// It decides by what it is offered, and asks for operations again that came to nothing; so a volume may be made twice, on two agents, and
/// both are destroyed in the end.
public struct VolumeRunner: FrameworkBehaviour {
  private var runner: TaskRunner
  private let role: String
  /// A volume that was asked for and may be there.
  private struct Made {
    /// The id of the operation that was to make it; empty where that is not known.
    var operation = ""
    /// When it was asked for or offered last.
    var seen: Duration
  }

  /// By the task. One that is not offered for long went with its agent.
  private var made: [String: Made] = [:]
  private static let memory = Duration.seconds(60)
  /// What tasks need besides their volumes.
  private var needs: [String: Resources] = [:]
  /// How often volumes were offered in a row without what their tasks need.
  private var idle: [String: Int] = [:]
  private static let patience = 8
  private var lastOperation = 0
  /// Names of volumes whose destruction was said to be finished.
  public private(set) var destroyed: Set<String> = []
  /// What operations came to, by state.
  public private(set) var operationsEnded: [OperationState: Int] = [:]
  /// By the id of a DESTROY, the volume.
  private var destroying: [String: String] = [:]

  /// A framework without tasks as yet.
  ///
  /// - Parameters:
  ///   - framework: What it subscribes with.
  ///   - role: The role that it reserves for, one of its own.
  public init(framework: FrameworkInfo, role: String) {
    runner = TaskRunner(framework: framework)
    self.role = role
  }

  public var unfinished: [String] { runner.unfinished }
  public var endless: [TaskKey] { runner.endless }
  public var nextDeadline: Duration? { runner.nextDeadline }

  public mutating func started(at now: Moment) {
    // Calls that were on their way may be lost with the process before: what came of them is offered.
    made = [:]
    destroying = [:]
    runner.started(at: now)
  }

  public mutating func demanded(_ task: SimulatedTask, at now: Moment) -> [SchedulerCall] {
    var task = task
    needs[task.name] = task.resources
    task.resources += volume(of: task.name)
    return wakeful(runner.demanded(task, at: now))
  }

  public mutating func received(_ update: SchedulerUpdate, at now: Moment) -> [SchedulerCall] {
    switch update {
    case .offers(let offers):
      var calls: [SchedulerCall] = []
      var others: [Offer] = []
      made = made.filter { now.uptime < $0.value.seen + Self.memory }
      for offer in offers {
        if let call = use(offer, at: now) { calls.append(call) } else { others.append(offer) }
      }
      return calls + wakeful(runner.received(.offers(others), at: now))
    case .operation(let status):
      ended(status)
      return []
    default: return wakeful(runner.received(update, at: now))
    }
  }

  public mutating func completed(_ call: SchedulerCall, _ error: SchedulerError?, at now: Moment) -> [SchedulerCall] {
    if error != nil, call.type == .accept {
      for operation in call.accept.operations where operation.hasID { forget(operation.id.value) }
    }
    return wakeful(runner.completed(call, error, at: now))
  }

  public mutating func tick(at now: Moment) -> [SchedulerCall] { wakeful(runner.tick(at: now)) }

  /// Volumes are destroyed by means of offers, so offers are always wanted.
  private func wakeful(_ calls: [SchedulerCall]) -> [SchedulerCall] { calls.filter { $0.type != .suppress } }

  // MARK: Operations

  private static let prefix = "volume-of-"

  /// What a volume is made of.
  private static let plainDisk = SimulatedTask.simulated("disk:64")

  private var disk: Resources {
    (try? Self.plainDisk.pushingReservation(Reservation(.dynamic, role: role))) ?? Self.plainDisk
  }

  private func volume(of task: String) -> Resources {
    let messages = disk.messages.map { message in
      var message = message
      message.disk.persistence.id = Self.prefix + task
      message.disk.volume.mode = .rw
      message.disk.volume.containerPath = "data"
      return message
    }
    return (try? Resources(messages)) ?? Resources()
  }

  /// Whether the task could run on this, its volume being made first.
  private func fits(_ task: String, in resources: Resources) -> Bool {
    resources.contains((needs[task] ?? Resources()) + Self.plainDisk)
  }

  /// Ends the volumes that are of no use any more, and makes one that is missing: all that can be done with one offer.
  private mutating func use(_ offer: Offer, at now: Moment) -> SchedulerCall? {
    let resources = ((try? Resources(offer.resources)) ?? Resources()).unallocated
    let wanted = Set(runner.unfinished)
    var operations: [Offer.Operation] = []
    var isWaiting = false
    for entry in resources.persistentVolumes.entries where entry.reservationRole == role {
      guard let id = entry.disk?.persistence.id, id.hasPrefix(Self.prefix) else { continue }
      let task = String(id.dropFirst(Self.prefix.count))
      if wanted.contains(task) {
        made[task, default: Made(seen: now.uptime)].seen = now.uptime
        if resources.contains(needs[task] ?? Resources()) { idle[task] = nil } else { idle[task, default: 0] += 1 }
        guard idle[task] ?? 0 >= Self.patience else {
          isWaiting = true
          continue
        }
        // What its task needs is not to be had here, such as within a limit that other agents use up: it is made elsewhere.
        idle[task] = nil
        made[task] = nil
      }
      let destroy = operationID()
      destroying[destroy] = task
      var free = entry.message()
      free.clearDisk()
      operations.append(make(.destroy, destroy) { $0.destroy.volumes = [entry.message()] })
      operations.append(make(.unreserve, operationID()) { $0.unreserve.resources = [free] })
    }
    // Of a volume that came to nothing the reservation may be left.
    let left = resources.filter { $0.name == "disk" && $0.isDynamicallyReserved && !$0.isPersistentVolume }
      .reserved(to: role)
    if !left.isEmpty {
      operations.append(make(.unreserve, operationID()) { $0.unreserve.resources = left.messages })
    }
    // One volume that waits for its task is enough for an agent: others would wait for that task's end, whatever is free elsewhere.
    if !isWaiting, let task = runner.unfinished.first(where: { made[$0] == nil && fits($0, in: resources) }) {
      let create = operationID()
      made[task] = Made(operation: create, seen: now.uptime)
      operations.append(make(.reserve, operationID()) { $0.reserve.resources = disk.messages })
      operations.append(make(.create, create) { $0.create.volumes = volume(of: task).messages })
    }
    return operations.isEmpty ? nil : accept(offer, operations)
  }

  private mutating func operationID() -> String {
    lastOperation += 1
    return "operation-\(lastOperation)"
  }

  private func make(
    _ type: Offer.Operation.TypeEnum, _ id: String, _ fill: (inout Offer.Operation) -> Void
  ) -> Offer.Operation {
    var operation = Offer.Operation()
    operation.type = type
    operation.id.value = id
    fill(&operation)
    return operation
  }

  private func accept(_ offer: Offer, _ operations: [Offer.Operation]) -> SchedulerCall {
    .with {
      $0.type = .accept
      $0.accept.offerIds = [offer.id]
      $0.accept.operations = operations
      $0.accept.filters.refuseSeconds = 0
    }
  }

  private mutating func ended(_ status: OperationStatus) {
    let id = status.operationID.value
    switch status.state {
    case .operationFinished:
      if let task = destroying.removeValue(forKey: id) { destroyed.insert(task) }
    case .operationPending, .operationRecovering, .operationUnsupported: return
    default: forget(id)
    }
    operationsEnded[status.state, default: 0] += 1
  }

  /// The operation came to nothing, or nobody knows: if it did come to something, that will be offered.
  private mutating func forget(_ id: String) {
    destroying[id] = nil
    made = made.filter { $0.value.operation != id }
  }
}
