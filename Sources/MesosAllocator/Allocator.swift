internal import HeapModule
public import MesosModel

/// Decides which framework is offered which agent's resources: hierarchical dominant resource fairness.
///
/// **Intuition.** Frameworks want different mixtures of cpus, memory and more, so no single resource can be shared out evenly. What each
/// holds most of, as a fraction of the cluster, is its *dominant share*; whoever has the smallest is served next. Nobody can then gain
/// by asking for more than they need, and nobody is worse off than with an equal slice of the cluster (Ghodsi et al., *Dominant
/// Resource Fairness*, NSDI 2011, sections 3 and 4). Roles form a tree: siblings compete with the shares of their subtrees divided by
/// their weights, and in a role its frameworks compete among themselves. The frameworks of a role that has roles below it compete with
/// those roles as one sibling of weight 1.
///
/// **A cycle** visits each agent where something changed, in the order in which the agents were added. The whole rest of an agent goes
/// to the first framework in fair order that may have it; what it may not have (because it is reserved elsewhere, revocable, shared,
/// refined) goes on to the next. The order is the one at the beginning of the agent's turn. Ties are broken by the number of allocations
/// made so far, then by name, so equal competitors take turns even when they decline everything.
///
/// **May have** means: active, subscribed, not suppressed; the offer constraints hold and no capability is missing; unreserved resources and those reserved to the role or above it, the former
/// within the quotas; at least the minimum worth offering; no filter left by a refusal whose resources contain these.
///
/// **Quotas** make two stages of a cycle. The first gives roles what brings their guarantees nearer, the second everybody what is left,
/// without what has to be held back for guarantees that are not met yet, and nobody ever more than the limits of the role and of the
/// roles above it. What a role is charged with, what is held back and how much a role may have are those of `QuotaCharge` and
/// `QuotaHeadroom` in the model, kept here up to date with each change. Roles at any depth may have a quota; scalars alone count.
///
/// **Invariants** (`checkInvariants()`): what is available on an agent is its total without what is allocated; what a framework holds
/// in a role is the sum over the agents, a role's holdings are the sum over its frameworks and the roles below; each order is sorted
/// and holds exactly the competitors that can be offered something.
///
/// **Work follows change.** An agent that was visited is not looked at again until it gains something, a filter on it expires or a
/// framework begins to want offers; one on which quotas held something back, not until there is more surplus than then or a role with a
/// quota consumes less. Shares are kept up to date with each change instead of being computed for each sort. A cycle runs in
/// slices with the same outcome however it is cut, as long as nothing else happens in between.
///
/// **Where this is not Apache Mesos.** Apache Mesos visits agents in random order; here order and outcome follow from the calls alone.
/// It goes over all agents each second; here a cycle is due when ``needsCycle`` says so or at ``nextExpiry()``. Its quotas are for roles
/// at the top. It does not count reservations nobody uses as held, and neither does this.
///
/// No clock, no chance and no I/O: time comes as an argument, and equal calls give equal answers in every process.
public struct Allocator: Sendable {
  /// What holds for all of the cluster, for as long as the allocator lives.
  public struct Configuration: Hashable, Sendable {
    /// What an offer must at least contain, any one of the list; an empty list admits everything.
    public var minimumAllocatable: [ResourceQuantities]
    /// Resources whose names are here do not count in shares.
    public var excludedFromFairness: Set<String>
    /// Whether agents with GPUs are only offered to frameworks that say they can deal with them.
    public var filtersGPUs: Bool
    /// The region of the master; agents of another are offered only to frameworks that are region aware.
    public var region: String?
    /// How sibling roles are put in order.
    public var roleOrder: CompetitorOrder
    /// How the frameworks of one role are put in order.
    public var frameworkOrder: CompetitorOrder
    /// What random orders follow from; equal seeds and calls give equal offers.
    public var seed: UInt64
    /// Which part of the agents known before a failover must be back before anything is offered, see
    /// ``Allocator/beginRecovery(agents:at:)``.
    public var recoveryFactor: Double
    /// How long to wait for them at most.
    public var recoveryTimeout: Duration
    /// How long a refusal lasts at least, but for one that gives no time at all: the time between two allocation cycles, so that the
    /// next cycle leaves the refused resources to others.
    /// - Source: Apache Mesos, `hierarchical.cpp`, `recoverResources`; MESOS-4302.
    public var refusalMin: Duration

