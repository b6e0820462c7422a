import MesosModel
import SwiftProtobuf
import MesosTestKit

/// A master as simple as can be: lists that are searched from the front, and the events and snapshots that Apache Mesos 1.11 would give.
struct NaiveMaster {
  struct Row {
    var task: MesosTask
    /// Its end was reported and not acknowledged: GET_STATE still has it among `tasks`.
    var isUnacknowledged = false
    var isUnreachable = false
    var isCompleted = false
  }

  var agents: [MasterResponse.GetAgents.Agent] = []
  /// Agents that are away, and whose tasks are unreachable.
  var lostAgents: [MasterResponse.GetAgents.Agent] = []
  var frameworks: [MasterResponse.GetFrameworks.Framework] = []
  var completedFrameworks: [MasterResponse.GetFrameworks.Framework] = []
  var rows: [Row] = []
  var made = 0

  // MARK: What it would answer to GET_STATE

  var snapshot: MasterResponse.GetState {
    var state = MasterResponse.GetState()
    state.getAgents.agents = agents
    state.getFrameworks.frameworks = frameworks
    state.getFrameworks.completedFrameworks = completedFrameworks
    for row in rows {
      if row.isUnreachable {
        state.getTasks.unreachableTasks.append(row.task)
      } else if row.isCompleted && !row.isUnacknowledged {
        state.getTasks.completedTasks.append(row.task)
      } else {
        state.getTasks.tasks.append(row.task)
      }
    }
    return state
  }

  // MARK: What happens

  /// Does one thing by chance, and returns the events that it has.
  mutating func step(using rng: inout some RandomNumberGenerator) -> [MasterEvent] {
    switch Int.random(in: 0..<16, using: &rng) {
    case 0: return [addAgent()]
    case 1: return [addFramework()]
    case 2: return reregisterAgent(using: &rng)
    case 3: return updateFramework(using: &rng)
    case 4 where agents.count > 1: return removeAgent(using: &rng)
    case 5: return loseAgent(using: &rng)
    case 6: return regainAgent(using: &rng)
    case 7 where frameworks.count > 1: return removeFramework(using: &rng)
    case 8: return [.with { $0.type = .heartbeat }]
    case 9:
      acknowledge(using: &rng)
      return []
    case 10...12: return addTask(using: &rng)
    default: return updateTask(using: &rng)
    }
  }

  mutating func number() -> Int {
    made += 1
    return made
  }

  mutating func addAgent() -> MasterEvent {
    let number = number()
    var agent = MasterResponse.GetAgents.Agent()
    agent.agentInfo.id.value = "A\(number)"
    agent.agentInfo.hostname = "host\(number)"
    agent.agentInfo.port = 5051
    agent.pid = "slave(1)@10.0.0.\(number):5051"
    agent.active = true
    agent.version = "1.11.0"
    agents.append(agent)
    return added(agent)
  }

  func added(_ agent: MasterResponse.GetAgents.Agent) -> MasterEvent {
    .with {
      $0.type = .agentAdded
      $0.agentAdded.agent = agent
    }
  }

  mutating func reregisterAgent(using rng: inout some RandomNumberGenerator) -> [MasterEvent] {
    guard let index = agents.indices.randomElement(using: &rng) else { return [] }
    agents[index].version = "1.11.\(number())"
    return [added(agents[index])]
  }

  mutating func removeAgent(using rng: inout some RandomNumberGenerator) -> [MasterEvent] {
    guard let index = agents.indices.randomElement(using: &rng) else { return [] }
    let agent = agents.remove(at: index)
    var events: [MasterEvent] = []
    for row in rows.indices
    where rows[row].task.agentID == agent.agentInfo.id && !rows[row].isCompleted && !rows[row].isUnreachable {
      events.append(set(row, .taskLost))
    }
    events.append(
      .with {
        $0.type = .agentRemoved
        $0.agentRemoved.agentID = agent.agentInfo.id
      })
    return events
  }

  /// An agent stops answering: the master tells of its tasks, and of nothing else.
  mutating func loseAgent(using rng: inout some RandomNumberGenerator) -> [MasterEvent] {
    let busy = agents.indices.filter { index in
      rows.contains {
        $0.task.agentID == agents[index].agentInfo.id && !$0.isCompleted && !$0.isUnreachable
      }
    }
    guard let index = busy.randomElement(using: &rng) else { return [] }
    let agent = agents.remove(at: index)
    lostAgents.append(agent)
    var events: [MasterEvent] = []
    for row in rows.indices
    where rows[row].task.agentID == agent.agentInfo.id && !rows[row].isCompleted && !rows[row].isUnreachable {
      let isAware = Bool.random(using: &rng)
      events.append(set(row, isAware ? .taskUnreachable : .taskLost, isUnreachable: true))
    }
    return events
  }

  mutating func regainAgent(using rng: inout some RandomNumberGenerator) -> [MasterEvent] {
    guard let index = lostAgents.indices.randomElement(using: &rng) else { return [] }
    let agent = lostAgents.remove(at: index)
    agents.append(agent)
    var events: [MasterEvent] = []
    for row in rows.indices where rows[row].task.agentID == agent.agentInfo.id && rows[row].isUnreachable {
      rows[row].isUnreachable = false
      // The agent knows nothing of having been away.
      rows[row].task.state = .taskRunning
      rows[row].task.statuses.removeAll { $0.state != .taskRunning }
      let task = rows[row].task
      events.append(
        .with {
          $0.type = .taskAdded
          $0.taskAdded.task = task
        })
    }
    return events + [added(agent)]
  }

