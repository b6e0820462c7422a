import Foundation
import Logging
import MesosHTTP
import MesosHTTPClient
import MesosModel
import OperatorKit
import SchedulerKit
import SwiftProtobuf
import Testing

/// A master that runs elsewhere with nobody else's frameworks, as host:port.
private let address = ProcessInfo.processInfo.environment["SWIFT_MESOS_TEST_OPERATOR_MASTER"]

private func configuration(_ encoding: MessageEncoding) -> OperatorConfiguration {
  var configuration = OperatorConfiguration()
  configuration.encoding = encoding
  return configuration
}

/// Runs tasks, and `body` once so many of them have ended and so many run; then the framework is torn down.
private func withTasks<Success: Sendable>(
  _ commands: [String: String], ended: Int, running: Int, _ body: @Sendable (FrameworkKey) async throws -> Success
) async throws -> Success {
  let settings = try SchedulerConfiguration(
    master: address ?? "", framework: FrameworkSettings(name: "operator-kit-tests"))
  let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  return try await withScheduler(settings, logger: quiet) { scheduler in
    var waiting = commands.sorted { $0.key < $1.key }
    var states: [String: TaskState] = [:]
    for await update in scheduler.updates {
      switch update {
      case .offers(let offers):
        for offer in offers {
          var pool = OfferPool([offer])
          var tasks: [TaskInfo] = []
          while let next = waiting.last, let resources = pool.take(["cpus": 0.1, "mem": 32]) {
            waiting.removeLast()
            tasks.append(
              TaskInfo(id: next.key, on: offer, resources: try Resources(resources), command: .shell(next.value)))
          }
          if tasks.isEmpty {
            try await scheduler.decline([offer], refuse: .seconds(1))
          } else {
            try await scheduler.accept([offer], launch: tasks)
          }
        }
      case .task(let update): states[update.status.taskID.value] = update.status.state
      case .error(let error): throw error
      default: break
      }
      let isThere =
        states.values.count(where: \.isTerminal) >= ended && states.values.count { $0 == .taskRunning } >= running
      if isThere, let framework = scheduler.frameworkID { return try await body(framework.key) }
    }
    throw OperatorError(.ended, "the scheduler ended before its tasks")
  }
}

/// What the stream tells of a state.
private struct Told: Equatable {
  var agents: [String]
  var frameworks: [String]
  var gone: Set<String>
  var tasks: [String: String]

  init(_ state: ClusterState) {
    agents = state.agents.map(\.agentInfo.id.value)
    frameworks = state.frameworks.map(\.frameworkInfo.id.value)
    gone = Set(state.completedFrameworks.map(\.frameworkInfo.id.value))
    tasks = [:]
    for task in state.tasks + state.unreachableTasks + state.completedTasks {
      let reference = TaskReference(task)
      let statuses = task.statuses.map { "\($0.state)" }.joined(separator: " ")
      tasks["\(reference)"] =
        "\(task.name) \(task.state) \(task.agentID.value) \(state.task(reference)?.place as Any) \(statuses)"
    }
  }
}

extension Told {
  /// What the two say differently, a line each.
  func differences(from other: Told) -> [String] {
    var lines: [String] = []
    if agents != other.agents { lines.append("agents \(agents), there \(other.agents)") }
    if frameworks != other.frameworks { lines.append("frameworks \(frameworks), there \(other.frameworks)") }
    if gone != other.gone { lines.append("gone \(gone.sorted()), there \(other.gone.sorted())") }
    for task in Set(tasks.keys).union(other.tasks.keys).sorted() where tasks[task] != other.tasks[task] {
      lines.append("\(task): \(tasks[task] ?? "absent"), there \(other.tasks[task] ?? "absent")")
    }
    return lines
  }
}

