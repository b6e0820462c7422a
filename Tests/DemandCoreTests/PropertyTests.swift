import DemandCore
import MesosModel
import MesosTestKit
import Testing

/// A cluster as a naive observer sees it: offers that are out, tasks with their states, what was refused. It checks every directive.
private struct ModelCluster {
  struct Agent {
    var cpus: Int
    var rack: String
    /// When the master stops refusing, by the agent's free cpus at the refusal.
    var refusedUntil: Duration = .zero
    var refusedCPUs = 0
  }

  struct ModelTask {
    var agent: Int
    var cpus: Int
    var state = TaskState.taskStaging
    /// It was out of sight for longer than its policy waits: another may stand for its slot.
    var wasGivenUp = false
    var isKilled = false
    var isLive: Bool { !state.isTerminal }
  }

  var agents: [Agent] = []
  var offers: [String: (agent: Int, cpus: Int, at: Duration)] = [:]
  var tasks: [String: ModelTask] = [:]
  var isSuppressed = true
  var violations: [String] = []
  var launches = 0
  var offerCount = 0

  func free(_ agent: Int) -> Int {
    agents[agent].cpus - offers.values.filter { $0.agent == agent }.map(\.cpus).reduce(0, +)
      - tasks.values.filter { $0.agent == agent && $0.isLive }.map(\.cpus).reduce(0, +)
  }

  mutating func obey(_ directives: [DemandCore.Directive], at now: Duration) {
    for directive in directives {
      switch directive {
      case .accept(let ids, let tasks, let refuse): accept(ids.map(\.value), tasks, refuse: refuse, at: now)
      case .decline(let ids, let refuse):
        for id in ids {
          guard let offer = offers.removeValue(forKey: id.value) else {
            violations.append("\(id) is declined and was not out")
            continue
          }
          refuseAgent(offer.agent, for: refuse, at: now)
        }
      case .suppress: isSuppressed = true
      case .revive:
        isSuppressed = false
        for agent in agents.indices { agents[agent].refusedUntil = .zero }
      case .kill(let task, _, _):
        if tasks[task.value] == nil { violations.append("\(task) is killed and is no task") }
        tasks[task.value]?.isKilled = true
      case .acceptInverse, .declineInverse, .tell: break
      }
    }
  }

  private mutating func refuseAgent(_ agent: Int, for refuse: Duration, at now: Duration) {
    agents[agent].refusedUntil = now + refuse
    agents[agent].refusedCPUs = free(agent)
  }

  private mutating func accept(_ ids: [String], _ launched: [TaskInfo], refuse: Duration, at now: Duration) {
    var cpus = 0
    var agent: Int?
    for id in ids {
      guard let offer = offers.removeValue(forKey: id) else {
        violations.append("\(id) is accepted and was not out")
        continue
      }
      if let agent, agent != offer.agent { violations.append("offers of two agents are accepted together") }
      agent = offer.agent
      cpus += offer.cpus
    }
    guard let agent else { return }
    for task in launched {
      let needs = Int(task.resources.map(\.scalar.value).reduce(0, +))
      cpus -= needs
      if tasks[task.taskID.value] != nil { violations.append("\(task.taskID.value) is launched twice") }
      if task.agentID.value != "a\(agent)" { violations.append("\(task.taskID.value) is launched on another's offer") }
      tasks[task.taskID.value] = ModelTask(agent: agent, cpus: needs)
      launches += 1
    }
    if cpus < 0 { violations.append("more is used than was offered") }
    refuseAgent(agent, for: refuse, at: now)
  }

  /// An offer of an agent that may be offered now.
  mutating func offer(_ agent: Int, at now: Duration) -> (id: String, cpus: Int)? {
    let free = free(agent)
    guard free > 0, !isSuppressed, agents[agent].refusedUntil <= now || free > agents[agent].refusedCPUs else {
      return nil
    }
    offerCount += 1
    offers["o\(offerCount)"] = (agent, free, now)
    return ("o\(offerCount)", free)
  }
}

struct PropertyTests {
  private struct World {
    var driver: Driver
    var model = ModelCluster()
    var chance: SplitMix64
    var isConnected = true
    let policy: Demand.Unreachable
    let rollout: Demand.Rollout
    let trace: UInt64

    init(seed: UInt64) {
      trace = seed
      chance = SplitMix64(seed: seed ^ 0x5eed)
      driver = Driver(seed: seed)
      policy = Demand.Unreachable(
        replaceAfter: .seconds(Int64.random(in: 5...40, using: &chance)),
        onReturn: Bool.random(using: &chance) ? .killReturned : .keepReturned)
      rollout = Demand.Rollout(
        unavailableMax: Int.random(in: 1...2, using: &chance), surgeMax: Int.random(in: 0...2, using: &chance))
      for _ in 0..<Int.random(in: 2...5, using: &chance) {
        model.agents.append(
          .init(cpus: Int.random(in: 2...6, using: &chance), rack: "r\(Int.random(in: 0...1, using: &chance))"))
      }
    }

