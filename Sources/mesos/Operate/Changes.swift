import ArgumentParser
import MesosModel
import OperatorKit
import SwiftProtobuf

/// `mesos quota`
struct QuotaCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quota", abstract: "Shows and sets what roles are guaranteed and limited to.",
    subcommands: [List.self, Set.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the quotas.")
    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
      try await cluster.withClient { client in
        cluster.show(try await client.getQuota()) { answer in
          var table = TextTable(["ROLE", "GUARANTEES", "LIMITS"])
          for config in answer.status.configs {
            table.add([config.role, Self.text(config.guarantees), Self.text(config.limits)])
          }
          return table.lines
        }
      }
    }

    private static func text(_ amounts: [String: MesosValue.Scalar]) -> String {
      amounts.isEmpty
        ? "-" : amounts.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value.value)" }.joined(separator: ";")
    }
  }

  struct Set: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Sets the quota of a role, in the place of the one it has.",
      discussion: "Without --limits and --guarantees the role has no quota any more.")
    @OptionGroup var cluster: ClusterOptions

    @Argument(help: "The role.")
    var role: String

    @Option(help: "What it may have at most, such as 'cpus:8;mem:16384'.")
    var limits = ""

    @Option(help: "What is kept for it, such as 'cpus:2'.")
    var guarantees = ""

    @Flag(help: "Even where it has more than that already.")
    var force = false

    func run() async throws {
      var config = QuotaConfig()
      config.role = role
      if !limits.isEmpty { config.limits = try amounts(limits, of: "--limits") }
      if !guarantees.isEmpty { config.guarantees = try amounts(guarantees, of: "--guarantees") }
      try await cluster.withClient { try await $0.updateQuota([config], force: force) }
    }
  }
}

/// `mesos maintenance`
struct Maintenance: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows planned maintenance, and takes machines down and up.",
    subcommands: [Status.self, Schedule.self, Down.self, Up.self], defaultSubcommand: Status.self)

  struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists machines that are draining or down.")
    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
      try await cluster.withClient { client in
        cluster.show(try await client.getMaintenanceStatus()) { answer in
          var table = TextTable(["HOST", "IP", "STATE", "ANSWERS"])
          for machine in answer.status.drainingMachines {
            let answers = machine.statuses.map { "\($0.frameworkID.value): \("\($0.status)".lowercased())" }
            table.add([machine.id.hostname, machine.id.ip, "draining", answers.joined(separator: ", ")])
          }
          for machine in answer.status.downMachines { table.add([machine.hostname, machine.ip, "down", ""]) }
          return table.lines
        }
      }
    }
  }

  struct Schedule: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the windows of maintenance that are planned.")
    @OptionGroup var cluster: ClusterOptions

    func run() async throws {
      try await cluster.withClient { client in
        cluster.show(try await client.getMaintenanceSchedule()) { answer in
          var table = TextTable(["FROM", "SECONDS", "MACHINES"], numbers: [1])
          for window in answer.schedule.windows {
            let time = window.unavailability
            table.add([
              TimeInfo.with { $0.nanoseconds = time.start.nanoseconds }.text,
              time.hasDuration ? "\(time.duration.nanoseconds / 1_000_000_000)" : "-",
              window.machineIds.map { $0.hostname.isEmpty ? $0.ip : $0.hostname }.joined(separator: ", "),
            ])
          }
          return table.lines
        }
      }
    }
  }

  struct Down: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Takes machines down that are scheduled for it.")
    @OptionGroup var cluster: ClusterOptions
    @OptionGroup var machines: Machines

    func run() async throws { try await cluster.withClient { try await $0.startMaintenance(of: machines.ids) } }
  }

  struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lets machines come back that are down.")
    @OptionGroup var cluster: ClusterOptions
    @OptionGroup var machines: Machines

    func run() async throws { try await cluster.withClient { try await $0.stopMaintenance(of: machines.ids) } }
  }

  struct Machines: ParsableArguments {
    @Argument(help: "Machines as HOSTNAME, HOSTNAME/IP or /IP, as the schedule names them.")
    var machines: [String]

    var ids: [MachineID] {
      machines.map { text in
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        return .with {
          if let hostname = parts.first, !hostname.isEmpty { $0.hostname = String(hostname) }
          if parts.count > 1 { $0.ip = String(parts[1]) }
        }
      }
    }
  }
}

/// `mesos drain`
struct Drain: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Empties an agent: its tasks are killed, and nothing is offered of it.",
    discussion: "'mesos agents' shows when it is drained. --reactivate brings a drained or deactivated agent back.")
  @OptionGroup var cluster: ClusterOptions

  @Argument(help: "The agent's id.")
  var agent: String

  @Option(name: .customLong("max-grace-period"), help: "What tasks may take to end at most, such as 30secs.")
  var maxGracePeriod: String?

  @Flag(name: .customLong("mark-gone"), help: "The agent never comes back once it is empty.")
  var markGone = false

  @Flag(name: .customLong("deactivate-only"), help: "Only offers nothing of it any more; its tasks run on.")
  var deactivateOnly = false

  @Flag(help: "Offers its resources again.")
  var reactivate = false

  func validate() throws {
    guard [markGone || maxGracePeriod != nil, deactivateOnly, reactivate].count(where: \.self) <= 1 else {
      throw ValidationError(
        "--deactivate-only and --reactivate stand alone; --max-grace-period and --mark-gone are for draining")
    }
  }

  func run() async throws {
    let grace = try maxGracePeriod.map { try duration($0, of: "--max-grace-period") }
    var id = AgentID()
    id.value = agent
    try await cluster.withClient { client in
      if reactivate {
        try await client.reactivateAgent(id)
      } else if deactivateOnly {
        try await client.deactivateAgent(id)
      } else {
        try await client.drainAgent(id, maxGracePeriod: grace, markGone: markGone)
      }
    }
  }
}
