import DemandCore
import MesosModel
import MesosTestKit
import Testing

/// Scaling, removal, rollouts, maintenance, and taking over what runs.
struct ScalingTests {
  /// A driver with a running service.
  private func running(
    _ count: Int, agents: Int = 1, _ change: (inout Demand) -> Void = { _ in }
  ) throws -> Driver {
    var driver = Driver()
    driver.declare(.web(count, command: "serve", change))
    let offers = try (0..<agents).map { try driver.makeOffer("cpus:99;mem:9999", from: "a\($0)") }
    driver.feed(.offers(offers))
    driver.runAll()
    driver.wait(.seconds(10))
    #expect(driver.status(of: "web")?.isSatisfied == true)
    return driver
  }

  @Test func `the newest go first when there are too many`() throws {
    var driver = try running(2)
    driver.declare(.web(4))
    try driver.offer()
    driver.runAll()
    let newest = driver.instances.sorted { $0.id.incarnation < $1.id.incarnation }.suffix(3).map(\.id.task)
    #expect(Set(driver.declare(.web(1)).killed) == Set(newest))
    driver.obeyKills()
    #expect(driver.instances.count == 1)
    #expect(driver.status(of: "web")?.isSatisfied == true)
  }

  @Test func `those that do not run go before those that do`() throws {
    var driver = try running(1)
    driver.declare(.web(2))
    let staged = try driver.offer().launched.map(\.taskID.key)
    #expect(driver.declare(.web(1)).killed == staged)
    // Slots that wait go without a kill.
    driver.declare(.web(9))
    #expect(driver.declare(.web(1)).killed.isEmpty)
  }

  @Test func `a kill gives the grace that was asked for, and is repeated`() throws {
    var driver = try running(1) { $0.killGrace = .seconds(5) }
    let task = try #require(driver.instances.first).id.task
    #expect(driver.declare().contains(.kill(task, on: "a0", grace: .seconds(5))))
    #expect(driver.wait(.seconds(34)).killed.isEmpty)
    #expect(driver.wait(.seconds(1)).killed == [task])
    #expect(driver.status(task, .taskKilled).notices.contains(.removed("web")))
    #expect(driver.core.statuses(at: driver.now).isEmpty)
  }

  @Test func `a task of a demand that is gone is killed when it is heard of`() throws {
    var driver = try running(1)
    let task = try #require(driver.instances.first).id.task
    driver.status(task, .taskUnreachable)
    driver.declare()
    #expect(driver.core.statuses(at: driver.now).isEmpty)
    #expect(driver.status(task, .taskRunning).killed == [task])
  }

  @Test func `a demand that is wanted again takes its slots back`() throws {
    var driver = try running(2)
    let old = driver.declare().killed
    #expect(old.count == 2)
    driver.declare(.web(2))
    #expect(try driver.offer().launched.isEmpty, "the old ones are still ending")
    for task in old { driver.status(task, .taskKilled) }
    driver.wait(.seconds(1))
    #expect(try driver.offer().launched.count == 2)
  }

  // MARK: Rollouts

  @Test func `a rollout replaces one after the other`() throws {
    var driver = try running(3)
    var steps = 0
    driver.declare(.web(3, command: "serve better"))
    var seen: Set<Int> = []
    while driver.status(of: "web")?.isSatisfied != true, steps < 10 {
      #expect(driver.last.killed.count == 1)
      #expect(driver.status(of: "web")?.available == 2)
      seen.formUnion(driver.last.killed.compactMap { InstanceID($0)?.slot })
      driver.obeyKills()
      driver.wait(.seconds(1))
      #expect(try driver.offer().launched.map(\.command.value) == ["serve better"])
      driver.runAll()
      steps += 1
    }
    #expect(steps == 3 && seen == [0, 1, 2])
  }

  @Test func `with a surge the new one comes first`() throws {
    var driver = try running(2) { $0.rollout = .init(unavailableMax: 0, surgeMax: 1, readyAfter: .seconds(5)) }
    driver.declare(
      .web(2, command: "better") { $0.rollout = .init(unavailableMax: 0, surgeMax: 1, readyAfter: .seconds(5)) })
    for _ in 0..<2 {
      driver.wait(.seconds(1))
      #expect(try driver.offer().launched.count == 1)
      #expect(driver.runAll().killed.isEmpty, "it is not ready yet")
      #expect(driver.wait(.seconds(5)).killed.count == 1)
      #expect(driver.status(of: "web")?.available == 2)
      driver.obeyKills()
    }
    #expect(driver.instances.allSatisfy { $0.isCurrent })
    #expect(driver.status(of: "web")?.isSatisfied == true)
  }

