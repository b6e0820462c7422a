import AgentLoad
import ArgumentParser
import Logging
import MesosModel
import ServiceLifecycle
import ShellSupport
import UnixSignals

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// `mesos simulate-agents`: thousands of agents for a live master, from this one process.
struct SimulateAgents: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate-agents", abstract: "Puts load on a master: thousands of agents from one process.",
    discussion: """
      Each agent speaks the agent link over a connection of its own, so that a process holds one descriptor an agent. Tasks are not \
      run: each lasts for the time that is given and has finished then. Every second a line says what was done. Ctrl-C has all agents \
      say goodbye to the master; a second one breaks that off.
      """)

  @Option(help: "HOST:PORT of the master, or several apart by commas.")
  var master: String

  @Option(help: "Agents to run.")
  var count = 1_000

  @Option(help: "Resources of each agent.")
  var resources = "cpus:8;mem:16384;disk:102400;ports:[31000-32000]"

  @Option(help: "Attributes of each agent, such as 'rack:a;zone:b'.")
  var attributes = ""

  @Option(name: .customLong("task-duration"), help: "Seconds that a task runs.")
  var taskDuration = 10.0

  @Flag(help: "Draws each task's duration from an exponential distribution, whose mean is --task-duration.")
  var exponential = false

  @Flag(help: "Tasks run until they are killed.")
  var live = false

  @Option(
    name: .customLong("tasks-per-agent"),
    help: "Tasks that run on each agent, of frameworks of this process, until it ends.")
  var tasksPerAgent = 0

  @Option(help: "Tasks of each agent that have finished, of the same frameworks.")
  var completed = 0

  @Option(
    name: .customLong("completed-per-framework"),
    help: "Finished tasks of one framework; the master's --max_completed_tasks_per_framework, or less.")
  var completedPerFramework = 1_000

  @Option(name: .customLong("task-resources"), help: "What each of these tasks takes.")
  var taskResources = "cpus:0.01;mem:8"

  @Option(name: .customLong("starts-per-second"), help: "How many agents begin in a second.")
  var startsPerSecond = 2_000

  func validate() throws {
    guard (1...100_000).contains(count) else { throw ValidationError("--count is a number from 1 to 100000") }
    guard (1...1_000_000).contains(startsPerSecond) else {
      throw ValidationError("--starts-per-second is a number from 1 to 1000000")
    }
    guard (0...1e9).contains(taskDuration) else {
      throw ValidationError("--task-duration is a number of seconds from 0 to 1e9")
    }
    guard (0...10_000).contains(tasksPerAgent), (0...10_000).contains(completed) else {
      throw ValidationError("--tasks-per-agent and --completed are numbers from 0 to 10000")
    }
    guard (max(1, completed)...1_000_000).contains(completedPerFramework) else {
      throw ValidationError("--completed-per-framework is a number from that of --completed to 1000000")
    }
    guard !(live && exponential) else {
      throw ValidationError("--live and --exponential exclude each other: live tasks have no duration")
    }
  }

  func run() async throws {
    LoggingSetup.start(level: "WARNING", isQuiet: false)
    var settings = AgentLoadConfiguration(master: master, count: count)
    settings.resources = resources
    settings.attributes = attributes
    settings.startsPerSecond = startsPerSecond
    let duration = Duration.milliseconds(Int64((taskDuration * 1_000).rounded()))
    settings.taskDuration = live ? .untilKilled : exponential ? .exponential(mean: duration) : .fixed(duration)
    let load = AgentLoad(configuration: settings)
    var frameworks: FrameworkLoad?
    if tasksPerAgent + completed > 0 {
      var wanted = FrameworkLoadConfiguration(
        master: master, agents: count, tasksPerAgent: tasksPerAgent, completedPerAgent: completed)
      wanted.completedPerFrameworkMax = completedPerFramework
      wanted.resources = taskResources
      frameworks = FrameworkLoad(configuration: wanted)
    }
    // They end in the reverse order: the frameworks before the agents that run their tasks.
    let services: [any Service] = [load] + (frameworks.map { [$0] } ?? [])
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: (services + [LoadReport(load: load, frameworks: frameworks, count: count)]).map {
          .init(
            service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
            failureTerminationBehavior: .cancelGroup)
        },
        gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger(label: "mesos-simulate-agents")))
    do {
      try await group.run()
    } catch let error as AgentLoadError {
      throw ValidationError(error.message)
    }
    print("\(load.counts.ended) of \(count) agents said goodbye")
  }
}

/// Prints a line a second until the agents have ended.
struct LoadReport: Service {
  let load: AgentLoad
  /// What puts tasks on the agents, if anything does.
  let frameworks: FrameworkLoad?
  let count: Int

  func run() async {
    // A report that was cut short has done all it was to do.
    try? await cancelWhenGracefulShutdown {
      let begin = ContinuousClock.now
      var last = AgentLoadCounts()
      var isComplete = false
      var isLoaded = false
      for second in 1... {
        try await ContinuousClock().sleep(until: begin + .seconds(second))
        let counts = load.counts
        print(
          "\(second) s: \(counts.registered) of \(count) agents registered (+\(counts.registrations - last.registrations)), "
            + "\(counts.tasksRunning) tasks run, \(counts.tasksStarted - last.tasksStarted) started/s, "
            + "\(counts.tasksEnded - last.tasksEnded) ended/s, \(counts.updates - last.updates) updates/s, "
            + "\(counts.connectionsLost) connections lost")
        if counts.registered == count, !isComplete {
          isComplete = true
          print("all \(count) agents are registered after \(second) s")
        }
        if let frameworks, !isLoaded {
          let counts = frameworks.counts
          print(
            "\(second) s: \(frameworks.frameworkCount) frameworks, \(counts.agentsServed) agents served, \(counts.running) "
              + "tasks run, \(counts.completed) have finished, \(counts.failed) came to another end")
          isLoaded = frameworks.isComplete
          if isLoaded { print("all tasks are there after \(second) s") }
        }
        fflush(nil)
        last = counts
      }
    }
  }
}
