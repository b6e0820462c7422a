/// Why a task's status was reported: its state, who reports it, and the reason, as one of the triples that are known to occur.
///
/// The static members are the whole table; there is no other way to make one, so a status that is made from a cause has a triple
/// that is listed and explained. ``all`` gives the table, ``find(state:source:reason:)`` looks one up, and
/// ``isAccepted(state:source:reason:)`` says whether a status from elsewhere is in order: executors may use reasons freely.
///
/// Two causes are equal when their triples are.
/// - Source: Apache Mesos, *Task State Reasons* (`docs/task-state-reasons.md`), and where its servers make statuses:
///   `src/master/master.cpp`, `src/slave/slave.cpp`, `src/launcher/*executor.cpp`, `src/sched/sched.cpp`.
public struct TaskStatusCause: Sendable {
  /// Who makes statuses.
  public enum Maker: String, Hashable, Sendable, CaseIterable {
    /// The master.
    case master
    /// The agent.
    case agent
    /// The executor that agents run a task's command with.
    case commandExecutor = "command executor"
    /// The executor of task groups.
    case defaultExecutor = "default executor"
    /// The executor of the Docker containerizer.
    case dockerExecutor = "Docker executor"
    /// Executors that frameworks bring.
    case customExecutors = "custom executors"
    /// The library in which schedulers of the v0 API run; such a status never was at a master.
    case schedulerDriver = "v0 scheduler driver"
  }

  /// What a framework does best when it is told.
  public struct Advice: Hashable, Sendable, CustomStringConvertible {
    private enum Value: String { case reschedule, fix, judge, nothing }
    private let value: Value
    /// Launch the same description again, under a new task id.
    public static let reschedule = Advice(value: .reschedule)
    /// Change the task's description, its resources or somebody's rights before launching it again.
    public static let fix = Advice(value: .fix)
    /// Only the framework knows whether another try can do better.
    public static let judge = Advice(value: .judge)
    /// Note the state.
    public static let nothing = Advice(value: .nothing)

    /// One word, as the documentation has it.
    public var description: String { value.rawValue }
  }

  /// Whether this project's servers and executors make statuses of this cause.
  public enum Support: Hashable, Sendable {
    /// They do.
    case made
    /// They do not yet: what it takes is said.
    case later(String)
    /// They never will; Apache Mesos of some release, its documentation or an old peer has it: why is said.
    case never(String)
  }

  /// What the table says beside the triple.
  final class Row: Sendable {
    let meaning: String
    let makers: [Maker]
    let advice: Advice
    let support: Support

    init(_ meaning: String, _ makers: [Maker], _ advice: Advice, _ support: Support) {
      self.meaning = meaning
      self.makers = makers
      self.advice = advice
      self.support = support
    }
  }

  /// The state that the task is reported in.
  public let state: TaskState
  /// Who reports it.
  public let source: TaskStatus.Source
  /// The reason, or nil where the status has none.
  public let reason: TaskStatus.Reason?
  private let row: Row

  /// What happened, in a sentence or two.
  public var meaning: String { row.meaning }
  /// Who makes statuses of this cause; where an agent adds a reason to an executor's status, both.
  public var makers: [Maker] { row.makers }
  /// What a framework does best when it is told.
  public var advice: Advice { row.advice }
  /// Whether this project's servers and executors make it.
  public var support: Support { row.support }

  init(
    _ state: TaskState, _ source: TaskStatus.Source, _ reason: TaskStatus.Reason?, by makers: [Maker], _ advice: Advice,
    here support: Support = .made, _ meaning: String
  ) {
    self.init(state, source, reason, Row(meaning, makers, advice, support))
  }

  private init(_ state: TaskState, _ source: TaskStatus.Source, _ reason: TaskStatus.Reason?, _ row: Row) {
    self.state = state
    self.source = source
    self.reason = reason
    self.row = row
  }

  /// The cause as a framework is told of it.
  ///
  /// A framework with the capability PARTITION_AWARE is told the cause itself. One without is told `TASK_LOST` in place of the states
  /// it does not know, with source and reason kept, but for ``agentRemovedByOperator``, whose reason it does not know either: that
  /// becomes ``agentRemoved``; and ``drainedForGood`` and ``drainedForGoodByExecutor``, which agents do not report to such a
  /// framework: it is told that the task was killed. Who makes a status applies this; one that an executor made is passed on as it is.
  ///
  /// - Source: Apache Mesos, `src/master/master.cpp`, `__removeSlave` and `markGone`; `src/slave/slave.cpp`, `statusUpdate`.
  public func reported(toPartitionAware isPartitionAware: Bool) -> TaskStatusCause {
    guard !isPartitionAware, state.needsPartitionAwareness else { return self }
    switch self {
    case .agentRemovedByOperator: return .agentRemoved
    case .drainedForGood: return .drained
    case .drainedForGoodByExecutor: return .drainedByExecutor
    default:
      let lost = TaskStatusCause(.taskLost, source, reason, row)
      // A row of its own says more than the one it is derived from.
      return Self.own[lost] ?? lost
    }
  }
}

extension TaskStatusCause: Hashable {
  /// Whether state, source and reason are the same.
  public static func == (left: TaskStatusCause, right: TaskStatusCause) -> Bool {
    left.state == right.state && left.source == right.source && left.reason == right.reason
  }

  /// Adds state, source and reason.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(state)
    hasher.combine(source)
    hasher.combine(reason)
  }
}

extension TaskStatusCause: CustomStringConvertible {
  /// Such as `TASK_LOST, SOURCE_MASTER, REASON_AGENT_REMOVED`, as protocols have the names; without a reason only the first two.
  public var description: String {
    ([state.wireName, source.wireName] + (reason.map { [$0.wireName] } ?? [])).joined(separator: ", ")
  }
}
