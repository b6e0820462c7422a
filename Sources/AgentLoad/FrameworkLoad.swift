import DequeModule
import Logging
import MesosModel
import SchedulerKit
public import ServiceLifecycle
import Synchronization

/// What frameworks put on simulated agents, so that a master has a state of a certain size.
public struct FrameworkLoadConfiguration: Sendable {
  /// `HOST:PORT` of the master, or several apart by commas.
  public var master: String
  /// How many agents there are.
  public var agents: Int
  /// Tasks that each agent runs until the load ends.
  public var tasksPerAgent: Int
  /// Tasks of each agent that have finished.
  public var completedPerAgent: Int
  /// Completed tasks of one framework that the master remembers; what is more goes to further frameworks.
  public var completedPerFrameworkMax = 1_000
  /// What each task takes.
  public var resources = "cpus:0.01;mem:8"

  /// - Parameters:
  ///   - master: `HOST:PORT`, or several apart by commas.
  ///   - agents: How many simulated agents there are.
  ///   - tasksPerAgent: Tasks that run on each of them.
  ///   - completedPerAgent: Tasks of each of them that have finished.
  public init(master: String, agents: Int, tasksPerAgent: Int, completedPerAgent: Int) {
    self.master = master
    self.agents = agents
    self.tasksPerAgent = tasksPerAgent
    self.completedPerAgent = completedPerAgent
  }

  /// How many agents one framework has its tasks on, at most.
  var agentsPerFramework: Int {
    completedPerAgent == 0 ? agents : max(1, completedPerFrameworkMax / completedPerAgent)
  }

  /// How many frameworks there are.
  var frameworks: Int { (agents + agentsPerFramework - 1) / agentsPerFramework }

  /// - Throws: `AgentLoadError` with code `.badConfiguration`.
  func validate() throws(AgentLoadError) {
    guard agents > 0, tasksPerAgent >= 0, completedPerAgent >= 0, tasksPerAgent + completedPerAgent > 0,
      completedPerFrameworkMax > 0
    else { throw AgentLoadError(.badConfiguration, "There must be agents, and tasks for each of them") }
    guard completedPerAgent <= completedPerFrameworkMax else {
      throw AgentLoadError(
        .badConfiguration,
        "A framework's history holds \(completedPerFrameworkMax) tasks, and each agent is to have \(completedPerAgent)")
    }
    do { _ = try Resources.parse(resources) } catch {
      throw AgentLoadError(.badConfiguration, "Resources of tasks: \(String(describing: error).prefix(500))")
    }
  }
}

/// How far the frameworks have come.
public struct FrameworkLoadCounts: Hashable, Sendable {
  /// Agents that have what they are to have.
  public var agentsServed = 0
  /// Tasks that run.
  public var running = 0
  /// Tasks that have finished.
  public var completed = 0
  /// Tasks that came to another end.
  public var failed = 0
}

/// Frameworks that give each simulated agent so many tasks that run and so many that have finished, and then only hold them.
///
/// A master remembers a limited number of completed tasks of a framework, so a large history takes many frameworks: each has its tasks on as
/// many agents as its history has room for. Launched are ordinary tasks by ordinary offers; a label tells the simulated agent how long each
/// lasts. At a graceful shutdown the frameworks are torn down.
public final class FrameworkLoad: Service {
  private let configuration: FrameworkLoadConfiguration
  private struct State {
    var counts = FrameworkLoadCounts()
    /// Agents that a framework has taken on.
    var taken: Set<String> = []
  }
  private let state = Mutex(State())

  /// - Parameter configuration: How many tasks, and where.
  public init(configuration: FrameworkLoadConfiguration) { self.configuration = configuration }

  /// How far it is.
  public var counts: FrameworkLoadCounts { state.withLock { $0.counts } }

  /// How many frameworks there are.
  public var frameworkCount: Int { configuration.frameworks }

  /// Whether every agent has what it is to have.
  public var isComplete: Bool {
    let counts = counts
    return counts.running >= configuration.agents * configuration.tasksPerAgent
      && counts.completed >= configuration.agents * configuration.completedPerAgent
  }

