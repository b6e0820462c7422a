import Foundation
import MesosHTTP
import MesosModel
import SchedulerKit
import Synchronization
import Testing

private func settings() -> FrameworkSettings { FrameworkSettings(name: "test", user: "nobody") }

private func configuration(
  _ ports: [Int], _ change: (inout SchedulerConfiguration) -> Void = { _ in }
) throws -> SchedulerConfiguration {
  var configuration = try SchedulerConfiguration(
    masters: ports.map { MasterAddress(host: "127.0.0.1", port: $0) }, framework: settings())
  configuration.policy.reconnectBackoff = Backoff(initial: .milliseconds(2), limit: .milliseconds(10))
  configuration.policy.callBackoff = Backoff(initial: .milliseconds(2), limit: .milliseconds(10))
  configuration.policy.stopTimeout = .seconds(5)
  configuration.policy.reconciliation.isAutomatic = false
  change(&configuration)
  return configuration
}

/// The updates up to and with the first one that `isLast` accepts.
private func updates(
  of scheduler: Scheduler, until isLast: (SchedulerUpdate) -> Bool
) async throws -> [SchedulerUpdate] {
  var seen: [SchedulerUpdate] = []
  for await update in scheduler.updates {
    seen.append(update)
    if isLast(update) { return seen }
  }
  throw SchedulerError(.stopped, "ended before: \(seen)")
}

private func connections(_ updates: [SchedulerUpdate]) -> [ConnectionState] {
  updates.compactMap { update -> ConnectionState? in
    if case .connection(let state) = update { state } else { nil }
  }
}

private func isSubscribed(_ update: SchedulerUpdate) -> Bool {
  if case .subscribed = update { true } else { false }
}

