import Foundation
import MesosHTTP
import SchedulerKit
import Testing

/// A master that runs elsewhere, as host:port.
private let address = ProcessInfo.processInfo.environment["SWIFT_MESOS_TEST_MASTER"]

private func configuration(_ encoding: Encoding = .protobuf) throws -> SchedulerConfiguration {
  var configuration = try SchedulerConfiguration(
    master: address ?? "", framework: FrameworkSettings(name: "scheduler-kit-tests"))
  if encoding == .json { configuration.encoding = .json }
  return configuration
}

enum Encoding: CaseIterable { case protobuf, json }

private let amounts: [String: Scalar] = ["cpus": 0.1, "mem": 32]

/// Launches one task as soon as an offer has room for it, and gives every update of it to `handle` until that returns true.
private func launch(
  _ id: String, _ command: CommandInfo?, with scheduler: Scheduler,
  handle: (TaskUpdate, Offer) async throws -> Bool
) async throws {
  var used: Offer?
  for await update in scheduler.updates {
    switch update {
    case .offers(let offers):
      var unused = offers
      for (index, offer) in offers.enumerated() where used == nil {
        var pool = OfferPool([offer])
        guard let resources = pool.take(amounts) else { continue }
        var task = TaskInfo()
        task.taskID.value = id
        task.name = id
        task.agentID = offer.agentID
        task.resources = resources
        if let command { task.command = command }
        unused.remove(at: index)
        used = offer
        try await scheduler.accept([offer], launch: [task])
      }
      try await scheduler.decline(unused, refuse: .seconds(60))
    case .task(let update) where update.status.taskID.value == id:
      guard let used else { continue }
      if try await handle(update, used) { return }
    case .error(let error): throw error
    default: break
    }
  }
  throw SchedulerError(.stopped, "the scheduler ended before the task")
}

