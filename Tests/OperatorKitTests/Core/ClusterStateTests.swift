import MesosModel
import MesosTestKit
import OperatorCore
import SwiftProtobuf
import Testing

/// What two states have to agree on, each in an order of its own.
private struct Contents: Hashable {
  var agents: [MasterResponse.GetAgents.Agent]
  var frameworks: [MasterResponse.GetFrameworks.Framework]
  var gone: [MasterResponse.GetFrameworks.Framework]
  var tasks: [MesosTask]
  var unreachable: [MesosTask]
  var completed: [MesosTask]

  init(_ state: ClusterState) {
    agents = state.agents
    frameworks = state.frameworks
    gone = state.completedFrameworks
    tasks = state.tasks
    unreachable = state.unreachableTasks
    // A master orders them by acknowledgement, events by their end.
    completed = state.completedTasks.sorted { TaskReference($0) < TaskReference($1) }
  }
}

private func subscribed(_ snapshot: MasterResponse.GetState = .init()) -> MasterEvent {
  .with {
    $0.type = .subscribed
    $0.subscribed.getState = snapshot
    $0.subscribed.heartbeatIntervalSeconds = 15
  }
}

private let unbounded: ClusterState.Configuration = {
  var configuration = ClusterState.Configuration()
  configuration.completedTasksMax = 100_000
  configuration.unreachableTasksMax = 100_000
  configuration.completedFrameworksMax = 100_000
  return configuration
}()

