import MesosModel
import Testing

struct TaskStateTests {
  /// What Apache Mesos' `isTerminalState`, `mesos.proto` and the life cycle of the framework guide say of each state.
  static let states: [(state: TaskState, isTerminal: Bool, canReschedule: Bool, mayStillRun: Bool)] = [
    (.taskStaging, false, false, true), (.taskStarting, false, false, true), (.taskRunning, false, false, true),
    (.taskKilling, false, false, true), (.taskFinished, true, false, false), (.taskFailed, true, false, false),
    (.taskKilled, true, false, false), (.taskError, true, false, false), (.taskLost, true, true, true),
    (.taskDropped, true, true, false), (.taskUnreachable, false, true, true), (.taskGone, true, true, false),
    (.taskGoneByOperator, true, true, true), (.taskUnknown, false, true, true),
  ]

  @Test(arguments: states)
  func `a state says whether it is an end and whether to try again`(
    state: TaskState, isTerminal: Bool, canReschedule: Bool, mayStillRun: Bool
  ) {
    #expect(state.isTerminal == isTerminal)
    #expect(state.canReschedule == canReschedule)
    #expect(state.mayStillRun == mayStillRun)
  }

  @Test func `the table of states is whole`() {
    #expect(Set(Self.states.map(\.state)) == Set(TaskState.allCases))
    #expect(Self.states.count == TaskState.allCases.count)
  }

  @Test(arguments: TaskState.allCases)
  func `a state that is not an end may be of a task that still runs`(state: TaskState) {
    if !state.isTerminal { #expect(state.mayStillRun) }
  }

  @Test(arguments: TaskState.allCases)
  func `a mapped state is one that every framework knows`(state: TaskState) {
    let reported = state.reported(toPartitionAware: false)
    #expect(!reported.needsPartitionAwareness)
    #expect(reported.reported(toPartitionAware: false) == reported)
    #expect(reported.reported(toPartitionAware: true) == reported)
    #expect(state.reported(toPartitionAware: true) == state)
    if state.needsPartitionAwareness {
      #expect(reported == .taskLost)
      #expect(state.canReschedule == reported.canReschedule)
    } else {
      #expect(reported == state)
    }
  }

  @Test(arguments: TaskState.allCases)
  func `executors may report all states but staging`(state: TaskState) {
    #expect(state.mayComeFromExecutor == (state != .taskStaging))
  }

  @Test(arguments: TaskState.allCases)
  func `states that need partition awareness are reported as lost without it`(state: TaskState) {
    let needing: Set<TaskState> = [.taskUnreachable, .taskGone, .taskGoneByOperator, .taskDropped, .taskUnknown]
    #expect(state.reported(toPartitionAware: true) == state)
    #expect(state.reported(toPartitionAware: false) == (needing.contains(state) ? .taskLost : state))
    #expect(!state.isTerminal || state != .taskUnreachable)
  }
}

struct OperationStateTests {
  /// What Apache Mesos' `isTerminalState` and `mesos.proto` say of each state.
  static let states: [(state: OperationState, isTerminal: Bool, canRetry: Bool, mayStillBeApplied: Bool)] = [
    (.operationUnsupported, false, false, false), (.operationPending, false, false, true),
    (.operationFinished, true, false, false), (.operationFailed, true, false, false),
    (.operationError, true, false, false), (.operationDropped, true, true, false),
    (.operationUnreachable, false, false, true), (.operationGoneByOperator, true, false, true),
    (.operationRecovering, false, false, true), (.operationUnknown, false, false, true),
  ]

  @Test(arguments: states)
  func `a state says whether it is an end and whether to try again`(
    state: OperationState, isTerminal: Bool, canRetry: Bool, mayStillBeApplied: Bool
  ) {
    #expect(state.isTerminal == isTerminal)
    #expect(state.canRetry == canRetry)
    #expect(state.mayStillBeApplied == mayStillBeApplied)
  }

  @Test func `the table of states is whole`() {
    #expect(Set(Self.states.map(\.state)) == Set(OperationState.allCases))
    #expect(Self.states.count == OperationState.allCases.count)
  }

  @Test(arguments: OperationState.allCases)
  func `what may be retried has not been and will not be applied`(state: OperationState) {
    if state.canRetry { #expect(state.isTerminal && !state.mayStillBeApplied) }
  }
}