  @Test func `a rollout stops at an instance that does not come up`() throws {
    var driver = try running(3)
    driver.declare(.web(3, command: "broken"))
    driver.obeyKills()
    for _ in 0..<5 {
      driver.wait(.seconds(60))
      let task = try #require(try driver.offer().launched.first).taskID.key
      #expect(driver.status(task, .taskFailed).killed.isEmpty)
    }
    #expect(driver.status(of: "web")?.available == 2)
    #expect(try driver.core.explain("web", at: driver.now).obstacles.contains(.rollout(slots: 2)))
    // The old template again: the two that run are right, the third comes back.
    driver.declare(.web(3))
    driver.wait(.seconds(2))
    try driver.offer()
    driver.runAll()
    #expect(driver.status(of: "web")?.isSatisfied == true)
  }

  @Test func `health counts`() throws {
    func checked(_ command: String) -> Demand {
      .web(1, command: command) {
        $0.template.healthCheck.type = .command
        $0.rollout = .init(unavailableMax: 0, surgeMax: 1)
      }
    }
    var driver = Driver()
    driver.declare(checked("old"))
    let old = try #require(try driver.offer().launched.first).taskID.key
    driver.status(old, .taskRunning)
    #expect(driver.status(of: "web")?.available == 0)
    driver.status(old, .taskRunning, healthy: true)
    #expect(driver.status(of: "web")?.available == 1)
    driver.wait(.seconds(1))
    driver.declare(checked("new"))
    let new = try #require(try driver.offer().launched.first).taskID.key
    #expect(driver.status(new, .taskRunning).killed.isEmpty)
    #expect(driver.status(new, .taskRunning, healthy: true).killed == [old])
  }

  @Test func `places and policies change without replacing anything`() throws {
    var driver = try running(2)
    let changed = Demand.web(2, constraints: [.differs(.hostname, "elsewhere")]) {
      $0.replacement = .never
      $0.killGrace = .seconds(3)
      $0.priority = 7
    }
    #expect(driver.declare(changed).killed.isEmpty)
    #expect(driver.status(of: "web")?.isSatisfied == true)
  }

  @Test func `a unique host does not stop a surge on it`() throws {
    func demand(_ command: String) -> Demand {
      .web(1, constraints: [.unique(.hostname)], command: command) {
        $0.rollout = .init(unavailableMax: 0, surgeMax: 1)
      }
    }
    var driver = Driver()
    driver.declare(demand("old"))
    try driver.offer()
    driver.runAll()
    driver.wait(.seconds(1))
    driver.declare(demand("new"))
    #expect(try driver.offer().launched.count == 1)
  }

  // MARK: Maintenance

  private func inverse(_ driver: Driver, agent: String = "a0", startsIn: Duration) -> DemandCore.Event {
    var offer = InverseOffer()
    offer.id.value = "i1"
    offer.agentID.value = agent
    offer.unavailability.start.nanoseconds = driver.now.advanced(by: startsIn).wallNanoseconds
    return .inverseOffers([offer])
  }

  @Test func `instances move one by one, the replacement first`() throws {
    var driver = try running(2)
    #expect(driver.feed(inverse(driver, startsIn: .seconds(60))).contains(.acceptInverse(["i1"])))
    #expect(try driver.offer(from: "a0", downIn: .seconds(60)).launched.isEmpty)
    for _ in 0..<2 {
      driver.wait(.seconds(1))
      #expect(try driver.offer(from: "b").launched.count == 1)
      #expect(driver.runAll().killed.count == 1)
      driver.obeyKills()
    }
    #expect(driver.instances.allSatisfy { $0.agent == "b" })
    #expect(driver.status(of: "web")?.isSatisfied == true)
  }

  @Test func `maintenance that is far away is waited for, and may be called off`() throws {
    var driver = try running(1)
    driver.feed(inverse(driver, startsIn: .seconds(7200)))
    #expect(driver.core.suppressedRoles == ["*"])
    #expect(driver.wait(.seconds(3599)).revived.isEmpty)
    #expect(driver.wait(.seconds(1)).revived == [["*"]])
    driver.feed(.inverseOfferRescinded("i1"))
    #expect(driver.core.suppressedRoles == ["*"])
    #expect(driver.wait(.seconds(7200)).killed.isEmpty)
  }