    mutating func feed(_ event: DemandCore.Event) {
      driver.feed(event)
      model.obey(driver.last, at: driver.now.uptime)
      check()
    }

    mutating func wait(_ duration: Duration) {
      let end = driver.now.advanced(by: duration)
      while let deadline = driver.core.nextDeadline, deadline <= end.uptime {
        driver.now = driver.now.advanced(by: max(.zero, deadline - driver.now.uptime))
        giveUp()
        feed(.tick)
      }
      driver.now = end
      giveUp()
      feed(.tick)
    }

    private var unseenSince: [String: Duration] = [:]

    /// Tasks that are out of sight for as long as the policy waits.
    private mutating func giveUp() {
      guard let after = policy.replaceAfter else { return }
      for (id, since) in unseenSince where since + after <= driver.now.uptime { model.tasks[id]?.wasGivenUp = true }
    }

    mutating func status(_ id: String, _ state: TaskState) {
      // Nobody is told that it is back: its slot may be another's by then.
      if !isConnected, model.tasks[id]?.state == .taskUnreachable { model.tasks[id]?.wasGivenUp = true }
      model.tasks[id]?.state = state
      unseenSince[id] = state == .taskUnreachable ? (unseenSince[id] ?? driver.now.uptime) : nil
      guard isConnected, let task = model.tasks[id] else { return }
      var status = TaskStatus()
      status.taskID.value = id
      status.agentID.value = "a\(task.agent)"
      status.state = state
      feed(.task(status, isProvisional: false))
    }

    /// A subscription, and what happened meanwhile as reconciliation finds it out.
    mutating func reconnect() {
      feed(.subscribed(isResubscription: true))
      for (id, task) in model.tasks.sorted(by: { $0.key < $1.key }) where task.isLive { status(id, task.state) }
      for (id, task) in model.tasks.sorted(by: { $0.key < $1.key }) where !task.isLive { status(id, task.state) }
    }

    mutating func offerAll() throws {
      for agent in model.agents.indices {
        guard isConnected, let (id, cpus) = model.offer(agent, at: driver.now.uptime) else { continue }
        var offer = try driver.makeOffer(
          "cpus:\(cpus)", from: "a\(agent)", attributes: "rack:\(model.agents[agent].rack)")
        offer.id.value = id
        feed(.offers([offer]))
      }
    }

    mutating func demands(_ variant: Int) -> [Demand] {
      var web = Demand(
        "web", count: variant % 4, resources: ["cpus": Scalar(thousandths: Int64(1000 + 1000 * (variant / 7 % 2)))],
        command: .shell("v\(variant / 5 % 3)"))
      web.rollout = rollout
      web.unreachable = policy
      if variant % 3 == 0 { web.constraints = [.maxPer(.hostname, 2)] }
      var work = Demand.batch(
        "work", completions: 12 + variant % 5, parallelism: 1 + variant % 3, resources: ["cpus": 1],
        command: .shell("x"))
      work.unreachable = policy
      work.rollout = Demand.Rollout(unavailableMax: 1, surgeMax: 0)
      work.replacement = .onFailure(attemptsMax: 50)
      return variant % 11 == 0 ? [web] : [web, work]
    }

    // MARK: What must hold