@Suite(.enabled(if: address != nil), .serialized, .timeLimit(.minutes(2))) struct LiveTests {
  @Test(arguments: MessageEncoding.allCases)
  func `the folded state is what GET_STATE says`(encoding: MessageEncoding) async throws {
    try await withMasterClient(address ?? "", configuration: configuration(encoding)) { client in
      try await withWatcher(of: client) { watcher in
        _ = try await watcher.wait { $0.isSynchronized }
        var commands: [String: String] = [:]
        for number in 0..<12 { commands["short-\(encoding)-\(number)"] = number % 3 == 0 ? "exit 7" : "true" }
        for number in 0..<3 { commands["long-\(encoding)-\(number)"] = "sleep 1000" }
        let framework = try await withTasks(commands, ended: 12, running: 3) { framework in
          _ = try await watcher.wait {
            $0.tasks(of: framework).map(\.state) == [.taskRunning, .taskRunning, .taskRunning]
              && $0.completedTasks.count { $0.frameworkID.key == framework } == 12
          }
          // A master tells of a state ahead of the statuses that lead to it: these may still be on their way to the watcher.
          var last = Told(watcher.cluster).differences(from: Told(ClusterState(snapshot: try await client.getState())))
          for _ in 0..<100 where !last.isEmpty {
            last = Told(watcher.cluster).differences(from: Told(ClusterState(snapshot: try await client.getState())))
          }
          #expect(last == [])
          #expect(watcher.cluster.brokenInvariants() == [])
          return framework
        }
        _ = try await watcher.wait { state in
          state.completedFrameworks.contains { $0.frameworkInfo.id.key == framework }
        }
        // The last updates of killed tasks may be on their way to one of the two; and Apache Mesos 1.11 says the tasks of frameworks that
        // are gone in JSON, not in protobuf.
        func differences() async throws -> [String] {
          let said = Told(ClusterState(snapshot: try await client.getState()))
          let lines = Told(watcher.cluster).differences(from: said)
          return encoding == .json ? lines : lines.filter { !$0.hasPrefix("\(framework)/") }
        }
        var last = try await differences()
        for _ in 0..<100 where !last.isEmpty { last = try await differences() }
        #expect(last == [])
        #expect(watcher.cluster.ignoredEvents == 0)
        #expect(watcher.cluster.brokenInvariants() == [])
      }
    }
  }

  @Test(arguments: MessageEncoding.allCases)
  func `every read of master and agents is answered`(encoding: MessageEncoding) async throws {
    try await withMasterClient(address ?? "", configuration: configuration(encoding)) { client in
      #expect(try await client.getHealth().healthy)
      _ = try await client.getFlags()
      _ = try await client.getVersion()
      _ = try await client.getMetrics(timeout: .seconds(5))
      _ = try await client.getLoggingLevel()
      _ = try await client.getState()
      _ = try await client.getFrameworks()
      _ = try await client.getExecutors()
      _ = try await client.getOperations()
      _ = try await client.getTasks()
      _ = try await client.getRoles()
      _ = try await client.getWeights()
      _ = try await client.getMaster()
      _ = try await client.getMaintenanceStatus()
      _ = try await client.getMaintenanceSchedule()
      _ = try await client.getQuota()
      try await client.setLoggingLevel(1, for: .seconds(1))
      let error = await failure { () async throws(OperatorError) in
        try await client.teardown(.with { $0.value = "no such framework" })
      }
      #expect(error?.code == .refused)
      let agents = try await client.getAgents().agents
      #expect(!agents.isEmpty)
      for record in agents {
        let agent = try #require(client.agent(record))
        #expect(try await agent.getAgent().agentInfo.id == record.agentInfo.id)
        #expect(try await agent.getHealth().healthy)
        _ = try await agent.getFlags()
        _ = try await agent.getVersion()
        _ = try await agent.getMetrics(timeout: .seconds(5))
        _ = try await agent.getLoggingLevel()
        _ = try await agent.getState()
        _ = try await agent.getContainers(showNested: true, showStandalone: true)
        _ = try await agent.getFrameworks()
        _ = try await agent.getExecutors()
        _ = try await agent.getOperations()
        _ = try await agent.getTasks()
        _ = try await agent.getResourceProviders()
      }
    }
  }

  @Test(arguments: MessageEncoding.allCases)
  func `the output of a task is followed in its sandbox`(encoding: MessageEncoding) async throws {
    try await withMasterClient(address ?? "", configuration: configuration(encoding)) { client in
      let id = "writes-\(encoding)"
      let script = "for i in 1 2 3 4 5; do echo line $i >> out; sleep 0.2; done; sleep 1000"
      try await withTasks([id: script], ended: 0, running: 1) { framework in
        let sandbox = try await client.sandbox(of: TaskReference(framework: framework, task: TaskKey(id)))
        let agent = client.agent(at: sandbox.agent)
        var configuration = FollowConfiguration()
        configuration.waitsForFile = true
        var bytes: [UInt8] = []
        for try await case .bytes(let piece) in agent.follow(sandbox.path(of: "out"), configuration) {
          bytes += piece.bytes
          if bytes.count(where: { $0 == UInt8(ascii: "\n") }) == 5 { break }
        }
        #expect(String(decoding: bytes, as: UTF8.self) == "line 1\nline 2\nline 3\nline 4\nline 5\n")
        #expect(try await agent.contents(of: sandbox.path(of: "out")) == bytes)
        #expect(try await agent.entries(of: sandbox.path).contains { $0.path.hasSuffix("/out") })
      }
    }
  }

  @Test(arguments: MessageEncoding.allCases)
  func `containers are launched, and sessions too where the agent can`(encoding: MessageEncoding) async throws {
    try await withMasterClient(address ?? "", configuration: configuration(encoding)) { client in
      try await withTasks(["parent-\(encoding)": "sleep 1000"], ended: 0, running: 1) { framework in
        let state = ClusterState(snapshot: try await client.getState())
        let task = try #require(state.tasks(of: framework).first)
        let agent = try #require(state.agent(task.agentID.key).flatMap { client.agent($0) })
        var nested = ContainerID()
        nested.value = "nested-\(encoding)"
        nested.parent = try #require(task.statuses.last).containerStatus.containerID
        #expect(try await agent.launchContainer(nested, command: .shell("exit 3")) == .launched)
        #expect(ContainerExit(try await agent.waitContainer(nested, timeout: .seconds(30))).code == 3)
        do {
          try await agent.withSession(in: nested.parent, command: .shell("cat; exit 4")) { session in
            try await session.write(Array("hello".utf8))
            try await session.closeInput()
            var output: [UInt8] = []
            for try await chunk in session.stdout { output += chunk }
            #expect(output == Array("hello".utf8))
            #expect(try await session.exit(timeout: .seconds(30)).code == 4)
          }
        } catch let error as OperatorError {
          // An agent without an I/O switchboard, or without sessions, says just that.
          #expect(error.message.contains("switchboard") || error.code == .notImplemented, "\(error)")
        }
      }
    }
  }
}
