import MesosAllocator
import MesosModel
import MesosTestKit
import SwiftProtobuf

/// A random cluster, kept twice: by the allocator and by the naive one.
struct RandomCluster {
  var real: Allocator
  var naive: NaiveAllocator
  var now = Moment(uptime: .zero, wallNanoseconds: 0)
  var rng: SplitMix64
  var nextAgent = 0
  var nextFramework = 0
  var hasQuotas = false

  static let roleNames = ["*", "a", "a/b", "a/b/c", "a/d", "e"]

  init(seed: UInt64) {
    rng = SplitMix64(seed: seed)
    let configuration = Allocator.Configuration(
      minimumAllocatable: Bool.random(using: &rng)
        ? Allocator.Configuration().minimumAllocatable : [ResourceQuantities([(name: "cpus", amount: 1)])],
      excludedFromFairness: Bool.random(using: &rng) ? [] : ["disk"], filtersGPUs: Bool.random(using: &rng),
      region: Bool.random(using: &rng) ? "east" : nil)
    real = Allocator(configuration: configuration)
    naive = NaiveAllocator(configuration: configuration)
    hasQuotas = seed % 4 != 0
  }

  mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int.random(in: 0..<elements.count, using: &rng)]
  }

  mutating func chance(_ one: Int, in all: Int) -> Bool { Int.random(in: 0..<all, using: &rng) < one }

  mutating func randomTotal() throws -> Resources {
    let ports = chance(1, in: 2) ? ";ports:[31000-31003]" : ""
    let text = "cpus:\(Int.random(in: 0...4, using: &rng));mem:\(pick([0, 16, 64, 128]));disk:\(pick([0, 100]))" + ports
    var total = try Resources.parse(text)
    if chance(1, in: 3) { total += try Resources.parse("cpus(\(pick(["a", "a/b", "e"]))):2") }
    if chance(1, in: 6) { total += try Resources.parse("gpus:1") }
    if chance(1, in: 4) {
      var cpus = Resource()
      cpus.name = "cpus"
      cpus.type = .scalar
      cpus.scalar.value = 1.5
      cpus.revocable = Resource.RevocableInfo()
      total += try Resources([cpus])
    }
    if chance(1, in: 5) { total += try refined(chance(1, in: 2)) }
    return total
  }

  /// A refined reservation, or a shared volume in one.
  func refined(_ isShared: Bool) throws -> Resources {
    var disk = Resource()
    disk.name = "disk"
    disk.type = .scalar
    disk.scalar.value = 8
    disk.reservations = ["a", "a/b"].map { role in
      var info = Resource.ReservationInfo()
      info.type = .dynamic
      info.role = role
      return info
    }
    if isShared {
      disk.reservations = Array(disk.reservations.prefix(1))
      disk.disk.persistence.id = "v"
      disk.disk.volume.containerPath = "v"
      disk.disk.volume.mode = .rw
      disk.shared = Resource.SharedInfo()
    }
    return try Resources([disk])
  }

  mutating func randomAgent() throws -> AgentOptions {
    var options = AgentOptions(total: try randomTotal(), region: chance(1, in: 4) ? "west" : "east")
    options.hostname = pick(["h1", "h2", "h3"])
    if chance(1, in: 3) { options.region = nil }
    options.zone = options.region == nil ? nil : pick(["z1", "z2"])
    options.attributes = try Attributes.parse(
      pick(["", "rack:r1", "rack:r2", "rack:2.5", "rack:[1-3];os:a", "os:b;os:a"]))
    if chance(1, in: 5) {
      options.capabilities = AgentOptions.Capabilities(rawValue: Int.random(in: 0..<8, using: &rng))
    }
    return options
  }

  mutating func randomConstraints(_ roles: [String]) -> OfferConstraints {
    var constraints = OfferConstraints()
    for role in roles where chance(1, in: 3) {
      var groups: [OfferConstraints.RoleConstraints.Group] = []
      for _ in 0..<pick([1, 1, 2]) {
        var group = OfferConstraints.RoleConstraints.Group()
        for _ in 0..<pick([1, 1, 2]) { group.attributeConstraints.append(randomConstraint()) }
        groups.append(group)
      }
      constraints.roleConstraints[role] = .with { $0.groups = groups }
    }
    return constraints
  }

  private mutating func randomConstraint() -> AttributeConstraint {
    let text = pick(["r1", "r2", "a", "b", "h1", "h2", "z1", "east"])
    let regex = pick(["r.", "[ab]", "h[12]|z1", "(?:e|w).*st", ".*"])
    let predicate: AttributeConstraint.Predicate.OneOf_Predicate = pick([
      .exists(.init()), .notExists(.init()), .textEquals(.with { $0.value = text }),
      .textNotEquals(.with { $0.value = text }), .textMatches(.with { $0.regex = regex }),
      .textNotMatches(.with { $0.regex = regex }),
    ])
    let selector: AttributeConstraint.Selector.OneOf_Selector = pick([
      .pseudoattributeType(.hostname), .pseudoattributeType(.region), .pseudoattributeType(.zone),
      .attributeName("rack"), .attributeName("rack"), .attributeName("os"),
    ])
    return .with {
      $0.selector.selector = selector
      $0.predicate.predicate = predicate
    }
  }

  /// Options with constraints, and the constraints as a message.
  mutating func randomFramework() throws -> (FrameworkOptions, OfferConstraints) {
    var options = randomOptions()
    let constraints = chance(1, in: 2) ? randomConstraints(options.roles) : OfferConstraints()
    options.constraints = try OfferConstraintsFilter(constraints)
    return (options, constraints)
  }

  mutating func randomOptions() -> FrameworkOptions {
    let roles = RandomCluster.roleNames.filter { _ in chance(2, in: 5) }
    var options = FrameworkOptions(roles: roles, suppressedRoles: roles.filter { _ in chance(1, in: 6) })
    options.isActive = !chance(1, in: 8)
    options.capabilities = FrameworkOptions.Capabilities(rawValue: Int.random(in: 0..<64, using: &rng))
    if chance(1, in: 4), let role = roles.first {
      options.minimumAllocatable[role] = [ResourceQuantities([(name: "mem", amount: 64)])]
    }
    return options
  }

  /// One random change of both; what the naive one says is legal, the real one must accept.
  mutating func change() throws {
    try changeBoth()
    naive.forget()
  }

  /// A quota that agrees with itself, whatever the others say.
  mutating func randomQuota() -> Quota {
    var quota = Quota()
    for name in ["cpus", "mem", "disk"] {
      let guaranteed = chance(1, in: 2) ? Scalar(thousandths: pick([500, 2000, 5000, 64000])) : .zero
      if chance(2, in: 3) { quota.guarantees.add(guaranteed, of: name) }
      if chance(1, in: 2) { quota.limits[name] = guaranteed + Scalar(thousandths: pick([0, 1500, 100_000])) }
    }
    return quota
  }

  private mutating func changeBoth() throws {
    let framework = naive.frameworks.isEmpty ? nil : pick(naive.frameworks.keys.sorted())
    let agent = naive.agents.isEmpty ? nil : pick(naive.agents.map(\.id))
    switch Int.random(in: 0..<17, using: &rng) {
    case 0 where naive.agents.count < 6:
      nextAgent += 1
      let id = AgentKey("S\(nextAgent)")
      let options = try randomAgent()
      var used: [FrameworkKey: Resources] = [:]
      if chance(1, in: 3) {
        used[framework ?? "F9"] = try Resources.parse("cpus:1;mem:8").allocated(to: pick(RandomCluster.roleNames))
      }
      try real.addAgent(id, options, used: used)
      naive.agents.append(NaiveAllocator.Agent(id: id, options: options, used: used))
    case 1 where naive.frameworks.count < 5:
      nextFramework += 1
      let id = FrameworkKey("F\(nextFramework)")
      let (options, constraints) = try randomFramework()
      try real.addFramework(id, options)
      naive.setFramework(id, options, constraints)
    case 2:
      guard let framework else { return }
      let (options, constraints) = try randomFramework()
      try real.updateFramework(framework, options)
      naive.setFramework(framework, options, constraints)
    case 3 where chance(1, in: 4):
      guard let framework else { return }
      try real.removeFramework(framework)
      naive.removeFramework(framework)
    case 4 where chance(1, in: 4):
      guard let agent else { return }
      try real.removeAgent(agent)
      naive.removeAgent(agent)
    case 5:
      guard let agent, let index = naive.agents.firstIndex(where: { $0.id == agent }) else { return }
      switch Int.random(in: 0..<3, using: &rng) {
      case 0:
        let total = try randomTotal()
        try real.updateAgent(agent, total: total)
        naive.agents[index].total = total
      case 1:
        let options = try randomAgent()
        try real.updateAgent(agent, options)
        naive.updateAgent(agent, options)
      default:
        let hindrances = chance(1, in: 2) ? [] : AgentHindrances(rawValue: Int.random(in: 0..<8, using: &rng))
        try real.setAgent(agent, hindrances: hindrances)
        naive.agents[index].hindrances = hindrances
      }
    case 6:
      guard let framework else { return }
      let isActive = Bool.random(using: &rng)
      try real.setFramework(framework, active: isActive)
      naive.setFramework(framework, active: isActive)
    case 7:
      guard let framework, let all = naive.frameworks[framework]?.roles else { return }
      let roles = chance(1, in: 2) ? [] : all.filter { _ in chance(1, in: 2) }
      let effective = roles.isEmpty ? all : roles
      if chance(1, in: 3) {
        try real.suppress(framework: framework, roles: roles)
        naive.suppress(framework, effective)
      } else {
        try real.revive(framework: framework, roles: roles)
        naive.revive(framework, effective)
      }
    case 8:
      let (role, weight) = (pick(RandomCluster.roleNames), pick([0.5, 1.0, 3.0]))
      try real.setWeight(role: role, weight)
      naive.weights[role] = weight
    case 10 where hasQuotas:
      let role = pick(RandomCluster.roleNames)
      let quota = chance(1, in: 4) ? Quota.none : randomQuota()
      try real.setQuota(role: role, quota)
      naive.quotas[role] = quota
    case 11 where chance(1, in: 3):
      let whitelist: Set<String>? = chance(1, in: 2) ? nil : Set(["h1", "h2", "h3"].filter { _ in chance(2, in: 3) })
      real.setWhitelist(whitelist)
      naive.whitelist = whitelist
    case 9:
      now = now.advanced(by: .seconds(pick([1, 2, 5, 30])))
    default:
      try recoverSomething()
    }
  }

  mutating func recoverSomething() throws {
    let held = naive.agents.flatMap { agent in
      agent.used.sorted { $0.key < $1.key }.map { (agent.id, $0.key, $0.value) }
    }
    guard !held.isEmpty else { return }
    let (agent, framework, all) = pick(held)
    if chance(1, in: 5), try convertSomething(framework, agent, all) { return }
    var part = all
    if chance(1, in: 3) { part = all.filter { _ in chance(1, in: 2) } }
    guard !part.isEmpty else { return }
    let refusal: Duration? = pick([
      nil, .zero, .seconds(-1), .milliseconds(1), .seconds(3), .seconds(60), .seconds(1 << 40),
    ])
    try real.recover(framework: framework, agent: agent, resources: part, refusal: refusal, at: now)
    naive.recover(framework, agent, part, refusal, now.uptime)
  }

  /// Reserves what is unreserved, as far as the agent really has it.
  mutating func convertSomething(_ framework: FrameworkKey, _ agent: AgentKey, _ all: Resources) throws -> Bool {
    let part = all.filter { !$0.isReserved && !$0.isRevocable && $0.name == "cpus" && $0.allocationRole != "*" }
    let total = naive.agents.first { $0.id == agent }?.total ?? Resources()
    guard let entry = part.entries.first, total.contains(part.unallocated), part.entries.count == 1 else {
      return false
    }
    var message = entry.message()
    var reservation = Resource.ReservationInfo()
    reservation.type = .dynamic
    reservation.role = entry.allocationRole ?? ""
    message.reservations = [reservation]
    let to = try Resources([message])
    try real.updateAllocation(framework: framework, agent: agent, from: part, to: to)
    naive.convert(framework, agent, from: part, to: to)
    return true
  }
}
