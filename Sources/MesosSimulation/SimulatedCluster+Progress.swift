import AgentCore
public import MasterCore
public import MesosModel
import SchedulerCore

// Whether everything came to its end.
extension SimulatedCluster {
  /// How many agents were added.
  public var agentCount: Int { agents.count }
  /// How many frameworks were added.
  public var frameworkCount: Int { frameworks.count }

  /// The index of the agent that the master gave this id; `nil` where none has it at present.
  public func agentIndex(of id: AgentKey) -> Int? { agents.firstIndex { $0.core?.agentID == id } }

  /// The folders of persistent volumes on the disk of an agent, sorted.
  public func volumeFolders(of agent: Int) -> [String] { agents[agent].volumes.sorted() }

  /// Agents that the master has admitted and whose resources it offers.
  public var activeAgents: Int { master.core?.snapshot().agents.values.count { $0.active } ?? 0 }

  /// The names of tasks that a framework wants and that have not ended, sorted.
  public func unfinished(of framework: Int) -> [String] { frameworks[framework].behaviour.unfinished }

  /// The master's state, as readers are to see it; `nil` while no master runs.
  public var masterState: MasterSnapshot? { master.core?.snapshot() }

  /// What is still in use or under way although nothing is left to be done, a line each; empty when all came to its end.
  public var unsettled: [String] {
    var problems: [String] = []
    for index in frameworks.indices {
      let names = frameworks[index].behaviour.unfinished
      if !names.isEmpty { problems.append("framework \(index) waits for \(names)") }
      if let error = frameworks[index].ending { problems.append("framework \(index) ended: \(error.message)") }
    }
    for index in agents.indices where !(agents[index].core?.isRegistered ?? false) {
      problems.append("agent \(index) is not registered\(agents[index].ending.map { ": \($0)" } ?? "")")
    }
    for index in agents.indices where !agents[index].containers.isEmpty {
      let names = agents[index].containers.values.sorted().compactMap { executors[$0]?.launch.executor.value }
        .filter { !isCustom($0, on: index) }
      if !names.isEmpty { problems.append("agent \(index) still runs \(names)") }
    }
    if let state = master.core?.snapshot() {
      let active = state.agents.values.count { $0.active }
      if active != agents.count { problems.append("the master has \(active) active agents of \(agents.count)") }
      let tasks = state.tasks.keys.map(\.task).sorted()
      if !tasks.isEmpty { problems.append("the master still has \(tasks)") }
      let held = state.agents.filter { !$0.value.offered.isEmpty }.keys.sorted()
      if !held.isEmpty { problems.append("of \(held) something is still offered") }
    } else {
      problems.append("no master runs")
    }
    let waiting = checkers.updates.waiting
    if !waiting.isEmpty { problems.append("updates wait for an acknowledgement: \(waiting)") }
    return problems
  }

  /// Custom executors stay when their tasks are over: that is theirs to decide.
  private func isCustom(_ executor: String, on agent: Int) -> Bool {
    agents[agent].containers.values.contains {
      executors[$0]?.launch.executor.value == executor && executors[$0]?.custom != nil
    }
  }

  /// Whether everything came to its end.
  ///
  /// - Complexity: O(1) while any framework still waits for a task.
  public var isQuiet: Bool {
    for framework in frameworks where framework.core == nil || !framework.behaviour.unfinished.isEmpty { return false }
    return unsettled.isEmpty
  }

  /// Notes as a violation what did not come to its end.
  public mutating func demandQuiet() {
    let problems = unsettled
    guard !problems.isEmpty, configuration.checkers.contains(.progress) else { return }
    violate(.progress, problems.joined(separator: "; "))
  }

  mutating func killUnending(of framework: Int) {
    for id in frameworks[framework].behaviour.endless { kill(id, of: framework) }
  }

  mutating func killLater(_ name: String, of framework: Int, at time: Duration) {
    queue.insert(.kill(framework: framework, TaskKey(name)), at: max(now, time.wholeNanoseconds))
  }
}
