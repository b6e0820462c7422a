import MesosHTTP
import MesosHTTPServer
import MesosModel
import SchedulerKit
import Synchronization
import Testing

private func configuration(
  _ port: Int, _ change: (inout SchedulerConfiguration) -> Void = { _ in }
) throws -> SchedulerConfiguration {
  var configuration = try SchedulerConfiguration(
    masters: [MasterAddress(host: "127.0.0.1", port: port)], framework: FrameworkSettings(name: "t", user: "nobody"))
  configuration.policy.reconnectBackoff = Backoff(initial: .milliseconds(2), limit: .milliseconds(10))
  configuration.policy.callBackoff = Backoff(initial: .milliseconds(2), limit: .milliseconds(10))
  configuration.policy.reconciliation.isAutomatic = false
  change(&configuration)
  return configuration
}

/// Returns once the connection is as `isWanted` says.
private func wait(_ scheduler: Scheduler, _ isWanted: (ConnectionState) -> Bool) async throws {
  for await state in scheduler.connectionChanges where isWanted(state) { return }
  throw SchedulerError(.stopped, "the scheduler ended before")
}

private func isSubscribed(_ state: ConnectionState) -> Bool {
  if case .subscribed = state { true } else { false }
}

@Suite(.timeLimit(.minutes(1))) struct ConnectionChangesTests {
  @Test func `several readers see the connection while nobody reads the updates`() async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      let scheduler = try Scheduler(configuration: try configuration(ports[0]))
      try await withThrowingTaskGroup(of: [ConnectionState].self) { group in
        group.addTask {
          try await scheduler.run()
          return []
        }
        try await wait(scheduler, isSubscribed)
        for _ in 0..<3 {
          group.addTask {
            var states: [ConnectionState] = []
            for await state in scheduler.connectionChanges { states.append(state) }
            return states
          }
        }
        master.end()
        try await master.subscribed(times: 2)
        try await wait(scheduler, isSubscribed)
        scheduler.stop()
        for try await states in group where !states.isEmpty {
          // The first is the present one, the last says that it is over; what came between may be left out, and none comes twice.
          #expect(states.last == .disconnected)
          for (before, after) in zip(states, states.dropFirst()) { #expect(before != after) }
        }
      }
      // Who comes later is told how it ended.
      var late: [ConnectionState] = []
      for await state in scheduler.connectionChanges { late.append(state) }
      #expect(late == [.disconnected])
    }
  }

  @Test func `a slow reader is given the newest state`() async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      try await withScheduler(try configuration(ports[0])) { scheduler in
        var slow = scheduler.connectionChanges.makeAsyncIterator()
        _ = await slow.next()
        try await wait(scheduler, isSubscribed)
        for times in 2...4 {
          master.end()
          try await master.subscribed(times: times)
          try await wait(scheduler, isSubscribed)
        }
        let newest = await slow.next()
        #expect(newest.map(isSubscribed) == true)
      }
    }
  }

  @Test func `a reader that is cancelled waits no more`() async throws {
    let scheduler = try Scheduler(configuration: try configuration(1))
    await withTaskGroup(of: [ConnectionState].self) { group in
      group.addTask {
        var states: [ConnectionState] = []
        for await state in scheduler.connectionChanges { states.append(state) }
        return states
      }
      group.cancelAll()
      for await states in group { #expect(states.allSatisfy { $0 == .disconnected }) }
    }
  }
}

@Suite(.timeLimit(.minutes(1))) struct ErrorHookTests {
  @Test func `the user decides about an error, and may take the time`() async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      let asked = Mutex<[SchedulerError.Code]>([])
      let configuration = try configuration(ports[0]) {
        $0.policy.onError.other = .subscribeAsNew
        $0.onError = { error, proposed in
          #expect(proposed == .subscribeAsNew)
          let count = asked.withLock { asked in
            asked.append(error.code)
            return asked.count
          }
          return count == 1 ? .retry : .fail
        }
      }
      let error = await #expect(throws: SchedulerError.self) {
        try await withScheduler(configuration) { scheduler in
          for await update in scheduler.updates {
            if case .subscribed = update { master.send(.error("Out of order")) }
          }
          throw SchedulerError(.stopped, "ended")
        }
      }
      #expect(error?.code == .masterError)
      #expect(asked.withLock { $0 } == [.masterError, .masterError])
      #expect(master.subscribes.map(\.frameworkID.value) == ["", "F1"])
    }
  }
}

