import DequeModule
public import MesosModel

/// What a cluster is like, folded from the operator event stream of its master.
///
/// The stream begins with a snapshot (SUBSCRIBED carries GET_STATE) and goes on with what changes. ``apply(_:)`` takes either and returns
/// what became different; after it the value stands for what GET_STATE would say now, as far as the stream tells:
/// - a task whose end was reported counts as completed at once; GET_STATE lists it among `tasks` until its framework acknowledges;
/// - there is no event about executors. They come with snapshots and go with their agents and frameworks, and a task that names one makes
///   it known by its ids;
/// - there is none about offers, allocated resources or the connection of a framework: such fields of a record are as old as the record;
/// - Apache Mesos 1.11 does not tell that an agent became unreachable. It is concluded from its tasks, and from an agent that registers at
///   the same address; an agent without tasks stays until the next snapshot.
///
/// A value without I/O, clock or chance: equal events give equal states. What it keeps is bounded by ``Configuration``, apart from what is
/// alive in the cluster itself.
public struct ClusterState: Sendable {
  /// How much of the past is kept. The defaults are those of a master.
  public struct Configuration: Hashable, Sendable {
    /// Ended tasks of one framework.
    public var completedTasksMax = 1_000
    /// Unreachable tasks of one framework.
    public var unreachableTasksMax = 1_000
    /// Frameworks that are gone, with their tasks.
    public var completedFrameworksMax = 50
    /// Statuses in the record of one task.
    public var statusesMax = 64

    public init() {}
  }

  struct FrameworkEntry: Sendable {
    var record: MasterResponse.GetFrameworks.Framework
    var active: Set<TaskKey> = []
    /// Unreachable ones, the oldest first.
    var unreachable: Deque<TaskKey> = []
    /// Ended ones, the oldest first.
    var completed: Deque<MesosTask> = []
  }

  public let configuration: Configuration
  /// Whether a snapshot has been taken in.
  public private(set) var isSynchronized = false
  /// Events that changed nothing, since the beginning.
  public private(set) var ignoredEvents = 0

  var agentRecords: [AgentKey: MasterResponse.GetAgents.Agent] = [:]
  var recoveredRecords: [AgentKey: AgentInfo] = [:]
  var frameworkEntries: [FrameworkKey: FrameworkEntry] = [:]
  /// Frameworks that are gone, the oldest first.
  var completedEntries: Deque<FrameworkEntry> = []
  /// Active and unreachable tasks.
  var taskRecords: [TaskReference: MesosTask] = [:]
  var tasksOfAgent: [AgentKey: Set<TaskReference>] = [:]
  var executorRecords: [ExecutorReference: ExecutorInfo] = [:]
  /// What tells agents at one address apart from a new one there.
  var agentOfPID: [String: AgentKey] = [:]

  public init(configuration: Configuration = Configuration()) { self.configuration = configuration }

  /// The state that a snapshot describes.
  public init(snapshot: MasterResponse.GetState, configuration: Configuration = Configuration()) {
    self.init(configuration: configuration)
    load(snapshot)
    isSynchronized = true
  }

  /// Takes in one event.
  ///
  /// - Returns: What became different, in order; an event that changes nothing gives ``ClusterChange/ignored(_:)``, HEARTBEAT nothing at all.
  /// - Complexity: O(1) amortized for tasks; O(tasks of the agent or framework) for the end of one; O(all) for a snapshot.
  public mutating func apply(_ event: MasterEvent) -> [ClusterChange] {
    switch event.type {
    case .heartbeat: return []
    case .unknown: return ignore(.unknownType)
    case .subscribed:
      // A master without anything may leave the snapshot out.
      return synchronize(event.subscribed.getState)
    default: break
    }
    guard isSynchronized else { return ignore(.notSynchronized(event.type)) }
    switch event.type {
    case .taskAdded where event.hasTaskAdded: return add(event.taskAdded.task)
    case .taskUpdated where event.hasTaskUpdated: return update(event.taskUpdated)
    case .agentAdded where event.hasAgentAdded: return add(event.agentAdded.agent)
    case .agentRemoved where event.hasAgentRemoved: return remove(agent: event.agentRemoved.agentID.key)
    case .frameworkAdded where event.hasFrameworkAdded: return put(event.frameworkAdded.framework)
    case .frameworkUpdated where event.hasFrameworkUpdated: return put(event.frameworkUpdated.framework)
    case .frameworkRemoved where event.hasFrameworkRemoved:
      return remove(framework: event.frameworkRemoved.frameworkInfo.id.key)
    default: return ignore(.empty(event.type))
    }
  }

  mutating func ignore(_ why: IgnoredEvent) -> [ClusterChange] {
    ignoredEvents += 1
    return [.ignored(why)]
  }

  private mutating func synchronize(_ snapshot: MasterResponse.GetState) -> [ClusterChange] {
    var next = ClusterState(snapshot: snapshot, configuration: configuration)
    next.ignoredEvents = ignoredEvents
    let isFirst = !isSynchronized
    let changes = isFirst ? [] : next.differences(from: self)
    self = next
    return [.synchronized(isFirst: isFirst)] + changes
  }
}
