import AgentLinkModel
import MesosModel
import SwiftProtobuf

/// What a re-registration says, once it was found to be sound.
struct AgentInventory: Sendable {
  /// A task that the agent has.
  struct Task: Sendable {
    var name: TaskName
    /// Its framework's place among those of the inventory.
    var framework: Int
    /// Absent under the command executor.
    var executor: ExecutorKey?
    var state: TaskState
    var resources: Resources
    /// `MesosTask` with all that never changes, encoded.
    var stable: [UInt8]
    var statuses: TaskStatuses
    var sharesCgroups: Bool

    init(_ name: TaskName, framework: Int, _ record: LinkTaskRecord, _ resources: Resources) {
      self.name = name
      self.framework = framework
      self.resources = resources
      executor = record.hasExecutorID ? ExecutorKey(record.executorID) : nil
      state = record.state
      stable = [UInt8](record.stable)
      statuses = TaskStatuses(record)
      sharesCgroups = record.sharesCgroups
    }
  }

  var agent: AgentKey
  var info: AgentInfo
  /// ``info``, encoded once.
  var encodedInfo: [UInt8]
  var capabilities: [AgentInfo.Capability]
  var version: String
  var total: Resources
  var frameworks: [(id: FrameworkKey, info: FrameworkInfo)] = []
  var executors: [(name: ExecutorName, info: ExecutorInfo, resources: Resources)] = []
  var tasks: [Task] = []
  var operations: [MasterCore.OperationInventory] = []
  /// It tells of providers once it is registered.
  var hasProviders: Bool
  /// Tasks that have ended, oldest first.
  var completed: [LinkTaskRecord]

  /// - Parameter known: The master's frameworks: what it knows is not decoded again.
  /// - Throws: `ValidationError` that says which part of the record contradicts itself.
  init(
    _ record: LinkReregister, known: Table<FrameworkKey, TrackedFramework>
  ) throws(ValidationError) {
    agent = record.agentInfo.id.key
    info = record.agentInfo
    encodedInfo = MessageBytes.encoded(info)
    capabilities = record.capabilities
    version = record.version
    hasProviders = record.hasResourceProviders_p
    // An agent says nothing false by a task without an end in its history; there is nothing to be told of it.
    completed = record.completedTasks.filter(\.state.isTerminal)
    do {
      total = try Resources(record.totalResources.isEmpty ? record.agentInfo.resources : record.totalResources)
    } catch {
      throw ValidationError(.invalidResources, "Invalid agent resources: \(error.message)")
    }
    try take(record.frameworks, known: known)
    if !record.executors.isEmpty { try take(record.executors, of: Set(frameworks.map(\.id))) }
    try take(record.tasks)
    var operationKeys: Set<OperationKey> = []
    for record in record.operations {
      let operation = try MasterCore.OperationInventory(record)
      guard operationKeys.insert(operation.key).inserted else {
        throw ValidationError(.duplicate, "Operation has a duplicate UUID: '\(operation.key)'")
      }
      operations.append(operation)
    }
  }

  private mutating func take(
    _ records: [LinkFrameworkRecord], known: Table<FrameworkKey, TrackedFramework>
  ) throws(ValidationError) {
    var names: Set<FrameworkKey> = []
    for record in records {
      let id = FrameworkKey(record.frameworkID)
      let info: FrameworkInfo
      let place = known.place(of: id)
      if let place, let encoded = known[place: place]?.encodedInfo, MessageBytes.areEqual(encoded, record.info),
        let same = known[place: place]?.info
      {
        info = same
      } else if var other = try? FrameworkInfo(serializedBytes: record.info, partial: true) {
        other.id = FrameworkID(id)
        info = other
      } else {
        throw ValidationError(.invalidValue, "Framework '\(record.frameworkID)' has a malformed FrameworkInfo")
      }
      guard names.insert(id).inserted else {
        throw ValidationError(.duplicate, "Framework has a duplicate FrameworkID: '\(record.frameworkID)'")
      }
      frameworks.append((id, info))
    }
  }

