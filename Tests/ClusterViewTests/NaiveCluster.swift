import MasterCore
import MesosModel
import MesosTestKit
import SwiftProtobuf

/// The cluster as plain lists, and the answers as plain messages built from them: slow, and easy to see right.
struct NaiveCluster {
  var sequence: UInt64 = 0
  var agents: [AgentRow] = []
  var recovered: [(id: AgentKey, info: AgentInfo)] = []
  var frameworks: [FrameworkRow] = []
  var completed: [FrameworkRow] = []
  var offers: [Offer] = []
  var tasks: [TaskRow] = []
  var unreachable: [TaskRow] = []
  var ended: [TaskRow] = []
  var executors: [ExecutorRow] = []
  var operations: [OperationRow] = []
  var weights: [String: Double] = [:]
  private var made = 0

  // MARK: Random changes

  /// Makes one change that fits the state, and says which.
  mutating func step(using random: inout SplitMix64) -> Change {
    sequence += 1
    return Change(sequence: sequence, kind: kind(using: &random))
  }

  private mutating func kind(using random: inout SplitMix64) -> Change.Kind {
    made += 1
    switch Int.random(in: 0..<25, using: &random) {
    case 0, 1: return newAgent(using: &random)
    case 2:
      guard let index = agents.indices.randomElement(using: &random) else { return newAgent(using: &random) }
      agents[index].status = Self.agentStatus(using: &random)
      return .agentStatus(agents[index].id, agents[index].status)
    case 3:
      guard agents.count > 3, let index = agents.indices.randomElement(using: &random) else {
        return newAgent(using: &random)
      }
      return .agentRemoved(agents.remove(at: index).id)
    case 4:
      let info = AgentInfo.with {
        $0.hostname = "recovered"
        $0.id.value = "R\(made)"
      }
      recovered.append((AgentKey("R\(made)"), info))
      return .recoveredAgent(AgentKey("R\(made)"), info: encoded(info))
    case 5:
      guard !recovered.isEmpty else { return newAgent(using: &random) }
      return .recoveredAgentRemoved(recovered.removeFirst().id)
    case 6: return newFramework(using: &random)
    case 7:
      guard let index = frameworks.indices.randomElement(using: &random) else { return newFramework(using: &random) }
      frameworks[index].status = Self.frameworkStatus(using: &random)
      return .frameworkStatus(frameworks[index].id, frameworks[index].status)
    case 8:
      guard frameworks.count > 2 else { return newFramework(using: &random) }
      var row = frameworks.remove(at: Int.random(in: 0..<frameworks.count, using: &random))
      row.status = Self.frameworkStatus(using: &random)
      completed.append(row)
      offers.removeAll { $0.frameworkID.key == row.id }
      return .frameworkCompleted(row.id, row.status)
    case 9:
      guard !completed.isEmpty else { return newFramework(using: &random) }
      return .frameworkForgotten(completed.removeFirst().id)
    case 10, 11, 12:
      guard let framework = frameworks.randomElement(using: &random), let agent = agents.randomElement(using: &random)
      else { return newFramework(using: &random) }
      let offer = Offer.with {
        $0.id.value = "O\(made)"
        $0.frameworkID = FrameworkID(framework.id)
        $0.agentID = AgentID(agent.id)
        $0.hostname = "h"
      }
      offers.append(offer)
      return .offer(offer)
    case 13:
      guard let index = offers.indices.randomElement(using: &random) else { return newTask(using: &random) }
      return .offerRemoved(offers.remove(at: index).id.key)
    case 14, 15: return newTask(using: &random)
    case 16:
      guard let index = tasks.indices.randomElement(using: &random) else { return newTask(using: &random) }
      tasks[index].status = Self.taskStatus(.taskRunning, made)
      return .taskStatus(tasks[index].framework, tasks[index].id, tasks[index].status)
    case 17: return moveTask(using: &random)
    case 18:
      guard !ended.isEmpty else { return newTask(using: &random) }
      let row = ended.removeFirst()
      return .taskForgotten(row.framework, row.id)
    case 19:
      let info = ExecutorInfo.with { $0.executorID.value = "E\(made)" }
      let row = ExecutorRow(id: ExecutorKey("E\(made)"), framework: "F", agent: "A", info: encoded(info))
      executors.append(row)
      return .executor(row)
    case 20:
      guard let index = executors.indices.randomElement(using: &random) else { return newTask(using: &random) }
      let row = executors.remove(at: index)
      return .executorRemoved(row.framework, row.agent, row.id)
    case 22:
      let row = OperationRow(
        id: OperationKey(high: 1, low: UInt64(made)), framework: "F", agent: "A", stable: Self.operation(made),
        status: Self.operationStatus(.operationPending))
      operations.append(row)
      return .operation(row)
    case 23:
      guard let index = operations.indices.randomElement(using: &random) else { return newTask(using: &random) }
      operations[index].status = Self.operationStatus(.operationFinished)
      return .operationStatus(operations[index].id, operations[index].status)
    case 24:
      guard let index = operations.indices.randomElement(using: &random) else { return newTask(using: &random) }
      return .operationRemoved(operations.remove(at: index).id)
    default:
      let role = ["dev", "prod", "old"][Int.random(in: 0..<3, using: &random)]
      weights[role] = Double(made) / 2
      return .roleWeight(role, Double(made) / 2)
    }
  }