  /// Runs until a graceful shutdown.
  ///
  /// - Throws: `AgentLoadError` for a configuration that makes no sense, and what ends a framework.
  public func run() async throws {
    try configuration.validate()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<configuration.frameworks { group.addTask { try await self.runFramework(index) } }
      try await group.waitForAll()
    }
  }

  private func runFramework(_ index: Int) async throws {
    var settings = FrameworkSettings(name: "load-\(index)", user: "load")
    settings.capabilities = [.partitionAware, .multiRole]
    settings.failoverTimeout = .seconds(600)
    let scheduler = try SchedulerConfiguration(master: configuration.master, framework: settings)
    let logger = Logger(label: "mesos-framework-load") { _ in SwiftLogNoOpLogHandler() }
    // Its end tears the framework down.
    try await withScheduler(scheduler, logger: logger) { scheduler in
      do {
        try await cancelWhenGracefulShutdown {
          var framework = Framework(index: index)
          for await update in scheduler.updates { try await self.take(update, &framework, scheduler) }
        }
      } catch {
        // What was on its way when the load was told to end is of no more use.
        guard Task.isShuttingDownGracefully else { throw error }
      }
    }
  }

  /// What one framework remembers.
  private struct Framework {
    let index: Int
    var agents = 0
    var isSuppressed = false
    /// Tasks that were last heard to run.
    var running: Set<String> = []
  }

  private func take(_ update: SchedulerUpdate, _ framework: inout Framework, _ scheduler: Scheduler) async throws {
    switch update {
    case .offers(let offers):
      for offer in offers { try await answer(offer, &framework, scheduler) }
      if framework.agents >= configuration.agentsPerFramework, !framework.isSuppressed {
        framework.isSuppressed = true
        try await scheduler.suppress()
      }
    case .task(let update):
      let id = update.status.taskID.value
      switch update.status.state {
      case .taskRunning where !id.hasSuffix("-done"):
        if framework.running.insert(id).inserted { state.withLock { $0.counts.running += 1 } }
      case .taskFinished where id.hasSuffix("-done"): state.withLock { $0.counts.completed += 1 }
      case let end where end.isTerminal:
        if framework.running.remove(id) != nil { state.withLock { $0.counts.running -= 1 } }
        state.withLock { $0.counts.failed += 1 }
      default: break
      }
    case .error(let error): throw error
    default: break
    }
  }

  private func answer(_ offer: Offer, _ framework: inout Framework, _ scheduler: Scheduler) async throws {
    let takes =
      framework.agents < configuration.agentsPerFramework
      && state.withLock { $0.taken.insert(offer.agentID.value).inserted }
    guard takes else { return try await scheduler.decline([offer], refuse: .seconds(3_600)) }
    framework.agents += 1
    let resources = try Resources.parse(configuration.resources).messages
    let prefix = "\(framework.index)-\(framework.agents)"
    var tasks: [TaskInfo] = []
    for number in 0..<configuration.tasksPerAgent + configuration.completedPerAgent {
      let lasts = number >= configuration.completedPerAgent
      var task = TaskInfo()
      task.name = "load"
      task.taskID.value = "\(prefix)-\(number)" + (lasts ? "" : "-done")
      task.agentID = offer.agentID
      task.resources = resources
      task.command.value = "simulated"
      task.labels.labels = [SimulatedTask.label(lasts ? .untilKilled : .fixed(.zero))]
      tasks.append(task)
    }
    try await scheduler.accept([offer], launch: tasks, refuse: .seconds(3_600))
    state.withLock { $0.counts.agentsServed += 1 }
  }
}

/// How a task tells a simulated agent how long it lasts.
public enum SimulatedTask {
  /// Its value is a number of seconds, or `forever`.
  public static let labelKey = "simulated_seconds"

  /// - Precondition: The duration is fixed or until killed.
  static func label(_ duration: AgentLoadConfiguration.TaskDuration) -> MesosLabel {
    var label = MesosLabel()
    label.key = labelKey
    switch duration {
    case .fixed(let duration), .exponential(let duration): label.value = "\(duration / .seconds(1))"
    case .untilKilled: label.value = "forever"
    }
    return label
  }

  /// What the labels of a task ask for; `nil` where they do not.
  static func duration(_ task: TaskInfo) -> AgentLoadConfiguration.TaskDuration? {
    guard let text = task.labels.labels.first(where: { $0.key == labelKey })?.value else { return nil }
    if text == "forever" { return .untilKilled }
    guard let seconds = Double(text), (0...1e9).contains(seconds) else { return nil }
    return .fixed(.milliseconds(Int64((seconds * 1_000).rounded())))
  }
}
