import DequeModule
public import MesosModel
import OrderedCollections
import SwiftProtobuf

/// What readers see of the agent. Nothing that is not durable shows, but for tasks whose launch is on its way to the disk, which are
/// the pending ones.
extension AgentCore {
  /// The agent as it registers, with its id once it has one.
  public var agentInfo: AgentInfo {
    var info = configuration.agentInfo
    if let agentID { info.id = AgentID(agentID) }
    return info
  }

  public func getAgent() -> AgentResponse.GetAgent {
    .with {
      $0.agentInfo = agentInfo
      if let drainConfig { $0.drainConfig = drainConfig }
    }
  }

  public func getTasks() -> AgentResponse.GetTasks {
    var answer = AgentResponse.GetTasks()
    for framework in frameworks.values {
      for executor in framework.executors.values {
        for task in executor.tasks.values {
          switch task.phase {
          case .pending: answer.pendingTasks.append(task.task)
          case .queued: answer.queuedTasks.append(task.task)
          case .launched: answer.launchedTasks.append(task.task)
          case .terminated: answer.terminatedTasks.append(task.task)
          }
        }
        for task in executor.completed { answer.completedTasks.append(task.task) }
      }
      for executor in framework.completed {
        for task in executor.completed { answer.completedTasks.append(task.task) }
      }
    }
    return answer
  }

  public func getExecutors() -> AgentResponse.GetExecutors {
    var answer = AgentResponse.GetExecutors()
    for framework in frameworks.values {
      for executor in framework.executors.values where executor.state != .preparing {
        answer.executors.append(.with { $0.executorInfo = executor.info })
      }
      for executor in framework.completed {
        answer.completedExecutors.append(.with { $0.executorInfo = executor.info })
      }
    }
    return answer
  }

  public func getFrameworks() -> AgentResponse.GetFrameworks {
    var answer = AgentResponse.GetFrameworks()
    for framework in frameworks.values {
      if framework.executors.isEmpty {
        answer.completedFrameworks.append(.with { $0.frameworkInfo = framework.info })
      } else {
        answer.frameworks.append(.with { $0.frameworkInfo = framework.info })
      }
    }
    return answer
  }

  public func getState() -> AgentResponse.GetState {
    .with {
      $0.getTasks = getTasks()
      $0.getExecutors = getExecutors()
      $0.getFrameworks = getFrameworks()
    }
  }

  /// The containers that run, without statistics, which the shell measures.
  public func getContainers() -> AgentResponse.GetContainers {
    var answer = AgentResponse.GetContainers()
    for framework in frameworks.values {
      for executor in framework.executors.values where executor.isShown && executor.state != .terminated {
        answer.containers.append(
          .with {
            $0.frameworkID = FrameworkID(framework.id)
            $0.executorID = ExecutorID(executor.id)
            $0.executorName = executor.info.name
            $0.containerID = ContainerID(executor.container)
            $0.containerStatus.containerID = ContainerID(executor.container)
            if let process = executor.process {
              $0.containerStatus.executorPid = UInt32(max(0, process.pid))
            }
          })
      }
    }
    return answer
  }

  /// A framework with all that it runs and ran here.
  public struct FrameworkView: Sendable {
    public var info: FrameworkInfo
    public var isCompleted: Bool
    public var executors: [ExecutorView]
    public var completedExecutors: [ExecutorView]
  }

  /// One run of an executor.
  public struct ExecutorView: Sendable {
    public var info: ExecutorInfo
    public var isCommandExecutor: Bool
    public var container: ContainerKey
    public var directory: String
    public var process: ProcessIdentity?
    public var isRegistering: Bool
    public var isTerminating: Bool
    /// Launched and terminated ones.
    public var tasks: [MesosTask]
    public var queuedTasks: [MesosTask]
    public var completedTasks: [MesosTask]
  }

  /// Everything, in the order of the first tasks, for pages that show it as a tree.
  public func view() -> [FrameworkView] {
    frameworks.values.map { framework in
      FrameworkView(
        info: framework.info, isCompleted: framework.executors.isEmpty,
        executors: framework.executors.values.filter(\.isShown).map(\.view),
        completedExecutors: framework.completed.map(\.view))
    }
  }

  /// The containers whose first process is known and that have not ended, to be watched after a restart.
  public var processes: [(container: ContainerKey, process: ProcessIdentity)] {
    frameworks.values.flatMap { framework in
      framework.executors.values.compactMap { executor in
        guard executor.state != .terminated, let process = executor.process else { return nil }
        return (executor.container, process)
      }
    }
  }

  /// Whether executors of the process before may still come back.
  public var isRecovering: Bool { phase == .recovering }
}

extension Executor {
  var isShown: Bool { state != .preparing }

  var view: AgentCore.ExecutorView {
    AgentCore.ExecutorView(
      info: info, isCommandExecutor: isCommandExecutor, container: container, directory: directory, process: process,
      isRegistering: state == .registering, isTerminating: state == .terminating,
      tasks: tasks.values.filter { $0.phase == .launched || $0.phase == .terminated }.map(\.task),
      queuedTasks: tasks.values.filter { $0.phase == .queued }.map(\.task),
      completedTasks: completed.map(\.task))
  }
}
