import ExecutorKit
import MesosModel

// The code of the articles as it stands there: that it compiles is the test. SchedulerKit's tests compare the texts.

func echo() async throws {
  struct Echo: Executor {
    func launch(_ task: TaskInfo, driver: ExecutorDriver) async throws {
      try driver.sendUpdate(task.taskID, .taskRunning)
      print(String(decoding: task.data, as: UTF8.self))
      try driver.sendUpdate(task.taskID, .taskFinished)
    }

    func kill(_ task: TaskID, policy: KillPolicy?, driver: ExecutorDriver) async throws {}
  }

  try await ExecutorDriver().run(Echo())
}

actor Counter: Executor {
  private var running: [TaskKey: Task<Void, any Error>] = [:]

  func launch(_ task: TaskInfo, driver: ExecutorDriver) async throws {
    try driver.sendUpdate(task.taskID, .taskRunning)
    running[task.taskID.key] = driver.runtime.spawn("task \(task.taskID.value)") {
      try await driver.runtime.sleep(for: .seconds(1))
      try driver.sendUpdate(task.taskID, .taskFinished)
    }
  }

  func kill(_ task: TaskID, policy: KillPolicy?, driver: ExecutorDriver) async throws {
    guard let work = running.removeValue(forKey: task.key) else { return }
    work.cancel()
    if await work.result.isFailure { try driver.sendUpdate(task, .taskKilled) }
  }

  func shutdown(driver: ExecutorDriver) async throws {
    for task in running.keys.sorted() { try await kill(TaskID(task), policy: nil, driver: driver) }
  }
}

extension Result {
  var isFailure: Bool { if case .failure = self { true } else { false } }
}

func run() async throws {
  try await ExecutorDriver().run(Counter())
}