  private mutating func newAgent(using random: inout SplitMix64) -> Change.Kind {
    // Now and then a known agent comes again with another description.
    if let index = agents.indices.randomElement(using: &random), Bool.random(using: &random) {
      agents[index].stable = Self.agent(agents[index].id, version: "again \(made)")
      return .agent(agents[index])
    }
    let id = AgentKey("A\(made)")
    let row = AgentRow(id: id, stable: Self.agent(id, version: "1"), status: Self.agentStatus(using: &random))
    agents.append(row)
    return .agent(row)
  }

  private mutating func newFramework(using random: inout SplitMix64) -> Change.Kind {
    let info = FrameworkInfo.with {
      $0.user = "root"
      $0.name = "framework \(made)"
      $0.id.value = "F\(made)"
      $0.roles = ["dev"]
    }
    if let index = frameworks.indices.randomElement(using: &random), Bool.random(using: &random) {
      frameworks[index].info = encoded(
        info.with(id: frameworks[index].id, name: "renamed \(made)"))
      return .framework(frameworks[index])
    }
    let row = FrameworkRow(
      id: FrameworkKey("F\(made)"), info: encoded(info), roles: ["dev"], status: Self.frameworkStatus(using: &random))
    frameworks.append(row)
    return .framework(row)
  }

  private mutating func newTask(using random: inout SplitMix64) -> Change.Kind {
    let stable = MesosTask.with {
      $0.name = "task é \(made)"
      $0.taskID.value = "T\(made)"
      $0.frameworkID.value = "F"
      $0.agentID.value = "A"
    }
    let row = TaskRow(
      id: TaskKey("T\(made)"), framework: "F", agent: "A", executor: nil, stable: encoded(stable),
      status: Self.taskStatus(.taskStaging, made), section: .active)
    tasks.append(row)
    return .task(row)
  }

  private mutating func moveTask(using random: inout SplitMix64) -> Change.Kind {
    let section: TaskRow.Section = [.active, .unreachable, .completed, .completed][
      Int.random(in: 0..<4, using: &random)]
    var row: TaskRow
    if let index = tasks.indices.randomElement(using: &random), section != .active {
      row = tasks.remove(at: index)
    } else if let index = unreachable.indices.randomElement(using: &random), section != .unreachable {
      row = unreachable.remove(at: index)
    } else {
      return newTask(using: &random)
    }
    row.section = section
    row.status = Self.taskStatus(section == .completed ? .taskFinished : .taskUnreachable, made)
    switch section {
    case .active: tasks.append(row)
    case .unreachable: unreachable.append(row)
    case .completed: ended.append(row)
    }
    return .taskMoved(row.framework, row.id, row.status, to: section)
  }

