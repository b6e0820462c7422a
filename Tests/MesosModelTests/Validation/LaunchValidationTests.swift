import MesosModel
import SwiftProtobuf
import Testing

/// Rules about launches that look at what is known of the cluster.
struct LaunchValidationTests {
  private static func resources(_ text: String) throws -> Resources {
    try Resources.parse(text).allocated(to: "eng")
  }

  private func context(_ change: (inout LaunchContext) -> Void = { _ in }) throws -> LaunchContext {
    var context = LaunchContext(
      framework: "f", agent: "a", agentTakesResourceLimits: true,
      available: try LaunchValidationTests.resources("cpus:4;mem:1024;disk:64"))
    change(&context)
    return context
  }

  private func executor(_ change: (inout ExecutorInfo) -> Void = { _ in }) throws -> ExecutorInfo {
    var executor = ExecutorInfo()
    executor.executorID.value = "e"
    executor.frameworkID.value = "f"
    executor.command.value = "run"
    executor.resources = try LaunchValidationTests.resources("cpus:0.5;mem:64;disk:8").messages
    change(&executor)
    return executor
  }

  private func task(_ change: (inout TaskInfo) -> Void = { _ in }) throws -> TaskInfo {
    var task = TaskInfo()
    task.name = "t"
    task.taskID.value = "t1"
    task.agentID.value = "a"
    task.command.value = "true"
    task.resources = try Resources.parse("cpus:1;mem:32").messages
    change(&task)
    return task
  }

  private func candidate(_ task: TaskInfo) throws -> LaunchCandidate {
    try LaunchCandidate(task, role: "eng", framework: "f")
  }

  @Test func `a task takes what it uses and what its new executor uses`() throws {
    let alone = try candidate(task())
    #expect(
      try TaskValidation.validate(alone, in: context(), use: .free) == LaunchValidationTests.resources("cpus:1;mem:32"))

    let executor = try executor()
    let with = try candidate(
      task {
        $0.clearCommand()
        $0.executor = executor
      })
    #expect(
      try TaskValidation.validate(with, in: context(), use: .free)
        == LaunchValidationTests.resources("cpus:1.5;mem:96;disk:8"))
    let known = try context { $0.existingExecutor = with.info.executor }
    #expect(
      try TaskValidation.validate(with, in: known, use: .free) == LaunchValidationTests.resources("cpus:1;mem:32"))
  }

  @Test func `what a framework leaves out is filled in`() throws {
    let executor = try executor { $0.clearFrameworkID() }
    let candidate = try candidate(
      task {
        $0.clearCommand()
        $0.executor = executor
        $0.healthCheck.http.port = 80
      })
    #expect(candidate.info.executor.frameworkID.value == "f")
    #expect(candidate.info.healthCheck.type == .http)
    #expect(candidate.info.resources.allSatisfy { $0.allocationInfo.role == "eng" })
  }

  @Test func `an id that is taken is refused`() throws {
    let candidate = try candidate(task())
    let taken = #expect(throws: ValidationError.self) {
      _ = try TaskValidation.validate(candidate, in: context(), use: .taken)
    }
    #expect(taken?.message == "Task has duplicate ID: t1")
    #expect(taken?.code == .duplicate)
    let unreachable = #expect(throws: ValidationError.self) {
      _ = try TaskValidation.validate(candidate, in: context(), use: .takenByUnreachableTask)
    }
    #expect(unreachable?.message == "Task reuses the ID of an unreachable task: t1")
  }

  @Test func `limits need an agent that can hold tasks to them`() throws {
    let limited = try candidate(
      task {
        $0.limits["mem"] = .with { $0.value = .infinity }
        $0.limits["cpus"] = .with { $0.value = 1 }
      })
    _ = try TaskValidation.validate(limited, in: context(), use: .free)
    let error = #expect(throws: ValidationError.self) {
      _ = try TaskValidation.validate(limited, in: context { $0.agentTakesResourceLimits = false }, use: .free)
    }
    #expect(error?.message == "Agent is not capable of handling task resource limits")
    #expect(error?.code == .unsupported)
    #expect(error?.path == "limits")
  }

  @Test func `an executor that is there has to be the same, but for the order of its resources, labels and grace`()
    throws
  {
    let new = try executor {
      $0.resources.reverse()
      $0.labels.labels = [.with { $0.key = "k" }]
      $0.shutdownGracePeriod.nanoseconds = 1
    }
    let with = try candidate(
      task {
        $0.clearCommand()
        $0.executor = new
      })
    let same = try context { $0.existingExecutor = try? executor() }
    _ = try TaskValidation.validate(with, in: same, use: .free)
    let other = try context { $0.existingExecutor = try? executor { $0.name = "other" } }
    let error = #expect(throws: ValidationError.self) { _ = try TaskValidation.validate(with, in: other, use: .free) }
    #expect(error?.message == "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.")
    #expect(error?.path == "executor")
  }

  @Test func `a group takes what its tasks use and what their new executor uses`() throws {
    var group = Offer.Operation.LaunchGroup()
    group.executor = try executor {
      $0.type = .default
      $0.clearCommand()
    }
    group.taskGroup.tasks = [try task(), try task { $0.taskID.value = "t2" }]
    let candidate = try LaunchGroupCandidate(group, role: "eng")
    #expect(
      try TaskGroupValidation.validate(candidate, in: context()) { _ in .free }
        == LaunchValidationTests.resources("cpus:2.5;mem:128;disk:8"))

    let error = #expect(throws: ValidationError.self) {
      _ = try TaskGroupValidation.validate(candidate, in: context()) { $0 == "t2" ? .taken : .free }
    }
    #expect(error?.message == "Task 't2' is invalid: Task has duplicate ID: t2")
    #expect(error?.path == "task_group.tasks.task_id")

    let apart = try context {
      $0.existingExecutor = candidate.executor
      $0.existingTasksShareCgroups = false
    }
    let mixed = #expect(throws: ValidationError.self) {
      _ = try TaskGroupValidation.validate(candidate, in: apart) { _ in .free }
    }
    #expect(
      mixed?.message
        == "If set, the value of 'share_cgroups' must be the same for all tasks in each task group and under a single "
        + "executor")
  }
}