struct ClusterStateTests {
  @Test(arguments: Seeds.all)
  func `folding the events equals the snapshot after them`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    var master = NaiveMaster()
    _ = master.addAgent()
    _ = master.addFramework()
    var state = ClusterState(configuration: unbounded)
    _ = state.apply(subscribed(master.snapshot))
    var kinds = Set<MasterEvent.TypeEnum>()
    for step in 0..<1_500 {
      for event in master.step(using: &rng) {
        kinds.insert(event.type)
        let changes = state.apply(event)
        #expect(!changes.contains { if case .ignored = $0 { true } else { false } }, "SIM_SEED=\(seed) step=\(step)")
      }
      guard step % 20 == 0 else { continue }
      #expect(state.brokenInvariants() == [], "SIM_SEED=\(seed) step=\(step)")
      let snapshot = ClusterState(snapshot: master.snapshot, configuration: unbounded)
      #expect(snapshot.brokenInvariants() == [], "SIM_SEED=\(seed) step=\(step)")
      #expect(Contents(state) == Contents(snapshot), "SIM_SEED=\(seed) step=\(step)")
    }
    // A walk that misses a kind of event would prove little.
    #expect(kinds.count == 8)
    #expect(!state.completedTasks.isEmpty && !state.completedFrameworks.isEmpty)
  }

  @Test(arguments: Seeds.all)
  func `what a new snapshot changes is told as changes that lead from the old state to the new`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    var master = NaiveMaster()
    for _ in 0..<200 { _ = master.step(using: &rng) }
    var state = ClusterState(configuration: unbounded)
    #expect(state.apply(subscribed(master.snapshot)) == [.synchronized(isFirst: true)])
    var states = Dictionary(uniqueKeysWithValues: master.rows.map { (TaskReference($0.task), $0.task.state) })
    var agents = Set(state.agents.map(\.agentInfo.id.key))
    for _ in 0..<200 { _ = master.step(using: &rng) }
    for change in state.apply(subscribed(master.snapshot)).dropFirst() {
      switch change {
      case .taskAdded(let task): #expect(states.updateValue(task.state, forKey: TaskReference(task)) == nil)
      case .taskUpdated(let task, let previous):
        #expect(states.updateValue(task.state, forKey: TaskReference(task)) == previous)
      case .agentAdded(let agent): #expect(agents.insert(agent.agentInfo.id.key).inserted)
      case .agentRemoved(let agent, let cause):
        #expect(agents.remove(agent) != nil)
        #expect(cause == .snapshot)
      default: break
      }
    }
    #expect(states == Dictionary(uniqueKeysWithValues: master.rows.map { (TaskReference($0.task), $0.task.state) }))
    #expect(agents == Set(master.agents.map(\.agentInfo.id.key)))
    // The same again changes nothing.
    #expect(state.apply(subscribed(master.snapshot)) == [.synchronized(isFirst: false)])
  }

  @Test(arguments: Seeds.all)
  func `the past is kept within its bounds`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    var configuration = ClusterState.Configuration()
    configuration.completedTasksMax = 3
    configuration.unreachableTasksMax = 2
    configuration.completedFrameworksMax = 2
    configuration.statusesMax = 2
    var master = NaiveMaster()
    var state = ClusterState(configuration: configuration)
    _ = state.apply(subscribed())
    var forgotten = 0
    for _ in 0..<1_500 {
      for event in master.step(using: &rng) {
        for change in state.apply(event) {
          guard case .taskForgotten(let reference) = change else { continue }
          forgotten += 1
          #expect(state.task(reference) == nil)
        }
      }
      #expect(state.brokenInvariants() == [])
    }
    #expect(forgotten > 0)
    #expect(state.completedFrameworks.count == 2)
    #expect(state.tasks.allSatisfy { $0.statuses.count <= 2 })
  }

  @Test func `the newest of the ended tasks are kept`() {
    var configuration = ClusterState.Configuration()
    configuration.completedTasksMax = 2
    var state = ClusterState(configuration: configuration)
    _ = state.apply(subscribed())
    for number in 1...4 {
      _ = state.apply(added("T\(number)", .taskRunning))
      let changes = state.apply(updated("T\(number)", .taskFinished))
      #expect(changes.count == (number > 2 ? 2 : 1))
    }
    #expect(state.completedTasks.map(\.taskID.value) == ["T3", "T4"])
    #expect(state.task(TaskReference(framework: "F", task: "T2")) == nil)
    #expect(state.task(TaskReference(framework: "F", task: "T4"))?.place == .completed)
  }

  @Test func `events that make no sense are visible and change nothing`() {
    var state = ClusterState()
    #expect(state.apply(added("T", .taskRunning)) == [.ignored(.notSynchronized(.taskAdded))])
    _ = state.apply(subscribed())
    let reference = TaskReference(framework: "F", task: "T")
    #expect(state.apply(MasterEvent()) == [.ignored(.unknownType)])
    #expect(state.apply(.with { $0.type = .taskAdded }) == [.ignored(.empty(.taskAdded))])
    #expect(state.apply(updated("T", .taskRunning)) == [.ignored(.unknownTask(reference))])
    #expect(
      state.apply(
        .with {
          $0.type = .agentRemoved; $0.agentRemoved.agentID.value = "A"
        }) == [.ignored(.unknownAgent("A"))])
    #expect(
      state.apply(
        .with {
          $0.type = .frameworkRemoved
          $0.frameworkRemoved.frameworkInfo.id.value = "F"
        }) == [.ignored(.unknownFramework("F"))])
    #expect(
      state.apply(
        .with {
          $0.type = .agentAdded; $0.agentAdded = .with { $0.agent = .init() }
        }) == [.ignored(.withoutID)])
    #expect(state.apply(added("", .taskRunning)) == [.ignored(.withoutID)])
    _ = state.apply(added("T", .taskRunning))
    _ = state.apply(updated("T", .taskFinished))
    #expect(state.apply(updated("T", .taskRunning)) == [.ignored(.endedTask(reference))])
    #expect(state.ignoredEvents == 9)
    #expect(state.task(reference)?.record.state == .taskFinished)
    #expect(state.apply(.with { $0.type = .heartbeat }) == [])
    #expect(state.brokenInvariants() == [])
  }

  @Test func `an agent at the address of another takes its place`() {
    var state = ClusterState()
    _ = state.apply(subscribed())
    func agent(_ id: String) -> MasterEvent {
      .with {
        $0.type = .agentAdded
        $0.agentAdded.agent.agentInfo.id.value = id
        $0.agentAdded.agent.pid = "slave(1)@127.0.0.1:5051"
      }
    }
    _ = state.apply(agent("A1"))
    let changes = state.apply(agent("A2"))
    #expect(changes.first == .agentRemoved("A1", .replaced(by: "A2")))
    #expect(state.agents.map(\.agentInfo.id.value) == ["A2"])
    #expect(state.apply(agent("A2")).count == 1)
    #expect(state.brokenInvariants() == [])
  }

  @Test func `what can be asked about tasks, agents and executors`() throws {
    var state = ClusterState()
    _ = state.apply(subscribed())
    _ = state.apply(
      .with {
        $0.type = .agentAdded
        $0.agentAdded.agent.agentInfo.id.value = "A"
      })
    for (id, cpus) in [("T1", 0.5), ("T2", 1.25)] {
      var event = added(id, .taskRunning)
      event.taskAdded.task.executorID.value = "E"
      event.taskAdded.task.resources = [
        .with {
          $0.name = "cpus"
          $0.type = .scalar
          $0.scalar.value = cpus
        }
      ]
      _ = state.apply(event)
    }
    #expect(state.tasks(on: "A").map(\.taskID.value) == ["T1", "T2"])
    #expect(state.tasks(of: "F").map(\.taskID.value) == ["T1", "T2"])
    #expect(state.tasks(on: "B").isEmpty && state.tasks(of: "G").isEmpty)
    #expect(try state.resources(ofTasksOn: "A").description == "cpus:1.75")
    #expect(state.executors.map(\.reference) == [ExecutorReference(framework: "F", agent: "A", executor: "E")])
    #expect(state.taskCounts == [.taskRunning: 2])
    #expect(state.liveTaskCount == 2 && state.agentCount == 1)
    _ = state.apply(
      .with {
        $0.type = .agentRemoved; $0.agentRemoved.agentID.value = "A"
      })
    #expect(state.executors.isEmpty)
    #expect(state.tasks.count == 2)
  }

  private func added(_ id: String, _ state: TaskState) -> MasterEvent {
    .with {
      $0.type = .taskAdded
      $0.taskAdded.task.taskID.value = id
      $0.taskAdded.task.frameworkID.value = "F"
      $0.taskAdded.task.agentID.value = "A"
      $0.taskAdded.task.state = state
    }
  }

  private func updated(_ id: String, _ state: TaskState) -> MasterEvent {
    .with {
      $0.type = .taskUpdated
      $0.taskUpdated.frameworkID.value = "F"
      $0.taskUpdated.status.taskID.value = id
      $0.taskUpdated.status.state = state
      $0.taskUpdated.state = state
    }
  }
}