  private static func agent(_ id: AgentKey, version: String) -> [UInt8] {
    encoded(
      MasterResponse.GetAgents.Agent.with {
        $0.agentInfo.hostname = "h"
        $0.agentInfo.id = AgentID(id)
        $0.version = version
        $0.registeredTime.nanoseconds = 5
      })
  }

  private static func resources(_ cpus: Int, role: String?) -> Resources {
    let messages = [
      Resource.with {
        $0.name = "cpus"
        $0.type = .scalar
        $0.scalar.value = Double(cpus)
        if let role { $0.allocationInfo.role = role }
      },
      Resource.with {
        $0.name = "ports"
        $0.type = .ranges
        $0.ranges.range = [.with { ($0.begin, $0.end) = (31_000, 31_000 + UInt64(cpus)) }]
        if let role { $0.allocationInfo.role = role }
      },
    ]
    return (try? Resources(messages)) ?? Resources()
  }

  private static func agentStatus(using random: inout SplitMix64) -> AgentRow.Status {
    AgentRow.Status(
      active: Bool.random(using: &random), deactivated: Bool.random(using: &random),
      reregisteredTime: Bool.random(using: &random) ? .with { $0.nanoseconds = 7 } : nil,
      total: resources(8, role: nil),
      allocated: resources(Int.random(in: 0..<4, using: &random), role: "dev"), offered: Resources())
  }

  private static func frameworkStatus(using random: inout SplitMix64) -> FrameworkRow.Status {
    FrameworkRow.Status(
      active: Bool.random(using: &random), connected: Bool.random(using: &random), recovered: false,
      registeredTime: .with { $0.nanoseconds = 1 }, reregisteredTime: nil,
      unregisteredTime: Bool.random(using: &random) ? .with { $0.nanoseconds = 2 } : nil,
      allocated: resources(Int.random(in: 0..<3, using: &random), role: ["dev", "prod"].randomElement(using: &random)),
      offered: resources(Int.random(in: 0..<3, using: &random), role: "prod"))
  }

  private static func taskStatus(_ state: TaskState, _ number: Int) -> TaskRow.Status {
    let message = MesosTask.with {
      $0.state = state
      $0.statuses = [
        .with {
          $0.taskID.value = "T"
          $0.state = state
          $0.message = "status \(number)"
          $0.timestamp = Double(number) + 0.5
        }
      ]
      $0.statusUpdateState = state
    }
    return TaskRow.Status(state: state, encoded: encoded(message))
  }

  private static func operation(_ number: Int) -> [UInt8] {
    encoded(
      MesosOperation.with {
        $0.agentID.value = "A"
        $0.info.type = .unreserve
        $0.uuid = .with {
          $0.value = MessageBytes.copy([UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 16))
        }
      })
  }

  private static func operationStatus(_ state: OperationState) -> OperationRow.Status {
    OperationRow.Status(
      state: state,
      encoded: encoded(
        MesosOperation.with {
          $0.latestStatus.state = state
          if state != .operationPending { $0.statuses = [.with { $0.state = state }] }
        }))
  }

  // MARK: Answers

  var operationMessages: [MesosOperation] { operations.map { Self.operation($0) } }

  private static func operation(_ row: OperationRow) -> MesosOperation {
    (try? MesosOperation(serializedBytes: row.stable + row.status.encoded)) ?? .init()
  }

  var getTasks: MasterResponse.GetTasks {
    .with {
      $0.tasks = tasks.map(Self.message)
      $0.unreachableTasks = unreachable.map(Self.message)
      $0.completedTasks = ended.map(Self.message)
    }
  }

