import Foundation
import MesosModel
import SchedulerKit

/// A framework that launches what it is given and remembers what it is told.
struct TestFramework {
  /// A task to be run.
  struct Job: Sendable {
    var id: String
    var command: CommandInfo
    var cpus = 0.1
    var memory = 32.0
    var killPolicy: KillPolicy?
    /// Changes the task before it is launched.
    var adjust: @Sendable (inout TaskInfo) -> Void

    init(
      _ id: String, _ command: CommandInfo, killPolicy: KillPolicy? = nil,
      adjust: @escaping @Sendable (inout TaskInfo) -> Void = { _ in }
    ) {
      self.id = id
      self.command = command
      self.killPolicy = killPolicy
      self.adjust = adjust
    }
  }

  static func configuration(
    _ master: String, name: String = "test", id: FrameworkID? = nil, failoverTimeout: Duration = .seconds(3_600)
  ) throws -> SchedulerConfiguration {
    var settings = FrameworkSettings(name: name)
    settings.failoverTimeout = failoverTimeout
    return try SchedulerConfiguration(master: master, framework: settings)
  }

  /// Every status of the jobs, by task, until all of them have ended. `during` sees each as it comes.
  static func run(
    _ jobs: [Job], on scheduler: Scheduler,
    during: (TaskStatus, Scheduler) async throws -> Void = { _, _ in },
    until isDone: ([String: [TaskStatus]]) -> Bool = { _ in false }
  ) async throws -> [String: [TaskStatus]] {
    var waiting = jobs
    var statuses: [String: [TaskStatus]] = [:]
    for await update in scheduler.updates {
      switch update {
      case .offers(let offers):
        for offer in offers {
          var pool = OfferPool([offer])
          var tasks: [TaskInfo] = []
          while let job = waiting.first,
            let resources = pool.take(["cpus": Scalar(job.cpus) ?? 0, "mem": Scalar(job.memory) ?? 0])
          {
            waiting.removeFirst()
            var task = TaskInfo()
            task.name = job.id
            task.taskID.value = job.id
            task.agentID = offer.agentID
            task.resources = resources
            task.command = job.command
            if let policy = job.killPolicy { task.killPolicy = policy }
            job.adjust(&task)
            tasks.append(task)
          }
          if tasks.isEmpty {
            try await scheduler.decline([offer], refuse: .milliseconds(100))
          } else {
            try await scheduler.accept([offer], launch: tasks, refuse: .milliseconds(100))
          }
        }
      case .task(let update):
        let id = update.status.taskID.value
        if statuses[id]?.last?.state != update.status.state { statuses[id, default: []].append(update.status) }
        try await during(update.status, scheduler)
        if isDone(statuses) || jobs.allSatisfy({ statuses[$0.id]?.last?.state.isTerminal == true }) { return statuses }
      case .error(let error):
        throw error
      default:
        break
      }
    }
    return statuses
  }
}
