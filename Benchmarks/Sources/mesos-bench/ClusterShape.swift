import AgentLink
import AgentLinkModel
import Foundation
import MesosModel
import SwiftProtobuf

/// A cluster as the published fail-over benchmark of Apache Mesos has it: agents that come back with running and finished tasks of
/// frameworks that many of them share, ten labels a task, no executors and no statuses.
struct ClusterShape {
  var agents: Int
  var tasksPerAgent = 10
  var completedPerAgent = 0
  var frameworks = 100
  var frameworksPerAgent = 5
  var labels = 10

  private static let stem = "5eed0000-ba5e-4000-8000-0123456789ab"
  private static let role = "load"

  init(agents: Int, tasksPerAgent: Int = 10, completedPerAgent: Int = 0) {
    self.agents = agents
    self.tasksPerAgent = tasksPerAgent
    self.completedPerAgent = completedPerAgent
  }

  var tasks: Int { agents * tasksPerAgent }
  var completed: Int { agents * completedPerAgent }

  static func agentID(_ agent: Int) -> String { "\(stem)-S\(agent)" }
  static func frameworkID(_ framework: Int) -> String { stem + String(format: "-F%05d", framework) }

  static func agentInfo(_ agent: Int) -> AgentInfo {
    .with {
      $0.id.value = agentID(agent)
      $0.hostname = String(format: "host-%05d.test", agent)
      $0.port = 5_051
      $0.resources = agentResources
    }
  }

  private static let agentResources =
    (try? Resources.parse("cpus:20;mem:10240;disk:102400;ports:[31000-32000]"))?.messages ?? []

  static func frameworkInfo(_ framework: Int) -> FrameworkInfo {
    .with {
      $0.user = "nobody"
      $0.name = String(format: "load-%05d", framework)
      $0.id.value = frameworkID(framework)
      $0.failoverTimeout = 604_800
      $0.checkpoint = true
      $0.capabilities = [FrameworkInfo.Capability.TypeEnum.multiRole, .reservationRefinement].map { type in
        .with { $0.type = type }
      }
      $0.roles = [role]
    }
  }

  /// The frameworks of an agent, by their numbers.
  func frameworks(of agent: Int) -> [Int] {
    (0..<min(frameworksPerAgent, frameworks)).map { (agent * frameworksPerAgent + $0) % frameworks }
  }

  /// What the agent says when it comes back.
  ///
  /// - Parameter extra: Frameworks that it names besides its own, so that the master knows them.
  func reregistration(of agent: Int, extra: Range<Int> = 0..<0) -> LinkReregister {
    let own = frameworks(of: agent)
    return .with {
      $0.agentInfo = Self.agentInfo(agent)
      $0.capabilities = [AgentInfo.Capability.TypeEnum.multiRole, .hierarchicalRole, .reservationRefinement].map {
        type in .with { $0.type = type }
      }
      $0.version = "1.11.0"
      $0.frameworks = (tasksPerAgent + completedPerAgent > 0 ? own + extra.filter { !own.contains($0) } : [])
        .map { framework in
          .with {
            $0.frameworkID = Self.frameworkID(framework)
            $0.info = encoded(Self.frameworkInfo(framework))
          }
        }
      $0.tasks = (0..<tasksPerAgent).map { task($0, on: agent, of: own[$0 % own.count], .taskRunning) }
      $0.completedTasks = (0..<completedPerAgent).map { task($0, on: agent, of: own[$0 % own.count], .taskFinished) }
    }
  }

  /// The same as the first record of a session after Hello.
  func record(of agent: Int, extra: Range<Int> = 0..<0) throws -> [UInt8] {
    try LinkProtocol.encode(
      LinkUp.with {
        $0.sequence = 1
        $0.reregister = reregistration(of: agent, extra: extra)
      })
  }

  private func task(_ index: Int, on agent: Int, of framework: Int, _ state: TaskState) -> LinkTaskRecord {
    let kind = state == .taskRunning ? 0x4000 : 0x5000
    let id = String(format: "%08x-%04x-4000-8000-%012x", agent, kind, index)
    let resources = [("cpus", 0.1), ("mem", 5.0)].map { name, amount in
      Resource.with {
        $0.name = name
        $0.type = .scalar
        $0.scalar.value = amount
        $0.allocationInfo.role = Self.role
      }
    }
    var stable = MesosTask()
    stable.name = "task-\(index)"
    stable.taskID.value = id
    stable.frameworkID.value = Self.frameworkID(framework)
    stable.agentID.value = Self.agentID(agent)
    stable.resources = resources
    if labels > 0 {
      stable.labels.labels = (0..<labels).map { label in
        .with {
          $0.key = "key\(label)"
          $0.value = "value\(label)"
        }
      }
    }
    return .with {
      $0.frameworkID = Self.frameworkID(framework)
      $0.taskID = id
      $0.state = state
      if state == .taskRunning { $0.resources = resources }
      $0.stable = encoded(stable)
      $0.volatile = encoded(MesosTask.with { $0.state = state })
    }
  }

  private func encoded(_ message: some Message) -> Data {
    // All that can fail is a missing field, which `partial` allows.
    (try? message.serializedBytes(partial: true)) ?? Data()
  }
}
