import DemandCore
import MesosModel
import Testing

/// What becomes of offers: accepted where wanted, refused for as long as they are of no use, never kept for long.
struct OfferTests {
  @Test func `a service is launched on an offer, what is left goes back for long, and the role is suppressed`() throws {
    var driver = Driver()
    #expect(driver.declare(.web(2)).revived == [["*"]])
    let directives = try driver.offer()
    #expect(directives.accepted == ["o1"])
    #expect(directives.launched.map(\.taskID.key) == driver.instances.map(\.id.task))
    #expect(directives.launched.count == 2)
    #expect(directives.suppressed == [["*"]])
    #expect(directives.contains { if case .accept(_, _, .seconds(3600)) = $0 { true } else { false } })
    #expect(driver.status(of: "web")?.isSatisfied == false)
    #expect(driver.runAll().notices.contains(.satisfied("web")))
    #expect(driver.status(of: "web")?.isSatisfied == true)
  }

  @Test func `a task carries what it was given`() throws {
    var driver = Driver()
    driver.declare(.web(1, ["cpus": 0.5, "mem": 128, "ports": 2]))
    let task = try #require(try driver.offer("cpus:4;mem:4096;ports:[31000-31001]").launched.first)
    #expect(try Resources(task.resources) == Resources.parse("cpus:0.5;mem:128;ports:[31000-31001]").allocated(to: "*"))
    #expect(task.agentID.value == "a1")
    #expect(task.name == "web")
    let variables = Dictionary(
      uniqueKeysWithValues: task.command.environment.variables.map { ($0.name, $0.value) })
    #expect(
      variables == ["DEMAND_NAME": "web", "DEMAND_SLOT": "0", "PORT": "31000", "PORT0": "31000", "PORT1": "31001"])
    #expect(driver.instances.first?.ports == [31000, 31001])
    let id = try #require(InstanceID(task.taskID.key))
    #expect(id.demand == "web" && id.slot == 0 && id.task == task.taskID.key)
  }

  @Test func `several offers of one agent are used together, those of two agents are not`() throws {
    var driver = Driver()
    driver.declare(.web(1, ["cpus": 3]))
    let apart = [try driver.makeOffer("cpus:2", from: "a1"), try driver.makeOffer("cpus:2", from: "a2")]
    #expect(driver.feed(.offers(apart)).launched.isEmpty)
    let together = [try driver.makeOffer("cpus:2", from: "a3"), try driver.makeOffer("cpus:2", from: "a3")]
    let directives = driver.feed(.offers(together))
    #expect(directives.accepted == ["o3", "o4"])
    #expect(directives.launched.first?.resources.map(\.scalar.value) == [2, 1])
  }

  @Test func `what is reserved for the role goes first`() throws {
    var driver = Driver(roles: ["eng"])
    driver.declare(.web(1, ["cpus": 3]) { $0.role = "eng" })
    let task = try #require(try driver.offer("cpus:2;cpus(eng):2", role: "eng").launched.first)
    let used = try Resources(task.resources)
    #expect(used.reserved(to: "eng").scalar("cpus") == 2)
    #expect(used.unreserved.scalar("cpus") == 1)
  }

  @Test func `volumes, revocable resources and disks of their own are left alone`() throws {
    var driver = Driver()
    driver.declare(.web(1, ["cpus": 1]))
    var offer = try driver.makeOffer("cpus:1")
    offer.resources[0].revocable = Resource.RevocableInfo()
    #expect(driver.feed(.offers([offer])).launched.isEmpty)
  }

  @Test func `an offer that cannot be read is declined and told of`() throws {
    var driver = Driver()
    driver.declare(.web(1))
    var offer = try driver.makeOffer()
    offer.resources[0].scalar.value = -1
    let directives = driver.feed(.offers([offer]))
    #expect(directives.declined["o1"] != nil)
    #expect(directives.notices.contains { if case .unreadableOffer = $0 { true } else { false } })
  }

  @Test func `offers that nothing wants are declined for long`() throws {
    var driver = Driver()
    #expect(try driver.offer().declined == ["o1": .seconds(3600)])
    #expect(driver.core.suppressedRoles == ["*"])
  }

  @Test func `what does not match is declined for a while, what may match soon only shortly`() throws {
    var driver = Driver()
    driver.declare(.web(2, constraints: [.unique(.hostname)]))
    #expect(try driver.offer("cpus:0.5;mem:64").declined == ["o1": .seconds(60)])
    #expect(try driver.offer(from: "a1").launched.count == 1)
    #expect(try driver.offer(from: "a1").declined == ["o3": .seconds(2)])
  }

  @Test func `an offer is held for a slot that opens soon, and no longer than the bound`() throws {
    var driver = Driver { $0.offerHoldMax = .seconds(2) }
    driver.declare(
      .web(1) { $0.replacement = .always(Backoff(initial: .seconds(2), limit: .seconds(2))) })
    let task = try #require(try driver.offer().launched.first).taskID.key
    driver.status(task, .taskRunning)
    driver.wait(.seconds(1))
    #expect(driver.status(task, .taskFailed).revived == [["*"]], "it opens within the bound")
    #expect(try driver.offer().declined.isEmpty)
    #expect(driver.core.heldOffers == ["o2"])
    #expect(driver.wait(.seconds(2)).launched.count == 1)

    // Where the wait is longer, the role stays suppressed and the offer goes back.
    var patient = Driver { $0.offerHoldMax = .seconds(1) }
    patient.declare(
      .web(1) { $0.replacement = .always(Backoff(initial: .seconds(40), limit: .seconds(40))) })
    let other = try #require(try patient.offer().launched.first).taskID.key
    #expect(patient.status(other, .taskFailed).revived.isEmpty)
    #expect(try patient.offer().declined["o2"] == .seconds(3600))
    #expect(patient.core.suppressedRoles == ["*"])
    #expect(patient.wait(.seconds(41)).revived == [["*"]])
  }

  @Test func `a rescinded offer is forgotten`() throws {
    var driver = Driver(subscribed: false)
    driver.feed(.subscribed(isResubscription: true))
    driver.declare(.web(1))
    try driver.offer()
    #expect(driver.core.heldOffers == ["o1"])
    driver.feed(.rescinded("o1"))
    #expect(driver.core.heldOffers.isEmpty)
    #expect(driver.wait(.seconds(20)).declined.isEmpty)
  }

  @Test func `a change of the demand revives once, however many tasks it is`() throws {
    var driver = Driver()
    driver.declare(.web(100))
    #expect(driver.last.revived == [["*"]])
    #expect(try driver.offer().launched.count == 4)
    #expect(driver.runAll().revived.isEmpty)
    // The same again is nothing.
    #expect(driver.declare(.web(100)).revived.isEmpty)
    // Lower wants may match what was refused.
    driver.wait(.seconds(2))
    #expect(driver.declare(.web(100, ["cpus": 0.1, "mem": 1])).revived == [["*"]])
  }

  @Test func `revivals are a second apart`() throws {
    var driver = Driver()
    driver.declare(.web(1, ["cpus": 99]))
    try driver.offer()
    #expect(driver.declare(.web(1, ["cpus": 98])).revived.isEmpty, "it was revived just now")
    #expect(driver.declare(.web(1, ["cpus": 97])).revived.isEmpty)
    #expect(driver.wait(.seconds(1)).revived == [["*"]])
    #expect(driver.wait(.seconds(60)).revived.isEmpty)
  }

  @Test func `each role is suppressed and revived by its own demands`() throws {
    var driver = Driver(roles: ["a", "b"])
    #expect(driver.declare(.web(1) { $0.role = "b" }).revived == [["b"]])
    #expect(driver.core.suppressedRoles == ["a"])
    #expect(try driver.offer(role: "a").declined["o1"] == .seconds(3600))
    #expect(try driver.offer(role: "b").suppressed == [["b"]])
    #expect(driver.core.suppressedRoles == ["a", "b"])
  }

  @Test func `an offer of a role that nobody asked for is declined`() throws {
    var driver = Driver(roles: ["a"])
    #expect(try driver.offer(role: "other").declined == ["o1": .seconds(3600)])
  }

  @Test func `a suppression that the master did not take is tried again`() throws {
    var driver = Driver()
    driver.declare(.web(1))
    #expect(try driver.offer().suppressed == [["*"]])
    #expect(driver.feed(.rolesNotChanged(["*"], suppressed: true)).suppressed.isEmpty)
    #expect(driver.wait(.seconds(1)).suppressed == [["*"]])
    driver.feed(.rolesNotChanged(["*"], suppressed: true))
    // A new want makes the failure of no importance.
    #expect(driver.declare(.web(2)).suppressed.isEmpty)
  }

  @Test func `nothing is asked of a master that is not there`() throws {
    var driver = Driver(subscribed: false)
    #expect(driver.declare(.web(1)).revived.isEmpty)
    #expect(driver.feed(.subscribed(isResubscription: false)).revived == [["*"]])
    try driver.offer()
    driver.runAll()
    driver.feed(.disconnected)
    #expect(driver.declare().killed.isEmpty)
    #expect(driver.feed(.subscribed(isResubscription: true)).killed == driver.instances.map(\.id.task))
  }

  @Test func `offers end with their subscription`() throws {
    var driver = Driver(subscribed: false)
    driver.feed(.subscribed(isResubscription: true))
    driver.declare(.web(1))
    try driver.offer()
    #expect(driver.core.heldOffers == ["o1"])
    driver.feed(.disconnected)
    #expect(driver.core.heldOffers.isEmpty)
  }

  @Test func `offers beyond the bound are declined`() throws {
    var driver = Driver(subscribed: false) { $0.offersMax = 2 }
    driver.feed(.subscribed(isResubscription: true))
    driver.declare(.web(9))
    let offers = [try driver.makeOffer(), try driver.makeOffer(), try driver.makeOffer()]
    #expect(driver.feed(.offers(offers)).declined.keys.sorted() == ["o3"])
    #expect(driver.core.heldOffers.count == 2)
  }

  @Test func `no more agents are remembered than the bound`() throws {
    var driver = Driver { $0.agentsRememberedMax = 20 }
    driver.declare(.web(1, ["cpus": 100]))
    for number in 0..<100 { try driver.offer(from: "a\(number)") }
    #expect(try driver.core.explain("web", at: driver.now).agentsSeen <= 20)
  }

  @Test func `a demand of higher priority is served first`() throws {
    var driver = Driver()
    let important = Demand("zzz", count: 1, resources: ["cpus": 4], command: .shell("x"))
    driver.declare(
      .web(1, ["cpus": 4]),
      {
        var demand = important; demand.priority = 1; return demand
      }())
    #expect(try driver.offer().launched.map(\.name) == ["zzz"])
  }

  @Test func `ports come out of the ranges, each once`() throws {
    var driver = Driver(seed: 5)
    driver.declare(.web(5, ["ports": 3]))
    let tasks = try driver.offer("ports:[1-4, 10-14, 20-26]").launched
    #expect(tasks.count == 5)
    var used = ResourceRanges()
    for task in tasks {
      let ports = try Resources(task.resources).ranges("ports")
      #expect(ports.count == 3)
      #expect((used - ports) == used, "a port was given twice")
      used += ports
    }
    #expect(used.count == 15)
  }
}
