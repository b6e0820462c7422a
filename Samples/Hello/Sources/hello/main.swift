import SchedulerKit

let master = CommandLine.arguments.dropFirst().first ?? "127.0.0.1:5050"
let configuration = try SchedulerConfiguration(master: master, framework: FrameworkSettings(name: "hello"))

try await withScheduler(configuration) { scheduler in
  for await update in scheduler.updates {
    switch update {
    case .offers(let offers):
      guard let offer = offers.first, scheduler.tasks.isEmpty else { continue }
      var pool = OfferPool([offer])
      guard let resources = pool.take(["cpus": 0.1, "mem": 32]) else { continue }
      var task = TaskInfo()
      task.name = "hello"
      task.taskID.value = "hello-1"
      task.agentID = offer.agentID
      task.resources = resources
      task.command = .shell("echo hello")
      try await scheduler.accept([offer], launch: [task])
    case .task(let update):
      print(update.status.taskID.value, update.status.state)
      if update.isTerminal { return }
    case .error(let error):
      throw error
    default:
      break
    }
  }
}