@Suite(.timeLimit(.minutes(1))) struct SchedulerTests {
  @Test(arguments: [MessageEncoding.protobuf, .json])
  func `a task goes from offer to its end, acknowledged on the way`(encoding: MessageEncoding) async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      let configuration = try configuration(ports) { $0.encoding = encoding }
      try await withScheduler(configuration) { scheduler in
        var states: [TaskState] = []
        for await update in scheduler.updates {
          switch update {
          case .subscribed(let subscription):
            #expect(subscription.frameworkID.value == "F1")
            master.send(.offers("O1"))
          case .offers(let offers):
            var task = TaskInfo()
            task.taskID.value = "t"
            task.name = "t"
            task.agentID = offers[0].agentID
            task.command = .program("/bin/echo", ["a b", "\"'$x"])
            try await scheduler.accept(offers, launch: [task], refuse: .seconds(2))
            let accept = try await master.received(.accept)
            #expect(accept.call.frameworkID.value == "F1")
            #expect(accept.call.accept.filters.refuseSeconds == 2)
            #expect(accept.call.accept.operations.first?.launch.taskInfos == [task])
            #expect(accept.contentType == encoding.contentType)
            master.send(.update("t", .taskRunning, uuid: "0123456789abcdef"))
            master.send(.update("t", .taskFinished, uuid: "fedcba9876543210"))
          case .task(let update):
            states.append(update.status.state)
            if update.isTerminal { return #expect(states == [.taskRunning, .taskFinished]) }
          default: break
          }
        }
      }
      // The last update was handled when the body returned.
      let last = try await master.received(.acknowledge, count: 2)
      #expect(last.call.acknowledge.uuid == Data("fedcba9876543210".utf8))
      let teardown = try await master.received(.teardown)
      #expect(teardown.call.frameworkID.value == "F1")
      #expect(master.calls.last?.call.type == .teardown)
    }
  }

  @Test func `a scheduler follows the redirect of a standby master`() async throws {
    let leader = FakeMaster()
    try await FakeMaster.serving(leader) { leaderPorts in
      let standby = FakeMaster([
        .refuse(status: 307, text: "", headers: ["Location": "//127.0.0.1:\(leaderPorts[0])/api/v1/scheduler"])
      ])
      try await FakeMaster.serving(standby) { ports in
        try await withScheduler(try configuration(ports)) { scheduler in
          let seen = try await updates(of: scheduler, until: isSubscribed)
          #expect(
            connections(seen) == [
              .connecting(MasterAddress(host: "127.0.0.1", port: ports[0])),
              .connecting(MasterAddress(host: "127.0.0.1", port: leaderPorts[0])),
              .subscribed(MasterAddress(host: "127.0.0.1", port: leaderPorts[0])),
            ])
        }
      }
    }
  }

  @Test func `a master that is not ready is asked again`() async throws {
    let master = FakeMaster([
      .refuse(status: 503, text: "No leader elected"), .refuse(status: 404, text: "404 Not Found."), .stream(),
    ])
    try await FakeMaster.serving(master) { ports in
      try await withScheduler(try configuration(ports)) { scheduler in
        let seen = try await updates(of: scheduler, until: isSubscribed)
        let reasons = connections(seen).compactMap { state -> String? in
          if case .backingOff(_, let reason) = state { reason } else { nil }
        }
        #expect(reasons.count == 2)
        #expect(reasons.first?.contains("503: No leader elected") == true)
      }
    }
  }

  @Test func `a master that is not there is asked again, and the next one too`() async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      // Port 1 of loopback refuses.
      try await withScheduler(try configuration([1, ports[0]])) { scheduler in
        _ = try await updates(of: scheduler, until: isSubscribed)
        #expect(scheduler.connectionState == .subscribed(MasterAddress(host: "127.0.0.1", port: ports[0])))
      }
    }
  }

  /// Cut points inside the length, at the line feed and inside the payload of an event.
  @Test(arguments: [0, 1, 2, 3, 10])
  func `a stream cut in the middle of a record is taken up under the same id`(length: Int) async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      let store = MemoryFrameworkIDStore()
      try await withScheduler(try configuration(ports), store: store, whenDone: .keepFramework) { scheduler in
        _ = try await updates(of: scheduler, until: isSubscribed)
        let record = RecordIOEncoder.encode(MessageEncoding.protobuf.encode(SchedulerEvent.offers("O1")))
        master.send(bytes: Array(record.prefix(length)))
        master.end()
        let seen = try await updates(of: scheduler, until: isSubscribed)
        #expect(!seen.contains { if case .offers = $0 { true } else { false } })
        guard case .subscribed(let subscription) = seen.last else { return }
        #expect(subscription.isResubscription)
      }
      #expect(master.subscribes.map(\.frameworkID.value) == ["", "F1"])
      #expect(await store.load()?.value == "F1")
      #expect(!master.calls.contains { $0.call.type == .teardown })
    }
  }

  @Test func `heartbeats that stop are noticed`() async throws {
    let master = FakeMaster([.stream(heartbeat: 0.02), .stream()])
    try await FakeMaster.serving(master) { ports in
      try await withScheduler(try configuration(ports) { $0.policy.missedHeartbeatsMax = 2 }) { scheduler in
        _ = try await updates(of: scheduler, until: isSubscribed)
        let seen = try await updates(of: scheduler, until: isSubscribed)
        #expect(
          seen.contains {
            if case .connection(.backingOff(_, let reason)) = $0 { reason.contains("heartbeat") } else { false }
          })
      }
    }
  }

  @Test func `a slow reader holds the master back and misses nothing`() async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      try await withScheduler(try configuration(ports) { $0.updatesBufferedMax = 4 }) { scheduler in
        _ = try await updates(of: scheduler, until: isSubscribed)
        for index in 0..<200 { master.send(.update("t\(index)", .taskRunning, uuid: "\(index)")) }
        // Calls go on while updates wait.
        for _ in 0..<20 { try await scheduler.revive() }
        var count = 0
        for await update in scheduler.updates {
          if case .connection(let state) = update { Issue.record("\(state)") }
          guard case .task(let update) = update else { continue }
          #expect(update.status.taskID.value == "t\(count)")
          count += 1
          if count == 200 { return }
        }
      }
    }
  }

  @Test func `another scheduler with the id ends this one with a typed error`() async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      let configuration = try configuration(ports)
      let error = await #expect(throws: SchedulerError.self) {
        try await withScheduler(configuration) { scheduler in
          for await update in scheduler.updates {
            if case .subscribed = update { master.send(.error("Framework failed over")) }
          }
          throw SchedulerError(.stopped, "ended")
        }
      }
      #expect(error?.code == .failedOver)
      #expect(!master.calls.contains { $0.call.type == .teardown })
    }
  }

  @Test func `a removed framework forgets its id`() async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      let store = MemoryFrameworkIDStore(FrameworkID("F1"))
      let scheduler = try Scheduler(configuration: try configuration(ports), store: store)
      let run = Task { try await scheduler.run() }
      for await update in scheduler.updates {
        if case .subscribed = update { master.send(.error("Framework has been removed")) }
      }
      let error = await #expect(throws: SchedulerError.self) { try await run.value }
      #expect(error?.code == .frameworkRemoved)
      #expect(await store.load() == nil)
    }
  }

  @Test func `a call without an answer is repeated, an ACCEPT is not`() async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      try await withScheduler(
        try configuration(ports) {
          $0.policy.reconciliation.backoff = Backoff(initial: .milliseconds(2), limit: .milliseconds(4))
        }
      ) { scheduler in
        _ = try await updates(of: scheduler, until: isSubscribed)
        master.cut(.revive)
        try await scheduler.revive()
        _ = try await master.received(.revive, count: 2)

        master.send(.offers("O1"))
        _ = try await updates(of: scheduler) { if case .offers = $0 { true } else { false } }
        master.cut(.accept)
        var task = TaskInfo()
        task.taskID.value = "t"
        task.name = "t"
        task.agentID.value = "A1"
        let error = await #expect(throws: SchedulerError.self) {
          try await scheduler.accept([.test("O1")], launch: [task])
        }
        #expect(error?.code == .outcomeUnknown)
        let asked = try await master.received(.reconcile)
        #expect(asked.call.reconcile.tasks.map(\.taskID.value) == ["t"])
        master.send(.update("t", .taskRunning, uuid: "u"))
        let seen = try await updates(of: scheduler) { if case .task = $0 { true } else { false } }
        #expect(!seen.isEmpty)
        #expect(scheduler.tasks.map(\.isUncertain) == [false])
        #expect(master.calls.count { $0.call.type == .accept } == 1)
      }
    }
  }

  @Test func `a refused call throws the master's words`() async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      try await withScheduler(try configuration(ports)) { scheduler in
        _ = try await updates(of: scheduler, until: isSubscribed)
        master.answer(.kill, status: 403)
        let error = await #expect(throws: SchedulerError.self) { try await scheduler.kill(TaskID("t")) }
        #expect(error?.status == 403)
        let unheld = await #expect(throws: SchedulerError.self) {
          try await scheduler.accept([.test("O9")], launch: [])
        }
        #expect(unheld?.code == .offerNotHeld)
      }
    }
  }

  @Test func `calls made before the subscription are sent after it, in order`() async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      try await withScheduler(try configuration(ports)) { scheduler in
        async let reading = updates(of: scheduler, until: isSubscribed)
        try await scheduler.suppress(roles: ["*"])
        try await scheduler.revive()
        _ = try await reading
        #expect(master.calls.map(\.call.type) == [.suppress, .revive])
      }
    }
  }

  @Test func `a cancelled caller waits no more`() async throws {
    let master = FakeMaster([.refuse(status: 503, text: "")])
    try await FakeMaster.serving(master) { ports in
      let scheduler = try Scheduler(configuration: try configuration(ports))
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await scheduler.run() }
        group.addTask { for await _ in scheduler.updates {} }
        await withTaskGroup(of: Void.self) { inner in
          inner.addTask {
            await #expect(throws: CancellationError.self) { try await scheduler.revive() }
          }
          inner.cancelAll()
        }
        scheduler.stop()
        try await group.waitForAll()
      }
    }
  }

  @Test func `garbage on the stream is told and survived, a broken frame ends the stream`() async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      try await withScheduler(try configuration(ports)) { scheduler in
        _ = try await updates(of: scheduler, until: isSubscribed)
        master.send(bytes: Array("3\n\u{01}\u{02}\u{03}".utf8))
        let skipped = try await updates(of: scheduler) { if case .notice = $0 { true } else { false } }
        guard case .notice(.undecodableRecord) = skipped.last else {
          Issue.record("\(skipped)")
          return
        }
        master.send(bytes: Array("no length".utf8))
        _ = try await updates(of: scheduler, until: isSubscribed)
        #expect(master.subscribes.count == 2)
      }
    }
  }

  @Test func `cancelling the run ends it without a teardown`() async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      let scheduler = try Scheduler(configuration: try configuration(ports))
      await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await scheduler.run() }
        group.addTask {
          for await update in scheduler.updates { if case .subscribed = update { throw CancellationError() } }
        }
        await #expect(throws: CancellationError.self) { try await group.next() }
        group.cancelAll()
        while let result = await group.nextResult() {
          #expect(throws: CancellationError.self) { try result.get() }
        }
      }
      #expect(!master.calls.contains { $0.call.type == .teardown })
    }
  }

  @Test func `a cancelled scope still tears its framework down`() async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      let configuration = try configuration(ports)
      await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await withScheduler(configuration) { scheduler in
            for await _ in scheduler.updates {}
            try Task.checkCancellation()
          }
        }
        try? await master.subscribed(times: 1)
        group.cancelAll()
        await #expect(throws: CancellationError.self) { try await group.next() }
      }
      _ = try await master.received(.teardown)
    }
  }
}

