import Foundation
import MesosModel
import SwiftProtobuf
import Testing

struct TaskStatusCauseTests {
  /// Apache Mesos' `docs/task-state-reasons.md`, row by row: state, source and reasons; names of the v1 API.
  static let page: [(state: TaskState, source: TaskStatus.Source, reasons: [TaskStatus.Reason])] = [
    (
      .taskFailed, .agent,
      [
        .containerLaunchFailed, .containerLimitationMemory, .containerLimitationDisk, .ioSwitchboardExited,
        .executorRegistrationTimeout, .executorReregistrationTimeout, .executorTerminated,
      ]
    ),
    (.taskKilled, .master, [.frameworkRemoved, .taskKilledDuringLaunch]),
    (.taskKilled, .agent, [.taskKilledDuringLaunch, .executorUnregistered]),
    (.taskError, .master, [.taskInvalid, .taskGroupInvalid, .taskUnauthorized, .taskGroupUnauthorized]),
    (.taskError, .agent, [.taskUnauthorized, .taskGroupUnauthorized]),
    (.taskLost, .master, [.agentDisconnected, .masterDisconnected, .agentRemoved, .resourcesUnknown]),
    (
      .taskLost, .agent,
      [
        .agentRestarted, .containerPreempted, .containerUpdateFailed, .executorTerminated, .gcError, .invalidOffers,
      ]
    ),
    (.taskDropped, .master, [.agentDisconnected, .masterDisconnected, .agentRemoved, .resourcesUnknown]),
    (.taskDropped, .agent, [.agentRestarted, .executorTerminated, .gcError, .invalidOffers]),
    (.taskUnreachable, .master, [.agentRemoved]),
    (.taskGone, .agent, [.containerUpdateFailed, .containerPreempted]),
    (.taskRunning, .executor, [.taskCheckStatusUpdated, .taskHealthCheckStatusUpdated]),
    (.taskError, .executor, [.taskInvalid, .taskUnauthorized]),
  ]

  /// What Apache Mesos 1.11's source has beyond the page, with the place.
  static let source: [(place: String, state: TaskState, source: TaskStatus.Source, reason: TaskStatus.Reason?)] = [
    ("master.cpp, accept", .taskDropped, .master, .invalidOffers),
    ("master.cpp, accept", .taskLost, .master, .invalidOffers),
    ("master.cpp, __removeSlave", .taskGoneByOperator, .master, .agentRemovedByOperator),
    ("slave.cpp, reconcile", .taskDropped, .agent, .reconciliation),
    ("slave.cpp, reconcile", .taskLost, .agent, .reconciliation),
    ("slave.cpp, _run", .taskDropped, .agent, .agentDraining),
    ("slave.cpp, __run", .taskDropped, .agent, .resourcesUnknown),
    ("slave.cpp, __run", .taskDropped, .agent, .taskInvalid),
    ("slave.cpp, __run", .taskLost, .agent, .taskInvalid),
    ("slave.cpp, _reregisterExecutor", .taskGone, .agent, .executorReregistrationTimeout),
    ("slave.cpp, _reregisterExecutor", .taskLost, .agent, .executorReregistrationTimeout),
    ("slave.cpp, statusUpdate", .taskKilled, .executor, .agentDraining),
    ("slave.cpp, statusUpdate", .taskKilling, .executor, .agentDraining),
    ("slave.cpp, statusUpdate", .taskKilled, .agent, .agentDraining),
    ("slave.cpp, statusUpdate", .taskGoneByOperator, .executor, .agentDraining),
    ("slave.cpp, statusUpdate", .taskGoneByOperator, .agent, .agentDraining),
    ("isolators/network/ports.cpp", .taskFailed, .agent, .containerLimitation),
    ("executor.cpp, reaped", .taskFailed, .executor, .maxCompletionTimeReached),
    ("default_executor.cpp, waited", .taskFailed, .executor, .containerLimitation),
    ("default_executor.cpp, waited", .taskFailed, .executor, .containerLimitationMemory),
    ("default_executor.cpp, waited", .taskFailed, .executor, .containerLimitationDisk),
    ("default_executor.cpp, waited", .taskFailed, .executor, .ioSwitchboardExited),
    ("default_executor.cpp, dropTaskGroup", .taskDropped, .executor, nil),
    ("default_executor.cpp, dropTaskGroup", .taskLost, .executor, nil),
    ("executor.cpp", .taskStarting, .executor, nil), ("executor.cpp", .taskRunning, .executor, nil),
    ("executor.cpp", .taskKilling, .executor, nil), ("executor.cpp", .taskKilled, .executor, nil),
    ("executor.cpp", .taskFailed, .executor, nil), ("executor.cpp", .taskFinished, .executor, nil),
  ]

