import DemandCore
import MesosModel
import MesosTestKit
import Testing

/// Where instances may be and where they are put.
struct ConstraintTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var constraint: Demand.Constraint
    /// Attributes of agents, by agent, in the order of the names; and whether an instance may be on it.
    var agents: [(attributes: String, matches: Bool)]
    var testDescription: String { constraint.description }
  }

  static let absolute: [Case] = [
    Case(constraint: .exists(.attribute("rack")), agents: [("rack:r1", true), ("", false), ("zone:r1", false)]),
    Case(constraint: .absent(.attribute("rack")), agents: [("rack:r1", false), ("", true)]),
    Case(constraint: .equals(.attribute("rack"), "r1"), agents: [("rack:r1", true), ("rack:r2", false), ("", false)]),
    Case(constraint: .differs(.attribute("rack"), "r1"), agents: [("rack:r1", false), ("rack:r2", true), ("", true)]),
    Case(
      constraint: .isIn(.attribute("rack"), ["r1", "r3"]),
      agents: [("rack:r1", true), ("rack:r2", false), ("rack:r3", true)]),
    Case(constraint: .notIn(.attribute("rack"), ["r1", "r3"]), agents: [("rack:r1", false), ("rack:r2", true)]),
    Case(constraint: .equals(.attribute("level"), "2.5"), agents: [("level:2.5", true), ("level:3", false)]),
    Case(constraint: .equals(.hostname, "host-a0"), agents: [("", true), ("", false)]),
    Case(constraint: .equals(.agent, "a1"), agents: [("", false), ("", true)]),
  ]

  @Test(arguments: absolute)
  func `an agent satisfies a constraint or not`(example: Case) throws {
    for (index, agent) in example.agents.enumerated() {
      var driver = Driver()
      driver.declare(.web(1, constraints: [example.constraint]))
      let launched = try driver.offer(from: "a\(index)", attributes: agent.attributes).launched
      #expect(launched.count == (agent.matches ? 1 : 0), "agent \(index), \(agent.attributes)")
      guard !agent.matches else { continue }
      let explanation = try driver.core.explain("web", at: driver.now)
      #expect(explanation.findings.map(\.mismatch) == [.constraint(example.constraint)])
    }
  }

  @Test func `fault domains are fields`() throws {
    var driver = Driver()
    driver.declare(.web(2, constraints: [.equals(.region, "r"), .unique(.zone)]))
    #expect(try driver.offer(from: "a1").launched.isEmpty)
    #expect(try driver.offer(from: "a2", zone: "z1").launched.count == 1)
    #expect(try driver.offer(from: "a3", zone: "z1").launched.isEmpty)
    #expect(try driver.offer(from: "a4", zone: "z2").launched.count == 1)
  }

  @Test func `unique allows one instance a value, max per allows some`() throws {
    for most in 1...3 {
      var driver = Driver()
      driver.declare(.web(10, constraints: [.maxPer(.attribute("rack"), most)]))
      #expect(try driver.offer(from: "a1", attributes: "rack:r1").launched.count == most)
      #expect(try driver.offer(from: "a2", attributes: "rack:r1").launched.isEmpty)
      #expect(try driver.offer(from: "a3", attributes: "rack:r2").launched.count == most)
      #expect(try driver.offer(from: "a4").launched.isEmpty, "an agent without the attribute")
    }
  }

  @Test func `an instance that ended makes room for another on its host`() throws {
    var driver = Driver()
    driver.declare(.web(1, constraints: [.unique(.hostname)]))
    let first = try #require(try driver.offer().launched.first).taskID.key
    driver.status(first, .taskRunning)
    driver.status(first, .taskLost)
    #expect(try driver.offer().launched.count == 1)
  }

  @Test func `cluster keeps all with the first`() throws {
    var driver = Driver()
    driver.declare(.web(4, ["cpus": 2], constraints: [.cluster(.attribute("rack"))]))
    #expect(try driver.offer(from: "a1", attributes: "rack:r1").launched.count == 2)
    #expect(try driver.offer(from: "a2", attributes: "rack:r2").launched.isEmpty)
    #expect(try driver.offer(from: "a3", attributes: "rack:r1").launched.count == 2)
  }

  @Test func `group by waits for the value whose turn it is`() throws {
    var driver = Driver()
    driver.declare(.web(4, constraints: [.groupBy(.attribute("rack"), atLeast: 2)]))
    #expect(try driver.offer(from: "a1", attributes: "rack:r1").launched.count == 1)
    #expect(try driver.offer(from: "a1", attributes: "rack:r1").launched.isEmpty)
    #expect(try driver.offer(from: "a2", attributes: "rack:r2").launched.count == 2)
    #expect(try driver.offer(from: "a2", attributes: "rack:r2").launched.isEmpty)
    #expect(try driver.offer(from: "a1", attributes: "rack:r1").launched.count == 1)
    #expect(driver.status(of: "web")?.live == 4)
  }

  @Test(arguments: Seeds.all)
  func `instances spread as evenly as offers allow`(seed: UInt64) throws {
    var rng = SplitMix64(seed: seed)
    var driver = Driver(seed: seed)
    let agents = Int.random(in: 1...6, using: &rng)
    let count = Int.random(in: 1...20, using: &rng)
    driver.declare(
      Demand(
        "web", count: count, resources: ["cpus": 0.1], spread: [.attribute("rack"), .agent], command: .shell("x")))
    var offers: [Offer] = []
    for agent in 0..<agents {
      offers.append(try driver.makeOffer("cpus:10", from: "a\(agent)", attributes: "rack:r\(agent % 3)"))
    }
    driver.feed(.offers(offers.shuffled(using: &rng)))
    let perAgent = (0..<agents).map { agent in driver.instances.count { $0.agent.value == "a\(agent)" } }
    #expect(perAgent.reduce(0, +) == count)
    let racks = min(3, agents)
    let perRack = (0..<racks).map { rack in
      perAgent.enumerated().filter { $0.offset % 3 == rack }.map(\.element).reduce(0, +)
    }
    #expect((perRack.max() ?? 0) - (perRack.min() ?? 0) <= 1, "\(perRack)")
    for rack in 0..<racks {
      let here = perAgent.enumerated().filter { $0.offset % 3 == rack }.map(\.element)
      #expect((here.max() ?? 0) - (here.min() ?? 0) <= 1, "rack \(rack): \(here)")
    }
  }

  @Test func `an agent that goes down soon gets nothing`() throws {
    var driver = Driver()
    driver.declare(.web(2))
    #expect(try driver.offer(from: "a1", downIn: .seconds(600)).launched.isEmpty)
    #expect(try driver.core.explain("web", at: driver.now).findings.map(\.mismatch) == [.maintenance])
    #expect(try driver.offer(from: "a2", downIn: .seconds(7200)).launched.count == 2)
  }

  static let invalid: [(String, Demand)] = [
    ("a name with a dot", Demand("a.b", count: 1, resources: ["cpus": 1], command: .shell("x"))),
    ("no name", Demand("", count: 1, resources: ["cpus": 1], command: .shell("x"))),
    ("a long name", Demand(String(repeating: "x", count: 129), count: 1, resources: ["cpus": 1], command: .shell("x"))),
    ("a negative count", .web(-1)),
    ("no resources", .web(1, [:])),
    ("nothing of a resource", .web(1, ["cpus": 0])),
    ("half a port", .web(1, ["ports": 0.5])),
    ("no such role", .web(1) { $0.role = "other" }),
    ("a role that is none", .web(1) { $0.role = "a//b" }),
    ("neither command nor executor", Demand("x", count: 1, resources: ["cpus": 1], template: TaskInfo())),
    ("a task id in the template", .web(1) { $0.template.taskID.value = "mine" }),
    (
      "an executor's resources",
      .web(1) {
        $0.template.clearCommand()
        $0.template.executor.resources = (try? Resources.parse("cpus:1").messages) ?? []
      }
    ),
    ("none of no values", .web(1, constraints: [.isIn(.hostname, [])])),
    ("none per value", .web(1, constraints: [.maxPer(.hostname, 0)])),
    ("no attempts", .web(1) { $0.replacement = .onFailure(attemptsMax: 0) }),
    ("a rollout that may do nothing", .web(1) { $0.rollout = .init(unavailableMax: 0, surgeMax: 0) }),
    ("a batch without parallelism", .work(3, parallelism: 0)),
    ("negative completions", .work(-3, parallelism: 1)),
    ("too many", .web(1_000_000)),
    ("far too many", .web(.max)),
    (
      "a back-off that shrinks",
      .web(1) {
        $0.replacement = .always(Backoff(initial: .seconds(9), limit: .seconds(1)))
      }
    ),
  ]

  @Test(arguments: invalid.indices)
  func `a demand that cannot be is refused and changes nothing`(index: Int) throws {
    let (why, demand) = Self.invalid[index]
    var driver = Driver()
    driver.declare(.web(1))
    let before = driver.core.declared
    let directives = driver.feed(.declare(version: 2, [demand]))
    #expect(directives.notices.contains { if case .refused = $0 { true } else { false } }, "\(why)")
    #expect(driver.core.declared == before)
    #expect(driver.core.version == 1)
  }

  @Test func `two demands of one name, and an older version, are refused`() {
    var driver = Driver()
    func code(_ directives: [DemandCore.Directive]) -> DemandError.Code? {
      directives.notices.compactMap { if case .refused(let error) = $0 { error.code } else { nil } }.first
    }
    #expect(code(driver.declare(.web(1), .web(2))) == .duplicateName)
    driver.feed(.declare(version: 7, [.web(1)]))
    #expect(code(driver.feed(.declare(version: 6, [.web(2)]))) == .staleVersion)
    #expect(driver.core.declared.map(\.count) == [1])
  }

  @Test(arguments: [
    "web.0.0123abcd.0123456789abcdef", "a-b_C9.17.00000000.ffffffffffffffff",
  ])
  func `an instance's id is its task's`(text: String) throws {
    let id = try #require(InstanceID(TaskKey(text)))
    #expect(id.task.value == text)
  }

  @Test(arguments: [
    "", "web", "web.0.0123abcd", "web.x.0123abcd.0123456789abcdef", "web.-1.0123abcd.0123456789abcdef",
    "web.01.0123abcd.0123456789abcdef", "web.0.123abcd.0123456789abcdef", "web.0.0123ABCD.0123456789abcdef",
    "we b.0.0123abcd.0123456789abcdef", "web.0.0123abcd.0123456789abcdef.1", ".0.0123abcd.0123456789abcdef",
    "web.99999999999999999999.0123abcd.0123456789abcdef", "web.0.+123abcd.0123456789abcdef",
  ])
  func `another task's id is none`(text: String) {
    #expect(InstanceID(TaskKey(text)) == nil)
  }
}
