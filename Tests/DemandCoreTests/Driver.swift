import DemandCore
import MesosModel
import MesosTestKit
import Testing

/// A demand core with its time and chance, and short words for what happens to it.
struct Driver {
  var core: DemandCore
  var now = Moment(uptime: .zero, wallNanoseconds: 1_700_000_000_000_000_000)
  var rng: SplitMix64
  /// What the last event led to.
  var last: [DemandCore.Directive] = []
  private var offerNumber = 0

  init(
    seed: UInt64 = 1, roles: [String] = ["*"], subscribed: Bool = true,
    _ configure: (inout DemandCore.Configuration) -> Void = { _ in }
  ) {
    var configuration = DemandCore.Configuration(roles: roles)
    configure(&configuration)
    core = DemandCore(configuration: configuration)
    rng = SplitMix64(seed: seed)
    if subscribed { feed(.subscribed(isResubscription: false)) }
  }

  @discardableResult
  mutating func feed(_ event: DemandCore.Event) -> [DemandCore.Directive] {
    last = core.handle(event, at: now, using: &rng)
    core.checkInvariants()
    return last
  }

  /// Lets time pass, with a tick at each deadline.
  @discardableResult
  mutating func wait(_ duration: Duration) -> [DemandCore.Directive] {
    let end = now.advanced(by: duration)
    var all: [DemandCore.Directive] = []
    while let deadline = core.nextDeadline, deadline <= end.uptime {
      now = now.advanced(by: max(.zero, deadline - now.uptime))
      all += feed(.tick)
    }
    now = end
    all += feed(.tick)
    last = all
    return all
  }

  @discardableResult
  mutating func declare(_ demands: Demand...) -> [DemandCore.Directive] {
    feed(.declare(version: core.version + 1, demands))
  }

  /// Offers what `text` says from an agent.
  @discardableResult
  mutating func offer(
    _ text: String = "cpus:4;mem:4096;ports:[31000-31099]", from agent: String = "a1", role: String = "*",
    attributes: String = "", zone: String? = nil, downIn: Duration? = nil
  ) throws -> [DemandCore.Directive] {
    feed(.offers([try makeOffer(text, from: agent, role: role, attributes: attributes, zone: zone, downIn: downIn)]))
  }

  mutating func makeOffer(
    _ text: String = "cpus:4;mem:4096;ports:[31000-31099]", from agent: String = "a1", role: String = "*",
    attributes: String = "", zone: String? = nil, downIn: Duration? = nil
  ) throws -> Offer {
    offerNumber += 1
    var offer = Offer()
    offer.id.value = "o\(offerNumber)"
    offer.agentID.value = agent
    offer.hostname = "host-\(agent)"
    offer.allocationInfo.role = role
    offer.resources = try Resources.parse(text).allocated(to: role).messages
    offer.attributes = try Attributes.parse(attributes).messages
    if let zone {
      offer.domain.faultDomain.region.name = "r"
      offer.domain.faultDomain.zone.name = zone
    }
    if let downIn { offer.unavailability.start.nanoseconds = now.advanced(by: downIn).wallNanoseconds }
    return offer
  }

  @discardableResult
  mutating func status(
    _ task: TaskKey, _ state: TaskState, on agent: String = "a1", healthy: Bool? = nil, provisional: Bool = false
  ) -> [DemandCore.Directive] {
    var status = TaskStatus()
    status.taskID = TaskID(task)
    status.state = state
    status.agentID.value = agent
    status.message = "because"
    if let healthy { status.healthy = healthy }
    return feed(.task(status, isProvisional: provisional))
  }

  /// Has every instance that was launched and not heard of run.
  @discardableResult
  mutating func runAll() -> [DemandCore.Directive] {
    var all: [DemandCore.Directive] = []
    for instance in instances where instance.phase == .launching && !instance.isLeaving {
      all += status(instance.id.task, .taskRunning, on: instance.agent.value)
    }
    last = all
    return all
  }

  /// Does what the last directives say about kills: the tasks are killed.
  @discardableResult
  mutating func obeyKills() -> [DemandCore.Directive] {
    var all: [DemandCore.Directive] = []
    for directive in last {
      guard case .kill(let task, let agent, _) = directive else { continue }
      all += status(task, .taskKilled, on: agent?.value ?? "a1")
    }
    last = all
    return all
  }

  var instances: [InstanceStatus] { core.instances(at: now) }
  func status(of name: String) -> DemandStatus? { core.status(of: name, at: now) }
}

extension [DemandCore.Directive] {
  /// The tasks launched.
  var launched: [TaskInfo] {
    flatMap { directive -> [TaskInfo] in if case .accept(_, let tasks, _) = directive { tasks } else { [] } }
  }
  var killed: [TaskKey] { compactMap { if case .kill(let task, _, _) = $0 { task } else { nil } } }
  /// The offers declined, with how long.
  var declined: [String: Duration] {
    reduce(into: [:]) { result, directive in
      if case .decline(let ids, let refuse) = directive { for id in ids { result[id.value] = refuse } }
    }
  }
  var accepted: [String] {
    flatMap { directive -> [String] in
      if case .accept(let ids, _, _) = directive { ids.map(\.value) } else { [] }
    }
  }
  var revived: [[String]] { compactMap { if case .revive(let roles) = $0 { roles } else { nil } } }
  var suppressed: [[String]] { compactMap { if case .suppress(let roles) = $0 { roles } else { nil } } }
  var notices: [DemandNotice] { compactMap { if case .tell(let notice) = $0 { notice } else { nil } } }
  /// The ends told, with what follows.
  var ends: [InstanceEnd] { notices.compactMap { if case .ended(_, let end) = $0 { end } else { nil } } }
}

extension CommandInfo {
  static func shell(_ text: String) -> CommandInfo {
    var command = CommandInfo()
    command.value = text
    command.shell = true
    return command
  }
}

extension Demand {
  /// A small service.
  static func web(
    _ count: Int, _ resources: [String: Scalar] = ["cpus": 1, "mem": 64], constraints: [Constraint] = [],
    command: String = "serve", _ change: (inout Demand) -> Void = { _ in }
  ) -> Demand {
    var demand = Demand(
      "web", count: count, resources: resources, constraints: constraints, command: .shell(command))
    change(&demand)
    return demand
  }

  static func work(
    _ completions: Int, parallelism: Int, _ change: (inout Demand) -> Void = { _ in }
  ) -> Demand {
    var demand = Demand.batch(
      "work", completions: completions, parallelism: parallelism, resources: ["cpus": 1, "mem": 64],
      command: .shell("work"))
    change(&demand)
    return demand
  }
}
