import Foundation
import MesosModel
import SchedulerKit
import ShellSupport
import SwiftProtobuf
import Testing

/// The program `mesos` as who types its commands sees it.
struct CommandLineTests {
  private struct Outcome {
    var status: Int32
    var output: String
    var errors: String
    var lines: [String] { output.split(separator: "\n").map(String.init) }
  }

  private static func mesos(_ arguments: [String], environment: [String: String] = [:]) async throws -> Outcome {
    let process = Process()
    process.executableURL = URL(filePath: CommandLineFlags.programDirectory + "/mesos")
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    return try await withCheckedThrowingContinuation { continuation in
      // Waiting for a process takes a thread of its own.
      Thread.detachNewThread {
        do {
          try process.run()
          let text = output.fileHandleForReading.readDataToEndOfFile()
          let complaint = errors.fileHandleForReading.readDataToEndOfFile()
          process.waitUntilExit()
          continuation.resume(
            returning: Outcome(
              status: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
              errors: String(decoding: complaint, as: UTF8.self)))
        } catch {
          continuation.resume(throwing: error)
        }
      }
    }
  }

  @Test func `mesos execute runs a command, prints its statuses and ends with its outcome`() async throws {
    try await TestCluster.with(agents: 1) { cluster in
      for (command, status, end) in [("exit 0", Int32(0), "TASK_FINISHED"), ("exit 3", 1, "TASK_FAILED")] {
        let outcome = try await Self.mesos([
          "execute", "--master", cluster.master, "--name", "task", "--command", command, "--resources",
          "cpus:0.1;mem:32",
        ])
        #expect(outcome.status == status, "\(outcome.errors)")
        let told = outcome.lines.filter { $0.hasPrefix("Received status update") }
        #expect(
          told == ["TASK_STARTING", "TASK_RUNNING", end].map { "Received status update \($0) for task 'task'" })
      }
    }
  }

  @Test func `commands list a cluster in columns, and in JSON`() async throws {
    try await TestCluster.with(agents: 1) { cluster in
      try await withScheduler(try TestFramework.configuration(cluster.master, name: "listed")) { scheduler in
        _ = try await TestFramework.run(
          [.init("sleeper", .shell("sleep 1000"))], on: scheduler,
          until: { $0["sleeper"]?.last?.state == .taskRunning })
        let id = try #require(scheduler.frameworkID?.value)
        func run(_ command: String...) async throws -> Outcome {
          let outcome = try await Self.mesos(command + ["--master", cluster.master])
          #expect(outcome.status == 0, "\(command): \(outcome.errors)")
          return outcome
        }
        let agents = try await run("agents").lines
        #expect(
          agents.count == 2 && agents[0].hasPrefix("ID") && agents[1].contains("0.1/8") && agents[1].contains("active"))
        // Columns are aligned.
        #expect(
          agents[0].range(of: "HOST")?.lowerBound.utf16Offset(in: agents[0]) == 2 + agents[1].prefix { $0 != " " }.count
        )
        let frameworks = try await run("frameworks").lines
        #expect(frameworks.count == 2 && frameworks[1].hasPrefix(id) && frameworks[1].contains("listed"))
        let tasks = try await run("tasks", "--framework", "listed").lines
        #expect(tasks.count == 2 && tasks[1].hasPrefix("sleeper") && tasks[1].contains("RUNNING"))
        #expect(try await run("tasks", "--framework", "another").lines.count == 1)
        #expect(try await run("roles").lines.last?.hasPrefix("*") == true)
        #expect(try await run("state").output.contains("1 running of 1"))
        for command in [["quota"], ["quota", "list"], ["maintenance"], ["maintenance", "schedule"]] {
          let outcome = try await Self.mesos(command + ["--master", cluster.master])
          #expect(outcome.status == 0 && outcome.lines.count == 1, "\(command): \(outcome.errors)")
        }
        let json = try await run("agents", "--json").output
        #expect(try MasterResponse.GetAgents(jsonBytes: Array(json.utf8)).agents.count == 1)
        #expect(try MasterResponse.GetState(jsonBytes: Array(try await run("state", "--json").output.utf8)).hasGetTasks)
        let explanation = try await run("explain", "listed").output
        #expect(explanation.contains(id) && explanation.contains("role '*'"))
        #expect(try await run("explain", id, "--long").lines.count == 2)
        let events = try await run("watch", "--json", "--changes", "1").output
        #expect(try MasterEvent(jsonBytes: Array(events.utf8)).type == .subscribed)
        #expect(try await run("watch", "--changes", "1").output.contains("cluster: 1 agents, 1 frameworks, 1 tasks"))
        // The environment names the master, too.
        #expect(try await Self.mesos(["agents"], environment: ["MESOS_MASTER": cluster.master]).status == 0)
      }
    }
  }

  @Test func `an error says what to do`() async throws {
    let away = try await Self.mesos(["agents", "--master", "127.0.0.1:1"])
    #expect(away.status == 1 && away.errors.contains("Is a master running at 127.0.0.1:1?"))
    let bad = try await Self.mesos(["agents", "--timeout", "0"])
    #expect(bad.status == 64 && bad.errors.contains("--timeout is a number of seconds above 0"))
    let quota = try await Self.mesos(["quota", "set", "dev", "--limits", "cpus"])
    #expect(quota.status == 64 && quota.errors.contains("expecting amounts such as 'cpus:4;mem:1024'"))
    let drain = try await Self.mesos(["drain", "A", "--reactivate", "--mark-gone"])
    #expect(drain.status == 64 && drain.errors.contains("stand alone"))
    try await TestCluster.with(agents: 1) { cluster in
      let unknown = try await Self.mesos(["explain", "nosuch", "--master", cluster.master])
      #expect(unknown.status == 1 && unknown.errors.contains("No framework 'nosuch' is registered"))
    }
  }

  @Test(arguments: ["bash", "zsh", "fish"]) func `shells complete the commands`(shell: String) async throws {
    let script = try await Self.mesos(["--generate-completion-script", shell])
    #expect(script.status == 0)
    for word in ["agents", "explain", "maintenance", "watch"] { #expect(script.output.contains(word), "\(word)") }
  }
}
