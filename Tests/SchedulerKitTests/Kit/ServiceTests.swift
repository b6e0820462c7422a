import MesosModel
import SchedulerKit
import ServiceLifecycleTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct SchedulerServiceTests {
  @Test(arguments: [StopMode.keepFramework, .tearDown])
  func `a graceful shutdown keeps or tears down the framework, as configured`(mode: StopMode) async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      let scheduler = try Scheduler(configuration: try quickConfiguration([local(ports[0])]) { $0.atShutdown = mode })
      try await testGracefulShutdown { trigger in
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await scheduler.run() }
          try await subscription(of: scheduler)
          trigger.triggerGracefulShutdown()
          // The updates end with the run.
          for await _ in scheduler.updates {}
          try await group.waitForAll()
        }
      }
      let isTornDown = master.calls.contains { $0.call.type == .teardown }
      #expect(isTornDown == (mode == .tearDown))
      #expect(scheduler.connectionState == .disconnected)
    }
  }

  @Test func `a graceful shutdown lets the calls that wait go first`() async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      let scheduler = try Scheduler(
        configuration: try quickConfiguration([local(ports[0])]) { $0.atShutdown = .tearDown })
      try await testGracefulShutdown { trigger in
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await scheduler.run() }
          try await subscription(of: scheduler)
          async let revived: Void = scheduler.revive()
          _ = try await master.received(.revive)
          trigger.triggerGracefulShutdown()
          try await revived
          try await group.waitForAll()
        }
      }
      #expect(master.calls.map(\.call.type) == [.revive, .teardown])
    }
  }

  @Test func `a shutdown without a subscription does not wait for one to keep the framework`() async throws {
    let master = FakeMaster([.refuse(status: 503, text: "no leader")])
    try await FakeMaster.serving(master) { ports in
      let scheduler = try Scheduler(configuration: try quickConfiguration([local(ports[0])]))
      try await testGracefulShutdown { trigger in
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await scheduler.run() }
          try await master.subscribed(times: 1)
          trigger.triggerGracefulShutdown()
          try await group.waitForAll()
        }
      }
    }
  }
}