  var getExecutors: MasterResponse.GetExecutors {
    .with {
      $0.executors = executors.map { row in
        .with {
          $0.executorInfo = decoded(row.info)
          $0.agentID = AgentID(row.agent)
        }
      }
    }
  }

  var getFrameworks: MasterResponse.GetFrameworks {
    .with {
      $0.frameworks = frameworks.map { message($0, offers: true) }
      $0.completedFrameworks = completed.map { message($0, offers: false) }
    }
  }

  var getAgents: MasterResponse.GetAgents {
    .with {
      $0.agents = agents.map { row in
        var message: MasterResponse.GetAgents.Agent = decoded(row.stable)
        message.active = row.status.active
        message.deactivated = row.status.deactivated
        if let time = row.status.reregisteredTime { message.reregisteredTime = time }
        message.totalResources = row.status.total.messages(in: .endpoint)
        message.allocatedResources = row.status.allocated.messages(in: .endpoint)
        message.offeredResources = row.status.offered.messages(in: .endpoint)
        return message
      }
      $0.recoveredAgents = recovered.map(\.info)
    }
  }

  var getRoles: MasterResponse.GetRoles {
    var names = Set(weights.keys)
    for row in frameworks {
      names.formUnion(row.roles)
      for entry in row.status.allocated.entries + row.status.offered.entries {
        names.insert(entry.allocationRole ?? "*")
      }
    }
    // Those above them, too: `a/b` is below `a`.
    for name in names {
      for (index, character) in name.enumerated() where character == "/" { names.insert(String(name.prefix(index))) }
    }
    return .with {
      $0.roles = names.sorted().map { name in
        .with {
          $0.name = name
          $0.weight = weights[name] ?? 1
          var cpus = 0.0
          for row in frameworks {
            let entries = row.status.allocated.entries + row.status.offered.entries
            if row.roles.contains(name) || entries.contains(where: { ($0.allocationRole ?? "*") == name }) {
              $0.frameworks.append(FrameworkID(row.id))
            }
            for entry in entries where "\(entry.allocationRole ?? "*")/".hasPrefix(name + "/") {
              if case .scalar(let scalar) = entry.amount { cpus += scalar.doubleValue }
            }
          }
          if cpus > 0 {
            $0.resources = [
              .with {
                $0.name = "cpus"
                $0.type = .scalar
                $0.scalar.value = cpus
              }
            ]
          }
        }
      }
    }
  }

  private static func message(_ row: TaskRow) -> MesosTask { decoded(row.stable + row.status.encoded) }

  private func message(_ row: FrameworkRow, offers shown: Bool) -> MasterResponse.GetFrameworks.Framework {
    .with {
      $0.frameworkInfo = decoded(row.info)
      $0.active = row.status.active
      $0.connected = row.status.connected
      $0.recovered = row.status.recovered
      if let time = row.status.registeredTime { $0.registeredTime = time }
      if let time = row.status.reregisteredTime { $0.reregisteredTime = time }
      if let time = row.status.unregisteredTime { $0.unregisteredTime = time }
      if shown { $0.offers = offers.filter { $0.frameworkID.key == row.id } }
      $0.allocatedResources = row.status.allocated.messages(in: .endpoint)
      $0.offeredResources = row.status.offered.messages(in: .endpoint)
      $0.offerConstraints = .init()
    }
  }
}

extension FrameworkInfo {
  fileprivate func with(id: FrameworkKey, name: String) -> FrameworkInfo {
    var copy = self
    copy.id = FrameworkID(id)
    copy.name = name
    return copy
  }
}

func encoded(_ message: some Message) -> [UInt8] { (try? message.serializedBytes(partial: true)) ?? [] }

func decoded<M: Message>(_ bytes: [UInt8]) -> M { (try? M(serializedBytes: bytes, partial: true)) ?? M() }
