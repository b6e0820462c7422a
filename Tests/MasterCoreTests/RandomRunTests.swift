import AgentLinkModel
import MesosModel
import MesosTestKit
import SwiftProtobuf
import Testing

@testable import MasterCore

struct RandomRunTests {
  @Test(arguments: Seeds.all)
  func `whatever happens, resources are conserved and nothing leaves before it is durable`(seed: UInt64) {
    var run = RandomRun(seed: seed)
    for round in 0..<4 {
      run.run(steps: 250)
      let differences = run.cluster.view.differences(from: run.cluster.core)
      #expect(differences.isEmpty, "SIM_SEED=\(seed) round=\(round): \(differences)")
    }
    run.heal()
    let core = run.cluster.core
    #expect(core.staged.isEmpty && core.admitting.isEmpty && core.reregistering.isEmpty, "SIM_SEED=\(seed)")
    #expect(run.cluster.view.differences(from: core).isEmpty, "SIM_SEED=\(seed)")
    #expect(core.checkInvariants().isEmpty, "SIM_SEED=\(seed)")
  }

  @Test func `equal seeds lead to equal directives`() {
    var hashes: Set<TraceHash> = []
    for _ in 0..<2 {
      var run = RandomRun(seed: 7)
      run.trace()
      run.run(steps: 400)
      hashes.insert(run.cluster.trace)
    }
    #expect(hashes.count == 1)
  }

  /// Swift hashes with other seeds in each process, so only two processes show what depends on the order of a hash table.
  @Test func `equal seeds lead to equal directives in two processes`() async throws {
    var outputs: [[UInt8]] = []
    for _ in 0..<2 {
      let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
        var run = RandomRun(seed: 11)
        run.trace()
        run.run(steps: 400)
        print("trace \(run.cluster.trace.value)")
      }
      outputs.append(try #require(result).standardOutputContent)
    }
    let lines = outputs.map {
      String(decoding: $0, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("trace ") }
    }
    #expect(lines[0].count == 1)
    #expect(lines[0] == lines[1])
  }

  @Test(arguments: [
    (TaskState.taskLost, TaskStatus.Source.master, TaskStatus.Reason.agentRemoved, true),
    // Made up.
    (.taskRunning, .master, .agentRemoved, false), (.taskFailed, .agent, .taskKilledDuringLaunch, false),
    // In the table, as something that no master of ours makes.
    (.taskKilled, .master, .taskKilledDuringLaunch, false),
    // Executors are free, agents pass on.
    (.taskRunning, .executor, .gcError, true), (.taskStaging, .executor, .gcError, false),
    (.taskGone, .agent, .containerPreempted, true),
  ])
  func `the checker of statuses finds one that is not listed`(
    state: TaskState, source: TaskStatus.Source, reason: TaskStatus.Reason, isListed: Bool
  ) {
    var status = TaskStatus()
    status.state = state
    status.source = source
    status.reason = reason
    let sent = MasterCore.Directive.send(SchedulerConnection(number: 1, streamID: "s"), .update(status))
    #expect((StatusChecker.check(sent) == nil) == isListed)
  }

  @Test func `the checker of durability finds what leaves too early`() {
    var checker = DurabilityChecker()
    #expect(checker.check(.persist([.admitAgent("a", info: [])], 1)).isEmpty)
    let told = MasterCore.Directive.sendToAgent(
      AgentConnection(number: 1), .registered(.with { $0.agentID = "a" }))
    #expect(checker.check(told).count == 1)
    checker.persisted(1)
    #expect(checker.check(told).isEmpty)
    #expect(checker.check(.changed(Change(sequence: 1, kind: .agentRemoved("a")))).count == 1)
  }
}