    /// The defaults of Apache Mesos: `cpus:0.01` or `mem:32`, nothing excluded, GPUs filtered, an allocation interval of 1 s, the
    /// fair order for roles and frameworks, and after a failover four fifths of the agents or ten minutes.
    public init(
      minimumAllocatable: [ResourceQuantities] = [
        ResourceQuantities([(name: "cpus", amount: 0.01)]), ResourceQuantities([(name: "mem", amount: 32)]),
      ],
      excludedFromFairness: Set<String> = [], filtersGPUs: Bool = true, region: String? = nil,
      refusalMin: Duration = .seconds(1), roleOrder: CompetitorOrder = .fair, frameworkOrder: CompetitorOrder = .fair,
      seed: UInt64 = 0, recoveryFactor: Double = 0.8, recoveryTimeout: Duration = .seconds(600)
    ) {
      self.minimumAllocatable = minimumAllocatable
      self.excludedFromFairness = excludedFromFairness
      self.filtersGPUs = filtersGPUs
      self.region = region
      self.refusalMin = refusalMin
      self.roleOrder = roleOrder
      self.frameworkOrder = frameworkOrder
      self.seed = seed
      self.recoveryFactor = recoveryFactor
      self.recoveryTimeout = recoveryTimeout
    }
  }

  /// As it was given.
  public let configuration: Configuration

  // Interned names; the dictionaries are only for looking up.
  var agents = Slots(
    blank: Agent(id: "", sequence: 0, AgentOptions(total: Resources()), amounts: AmountVector()))
  var frameworks = Slots(blank: Framework(id: ""))
  var clients = Slots(blank: Client(framework: -1, role: -1))
  var roles = Slots(blank: RoleNode(path: "", parent: nil, weight: 1, epoch: 0))
  var agentNumbers: [AgentKey: Int] = [:]
  var frameworkNumbers: [FrameworkKey: Int] = [:]
  var roleNumbers: [String: Int] = [:]
  var weights: [String: Double] = [:]
  let root: Int
  /// What ties are broken by: by client the id of its framework, by role its path.
  var clientNames: [String] = []
  var roleNames: [String] = []

  /// Names of resources; their positions index amount vectors.
  var names: [String] = []
  var isExcluded: [Bool] = []
  var totals = AmountVector()
  /// Counts the changes of the totals: orders computed for other totals are stale.
  var epoch = 0
  var lastSequence = 0
  /// The configuration's minimum.
  var minimum: [AmountVector] = []
  /// How many clients have a minimum of their own.
  var ownMinimumCount = 0

  /// Agents that changed since they were last visited, some of them more than once or no longer there.
  var dirty: [Int] = []
  var isAllDirty = false
  var cycle: Cycle?
  /// The number of the last cycle that was begun, from 1 on, and when that was.
  var cycleNumber = 0
  var cycleTime: Duration?
  var allocationCount = 0
  var inverseAllocationCount = 0

  var expiries = Heap<FilterExpiry>()
  var filterCount = 0

  var quotas = QuotaTree()
  var quotaCount = 0
  /// What is neither reserved, nor allocated, nor revocable, over all agents.
  var openAmounts = AmountVector()
  /// Agents on which something was held back because of quotas.
  var heldBack: Set<Int> = []
  /// The smallest surplus that something was held back at: while there is no more, the same would be held back again.
  var heldSurplus = AmountVector()
  /// Whether a role that quotas are about consumes less than when something was held back.
  var isLoosened = false

  /// The host names that may be offered, nil for all.
  var whitelist: Set<String>?
  var recovery: Recovery?
  /// Agents with maintenance planned.
  var maintained: Set<Int> = []
  var isMaintenanceDirty = false
  var generator: SortGenerator

  /// An allocator of an empty cluster.
  public init(configuration: Configuration = Configuration()) {
    self.configuration = configuration
    generator = SortGenerator(seed: configuration.seed)
    root = roles.insert(RoleNode(path: "", parent: nil, weight: 1, epoch: 0))
    roleNames = [""]
    minimum = configuration.minimumAllocatable.map { vector($0) }
  }

  /// Gives `role`, and with it everything below, `weight` times the claim that it would have; 1 is the default.
  /// - Throws: `AllocationError` with code `.invalidRole` or `.invalidWeight`.
  public mutating func setWeight(role: String, _ weight: Double) throws(AllocationError) {
    try Allocator.validate(role: role)
    guard weight > 0, weight.isFinite else {
      throw AllocationError(.invalidWeight, "The weight \(weight) of role '\(role)' is not a positive number")
    }
    weights[role] = weight == 1 ? nil : weight
    guard let node = roleNumbers[role] else { return }
    roles[node].weight = weight
    if let parent = roles[node].parent { roles[parent].epoch = -1 }
  }

  // MARK: Numbers for names