@Suite struct SettingsTests {
  @Test func `the defaults keep tasks alive`() throws {
    let framework = try settings().message()
    #expect(framework.failoverTimeout == 604_800)
    #expect(framework.checkpoint)
    #expect(
      framework.capabilities.map(\.type) == [.partitionAware, .taskKillingState, .multiRole, .reservationRefinement])
    #expect(framework.roles == ["*"])
    #expect(!framework.hasRole)
    #expect(!framework.hasID)
  }

  @Test func `no failover must be asked for`() throws {
    var settings = settings()
    settings.failoverTimeout = .zero
    #expect(throws: SchedulerError.self) { try settings.message() }
    settings.allowsNoFailover = true
    #expect(try settings.message().failoverTimeout == 0)
    settings.failoverTimeout = .seconds(-1)
    #expect(throws: SchedulerError.self) { try settings.message() }
  }

  @Test func `several masters may be named`() throws {
    let configuration = try SchedulerConfiguration(master: "a:1, http://b:2/x,c", framework: settings())
    #expect(configuration.policy.masters.map(\.description) == ["a:1", "b:2", "c:5050"])
    #expect(throws: SchedulerError.self) { try SchedulerConfiguration(master: "", framework: settings()) }
    #expect(throws: SchedulerError.self) { try SchedulerConfiguration(master: "a:b", framework: settings()) }
  }

  @Test func `a stored id survives, a damaged one is refused`() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ids-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("id")
    let store = FileFrameworkIDStore(path: file.path)
    #expect(try await store.load() == nil)
    try await store.save(FrameworkID("one"))
    try await store.save(FrameworkID("b25713be-1326-4990-a770-50551fb9f78c-0001"))
    #expect(
      try await FileFrameworkIDStore(path: file.path).load()?.value == "b25713be-1326-4990-a770-50551fb9f78c-0001")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["id"])

    let whole = try Data(contentsOf: file)
    for damaged in [Data(), whole.prefix(20), whole.dropLast(), Data("F1\n".utf8), whole + whole] {
      try damaged.write(to: file)
      await #expect(throws: SchedulerError.self) { try await store.load() }
    }
    try await store.remove()
    try await store.remove()
    #expect(try await store.load() == nil)
    await #expect(throws: SchedulerError.self) { try await store.save(FrameworkID("a\nb")) }
    await #expect(throws: SchedulerError.self) {
      try await FileFrameworkIDStore(path: "/nonexistent/id").save(FrameworkID("a"))
    }
  }
}

