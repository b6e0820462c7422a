public import MesosModel
public import SchedulerCore
import SwiftProtobuf

/// A framework that runs a list of tasks, each until it has ended: the behaviour of simulated frameworks that say nothing else.
///
/// It accepts offers that its waiting tasks fit in and declines the others, wants no offers while nothing waits, launches a lost task
/// again under a new id, kills an attempt that comes back after it was replaced, and asks the master about tasks that it has heard too
/// little of.
public struct TaskRunner: FrameworkBehaviour {
  private struct Attempt: Sendable {
    var task: SimulatedTask
    var number: Int
    var agent: AgentID?
    var state = TaskState.taskStaging
    /// When anything was last heard of it.
    var heard: Duration
    /// Another attempt took its place.
    var isReplaced = false
  }

  /// How long a task may be neither running nor ended before the master is asked about it.
  public var patience: Duration

  private let framework: FrameworkInfo
  private var waiting: [(task: SimulatedTask, number: Int)] = []
  private var attempts: [TaskKey: Attempt] = [:]
  /// Attempts that may be neither running nor ended.
  private var doubtful: Set<TaskKey> = []
  private var nextLook: Duration?
  private var isSubscribed = false
  private var isSuppressed = false
  private var hasRestarted = false

  /// A framework without tasks as yet.
  ///
  /// - Parameters:
  ///   - framework: What it subscribes with.
  ///   - patience: How long a task may be neither running nor ended before the master is asked about it.
  public init(framework: FrameworkInfo, patience: Duration = .seconds(20)) {
    self.framework = framework
    self.patience = patience
  }

  public var unfinished: [String] {
    (waiting.map(\.task.name) + attempts.values.filter { !$0.isReplaced }.map(\.task.name)).sorted()
  }

  public var endless: [TaskKey] {
    attempts.filter { $0.value.task.behaviour.duration == nil }.keys.sorted()
  }

  /// Tasks that were launched and have not ended, sorted by id.
  public var active: [TaskKey] { attempts.keys.sorted() }

  public var nextDeadline: Duration? { nextLook }

  public mutating func started(at now: Moment) {
    isSubscribed = false
    isSuppressed = false
    hasRestarted = true
  }

  public mutating func demanded(_ task: SimulatedTask, at now: Moment) -> [SchedulerCall] {
    waiting.append((task, 1))
    return wantOffers()
  }

  public mutating func received(_ update: SchedulerUpdate, at now: Moment) -> [SchedulerCall] {
    switch update {
    case .connection(.subscribed): return []
    case .connection:
      isSubscribed = false
      return []
    case .subscribed:
      isSubscribed = true
      // Said again, as a call that failed leaves it open what the master knows.
      isSuppressed = !waiting.isEmpty
      defer { hasRestarted = false }
      // A process that begins anew does not know what the one before had launched; its database does.
      return wantOffers() + (hasRestarted ? askAbout(attempts.keys.sorted()) : [])
    case .offers(let offers): return use(offers, at: now)
    case .task(let update): return took(update, at: now)
    case .inverseOffers, .rescinded, .inverseOfferRescinded, .operation, .message, .failure, .reconciled, .error,
      .notice:
      return []
    }
  }

  public mutating func completed(_ call: SchedulerCall, _ error: SchedulerError?, at now: Moment) -> [SchedulerCall] {
    guard let error else { return [] }
    switch call.type {
    case .accept: break
    case .suppress, .revive:
      // The wish must not be lost with the call.
      isSuppressed = call.type != .suppress
      return []
    case .reconcile:
      // Nor the question: it is asked again as soon as the tasks have been silent for long.
      doubtful.formUnion(call.reconcile.tasks.map(\.taskID.key).filter { attempts[$0] != nil })
      lookLater(now)
      return []
    default: return []
    }
    // Of a launch with an unknown outcome the scheduler's core hears by asking.
    guard error.code != .outcomeUnknown else { return [] }
    var calls: [SchedulerCall] = []
    for task in call.accept.launchedTasks {
      guard let attempt = attempts[task.taskID.key], attempt.state == .taskStaging else { continue }
      calls += lost(task.taskID.key, attempt)
    }
    // A call that never left keeps its offers from everybody.
    calls.append(
      .with {
        $0.type = .decline
        $0.decline.offerIds = call.accept.offerIds
      })
    return calls
  }

  public mutating func tick(at now: Moment) -> [SchedulerCall] {
    guard let due = nextLook, due <= now.uptime else { return [] }
    nextLook = doubtful.isEmpty ? nil : now.uptime + patience
    let silent = doubtful.filter { attempts[$0].map { $0.heard + patience <= now.uptime } ?? false }
    return isSubscribed ? askAbout(silent.sorted()) : []
  }

  // MARK: Offers

  private mutating func wantOffers() -> [SchedulerCall] {
    guard isSubscribed, waiting.isEmpty != isSuppressed else { return [] }
    isSuppressed = waiting.isEmpty
    var call = SchedulerCall()
    call.type = isSuppressed ? .suppress : .revive
    return [call]
  }