  static func validate(role: String) throws(AllocationError) {
    do { try RoleName.validate(role) } catch { throw AllocationError(.invalidRole, error.message) }
  }

  func number(of agent: AgentKey) throws(AllocationError) -> Int {
    guard let number = agentNumbers[agent] else { throw AllocationError(.unknownAgent, "Agent \(agent) is not known") }
    return number
  }

  func number(of framework: FrameworkKey) throws(AllocationError) -> Int {
    guard let number = frameworkNumbers[framework] else {
      throw AllocationError(.unknownFramework, "Framework \(framework) is not known")
    }
    return number
  }

  func number(ofAdded framework: FrameworkKey) throws(AllocationError) -> Int {
    let number = try number(of: framework)
    guard frameworks[number].isAdded else {
      throw AllocationError(.unknownFramework, "Framework \(framework) is not known")
    }
    return number
  }

  mutating func makeFramework(_ id: FrameworkKey) -> Int {
    if let number = frameworkNumbers[id] { return number }
    let number = frameworks.insert(Framework(id: id))
    frameworkNumbers[id] = number
    return number
  }

  mutating func makeClient(_ framework: Int, in role: String) -> Int {
    if let client = frameworks[framework].client(in: role) { return client }
    let node = makeRole(role)
    roles[node].references += 1
    let client = clients.insert(Client(framework: framework, role: node))
    Allocator.set(frameworks[framework].id.value, at: client, of: &clientNames)
    let position = frameworks[framework].clients.firstIndex { $0.role > role } ?? frameworks[framework].clients.count
    frameworks[framework].clients.insert((role, client), at: position)
    return client
  }

  /// Forgets a client that is no longer of use, and what was there only for it.
  mutating func pruneClient(_ client: Int) {
    guard !clients[client].isSubscribed, clients[client].holdings == 0 else { return }
    removeFilters(ofClient: client)
    if clients[client].minimum != nil { ownMinimumCount -= 1 }
    let (framework, role) = (clients[client].framework, clients[client].role)
    clients.remove(client)
    frameworks[framework].clients.removeAll { $0.client == client }
    release(role: role)
    pruneFramework(framework)
  }

  mutating func pruneFramework(_ framework: Int) {
    guard !frameworks[framework].isAdded, frameworks[framework].clients.isEmpty else { return }
    frameworkNumbers[frameworks[framework].id] = nil
    frameworks.remove(framework)
  }

  mutating func makeRole(_ path: String) -> Int {
    if let number = roleNumbers[path] { return number }
    let parent = path.lastIndex(of: "/").map { makeRole(String(path[..<$0])) } ?? root
    roles[parent].references += 1
    let number = roles.insert(RoleNode(path: path, parent: parent, weight: weights[path] ?? 1, epoch: epoch))
    Allocator.set(path, at: number, of: &roleNames)
    roleNumbers[path] = number
    return number
  }

  mutating func release(role: Int) {
    roles[role].references -= 1
    prune(role: role)
  }

  /// Forgets a role that nothing refers to.
  mutating func prune(role: Int) {
    guard roles[role].references == 0, let parent = roles[role].parent else { return }
    roleNumbers[roles[role].path] = nil
    roles.remove(role)
    release(role: parent)
  }

  private static func set(_ name: String, at number: Int, of names: inout [String]) {
    while names.count <= number { names.append("") }
    names[number] = name
  }

  func nameNumber(_ name: String) -> Int? { names.firstIndex(of: name) }

  mutating func number(ofName name: String) -> Int {
    if let index = names.firstIndex(of: name) { return index }
    names.append(name)
    isExcluded.append(configuration.excludedFromFairness.contains(name))
    return names.count - 1
  }

  mutating func vector(_ quantities: ResourceQuantities) -> AmountVector {
    var vector = AmountVector()
    for quantity in quantities.quantities {
      vector.add(quantity.amount.thousandths, at: number(ofName: quantity.name))
    }
    return vector
  }

  /// The scalars by name, whatever their reservation, disk and so on.
  mutating func vector(_ resources: Resources) -> AmountVector {
    var vector = AmountVector()
    // By position: an entry is large, and copying it counts references.
    for position in resources.entries.indices {
      guard case .scalar(let amount) = resources.entries[position].amount else { continue }
      vector.add(amount.thousandths, at: number(ofName: resources.entries[position].name))
    }
    return vector
  }

  func quantities(_ amounts: AmountVector) -> ResourceQuantities {
    ResourceQuantities(names.indices.lazy.map { (name: names[$0], amount: Scalar(thousandths: amounts[$0])) })
  }
}