@Suite(.timeLimit(.minutes(1))) struct LaneTests {
  @Test func `calls arrive in order, over a connection that neither acknowledgements nor streams share`() async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      try await withScheduler(try configuration(ports[0])) { scheduler in
        try await withThrowingTaskGroup(of: Void.self) { group in
          try await wait(scheduler, isSubscribed)
          for index in 0..<50 { master.send(.update("t\(index)", .taskRunning, uuid: "\(index)")) }
          group.addTask {
            var count = 0
            for await update in scheduler.updates {
              if case .task = update { count += 1 }
              if count == 50 { return }
            }
          }
          for index in 0..<50 { try await scheduler.kill(TaskID(TaskKey("k\(index)"))) }
          try await group.waitForAll()
        }
      }
      _ = try await master.received(.acknowledge, count: 50)
      let kills = master.calls.filter { $0.call.type == .kill }
      #expect(kills.map(\.call.kill.taskID.value) == (0..<50).map { "k\($0)" })
      let teardown = master.calls.filter { $0.call.type == .teardown }
      let ordered = Set((kills + teardown).map(\.connection))
      let acknowledgements = Set(master.calls.filter { $0.call.type == .acknowledge }.map(\.connection))
      // A connection that was idle for a while may have been replaced.
      #expect(!ordered.isEmpty)
      #expect(!acknowledgements.isEmpty)
      #expect(ordered.isDisjoint(with: acknowledgements))
      #expect(ordered.isDisjoint(with: master.streamConnections))
    }
  }

  @Test func `twenty schedulers of one process hold their streams and make their calls at once`() async throws {
    let master = FakeMaster([.stream()])
    master.takesAnyStream()
    try await FakeMaster.serving(master) { ports in
      let configuration = try configuration(ports[0])
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<20 {
          group.addTask {
            try await withScheduler(configuration, whenDone: .keepFramework) { scheduler in
              try await wait(scheduler, isSubscribed)
              try await master.subscribed(times: 20)
              try await scheduler.revive()
            }
          }
        }
        try await group.waitForAll()
      }
      #expect(master.calls.count { $0.call.type == .revive } == 20)
    }
  }

  /// The first attempt is refused by the system at once; if the HTTP library tried again by itself, this would be the connect timeout.
  @Test func `a connection that is refused fails at once`() async throws {
    let scheduler = try Scheduler(
      configuration: try configuration(1) {
        $0.policy.reconnectBackoff = Backoff(initial: .seconds(3_600), limit: .seconds(3_600))
        $0.policy.subscribeTimeout = .seconds(3_600)
      })
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await scheduler.run() }
      try await wait(scheduler) { state in
        guard case .backingOff(_, let reason) = state else { return false }
        #expect(reason.lowercased().contains("refused"), "\(reason)")
        return true
      }
      scheduler.stop()
      try await group.waitForAll()
    }
  }

  @Test func `a call that is redirected is not sent on by the HTTP library`() async throws {
    let other = FakeMaster()
    try await FakeMaster.serving(other) { otherPorts in
      let master = FakeMaster()
      try await FakeMaster.serving(master) { ports in
        try await withScheduler(try configuration(ports[0])) { scheduler in
          try await wait(scheduler, isSubscribed)
          master.answer(.kill, status: 307, headers: ["Location": "//127.0.0.1:\(otherPorts[0])/api/v1/scheduler"])
          try await scheduler.kill(TaskID("t"))
        }
      }
      // It was sent again by the scheduler, after it had subscribed there.
      #expect(other.subscribes.count == 1)
      #expect(other.calls.map(\.call.type) == [.kill, .teardown])
      #expect(other.calls.first?.streamID == "stream-1")
    }
  }
}
