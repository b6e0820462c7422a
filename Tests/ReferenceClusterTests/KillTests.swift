import Foundation
import MesosModel
import MesosTestKit
import ProcessLaunch
import SchedulerKit
import ShellSupport
import SwiftProtobuf
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Masters, agents and schedulers that die at once, and what must not be lost then.
@Suite(.serialized)
struct KillTests {
  /// A server program of its own, so that it can be killed.
  final class Program {
    private let request: LaunchRequest
    private(set) var process: LaunchedProcess

    init(_ name: String, _ arguments: [String]) throws {
      let path = CommandLineFlags.programDirectory + "/" + name
      // Not the streams of the tests: a program left behind would keep whoever reads those waiting for their end.
      request = LaunchRequest(
        program: .program(path: path, arguments: [path] + arguments + ["--quiet"]), environment: .inherited(),
        standardOutput: .discarded, standardError: .discarded)
      process = try launch(request)
    }

    /// Ends it as `kill -9` does, its children too if they are of its session.
    func kill(_ watcher: ProcessWatcher) async throws {
      if let descriptor = try ProcessDescriptor(process) { _ = try descriptor.signal(SIGKILL) }
      _ = try await watcher.exitStatus(of: process)
    }

    /// As ``kill(_:)``, without waiting for anything.
    func end() throws {
      guard let descriptor = try ProcessDescriptor(process) else { return }
      _ = try descriptor.signal(SIGKILL)
    }

    func restart() throws { process = try launch(request) }
  }