  @Test(arguments: page)
  func `the table has every row of the page`(
    state: TaskState, source: TaskStatus.Source, reasons: [TaskStatus.Reason]
  ) {
    for reason in reasons {
      #expect(TaskStatusCause.find(state: state, source: source, reason: reason) != nil, "\(reason)")
    }
  }

  @Test(arguments: source)
  func `the table has what the page leaves out`(
    place: String, state: TaskState, source: TaskStatus.Source, reason: TaskStatus.Reason?
  ) {
    #expect(TaskStatusCause.find(state: state, source: source, reason: reason) != nil, "\(place)")
  }

  /// A row too many would let a wrong status pass.
  @Test func `the table has nothing but the page, the source, and what is ours`() {
    struct Triple: Hashable {
      var state: TaskState
      var source: TaskStatus.Source
      var reason: TaskStatus.Reason?
    }
    var expected = Set(Self.source.map { Triple(state: $0.state, source: $0.source, reason: $0.reason) })
    for row in Self.page {
      for reason in row.reasons { expected.insert(Triple(state: row.state, source: row.source, reason: reason)) }
    }
    for state in TaskState.allCases {
      expected.insert(Triple(state: state, source: .master, reason: .reconciliation))
      expected.insert(Triple(state: state, source: .master, reason: .agentReregistered))
    }
    // As `sendTaskDroppedUpdate` reports them without PARTITION_AWARE.
    expected.insert(Triple(state: .taskLost, source: .agent, reason: .agentDraining))
    expected.insert(Triple(state: .taskLost, source: .agent, reason: .resourcesUnknown))
    // Ours: Apache Mesos' agents do not check descriptions.
    expected.insert(Triple(state: .taskError, source: .agent, reason: .taskInvalid))
    // States that custom executors use by themselves.
    expected.insert(Triple(state: .taskError, source: .executor, reason: nil))
    expected.insert(Triple(state: .taskGone, source: .executor, reason: nil))
    let listed = TaskStatusCause.all.map { Triple(state: $0.state, source: $0.source, reason: $0.reason) }
    #expect(Set(listed).subtracting(expected).isEmpty)
    #expect(expected.subtracting(listed).isEmpty)
    #expect(Set(listed).count == listed.count, "a triple comes twice")
  }

  @Test(arguments: TaskState.allCases)
  func `every state has a row`(state: TaskState) {
    #expect(TaskStatusCause.all.contains { $0.state == state })
  }

  @Test(arguments: TaskStatus.Reason.allCases)
  func `every reason has a row or a word why not`(reason: TaskStatus.Reason) {
    let rows = TaskStatusCause.all.filter { $0.reason == reason }
    let unused = TaskStatusCause.unusedReasons.filter { $0.reason == reason }
    #expect(rows.isEmpty != unused.isEmpty)
    #expect(unused.count < 2 && unused.allSatisfy { !$0.why.isEmpty })
  }