@Suite struct OfferPoolTests {
  private func resource(_ name: String, _ amount: Double, reservedTo role: String? = nil) -> Resource {
    var resource = Resource()
    resource.name = name
    resource.type = .scalar
    resource.scalar.value = amount
    resource.allocationInfo.role = "r"
    if let role {
      var reservation = Resource.ReservationInfo()
      reservation.type = .static
      reservation.role = role
      resource.reservations = [reservation]
    }
    return resource
  }

  @Test func `what is taken is gone, and reservations go first`() {
    var offer = Offer.test("O1")
    var revocable = resource("cpus", 8)
    revocable.revocable = Resource.RevocableInfo()
    offer.resources = [
      resource("cpus", 0.3), resource("cpus", 0.2, reservedTo: "r"), resource("mem", 100), revocable,
      resource("disk", -1),
    ]
    var pool = OfferPool([offer])
    #expect(pool.left(of: "cpus") == 0.5)
    let first = pool.take(["cpus": 0.3, "mem": 32])
    #expect(first == [resource("cpus", 0.2, reservedTo: "r"), resource("cpus", 0.1), resource("mem", 32)])
    let tooMuch = [pool.take(["cpus": 0.3]), pool.take(["gpus": 1])]
    #expect(tooMuch == [nil, nil])
    #expect(pool.left(of: "cpus") == 0.2)
    let rest = pool.take(["cpus": 0.2])
    #expect(rest == [resource("cpus", 0.2)])
    #expect(pool.left(of: "disk") == 0)
  }
}