  @Test func `killing first moves without a second one`() throws {
    var driver = try running(2) { $0.maintenance = .killFirst }
    #expect(driver.feed(inverse(driver, startsIn: .seconds(60))).killed.count == 1)
    #expect(driver.status(of: "web")?.available == 1)
    driver.obeyKills()
    driver.wait(.seconds(1))
    #expect(try driver.offer(from: "b").launched.count == 1)
    #expect(driver.runAll().killed.count == 1)
  }

  @Test func `work that stays declines inverse offers`() throws {
    var driver = Driver()
    driver.declare(.work(1, parallelism: 1))
    try driver.offer(from: "a0")
    driver.runAll()
    let directives = driver.feed(inverse(driver, startsIn: .seconds(60)))
    #expect(directives.contains(.declineInverse(["i1"])))
    #expect(directives.notices.contains(.maintenance("a0", isAccepted: false)))
    #expect(driver.wait(.seconds(100)).killed.isEmpty)
    // An agent without instances may go.
    #expect(driver.feed(inverse(driver, agent: "other", startsIn: .seconds(60))).contains(.acceptInverse(["i1"])))
  }

  // MARK: Taking over

  @Test func `a new scheduler adopts what runs and launches what is missing`() throws {
    var first = try running(2)
    let tasks = first.instances.map(\.id.task)
    var second = Driver(seed: 2, subscribed: false)
    second.declare(.web(3))
    second.feed(.subscribed(isResubscription: true))
    second.status(tasks[0], .taskRunning, on: "a0")
    #expect(try second.offer().launched.isEmpty, "the other tasks may be heard of yet")
    second.status(tasks[1], .taskRunning, on: "a0")
    second.wait(.seconds(10))
    #expect(try second.offer().launched.count == 1)
    #expect(second.instances.map(\.id.task).filter(tasks.contains) == tasks)
    #expect(second.instances.allSatisfy { $0.isCurrent })
    _ = first.declare()
  }

  @Test func `an adopted task of an earlier template is replaced`() throws {
    let first = try running(1)
    let task = try #require(first.instances.first).id.task
    var second = Driver(seed: 2, subscribed: false)
    second.feed(.subscribed(isResubscription: true))
    second.declare(.web(1, command: "better"))
    #expect(second.status(task, .taskRunning, on: "a0").killed == [task])
  }

  @Test func `two tasks of one slot are one too many`() throws {
    var driver = Driver(subscribed: false)
    driver.feed(.subscribed(isResubscription: true))
    driver.declare(.web(1))
    let version = Demand.web(1).templateVersion
    let old = InstanceID(demand: "web", slot: 0, version: version, incarnation: 1).task
    let new = InstanceID(demand: "web", slot: 0, version: version, incarnation: 2).task
    driver.status(new, .taskRunning)
    #expect(driver.status(old, .taskRunning).killed == [old])
    #expect(driver.core.instances(at: driver.now).filter { !$0.isLeaving }.map(\.id.task) == [new])
  }

  @Test func `more tasks than are wanted are killed, and slots need not be in a row`() throws {
    var driver = Driver(subscribed: false)
    driver.feed(.subscribed(isResubscription: true))
    driver.declare(.web(2))
    let version = Demand.web(2).templateVersion
    let tasks = [3, 5, 9].map { slot in
      InstanceID(demand: "web", slot: slot, version: version, incarnation: UInt64(slot)).task
    }
    for task in tasks { driver.status(task, .taskRunning) }
    #expect(driver.instances.filter(\.isLeaving).map(\.id.task) == [tasks[2]])
  }

  @Test func `a finished piece that nobody was told of is done`() throws {
    var driver = Driver(subscribed: false)
    driver.feed(.subscribed(isResubscription: true))
    let demand = Demand.work(2, parallelism: 2)
    driver.declare(demand)
    let id = InstanceID(demand: "work", slot: 1, version: demand.templateVersion, incarnation: 1)
    driver.status(id.task, .taskFinished)
    #expect(driver.status(of: "work")?.finished == 1)
    driver.wait(.seconds(10))
    #expect(try driver.offer().launched.compactMap { InstanceID($0.taskID.key)?.slot } == [0])
  }