  /// A port nobody listens on now.
  static func freePort() throws -> Int {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let port = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer -> UInt16? in
        guard bind(socket, pointer, length) == 0, getsockname(socket, pointer, &length) == 0 else { return nil }
        return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt16(bigEndian: $0.pointee.sin_port) }
      }
    }
    return Int(try #require(port))
  }

  /// Runs `body` with a master and an agent as processes; both are killed in the end, with all that they started.
  static func withPrograms(
    _ body: (_ address: String, _ master: Program, _ agent: Program, ProcessWatcher, _ folder: String) async throws
      -> Void
  ) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "swift-mesos-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let port = try freePort()
    let address = "127.0.0.1:\(port)"
    let watcher = try ProcessWatcher()
    let agentPort = try freePort()
    var programs: [Program] = []
    let result: Result<Void, any Error>
    do {
      let master = try Program("mesos-master", ["--port=\(port)", "--work_dir=\(folder)/master"])
      programs.append(master)
      let agent = try Program(
        "mesos-agent",
        [
          "--master=\(address)", "--port=\(agentPort)", "--work_dir=\(folder)/agent",
          "--resources=cpus:4;mem:4096;disk:1000", "--registration_backoff_factor=100ms",
        ])
      programs.append(agent)
      try await body(address, master, agent, watcher, folder)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    // All of it goes, whatever fails: the agent before its executors, so that it starts no other.
    for program in programs.reversed() {
      do { try program.end() } catch { Issue.record("\(error)") }
    }
    try endAll(in: folder)
    try result.get()
  }

  /// Ends what runs in a sandbox of `folder`.
  static func endAll(in folder: String) throws {
    for process in try processes(in: folder) {
      do {
        if let descriptor = try ProcessDescriptor(process) { _ = try descriptor.signal(SIGKILL) }
      } catch {
        Issue.record("\(error)")
      }
    }
  }

  /// What runs in a sandbox of `folder`. Executors are in sessions of their own, and no children of an agent that was killed.
  private static func processes(in folder: String) throws -> [LaunchedProcess] {
    try ProcessTable().entries.filter { $0.isRunning && isInside(folder, $0.process.pid) }.map(\.process)
  }

  private static func isInside(_ folder: String, _ pid: Int32) -> Bool {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd"))?.hasPrefix(folder) == true
  }

  @Test(.timeLimit(.minutes(3)))
  func `a killed and restarted master takes framework, agent and running task back, and nothing is lost`() async throws
  {
    try await Self.withPrograms { address, master, _, watcher, _ in
      let store = MemoryFrameworkIDStore()
      try await withScheduler(try TestFramework.configuration(address), store: store) { scheduler in
        var subscriptions: [Subscription] = []
        var states: [TaskState] = []
        var isLaunched = false
        var isKilled = false
        var agentIDs: Set<String> = []
        updates: for await update in scheduler.updates {
          switch update {
          case .subscribed(let subscription): subscriptions.append(subscription)
          case .offers(let offers):
            for offer in offers { agentIDs.insert(offer.agentID.value) }
            if isKilled { break updates }  // the agent is back, and what it runs is known again
            guard !isLaunched else { continue }
            isLaunched = true
            try await Self.launchSleeper(offers, scheduler)
          case .task(let update):
            states.append(update.status.state)
            if update.status.state == .taskRunning, !isKilled {
              isKilled = true
              try await master.kill(watcher)
              try master.restart()
            }
          case .error(let error): throw error
          default: break
          }
        }
        #expect(subscriptions.count >= 2)
        #expect(Set(subscriptions.map(\.frameworkID)).count == 1)
        #expect(agentIDs.count == 1, "the agent kept its id")
        #expect(!states.contains { $0.isTerminal || $0 == .taskUnreachable }, "\(states)")
        // The task lives: it can be killed.
        try await scheduler.kill(.with { $0.value = "sleeper" })
        for await update in scheduler.updates {
          if case .task(let update) = update, update.isTerminal {
            #expect(update.status.state == .taskKilled)
            break
          }
        }
      }
    }
  }

  @Test(.timeLimit(.minutes(3)))
  func `a killed and restarted agent finds its executor alive and no update is lost`() async throws {
    try await Self.withPrograms { address, _, agent, watcher, _ in
      try await withScheduler(try TestFramework.configuration(address)) { scheduler in
        var states: [TaskState] = []
        var isLaunched = false
        var isKilled = false
        updates: for await update in scheduler.updates {
          switch update {
          case .offers(let offers):
            if !isLaunched {
              isLaunched = true
              try await Self.launchSleeper(offers, scheduler)
            } else if isKilled {
              try await scheduler.kill(.with { $0.value = "sleeper" })
            }
          case .task(let update):
            states.append(update.status.state)
            if update.isTerminal { break updates }
            if update.status.state == .taskRunning, !isKilled {
              isKilled = true
              try await agent.kill(watcher)
              try agent.restart()
            }
          case .error(let error): throw error
          default: break
          }
        }
        #expect(states.last == .taskKilled, "\(states)")
      }
    }
  }

  /// The agent dies at some moment of its launches: before any is written down, or with some executors running and others not.
  @Test(.timeLimit(.minutes(3)), arguments: Seeds.few(4))
  func `an agent that is killed while it launches leaves no process behind that it does not find again`(
    seed: UInt64
  ) async throws {
    try await Self.withPrograms { address, _, agent, watcher, folder in
      var random = SplitMix64(seed: seed)
      let turns = Int.random(in: 0..<2_000, using: &random)
      try await withScheduler(try TestFramework.configuration(address)) { scheduler in
        let names = (0..<12).map { "sleeper-\($0)" }
        var ended: Set<String> = []
        var isLaunched = false
        updates: for await update in scheduler.updates {
          switch update {
          case .offers(let offers):
            guard !isLaunched else {
              // The agent is back: what of it runs is killed, and what does not has ended or is about to.
              for name in names where !ended.contains(name) {
                try await scheduler.kill(.with { $0.value = name }, on: offers[0].agentID)
              }
              continue
            }
            isLaunched = true
            var pool = OfferPool([offers[0]])
            let tasks = try names.map { name in
              var task = TaskInfo()
              task.name = name
              task.taskID.value = name
              task.agentID = offers[0].agentID
              let resources = pool.take(["cpus": 0.1, "mem": 32])
              task.resources = try #require(resources)
              task.command = .shell("exec sleep 1000")
              return task
            }
            try await scheduler.accept([offers[0]], launch: tasks, refuse: .zero)
            for _ in 0..<turns { await Task.yield() }
            try await agent.kill(watcher)
            try agent.restart()
          case .task(let update):
            let name = update.status.taskID.value
            if update.isTerminal { ended.insert(name) }
            if ended.count == names.count { break updates }
            // Of those that were running before, the first word after the kill order.
            if isLaunched, update.status.state == .taskRunning {
              try await scheduler.kill(update.status.taskID, on: update.status.agentID)
            }
          case .error(let error): throw error
          default: break
          }
        }
        #expect(ended.count == names.count)
      }
      // The executors end after their tasks; the time limit of the test ends a wait in vain.
      while try !Self.processes(in: folder).isEmpty { try Task.checkCancellation() }
    }
  }

  @Test(.timeLimit(.minutes(3)))
  func `a new scheduler with the same id takes the tasks over, and the old stream is told`() async throws {
    try await TestCluster.with { cluster in
      let store = MemoryFrameworkIDStore()
      let first = try Scheduler(configuration: TestFramework.configuration(cluster.master), store: store)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await first.run() }
        var isLaunched = false
        updates: for await update in first.updates {
          switch update {
          case .offers(let offers):
            guard !isLaunched else { continue }
            isLaunched = true
            try await Self.launchSleeper(offers, first)
          case .task(let update) where update.status.state == .taskRunning: break updates
          case .error(let error): throw error
          default: break
          }
        }
        // Gone without a word, as with kill -9.
        group.cancelAll()
        while let _ = await group.nextResult() {}
      }
      let id = try #require(await store.load())
      try await withScheduler(TestFramework.configuration(cluster.master), store: store) { second in
        var reconciled: TaskState?
        updates: for await update in second.updates {
          switch update {
          case .subscribed(let subscription):
            #expect(subscription.frameworkID == id)
            try await second.reconcile()
          case .task(let update):
            reconciled = update.status.state
            break updates
          case .error(let error): throw error
          default: break
          }
        }
        #expect(reconciled == .taskRunning)
      }
    }
  }

  @Test(.timeLimit(.minutes(3)))
  func `after the failover timeout the tasks are killed and the framework completes`() async throws {
    try await TestCluster.with { cluster in
      let scheduler = try Scheduler(
        configuration: TestFramework.configuration(cluster.master, failoverTimeout: .milliseconds(500)),
        store: MemoryFrameworkIDStore())
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await scheduler.run() }
        var isLaunched = false
        updates: for await update in scheduler.updates {
          switch update {
          case .offers(let offers):
            guard !isLaunched else { continue }
            isLaunched = true
            try await Self.launchSleeper(offers, scheduler)
          case .task(let update) where update.status.state == .taskRunning: break updates
          case .error(let error): throw error
          default: break
          }
        }
        group.cancelAll()
        while let _ = await group.nextResult() {}
      }
      // Asked until it is so; the time limit of the test ends a wait in vain.
      while true {
        let state = try await cluster.state()
        if state.getFrameworks.frameworks.isEmpty, state.getTasks.tasks.isEmpty {
          #expect(state.getFrameworks.completedFrameworks.count == 1)
          #expect(state.getTasks.completedTasks.map(\.state) == [.taskKilled])
          break
        }
      }
    }
  }

  private static func launchSleeper(_ offers: [Offer], _ scheduler: Scheduler) async throws {
    let offer = offers[0]
    var pool = OfferPool([offer])
    let resources = pool.take(["cpus": 0.1, "mem": 32])
    var task = TaskInfo()
    task.name = "sleeper"
    task.taskID.value = "sleeper"
    task.agentID = offer.agentID
    task.resources = try #require(resources)
    task.command = .shell("exec sleep 1000")
    try await scheduler.accept([offer], launch: [task], refuse: .zero)
  }
}