  mutating func addFramework() -> MasterEvent {
    var framework = MasterResponse.GetFrameworks.Framework()
    let number = number()
    framework.frameworkInfo.id.value = "F\(number)"
    framework.frameworkInfo.name = "framework \(number)"
    framework.frameworkInfo.user = "nobody"
    framework.active = true
    framework.connected = true
    framework.recovered = false
    frameworks.append(framework)
    return .with {
      $0.type = .frameworkAdded
      $0.frameworkAdded.framework = framework
    }
  }

  mutating func updateFramework(using rng: inout some RandomNumberGenerator) -> [MasterEvent] {
    guard let index = frameworks.indices.randomElement(using: &rng) else { return [] }
    frameworks[index].frameworkInfo.name = "renamed \(number())"
    let framework = frameworks[index]
    return [
      .with {
        $0.type = .frameworkUpdated
        $0.frameworkUpdated.framework = framework
      }
    ]
  }

  mutating func removeFramework(using rng: inout some RandomNumberGenerator) -> [MasterEvent] {
    guard let index = frameworks.indices.randomElement(using: &rng) else { return [] }
    var framework = frameworks.remove(at: index)
    let id = framework.frameworkInfo.id
    var events: [MasterEvent] = []
    for row in rows.indices where rows[row].task.frameworkID == id {
      if !rows[row].isCompleted && !rows[row].isUnreachable { events.append(set(row, .taskKilled)) }
      rows[row].isCompleted = true
      rows[row].isUnreachable = false
      rows[row].isUnacknowledged = false
    }
    framework.active = false
    framework.connected = false
    completedFrameworks.append(framework)
    let info = framework.frameworkInfo
    events.append(
      .with {
        $0.type = .frameworkRemoved
        $0.frameworkRemoved.frameworkInfo = info
      })
    return events
  }

  mutating func addTask(using rng: inout some RandomNumberGenerator) -> [MasterEvent] {
    guard let agent = agents.randomElement(using: &rng), let framework = frameworks.randomElement(using: &rng) else {
      return []
    }
    var task = MesosTask()
    let number = number()
    task.name = "task \(number)"
    task.taskID.value = "T\(number)"
    task.frameworkID = framework.frameworkInfo.id
    task.agentID = agent.agentInfo.id
    task.state = .taskStaging
    rows.append(Row(task: task))
    return [
      .with {
        $0.type = .taskAdded
        $0.taskAdded.task = task
      }
    ]
  }

  mutating func updateTask(using rng: inout some RandomNumberGenerator) -> [MasterEvent] {
    let alive = rows.indices.filter { !rows[$0].isCompleted && !rows[$0].isUnreachable }
    guard let row = alive.randomElement(using: &rng) else { return [] }
    let next: [TaskState] =
      switch rows[row].task.state {
      case .taskStaging: [.taskStarting, .taskRunning, .taskDropped, .taskError]
      case .taskStarting: [.taskRunning, .taskFailed]
      case .taskKilling: [.taskKilled]
      default: [.taskRunning, .taskKilling, .taskFinished, .taskFailed, .taskKilled, .taskGone]
      }
    guard let state = next.randomElement(using: &rng) else { return [] }
    // A state may be told ahead of the statuses that lead to it.
    guard state.isTerminal, Bool.random(using: &rng) else { return [set(row, state)] }
    return [set(row, state, reporting: .taskRunning), set(row, state)]
  }

  mutating func acknowledge(using rng: inout some RandomNumberGenerator) {
    let waiting = rows.indices.filter { rows[$0].isUnacknowledged }
    if let row = waiting.randomElement(using: &rng) { rows[row].isUnacknowledged = false }
  }

  /// Moves a task into a state, in the master's record and as the event about it.
  private mutating func set(
    _ row: Int, _ state: TaskState, reporting reported: TaskState? = nil, isUnreachable: Bool = false
  )
    -> MasterEvent
  {
    var status = TaskStatus()
    status.taskID = rows[row].task.taskID
    status.agentID = rows[row].task.agentID
    status.state = reported ?? state
    status.message = "step \(number())"
    status.uuid.append(UInt8(truncatingIfNeeded: made))
    if isUnreachable { status.unreachableTime.nanoseconds = Int64(made) }
    let framework = rows[row].task.frameworkID
    let event = MasterEvent.with {
      $0.type = .taskUpdated
      $0.taskUpdated.frameworkID = framework
      $0.taskUpdated.status = status
      // What frameworks send along is not kept.
      $0.taskUpdated.status.data.append(7)
      $0.taskUpdated.state = state
    }
    if rows[row].task.statuses.last?.state == status.state { rows[row].task.statuses.removeLast() }
    rows[row].task.statuses.append(status)
    rows[row].task.state = state
    rows[row].task.statusUpdateState = status.state
    rows[row].task.statusUpdateUuid = status.uuid
    rows[row].isUnreachable = isUnreachable
    if !isUnreachable,
      [.taskFinished, .taskFailed, .taskKilled, .taskError, .taskLost, .taskDropped, .taskGone].contains(state)
    {
      rows[row].isCompleted = true
      rows[row].isUnacknowledged = state == .taskFinished || state == .taskFailed || state == .taskKilled
    }
    return event
  }
}