  @Test func `tasks that no demand accounts for are told of once and left alone`() throws {
    var driver = Driver()
    driver.declare(.web(1))
    for task: TaskKey in ["mine", "other.0.0123abcd.0123456789abcdef"] {
      #expect(driver.status(task, .taskRunning).notices == [.unknownTask(task)])
      #expect(driver.status(task, .taskRunning).isEmpty)
      #expect(driver.status(task, .taskFinished).isEmpty)
    }
  }

  @Test func `declaring the same again does nothing at all`() throws {
    var driver = try running(3, agents: 3)
    let before = driver.instances
    for _ in 0..<3 { #expect(driver.declare(.web(3)) == [.tell(.declared(version: driver.core.version))]) }
    #expect(driver.instances == before)
  }

  // MARK: Explaining

  @Test func `what is too little is said, with how much there is`() throws {
    var driver = Driver()
    driver.declare(.web(1, ["cpus": 8, "mem": 64], constraints: [.equals(.attribute("rack"), "r1")]))
    try driver.offer("cpus:4;mem:99", from: "a1", attributes: "rack:r1")
    try driver.offer("cpus:6;mem:1", from: "a2", attributes: "rack:r2")
    try driver.offer("cpus:16;mem:99", from: "a3")
    let explanation = try driver.core.explain("web", at: driver.now)
    #expect(explanation.agentsSeen == 3 && explanation.agentsMatching == 0 && explanation.waiting == 1)
    #expect(
      explanation.findings.map(\.mismatch) == [
        .constraint(.equals(.attribute("rack"), "r1")), .insufficient(resource: "cpus", asked: 8),
        .insufficient(resource: "mem", asked: 64),
      ])
    let cpus = explanation.findings[1]
    #expect(cpus.agents == 2)
    #expect(cpus.examples.map(\.agent) == ["host-a2", "host-a1"])
    #expect(cpus.examples.map(\.has) == ["6", "4"])
    #expect(
      explanation.description == """
        web: 1 wanted, 0 available, 1 waiting for an offer
          3 agents made offers to role '*'; 0 would match
          not on 2 agents, since attribute rack is 'r1' is asked for; host-a2 has 'r2', host-a3 has none
          too little cpus on 2 agents: 8 asked for; host-a2 has 6, host-a1 has 4
          too little mem on 1 agent: 64 asked for; host-a2 has 1
        """)
  }

  @Test func `ports that are missing, and agents that are full by a constraint, are said`() throws {
    var driver = Driver()
    driver.declare(.web(2, ["cpus": 1, "ports": 2], constraints: [.unique(.hostname)]))
    try driver.offer("cpus:4;ports:[1-4]", from: "a1")
    try driver.offer("cpus:4;ports:[7-7]", from: "a2")
    let findings = try driver.core.explain("web", at: driver.now).findings
    #expect(
      findings.map(\.mismatch) == [.constraint(.unique(.hostname)), .insufficient(resource: "ports", asked: 2)])
    #expect(findings[0].examples.map(\.agent) == ["host-a1"] && findings[0].examples.map(\.has) == ["'host-a1' with 1"])
    #expect(findings[1].examples.map(\.agent) == ["host-a2"] && findings[1].examples.map(\.has) == ["1"])
  }

  @Test func `obstacles are said`() throws {
    var driver = Driver(subscribed: false)
    driver.declare(.web(1), .work(3, parallelism: 1))
    #expect(try driver.core.explain("web", at: driver.now).obstacles.contains(.notSubscribed))
    driver.feed(.subscribed(isResubscription: true))
    #expect(
      try driver.core.explain("web", at: driver.now).obstacles == [.adopting(for: .seconds(10)), .noOffers(role: "*")])
    #expect(try driver.core.explain("work", at: driver.now).obstacles.contains(.parallelism(slots: 2)))
    driver.wait(.seconds(10))
    try driver.offer()
    driver.runAll()
    let task = try #require(driver.core.instances(of: "web", at: driver.now).first).id.task
    driver.status(task, .taskFailed)
    let obstacles = try driver.core.explain("web", at: driver.now).obstacles
    #expect(obstacles.contains { if case .backingOff(slots: 1, next: ...(.seconds(1))) = $0 { true } else { false } })
    let error = #expect(throws: DemandError.self) { try driver.core.explain("nobody", at: driver.now) }
    #expect(error?.code == .unknownDemand)
    #expect(driver.core.explain(at: driver.now).map(\.status.name) == ["web", "work"])
  }
}