  @Test func `every static member is in the table`() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources/MesosModel/TaskStatus")
    var members: [String] = []
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() {
      let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
      for line in text.split(separator: "\n") where line.hasSuffix("= TaskStatusCause(") {
        if let start = line.firstRange(of: "static let ") {
          members.append(String(line[start.upperBound...].prefix { $0 != " " }))
        }
      }
    }
    #expect(members.count > 50)
    let table = try String(contentsOf: folder.appending(path: "TaskStatusCause+Table.swift"), encoding: .utf8)
    let words = Set(table.split { !$0.isLetter })
    #expect(members.filter { !words.contains(Substring($0)) } == [])
  }

  @Test func `the order is that of a task's life, then sources, then reasons by name`() {
    let life: [TaskState] = TaskStateTests.states.map(\.state)
    let ranks = TaskStatusCause.all.map {
      (life.firstIndex(of: $0.state) ?? -1, $0.source.rawValue, $0.reason?.wireName ?? "")
    }
    for (before, after) in zip(ranks, ranks.dropFirst()) { #expect(before < after) }
  }

  // MARK: Lookups

  @Test func `a lookup finds the row of a triple and no other`() {
    var found = 0
    for state in TaskState.allCases {
      for source in TaskStatus.Source.allCases {
        for reason in TaskStatus.Reason.allCases.map(Optional.some) + [nil] {
          let row = TaskStatusCause.find(state: state, source: source, reason: reason)
          let oracle = TaskStatusCause.all.first { ($0.state, $0.source, $0.reason) == (state, source, reason) }
          #expect(row == oracle)
          #expect(row?.meaning == oracle?.meaning)
          if row != nil { found += 1 }
          let isAccepted = TaskStatusCause.isAccepted(state: state, source: source, reason: reason)
          #expect(isAccepted == (source == .executor ? state != .taskStaging : row != nil))
        }
      }
    }
    #expect(found == TaskStatusCause.all.count)
  }

  @Test(arguments: TaskStatusCause.all)
  func `a status made from a cause has its triple`(cause: TaskStatusCause) {
    let status = TaskStatus(TaskID.with { $0.value = "t" }, cause)
    #expect(status.taskID.value == "t")
    #expect(status.hasReason == (cause.reason != nil))
    #expect(status.cause == cause)
    #expect(status.hasAcceptedCause)
    #expect(status.isReconciliation == (cause.reason == .reconciliation))
  }

  @Test func `a status without a source has no cause`() {
    var status = TaskStatus()
    status.state = .taskRunning
    #expect(status.cause == nil && !status.hasAcceptedCause)
    status.attributeToExecutor()
    #expect(status.cause == .running && status.hasAcceptedCause)
    // The value 0 is not taken for a reason that is not there.
    status.reason = .commandExecutorFailed
    #expect(status.cause == nil && status.hasAcceptedCause)
  }

  @Test func `families have a row for each state`() {
    for state in TaskState.allCases {
      for cause in [TaskStatusCause.reconciliation(state), .agentReregistered(state)] {
        #expect(cause.state == state && cause.source == .master)
        #expect(TaskStatusCause.all.contains(cause))
      }
    }
  }

  // MARK: What a framework without partition awareness is told

  @Test(arguments: TaskStatusCause.all)
  func `what is told in place of a cause is listed, known to every framework, and told as it is`(cause: TaskStatusCause)
  {
    #expect(cause.reported(toPartitionAware: true) == cause)
    let told = cause.reported(toPartitionAware: false)
    #expect(!told.state.needsPartitionAwareness)
    #expect(told.source == cause.source)
    #expect(told.reported(toPartitionAware: false) == told)
    let listed = TaskStatusCause.find(state: told.state, source: told.source, reason: told.reason)
    #expect(listed?.meaning == told.meaning)
    if !cause.state.needsPartitionAwareness { #expect(told == cause) }
  }

  @Test(arguments: TaskStatusCause.all)
  func `lost keeps the reason, but for what operators do`(cause: TaskStatusCause) {
    guard cause.state.needsPartitionAwareness else { return }
    let told = cause.reported(toPartitionAware: false)
    switch cause {
    case .agentRemovedByOperator: #expect(told == .agentRemoved)
    case .drainedForGood: #expect(told == .drained)
    case .drainedForGoodByExecutor: #expect(told == .drainedByExecutor)
    default: #expect(told.state == .taskLost && told.reason == cause.reason)
    }
  }

  // MARK: What the rows say

  @Test(arguments: TaskStatusCause.all)
  func `advice agrees with the state`(cause: TaskStatusCause) {
    if cause.state.canReschedule { #expect(cause.advice == .reschedule) }
    if cause.state == .taskError { #expect(cause.advice == .fix) }
    if cause.state == .taskFinished { #expect(cause.advice == .nothing) }
    if !cause.state.isTerminal, !cause.state.canReschedule { #expect(cause.advice == .nothing) }
  }

  @Test(arguments: TaskStatusCause.all)
  func `a row says what happened and who says so`(cause: TaskStatusCause) {
    #expect(cause.meaning.count > 10 && cause.meaning.hasSuffix("."))
    #expect(!cause.makers.isEmpty && Set(cause.makers).count == cause.makers.count)
    let executors: Set<TaskStatusCause.Maker> = [.commandExecutor, .defaultExecutor, .dockerExecutor, .customExecutors]
    switch cause.source {
    case .master: #expect(cause.makers == [.master] || cause.makers == [.schedulerDriver])
    case .agent: #expect(cause.makers == [.agent])
    case .executor: #expect(!executors.isDisjoint(with: cause.makers))
    }
  }

  @Test(arguments: TaskStatus.Reason.allCases)
  func `names of reasons are those of the protocol`(reason: TaskStatus.Reason) {
    var status = TaskStatus()
    status.reason = reason
    #expect(String(decoding: status.jsonBytes(), as: UTF8.self).contains("\"\(reason.wireName)\""))
  }

  @Test(arguments: TaskStatus.Source.allCases)
  func `names of sources are those of the protocol`(source: TaskStatus.Source) {
    var status = TaskStatus()
    status.source = source
    #expect(String(decoding: status.jsonBytes(), as: UTF8.self).contains("\"\(source.wireName)\""))
  }
}