  private mutating func use(_ offers: [Offer], at now: Moment) -> [SchedulerCall] {
    var calls: [SchedulerCall] = []
    var unused: [OfferID] = []
    for offer in offers {
      guard !waiting.isEmpty else {
        unused.append(offer.id)
        continue
      }
      var left = ((try? Resources(offer.resources)) ?? Resources()).unallocated
      var executors = Set(offer.executorIds.map(\.value))
      var launched: [TaskInfo] = []
      var rest: [(task: SimulatedTask, number: Int)] = []
      for (index, item) in waiting.enumerated() {
        guard !left.isEmpty else {
          rest += waiting[index...]
          break
        }
        var need = item.task.resources
        if let executor = item.task.executor, !executors.contains(executor) { need += Self.executorResources }
        guard left.contains(need) else {
          rest.append(item)
          continue
        }
        left -= need
        if let executor = item.task.executor { executors.insert(executor) }
        launched.append(info(item.task, item.number, on: offer.agentID))
        let id = launched[launched.count - 1].taskID.key
        attempts[id] = Attempt(task: item.task, number: item.number, agent: offer.agentID, heard: now.uptime)
        doubtful.insert(id)
      }
      waiting = rest
      guard !launched.isEmpty else {
        unused.append(offer.id)
        continue
      }
      calls.append(
        .with {
          $0.type = .accept
          $0.accept.offerIds = [offer.id]
          $0.accept.operations = [
            .with {
              $0.type = .launch
              $0.launch.taskInfos = launched
            }
          ]
        })
    }
    if !unused.isEmpty {
      calls.append(
        .with {
          $0.type = .decline
          $0.decline.offerIds = unused
        })
    }
    lookLater(now)
    return calls + wantOffers()
  }

  /// What a custom executor takes beside its tasks.
  static let executorResources = SimulatedTask.simulated("cpus:0.1;mem:32")

  private func info(_ task: SimulatedTask, _ number: Int, on agent: AgentID) -> TaskInfo {
    TaskInfo.with {
      $0.name = task.name
      $0.taskID.value = number == 1 ? task.name : "\(task.name).\(number)"
      $0.agentID = agent
      $0.resources = task.resources.messages
      $0.data = MessageBytes.copy(task.behaviour.encoded)
      if let executor = task.executor {
        $0.executor.type = .custom
        $0.executor.executorID.value = executor
        $0.executor.command.value = "simulated"
        $0.executor.resources = Self.executorResources.messages
      } else {
        $0.command.value = "simulated"
      }
    }
  }

  // MARK: Tasks

  private mutating func took(_ update: TaskUpdate, at now: Moment) -> [SchedulerCall] {
    let id = update.status.taskID.key
    guard !update.isProvisional, var attempt = attempts[id] else { return [] }
    let state = update.status.state
    attempt.heard = now.uptime
    attempt.state = state
    if update.status.hasAgentID { attempt.agent = update.status.agentID }
    attempts[id] = attempt
    if state == .taskRunning { doubtful.remove(id) } else { doubtful.insert(id) }
    lookLater(now)
    switch state {
    case .taskLost, .taskDropped, .taskGone, .taskGoneByOperator, .taskUnknown: return lost(id, attempt)
    default: break
    }
    if state.isTerminal {
      forget(id)
      return []
    }
    return attempt.isReplaced && state != .taskUnreachable && state != .taskKilling ? [kill(id, attempt.agent)] : []
  }

  private mutating func lookLater(_ now: Moment) {
    if !doubtful.isEmpty, nextLook == nil { nextLook = now.uptime + patience }
  }

  private mutating func lost(_ id: TaskKey, _ attempt: Attempt) -> [SchedulerCall] {
    if attempt.state == .taskUnknown {
      // It may come back with its agent: then it is killed.
      attempts[id]?.isReplaced = true
      doubtful.remove(id)
    } else {
      forget(id)
    }
    guard attempt.task.isRestarted, !attempt.isReplaced else { return [] }
    waiting.append((attempt.task, attempt.number + 1))
    return wantOffers()
  }

  private mutating func forget(_ id: TaskKey) {
    attempts[id] = nil
    doubtful.remove(id)
  }

  private func kill(_ id: TaskKey, _ agent: AgentID?) -> SchedulerCall {
    .with {
      $0.type = .kill
      $0.kill.taskID = TaskID(id)
      if let agent { $0.kill.agentID = agent }
    }
  }

  private func askAbout(_ ids: [TaskKey]) -> [SchedulerCall] {
    guard !ids.isEmpty else { return [] }
    return [
      .with {
        $0.type = .reconcile
        $0.reconcile.tasks = ids.map { id in
          .with {
            $0.taskID = TaskID(id)
            if let agent = attempts[id]?.agent { $0.agentID = agent }
          }
        }
      }
    ]
  }
}