/// Against a master and agents that run elsewhere: Apache Mesos or this project's.
@Suite(.enabled(if: address != nil), .serialized, .timeLimit(.minutes(2))) struct LiveTests {
  @Test(arguments: Encoding.allCases)
  func `a task runs to its end and its output can be read`(encoding: Encoding) async throws {
    try await withScheduler(try configuration(encoding)) { scheduler in
      var states: [TaskState] = []
      let id = "finishes-\(encoding)"
      try await launch(id, .shell("echo 'to be read' >result"), with: scheduler) { update, offer in
        states.append(update.status.state)
        guard update.isTerminal else { return false }
        #expect(update.status.state == .taskFinished)
        let sandbox = Sandbox(
          agent: try #require(AgentEndpoint(offer)), frameworkID: try #require(scheduler.frameworkID), executorID: id)
        try await withTaskFiles { files in
          #expect(try await files.contents(of: "result", in: sandbox) == Array("to be read\n".utf8))
          #expect(try await files.read("result", in: sandbox, offset: 3, length: 2).bytes == Array("be".utf8))
          let names = try await files.list(in: sandbox).map { $0.path.split(separator: "/").last ?? "" }
          #expect(Set(names).isSuperset(of: ["stdout", "stderr", "result"]))
          let missing = await #expect(throws: SchedulerError.self) {
            try await files.read("no such file", in: sandbox)
          }
          #expect(missing?.status == 404)
          let large = await #expect(throws: SchedulerError.self) {
            try await files.contents(of: "result", in: sandbox, upTo: 3)
          }
          #expect(large?.code == .files)
        }
        return true
      }
      #expect(states.contains(.taskRunning))
      #expect(states.last == .taskFinished)
      #expect(scheduler.tasks.isEmpty)
    }
  }

  @Test func `a program's arguments arrive as they are`() async throws {
    try await withScheduler(try configuration()) { scheduler in
      let arguments = ["a b", "c'd", "e\"f", "$HOME", "ü", ""]
      let script = "printf '%s\\n' \"$@\" >arguments"
      try await launch("arguments", .program("/bin/sh", ["-c", script, "sh"] + arguments), with: scheduler) {
        update, offer in
        guard update.isTerminal else { return false }
        let sandbox = Sandbox(
          agent: try #require(AgentEndpoint(offer)), frameworkID: try #require(scheduler.frameworkID),
          executorID: "arguments")
        try await withTaskFiles { files in
          let bytes = try await files.contents(of: "arguments", in: sandbox)
          #expect(String(decoding: bytes, as: UTF8.self) == arguments.map { $0 + "\n" }.joined())
        }
        return true
      }
    }
  }

  @Test func `a task that fails says so`() async throws {
    try await withScheduler(try configuration()) { scheduler in
      try await launch("fails", .shell("exit 7"), with: scheduler) { update, _ in
        guard update.isTerminal else { return false }
        #expect(update.status.state == .taskFailed)
        return true
      }
    }
  }

  @Test func `a running task is killed`() async throws {
    try await withScheduler(try configuration()) { scheduler in
      try await launch("killed", .shell("sleep 1000"), with: scheduler) { update, _ in
        if update.status.state == .taskRunning {
          try await scheduler.kill(update.status.taskID, on: update.status.agentID, gracePeriod: .seconds(1))
        }
        guard update.isTerminal else { return false }
        #expect(update.status.state == .taskKilled)
        return true
      }
    }
  }

  @Test func `a running task and an unknown one are reconciled`() async throws {
    try await withScheduler(try configuration()) { scheduler in
      try await launch("reconciled", .shell("sleep 1000"), with: scheduler) { update, _ in
        guard update.status.state == .taskRunning else { return false }
        guard update.isReconciliation else {
          try await scheduler.reconcile([(update.status.taskID, update.status.agentID)])
          return false
        }
        #expect(update.status.reason == .reconciliation)
        return true
      }
      try await scheduler.reconcile([(TaskID("never-launched"), nil)])
      for await update in scheduler.updates {
        guard case .task(let update) = update, update.status.taskID.value == "never-launched" else { continue }
        #expect(update.isReconciliation)
        #expect([.taskUnknown, .taskGone, .taskLost].contains(update.status.state))
        return
      }
    }
  }

  @Test func `a task without a valid description is answered with TASK_ERROR`() async throws {
    try await withScheduler(try configuration()) { scheduler in
      try await launch("invalid", nil, with: scheduler) { update, _ in
        #expect(update.status.state == .taskError)
        #expect(update.status.reason == .taskInvalid)
        return true
      }
    }
  }

  @Test func `a scheduler that takes over learns of the task, and the one before is told`() async throws {
    let store = MemoryFrameworkIDStore()
    let configuration = try configuration()
    try await withScheduler(configuration, store: store, whenDone: .keepFramework) { scheduler in
      try await launch("kept", .shell("sleep 1000"), with: scheduler) { update, _ in update.status.state == .taskRunning
      }
    }
    let id = try #require(await store.load())

    try await withScheduler(configuration, store: store) { second in
      var hasTask = false
      for await update in second.updates {
        switch update {
        case .subscribed(let subscription):
          #expect(subscription.frameworkID == id)
          #expect(subscription.isResubscription)
        case .task(let update) where update.status.taskID.value == "kept":
          #expect(update.status.state == .taskRunning)
          hasTask = true
        case .connection(.backingOff(_, let reason)): Issue.record("\(reason)")
        default: break
        }
        if hasTask { break }
      }
      #expect(second.tasks.map(\.id) == ["kept"])

      // A third one under the same id ends the second.
      let third = try Scheduler(configuration: configuration, store: MemoryFrameworkIDStore(id))
      let running = Task { try await third.run() }
      for await update in third.updates { if case .subscribed = update { break } }
      var ending: SchedulerError?
      for await update in second.updates { if case .error(let error) = update { ending = error } }
      #expect(ending?.code == .failedOver)
      third.stop(.tearDown)
      try await running.value
    }
  }

  @Test func `a framework that was torn down stays down`() async throws {
    let store = MemoryFrameworkIDStore()
    let configuration = try configuration()
    try await withScheduler(configuration, store: store, whenDone: .keepFramework) { scheduler in
      for await update in scheduler.updates { if case .subscribed = update { return } }
    }
    let id = try #require(await store.load())
    try await withScheduler(configuration, store: store, whenDone: .tearDown) { scheduler in
      for await update in scheduler.updates { if case .subscribed = update { return } }
    }
    #expect(await store.load() == nil)
    let error = await #expect(throws: SchedulerError.self) {
      try await withScheduler(configuration, store: MemoryFrameworkIDStore(id)) { scheduler in
        for await _ in scheduler.updates {}
        throw SchedulerError(.stopped, "ended")
      }
    }
    #expect(error?.code == .frameworkRemoved)
  }

  @Test func `suppressed roles get no offers until they are revived`() async throws {
    var configuration = try configuration()
    configuration.policy.suppressedRoles = ["*"]
    try await withScheduler(configuration) { scheduler in
      for await update in scheduler.updates {
        switch update {
        case .reconciled: try await scheduler.revive()
        case .offers(let offers):
          #expect(!offers.isEmpty)
          return try await scheduler.decline(offers)
        default: break
        }
      }
    }
  }
}
