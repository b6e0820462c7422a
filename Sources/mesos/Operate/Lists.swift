import ArgumentParser
import MesosModel
import OperatorKit
import SwiftProtobuf

/// `mesos agents`
struct Agents: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Lists the agents, with what is used of them.")
  @OptionGroup var cluster: ClusterOptions

  func run() async throws {
    try await cluster.withClient { client in
      cluster.show(try await client.getAgents()) { answer in
        var table = TextTable(
          ["ID", "HOST", "STATE", "CPUS", "MEM", "DISK", "GPUS", "VERSION", "REGISTERED"], numbers: [3, 4, 5, 6])
        for agent in answer.agents.sorted(by: { $0.agentInfo.id.value < $1.agentInfo.id.value }) {
          func share(_ name: String) -> String {
            "\(agent.allocatedResources.amount(name))/\(agent.totalResources.amount(name))"
          }
          table.add([
            agent.agentInfo.id.value, "\(agent.agentInfo.hostname):\(agent.agentInfo.port)", Self.state(agent),
            share("cpus"), share("mem"), share("disk"), share("gpus"), agent.version, agent.registeredTime.text,
          ])
        }
        for agent in answer.recoveredAgents {
          table.add([agent.id.value, agent.hostname, "awaited", "-", "-", "-", "-", "-", "-"])
        }
        return table.lines
      }
    }
  }

  static func state(_ agent: MasterResponse.GetAgents.Agent) -> String {
    if agent.hasDrainInfo { return agent.drainInfo.state == .drained ? "drained" : "draining" }
    if agent.deactivated { return "deactivated" }
    return agent.active ? "active" : "disconnected"
  }
}

/// `mesos frameworks`
struct Frameworks: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Lists the frameworks, with what they use.")
  @OptionGroup var cluster: ClusterOptions

  @Flag(help: "Those that are over, too.")
  var completed = false

  func run() async throws {
    try await cluster.withClient { client in
      cluster.show(try await client.getFrameworks()) { answer in
        var table = TextTable(
          ["ID", "NAME", "ROLES", "STATE", "CPUS", "MEM", "OFFERS", "USER", "REGISTERED"], numbers: [4, 5, 6])
        for framework in answer.frameworks + (completed ? answer.completedFrameworks : []) {
          let info = framework.frameworkInfo
          let state =
            framework.hasUnregisteredTime && framework.unregisteredTime.nanoseconds > 0
            ? "completed" : framework.active ? "active" : framework.recovered ? "awaited" : "disconnected"
          table.add([
            info.id.value, info.name, (info.roles.isEmpty ? [info.role] : info.roles).joined(separator: ","), state,
            framework.allocatedResources.amount("cpus"), framework.allocatedResources.amount("mem"),
            "\(framework.offers.count)", info.user, framework.registeredTime.text,
          ])
        }
        return table.lines
      }
    }
  }
}

/// `mesos tasks`
struct Tasks: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Lists the tasks.")
  @OptionGroup var cluster: ClusterOptions

  @Option(help: "Tasks of this framework only, by its id or name.")
  var framework: String?

  @Option(help: "Tasks on this agent only, by its id.")
  var agent: String?

  @Flag(help: "Completed ones, too.")
  var all = false

  func run() async throws {
    try await cluster.withClient { client in
      if cluster.json { return cluster.show(try await client.getTasks()) { _ in [] } }
      let state = try await client.getState()
      let hosts = Dictionary(state.getAgents.agents.map { ($0.agentInfo.id.value, $0.agentInfo.hostname) }) { $1 }
      let names = Dictionary(
        (state.getFrameworks.frameworks + state.getFrameworks.completedFrameworks)
          .map { ($0.frameworkInfo.id.value, $0.frameworkInfo.name) }
      ) { first, _ in first }
      let lists = state.getTasks
      var table = TextTable(["ID", "FRAMEWORK", "STATE", "AGENT", "CPUS", "MEM", "SINCE"], numbers: [4, 5])
      for task in lists.tasks + lists.unreachableTasks + (all ? lists.completedTasks : []) {
        let (owner, place) = (task.frameworkID.value, task.agentID.value)
        guard framework == nil || framework == owner || framework == names[owner], agent == nil || agent == place else {
          continue
        }
        let since = task.statuses.last.map { Int64(max(0, min($0.timestamp, 1e10)) * 1e9) } ?? 0
        table.add([
          task.taskID.value, names[owner].map { "\($0) (\(owner))" } ?? owner, String(task.state.wireName.dropFirst(5)),
          hosts[place].map { "\($0) (\(place))" } ?? place, task.resources.amount("cpus"), task.resources.amount("mem"),
          TimeInfo.with { $0.nanoseconds = since }.text,
        ])
      }
      for line in table.lines { print(line) }
    }
  }
}

/// `mesos roles`
struct Roles: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Lists the roles, with their weights and what they have.")
  @OptionGroup var cluster: ClusterOptions

  func run() async throws {
    try await cluster.withClient { client in
      cluster.show(try await client.getRoles()) { answer in
        var table = TextTable(
          ["NAME", "WEIGHT", "FRAMEWORKS", "CPUS", "MEM", "DISK", "GPUS"], numbers: [1, 2, 3, 4, 5, 6])
        for role in answer.roles {
          table.add(
            [role.name, "\(role.weight)", "\(role.frameworks.count)"]
              + ["cpus", "mem", "disk", "gpus"].map { role.resources.amount($0) })
        }
        return table.lines
      }
    }
  }
}

/// `mesos state`
struct State: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says how the cluster is in a few lines; with --json, all of its state.")
  @OptionGroup var cluster: ClusterOptions

  func run() async throws {
    try await cluster.withClient { client in
      let state = try await client.getState()
      if cluster.json { return cluster.show(state) { _ in [] } }
      let master = try await client.getMaster()
      let version = try await client.getVersion().versionInfo
      let agents = state.getAgents.agents
      let (total, used) = (agents.flatMap(\.totalResources), agents.flatMap(\.allocatedResources))
      print("master      \(master.masterInfo.hostname):\(master.masterInfo.port), \(master.masterInfo.id)")
      print("version     \(version.version) (\(version.buildUser)), leading since \(time(master.electedTime))")
      print(
        "agents      \(agents.count), \(agents.count { $0.active }) active, \(state.getAgents.recoveredAgents.count) awaited"
      )
      let frameworks = state.getFrameworks
      print(
        "frameworks  \(frameworks.frameworks.count), \(frameworks.frameworks.count { $0.active }) active, "
          + "\(frameworks.completedFrameworks.count) completed")
      let tasks = state.getTasks
      print(
        "tasks       \(tasks.tasks.count { $0.state == .taskRunning }) running of \(tasks.tasks.count), "
          + "\(tasks.unreachableTasks.count) unreachable, \(tasks.completedTasks.count) completed")
      for name in ["cpus", "mem", "disk", "gpus"] where total.amount(name) != "0" {
        print("\(name.padded(to: 12))\(used.amount(name)) of \(total.amount(name)) used")
      }
    }
  }

  private func time(_ seconds: Double) -> String {
    TimeInfo.with { $0.nanoseconds = Int64(max(0, min(seconds, 1e10)) * 1e9) }.text
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