    mutating func check() {
      let now = driver.now.uptime
      let comment: Comment = "SIM_SEED=\(trace) at \(now)"
      #expect(model.violations == [], comment)
      if isConnected {
        #expect(model.isSuppressed == driver.core.suppressedRoles.contains("*"), comment)
        // Suppressed exactly where nothing is wanted; a revival may wait for its interval.
        let wants = !driver.core.wantingRoles(at: driver.now).isEmpty
        if !wants { #expect(model.isSuppressed, comment) }
        if wants, model.isSuppressed {
          #expect(driver.core.nextDeadline.map { $0 <= now + .seconds(1) } ?? false, comment)
        }
        // No offer is lost: what is out is held, and not for long.
        #expect(model.offers.keys.sorted() == driver.core.heldOffers.map(\.value).sorted(), comment)
        for offer in model.offers.values { #expect(offer.at + .seconds(2) >= now, comment) }
      }
      // One live task a slot, and more only for a rollout.
      var perSlot: [String: Int] = [:]
      for (id, task) in model.tasks where task.isLive && !task.wasGivenUp {
        guard let id = InstanceID(TaskKey(id)) else { continue }
        perSlot["\(id.demand).\(id.slot)", default: 0] += 1
      }
      let twice = perSlot.filter { $0.value > 1 }
      #expect(twice.values.allSatisfy { $0 == 2 }, comment)
      #expect(twice.count <= max(rollout.surgeMax, 1) + 1, comment)
      #expect(twice.keys.allSatisfy { $0.hasPrefix("web.") || $0.hasPrefix("work.") }, comment)
    }
  }

  @Test(arguments: Seeds.few(24))
  func `whatever happens, no offer is lost, no slot is filled twice, and in the end all is as declared`(
    seed: UInt64
  ) throws {
    var world = World(seed: seed)
    world.model.isSuppressed = true
    for step in 0..<400 {
      let tasks = world.model.tasks.filter { $0.value.isLive }.keys.sorted()
      switch Int.random(in: 0..<20, using: &world.chance) {
      case 0:
        let demands = world.demands(Int.random(in: 0..<60, using: &world.chance))
        world.feed(.declare(version: world.driver.core.version + 1, demands))
      case 1 where step % 5 == 0:
        world.isConnected.toggle()
        if world.isConnected {
          world.reconnect()
        } else {
          world.model.offers = [:]
          world.feed(.disconnected)
        }
      case 2:
        if let id = world.model.offers.keys.sorted().first {
          world.model.offers[id] = nil
          world.feed(.rescinded(OfferKey(id)))
        }
      case 3..<6: try world.offerAll()
      case 6..<8: world.wait(.milliseconds(Int64.random(in: 1..<8_000, using: &world.chance)))
      default:
        guard let id = tasks.randomElement(using: &world.chance), let task = world.model.tasks[id] else { continue }
        let next: TaskState
        switch task.state {
        case .taskStaging:
          next =
            ([.taskRunning, .taskRunning, .taskFailed, .taskDropped] as [TaskState])
            .randomElement(using: &world.chance) ?? .taskRunning
        case .taskUnreachable:
          next = ([.taskRunning, .taskGone] as [TaskState]).randomElement(using: &world.chance) ?? .taskGone
        default:
          next =
            task.isKilled
            ? .taskKilled
            : ([.taskFinished, .taskFailed, .taskUnreachable, .taskLost, .taskRunning] as [TaskState])
              .randomElement(using: &world.chance) ?? .taskFailed
        }
        world.status(id, next)
      }
    }
    try settle(&world)
  }

  /// Heals everything: from here all that is declared has to come about.
  private func settle(_ world: inout World) throws {
    if !world.isConnected {
      world.isConnected = true
      world.reconnect()
    }
    for agent in world.model.agents.indices { world.model.agents[agent].cpus += 40 }
    let demands = world.demands(7)
    world.feed(.declare(version: world.driver.core.version + 1, demands))
    for _ in 0..<400 {
      for (id, task) in world.model.tasks.sorted(by: { $0.key < $1.key }) where task.isLive {
        if task.isKilled {
          world.status(id, .taskKilled)
        } else if task.state != .taskRunning {
          world.status(id, .taskRunning)
        } else if id.hasPrefix("work.") {
          world.status(id, .taskFinished)
        } else {
          world.status(id, .taskRunning)  // as a reconciliation would answer
        }
      }
      world.wait(.seconds(10))
      try world.offerAll()
    }
    let statuses = world.driver.core.statuses(at: world.driver.now)
    #expect(statuses.map(\.name) == ["web", "work"])
    for status in statuses {
      #expect(
        status.isSatisfied, "SIM_SEED=\(world.trace) \(status) \(world.driver.core.explain(at: world.driver.now))")
    }
    #expect(statuses.last.map { $0.finished + $0.failed } == 12 + 7 % 5)
    #expect(world.driver.core.suppressedRoles == ["*"], "SIM_SEED=\(world.trace)")
    let live = world.model.tasks.values.count { $0.isLive }
    #expect(live == 7 % 4, "SIM_SEED=\(world.trace)")
    #expect(world.model.launches > 0)
  }

  @Test(arguments: Seeds.few(4))
  func `equal events give equal directives`(seed: UInt64) throws {
    func run() throws -> [[DemandCore.Directive]] {
      var driver = Driver(seed: seed)
      var all: [[DemandCore.Directive]] = []
      all.append(driver.declare(.web(20, constraints: [.maxPer(.hostname, 3)]), .work(10, parallelism: 4)))
      for agent in 0..<9 { all.append(try driver.offer(from: "a\(agent)")) }
      all.append(driver.runAll())
      for instance in driver.instances { all.append(driver.status(instance.id.task, .taskFailed)) }
      all.append(driver.wait(.seconds(100)))
      return all
    }
    #expect(try run() == run())
  }
}