  private mutating func take(
    _ records: [LinkExecutorRecord], of frameworks: Set<FrameworkKey>
  ) throws(ValidationError) {
    var names: Set<ExecutorName> = []
    for record in records {
      let name = ExecutorName(
        framework: FrameworkKey(record.frameworkID), agent: agent, executor: ExecutorKey(record.executorID))
      guard frameworks.contains(name.framework) else {
        throw ValidationError(.unknownReference, "Executor has an invalid FrameworkID '\(name.framework)'")
      }
      guard names.insert(name).inserted else {
        throw ValidationError(
          .duplicate, "Framework '\(name.framework)' has a duplicate ExecutorID '\(name.executor)'")
      }
      guard let info = try? ExecutorInfo(serializedBytes: record.info, partial: true) else {
        throw ValidationError(.invalidValue, "Executor '\(name.executor)' has a malformed ExecutorInfo")
      }
      do {
        executors.append((name, info, try Self.used(record.resources)))
      } catch {
        throw ValidationError(
          .invalidResources, "Executor '\(name.executor)' uses invalid resources: \(error.message)")
      }
    }
  }

  private mutating func take(_ records: [LinkTaskRecord]) throws(ValidationError) {
    var names = Set<TaskName>(minimumCapacity: records.count)
    var index = FrameworkIndex(frameworks.map(\.id))
    // Most often tasks of one agent use the same as the one before.
    var last: (messages: [Resource], resources: Resources) = ([], Resources())
    tasks.reserveCapacity(records.count)
    for record in records {
      guard let framework = index[record.frameworkID] else {
        throw ValidationError(.unknownReference, "Task has an invalid FrameworkID '\(record.frameworkID)'")
      }
      let name = TaskName(framework: frameworks[framework].id, task: TaskKey(record.taskID))
      guard names.insert(name).inserted else {
        throw ValidationError(.duplicate, "Framework '\(name.framework)' has a duplicate TaskID '\(name.task)'")
      }
      if record.resources != last.messages {
        do { last = (record.resources, try Self.used(record.resources)) } catch {
          throw ValidationError(.invalidResources, "Task uses invalid resources: \(error.message)")
        }
      }
      tasks.append(Task(name, framework: framework, record, last.resources))
    }
  }

  private static func used(_ messages: [Resource]) throws(ValidationError) -> Resources {
    let resources: Resources
    do { resources = try Resources(messages) } catch { throw ValidationError(.invalidResources, error.message) }
    for entry in resources.entries {
      guard let role = entry.allocationRole else {
        throw ValidationError(.invalidResources, "\(entry) is not allocated to a role")
      }
      do { try RoleName.validate(role) } catch { throw ValidationError(.invalidResources, error.message) }
    }
    return resources
  }
}

/// Where the framework of each of an agent's tasks stands in a list: tasks of one framework come in runs, or in turn with those of others.
struct FrameworkIndex {
  private let keys: [FrameworkKey]
  /// Made once the list is too long to look through.
  private var places: [FrameworkKey: Int]?
  private var last = 0
  private static let lookedThroughMax = 8

  init(_ keys: [FrameworkKey]) {
    self.keys = keys
    if keys.count > Self.lookedThroughMax {
      places = Dictionary(keys.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }
  }

  /// The place of the framework of this name; the first, should there be several.
  subscript(name: String) -> Int? {
    mutating get {
      if last < keys.count, keys[last].value == name { return last }
      let place = places.map { $0[FrameworkKey(name)] } ?? keys.firstIndex { $0.value == name }
      if let place { last = place }
      return place
    }
  }
}

extension TaskStatuses {
  /// What an agent says about a task that it has.
  init(_ record: LinkTaskRecord) {
    let awaited: (TaskState, [UInt8])? =
      record.hasStatusUpdateState && record.hasStatusUpdateUuid
      ? (record.statusUpdateState, [UInt8](record.statusUpdateUuid)) : nil
    self.init(state: record.state, awaited: awaited, volatile: [UInt8](record.volatile))
  }
}
