import Foundation
import Logging
import MesosHTTP
import MesosModel
import ReferenceAgent
import ReferenceMaster
import SchedulerKit
import ServiceLifecycle
import SwiftProtobuf

/// A master and an agent in this process, over loopback, with real executors.
enum ClusterBenchmarks {
  static func run(_ harness: inout Harness, launcherFolder: String) async throws {
    let names = ["tasks", "first OFFERS", "scheduler calls"]
    guard names.contains(where: harness.wants) else { return }
    let folder = FileManager.default.temporaryDirectory.appending(path: "mesos-bench-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let quiet = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
    let master = ReferenceMaster(
      configuration: MasterConfiguration(host: "127.0.0.1", port: 0, registry: .folder(folder + "/master")),
      logger: quiet)
    let agents = BenchmarkAgents(master: master, folder: folder, launcherFolder: launcherFolder, logger: quiet)
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [master as any Service, agents].map {
          .init(
            service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
            failureTerminationBehavior: .cancelGroup)
        }, logger: quiet))
    let running = Task { try await group.run() }
    do {
      let (host, port) = try await master.address()
      try await measure(&harness, address: "\(host):\(port)", port: port)
    } catch {
      await group.triggerGracefulShutdown()
      _ = try? await running.value
      throw error
    }
    await group.triggerGracefulShutdown()
    try await running.value
  }

  private static func measure(_ harness: inout Harness, address: String, port: Int) async throws {
    if harness.wants("first OFFERS") {
      var times: [Double] = []
      for _ in 0..<(harness.isSmoke ? 1 : 9) { times.append(try await firstOffers(address)) }
      times.sort()
      harness.record(
        Figure(name: "SUBSCRIBE to first OFFERS", value: times[times.count / 2] * 1_000, unit: "ms", better: .lower))
    }
    if harness.wants("tasks") {
      let count = harness.isSmoke ? 5 : 200
      let seconds = try await runTasks(count, address)
      harness.record(
        Figure(
          name: "tasks launched to TASK_FINISHED, real executors", value: Double(count) / seconds, unit: "per second",
          better: .higher))
    }
    if harness.wants("scheduler calls") {
      for encoding in [MessageEncoding.protobuf, .json] {
        for connections in [1, 8] {
          let rate = try await callRate(
            address, port: port, encoding: encoding, connections: connections, isSmoke: harness.isSmoke)
          harness.record(
            Figure(
              name: "scheduler calls accepted, DECLINE, \(encoding), \(connections) connections", value: rate,
              unit: "per second", better: .higher))
        }
      }
    }
  }

  private static func configuration(_ address: String) throws -> SchedulerConfiguration {
    try SchedulerConfiguration(master: address, framework: FrameworkSettings(name: "bench"))
  }

  private static func firstOffers(_ address: String) async throws -> Double {
    let start = ContinuousClock.now
    return try await withScheduler(configuration(address)) { scheduler in
      for await update in scheduler.updates {
        if case .offers(let offers) = update {
          let seconds = (ContinuousClock.now - start).seconds
          try require(!offers.isEmpty, "OFFERS without an offer")
          return seconds
        }
      }
      throw WrongOutcome(description: "no offers came")
    }
  }

  private static func runTasks(_ count: Int, _ address: String) async throws -> Double {
    try await withScheduler(configuration(address)) { scheduler in
      var launched = 0
      var finished = 0
      var start: ContinuousClock.Instant?
      for await update in scheduler.updates {
        switch update {
        case .offers(let offers):
          start = start ?? .now
          for offer in offers {
            var pool = OfferPool([offer])
            var tasks: [TaskInfo] = []
            while launched < count, let resources = pool.take(["cpus": 0.1, "mem": 32]) {
              var task = TaskInfo()
              task.name = "task"
              task.taskID.value = "task-\(launched)"
              task.agentID = offer.agentID
              task.resources = resources
              task.command = .shell("true")
              tasks.append(task)
              launched += 1
            }
            try await scheduler.accept([offer], launch: tasks, refuse: .zero)
          }
        case .task(let update) where update.isTerminal:
          try require(update.status.state == .taskFinished, "\(update.status)")
          finished += 1
          if finished == count, let start { return (ContinuousClock.now - start).seconds }
        case .error(let error): throw error
        default: break
        }
      }
      throw WrongOutcome(description: "\(finished) of \(count) tasks finished")
    }
  }

  /// Calls a second over keep-alive connections, each sending the next call when it has the answer to the last.
  private static func callRate(
    _ address: String, port: Int, encoding: MessageEncoding, connections: Int, isSmoke: Bool
  ) async throws -> Double {
    let subscriber = try Subscriber(port: port)
    let call = SchedulerCall.with {
      $0.type = .decline
      $0.frameworkID = subscriber.frameworkID
      $0.decline.offerIds = [.with { $0.value = "nosuch" }]
    }
    let body = encoding.encode(call)
    let request =
      Array(
        ("POST /api/v1/scheduler HTTP/1.1\r\nHost: bench\r\nContent-Type: \(encoding.contentType)\r\n"
          + "Mesos-Stream-Id: \(subscriber.streamID)\r\nContent-Length: \(body.count)\r\n\r\n").utf8) + body
    let seconds = isSmoke ? 0.1 : 3.0
    let results = await withTaskGroup(of: Result<Int, any Error>.self) { group in
      for _ in 0..<connections {
        group.addTask { await Loop.run(port: port, request: request, seconds: seconds) }
      }
      var all: [Result<Int, any Error>] = []
      for await result in group { all.append(result) }
      return all
    }
    let answered = try results.map { try $0.get() }.reduce(0, +)
    subscriber.teardown(port: port)
    try require(answered > 0, "no call was answered")
    return Double(answered) / seconds
  }
}

/// One agent, started once the master listens and shut down before it.
private struct BenchmarkAgents: Service {
  let master: ReferenceMaster
  let folder: String
  let launcherFolder: String
  let logger: Logger

  func run() async throws {
    let (host, port) = try await master.address()
    var configuration = AgentConfiguration(
      master: "\(host):\(port)", port: 0, workDirectory: folder + "/agent", launcherDirectory: launcherFolder)
    configuration.resources = "cpus:4;mem:4096;disk:1000;ports:[31000-32000]"
    configuration.killsExecutorsAtEnd = true
    configuration.registrationBackoffFactor = .milliseconds(10)
    try await ReferenceAgent(configuration: configuration, logger: logger).run()
  }
}
