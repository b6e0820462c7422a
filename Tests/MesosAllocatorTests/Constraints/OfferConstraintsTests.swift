import MesosAllocator
import MesosModel
import SwiftProtobuf
import Testing

private let start = Moment(uptime: .zero, wallNanoseconds: 0)

private func constraints(_ groups: String...) throws -> OfferConstraints {
  let list = groups.map { #"{"attribute_constraints":["# + $0 + "]}" }.joined(separator: ",")
  return try OfferConstraints(jsonBytes: Array((#"{"role_constraints":{"eng":{"groups":["# + list + "]}}}").utf8))
}

private func rack(_ predicate: String) -> String {
  #"{"selector":{"attribute_name":"rack"},"predicate":{"# + predicate + "}}"
}

private func pseudo(_ type: String, _ predicate: String) -> String {
  #"{"selector":{"pseudoattribute_type":""# + type + #""},"predicate":{"# + predicate + "}}"
}

@Suite struct `Offer constraints` {
  private static func agent(_ attributes: String) throws -> AgentOptions {
    AgentOptions(
      total: try Resources.parse("cpus:4;mem:1024"), region: "east", zone: "east-1", hostname: "node-17",
      attributes: try Attributes.parse(attributes))
  }

  static let predicates = [
    #""exists":{}"#, #""not_exists":{}"#, #""text_equals":{"value":"r1"}"#, #""text_not_equals":{"value":"r1"}"#,
    #""text_matches":{"regex":"r[0-9]"}"#, #""text_not_matches":{"regex":"r[0-9]"}"#,
  ]

  /// For each predicate in turn, whether the agent is wanted.
  @Test(arguments: [
    ("rack:r1", "101010"), ("rack:r2", "100110"), ("rack:x", "100101"), ("", "010101"), ("rack:2.5", "101111"),
    ("rack:[1-2]", "101111"), ("rack:x;rack:r1", "100101"), ("Rack:r1", "010101"),
  ])
  func `a predicate holds as the protocol says`(attributes: String, expected: String) throws {
    let agent = try Self.agent(attributes)
    for (predicate, isWanted) in zip(Self.predicates, expected) {
      let filter = try OfferConstraintsFilter(constraints(rack(predicate)))
      #expect(filter.excludes(agent, role: "eng") == (isWanted == "0"), "\(predicate)")
      #expect(!filter.excludes(agent, role: "ops"))
    }
  }

  @Test(arguments: [
    ("HOSTNAME", "node-17", true), ("HOSTNAME", "node", false), ("REGION", "east", true), ("ZONE", "east-1", true),
    ("ZONE", "east", false),
  ])
  func `the host name, the region and the zone are like attributes`(type: String, text: String, isWanted: Bool) throws {
    let filter = try OfferConstraintsFilter(constraints(pseudo(type, #""text_equals":{"value":""# + text + #""}"#)))
    #expect(try filter.excludes(Self.agent(""), role: "eng") != isWanted)
    let exists = try OfferConstraintsFilter(constraints(pseudo(type, #""exists":{}"#)))
    let bare = AgentOptions(total: Resources())
    #expect(exists.excludes(bare, role: "eng") == (type != "HOSTNAME"))
  }

  @Test func `one group must hold, and of it all constraints`() throws {
    let filter = try OfferConstraintsFilter(
      constraints(
        pseudo("HOSTNAME", #""text_equals":{"value":"foo"}"#),
        rack(#""text_not_equals":{"value":"X"}"#) + "," + rack(#""text_not_equals":{"value":"Y"}"#)))
    #expect(try !filter.excludes(Self.agent("rack:Z"), role: "eng"))
    #expect(try filter.excludes(Self.agent("rack:Y"), role: "eng"))
    var foo = try Self.agent("rack:Y")
    foo.hostname = "foo"
    #expect(!filter.excludes(foo, role: "eng"))
  }

  @Test func `what has no meaning is refused in the words of Apache Mesos`() throws {
    func problem(_ json: String) throws -> String? {
      let constraints = try OfferConstraints(jsonBytes: Array(json.utf8))
      do {
        _ = try OfferConstraintsFilter(constraints)
        return nil
      } catch {
        #expect(error.code == .invalidConstraints)
        return error.message
      }
    }
    #expect(
      try problem(#"{"role_constraints":{"r":{"groups":[]}}}"#)
        == "'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role r")
    #expect(
      try problem(
        #"{"role_constraints":{"r":{"groups":[{"attribute_constraints":[{"selector":{"attribute_name":"x"},"predicate":{"text_matches":{"regex":"(a"}}}]}]}}}"#
      )
        == "A role r has an invalid 'AttributeConstraint': Failed to construct regex from pattern '(a': missing ): (a")
    #expect(
      try problem(
        #"{"role_constraints":{"r":{"groups":[{"attribute_constraints":[{"selector":{"attribute_name":"x"},"predicate":{"text_not_matches":{"regex":"a{100}"}}}]}]}}}"#
      )
        == "A role r has an invalid 'AttributeConstraint': Regex 'a{100}' is too complex: program size of 104 is larger "
        + "than maximum of 100 allowed")
  }

  @Test func `constraints take effect at once, and so does an agent that changes its attributes`() throws {
    var allocator = Allocator()
    try allocator.addAgent("S0", Self.agent("rack:r1"))
    try allocator.addAgent("S1", Self.agent("rack:r2"))
    let only = try OfferConstraintsFilter(constraints(rack(#""text_equals":{"value":"r2"}"#)))
    try allocator.addFramework("F1", FrameworkOptions(roles: ["eng"], constraints: only))
    func run(at seconds: Int = 0) -> [Allocation] {
      allocator.beginCycle(at: start.advanced(by: .seconds(seconds)))
      return allocator.finishCycle()
    }
    let first = run()
    #expect(first.map(\.agent) == ["S1"])
    try allocator.updateFramework("F1", FrameworkOptions(roles: ["eng"]))
    let second = run()
    #expect(second.map(\.agent) == ["S0"])
    let refused = try #require(second.first)
    try allocator.recover(
      framework: "F1", agent: "S0", resources: refused.resources, refusal: .seconds(1000), at: start)
    #expect(run().isEmpty)
    // Who refused the agent may have done so because of its attributes.
    try allocator.updateAgent("S0", Self.agent("rack:r2"))
    #expect(allocator.filtersInForce == 0)
    #expect(run().map(\.agent) == ["S0"])
    #expect(allocator.checkInvariants() == [])
  }
}

@Suite struct `Agents that lack capabilities or are hindered` {
  private static func offers(
    _ lacked: AgentOptions.Capabilities, _ capabilities: FrameworkOptions.Capabilities, role: String,
    total: String = "cpus:4"
  ) throws -> Int {
    var allocator = Allocator()
    try allocator.addAgent(
      "S0",
      AgentOptions(total: try Resources.parse(total), capabilities: AgentOptions.Capabilities.all.subtracting(lacked)))
    try allocator.addFramework("F1", FrameworkOptions(roles: [role], capabilities: capabilities))
    allocator.beginCycle(at: start)
    return allocator.finishCycle().count
  }

  @Test func `an agent that does not know several roles is for frameworks that do not either`() throws {
    #expect(try Self.offers(.multiRole, .multiRole, role: "a") == 0)
    #expect(try Self.offers(.multiRole, [], role: "a") == 1)
    #expect(try Self.offers([], .multiRole, role: "a") == 1)
  }

  @Test func `an agent that does not know roles below others is for the other roles`() throws {
    #expect(try Self.offers(.hierarchicalRole, .multiRole, role: "a/b") == 0)
    #expect(try Self.offers(.hierarchicalRole, .multiRole, role: "a") == 1)
  }

  @Test func `an agent is offered when nothing hinders it any more`() throws {
    var allocator = Allocator()
    try allocator.addAgent("S0", AgentOptions(total: try Resources.parse("cpus:4")))
    try allocator.setAgent("S0", hindrances: [.draining, .deactivated])
    try allocator.addFramework("F1", FrameworkOptions(roles: ["a"]))
    func run() -> Int {
      allocator.beginCycle(at: start)
      return allocator.finishCycle().count
    }
    #expect(run() == 0)
    try allocator.setAgent("S0", active: false)
    #expect(allocator.hindrances(of: "S0") == [.draining, .deactivated, .disconnected])
    try allocator.setAgent("S0", active: true)
    #expect(run() == 0)
    try allocator.setAgent("S0", hindrances: .deactivated)
    #expect(run() == 0)
    try allocator.setAgent("S0", hindrances: [])
    #expect(run() == 1)
    #expect(allocator.hindrances(of: "S9") == nil)
    #expect(throws: AllocationError.self) { try allocator.setAgent("S9", hindrances: []) }
    #expect(throws: AllocationError.self) { try allocator.updateAgent("S9", AgentOptions(total: Resources())) }
  }
}
