import Foundation
import MesosHTTP
import MesosHTTPClient
import MesosModel
import SchedulerKit
import SwiftProtobuf
import Testing

/// Real tasks on a real cluster in this process.
@Suite(.serialized)
struct TaskTests {
  @Test(.timeLimit(.minutes(2)))
  func `a task runs, its output is in its sandbox, and its resources return`() async throws {
    try await TestCluster.with { cluster in
      try await withScheduler(try TestFramework.configuration(cluster.master)) { scheduler in
        let statuses = try await TestFramework.run(
          [.init("hello", .shell("echo hello; echo oops >&2"))], on: scheduler)
        #expect(statuses["hello"]?.map(\.state) == [.taskStarting, .taskRunning, .taskFinished])
        #expect(statuses["hello"]?.allSatisfy { $0.source == .executor && $0.uuid.count == 16 } == true)

        let agent = try #require(AgentEndpoint(address: cluster.agents[0]))
        let frameworkID = try #require(scheduler.frameworkID)
        let (output, errors) = try await withTaskFiles { files in
          let sandbox = Sandbox(agent: agent, frameworkID: frameworkID, executorID: "hello")
          return (
            try await files.contents(of: "stdout", in: sandbox), try await files.contents(of: "stderr", in: sandbox)
          )
        }
        #expect(String(decoding: output, as: UTF8.self).hasSuffix("hello\n"))
        #expect(String(decoding: errors, as: UTF8.self).contains("oops\n"))
      }
      let state = try await cluster.state()
      #expect(state.getAgents.agents.count == 1)
      #expect(state.getFrameworks.completedFrameworks.count == 1)
    }
  }

  @Test(.timeLimit(.minutes(2)))
  func `how a command ends is how its task ends`() async throws {
    try await TestCluster.with { cluster in
      try await withScheduler(try TestFramework.configuration(cluster.master)) { scheduler in
        let statuses = try await TestFramework.run(
          [
            .init("fails", .shell("exit 3")), .init("dies", .shell("kill -9 $$")),
            .init("missing", .program("/nonexistent/program")),
            .init("argv", .program("/bin/sh", ["-c", "exit 0"])),
          ], on: scheduler)
        #expect(statuses["fails"]?.last?.state == .taskFailed)
        #expect(statuses["fails"]?.last?.message == "Command exited with status 3")
        #expect(statuses["dies"]?.last?.state == .taskFailed)
        #expect(statuses["dies"]?.last?.message == "Command terminated with signal Killed")
        #expect(statuses["missing"]?.last?.state == .taskFailed)
        #expect(statuses["argv"]?.last?.state == .taskFinished)
      }
    }
  }

  @Test(.timeLimit(.minutes(2)))
  func `a killed task gets SIGTERM, and SIGKILL for its whole process group after the grace period`() async throws {
    try await TestCluster.with { cluster in
      try await withScheduler(try TestFramework.configuration(cluster.master)) { scheduler in
        let grace = KillPolicy.with { $0.gracePeriod.nanoseconds = 200_000_000 }
        let statuses = try await TestFramework.run(
          [
            .init("gentle", .shell("sleep 1000")),
            .init("stubborn", .shell("trap '' TERM; sleep 1000 & while true; do sleep 1; done"), killPolicy: grace),
          ], on: scheduler
        ) { status, scheduler in
          if status.state == .taskRunning { try await scheduler.kill(status.taskID) }
        }
        for task in ["gentle", "stubborn"] {
          #expect(statuses[task]?.last?.state == .taskKilled, "\(task)")
          #expect(statuses[task]?.map(\.state).contains(.taskKilling) == true, "\(task)")
        }
      }
    }
  }

  @Test(.timeLimit(.minutes(3)))
  func `sixty tasks on two agents all finish and nothing stays allocated`() async throws {
    try await TestCluster.with(agents: 2) { cluster in
      try await withScheduler(try TestFramework.configuration(cluster.master)) { scheduler in
        let jobs = (0..<60).map { TestFramework.Job("task-\($0)", .shell("true")) }
        let statuses = try await TestFramework.run(jobs, on: scheduler)
        #expect(statuses.count == 60)
        #expect(statuses.values.allSatisfy { $0.last?.state == .taskFinished })
      }
      let state = try await cluster.state()
      #expect(state.getAgents.agents.count == 2)
      #expect(state.getAgents.agents.allSatisfy { $0.allocatedResources.isEmpty })
      #expect(state.getTasks.tasks.isEmpty)
      #expect(state.getTasks.completedTasks.count == 60)
    }
  }

  @Test(.timeLimit(.minutes(2)))
  func `the state is the same in both encodings and on the page`() async throws {
    try await TestCluster.with { cluster in
      try await withScheduler(try TestFramework.configuration(cluster.master)) { scheduler in
        _ = try await TestFramework.run([.init("one", .shell("true"))], on: scheduler)
        try await scheduler.suppress()
      }
      let call = MasterCall.with { $0.type = .getState }
      let json = try await cluster.read(call, encoding: .json)
      let protobuf = try await cluster.read(call, encoding: .protobuf)
      #expect(json == protobuf)
      #expect(json.getState.getTasks.completedTasks.map(\.taskID.value) == ["one"])

      let page = try await TestCluster.post(cluster.master, "/state", [], headers: [:], method: "GET")
      #expect(page.status == 200)
      let document = try #require(try JSONSerialization.jsonObject(with: Data(page.body)) as? [String: Any])
      #expect((document["slaves"] as? [Any])?.count == 1)
      let completed = try #require((document["completed_frameworks"] as? [[String: Any]])?.first)
      #expect((completed["completed_tasks"] as? [[String: Any]])?.first?["state"] as? String == "TASK_FINISHED")
    }
  }
}

extension AgentEndpoint {
  init?(address: String) {
    let parts = address.split(separator: ":")
    guard parts.count == 2, let port = Int(parts[1]) else { return nil }
    self.init(host: String(parts[0]), port: port)
  }
}
