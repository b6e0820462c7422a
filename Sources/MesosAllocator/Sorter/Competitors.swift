import MesosModel

/// A role: a node of the tree in which siblings compete, and inside it the frameworks that compete in the role itself.
struct RoleNode: Sendable {
  let path: String
  let parent: Int?
  /// Whether the role is below another.
  let isNested: Bool
  var weight: Double
  /// What is allocated to frameworks in this very role.
  var own = AmountVector()
  var ownCount = 0
  /// The same with all roles below.
  var subtree = AmountVector()
  var subtreeCount = 0
  /// Frameworks of this very role, and of it and all roles below, that can be offered something.
  var eligible = 0
  var subtreeEligible = 0
  /// How many clients, child nodes, reservations on agents and quotas refer to the node; it goes when there are none.
  var references = 0
  /// Child nodes with eligible frameworks, and as ``RoleNode/itself`` the frameworks of the role itself where it has such.
  var children = FairOrder()
  /// The eligible frameworks of the role itself.
  var clients = FairOrder()
  /// For which totals the two orders were computed.
  var epoch: Int
  /// What the role and all roles below it are charged with.
  var consumed = AmountVector()
  /// The role's own quota, nil when it has none.
  var quota: QuotaVectors?
  /// How many quotas there are in the role and below it.
  var quotaCount = 0
  /// What has to be held back for the roles just below, and for this role with all below it.
  var requiredBelow = AmountVector()
  var required = AmountVector()
  /// Whether the role's own limits leave less of something than the least that an offer contains.
  var isExhausted = false

  init(path: String, parent: Int?, weight: Double, epoch: Int) {
    self.path = path
    self.parent = parent
    isNested = RoleName.isNested(path)
    self.weight = weight
    self.epoch = epoch
  }

  /// Stands for the node's own frameworks among its children.
  static let itself = -1
}

/// A framework in one role.
struct Client: Sendable {
  let framework: Int
  let role: Int
  /// Whether the framework is subscribed to the role; if not, it only still has resources in it.
  var isSubscribed = false
  var isSuppressed = false
  var isEligible = false
  var allocation = AmountVector()
  var count = 0
  /// On how many agents something is allocated to it.
  var holdings = 0
  /// The agents for which it has filters.
  var filteredAgents: Set<Int> = []
  var minimumQuantities: [ResourceQuantities]?
  /// The same as numbers; nil for those of the configuration.
  var minimum: [AmountVector]?
  /// Which agents it wants, nil for all.
  var constraints: RoleConstraints?
}

struct Framework: Sendable {
  let id: FrameworkKey
  /// Whether it was added; one that only has resources on agents is known but not added.
  var isAdded = false
  var isActive = false
  var capabilities: FrameworkOptions.Capabilities = []
  /// Its clients by role, in ascending order of role names.
  var clients: [(role: String, client: Int)] = []

  func client(in role: String) -> Int? { clients.first { $0.role == role }?.client }
}

/// What a framework refused of an agent, and until when.
struct OfferFilter: Sendable, Equatable {
  let resources: Resources
  let until: Duration
}

/// What an operator plans for an agent, and who was asked to leave it.
struct Maintenance: Sendable {
  let unavailability: PlannedUnavailability
  /// The frameworks that were asked and did not answer yet.
  var asked: Set<Int> = []
  /// Until when frameworks do not want to be asked again.
  var refusals: [Int: Duration] = [:]
}

/// What a framework has on an agent.
struct Holder: Sendable {
  let framework: Int
  var resources: Resources

  func has(_ role: String) -> Bool { resources.entries.contains { $0.allocationRole == role } }
}

/// Who was given something of an agent last, and with which cycle.
struct Winner: Sendable {
  let framework: FrameworkKey
  let role: String
  let cycle: Int
}

struct Agent: Sendable {
  let id: AgentKey
  /// Ascending in the order in which agents were added.
  let sequence: Int
  var traits: AgentTraits
  var capabilities: AgentOptions.Capabilities
  var total: Resources
  var totalAmounts: AmountVector
  var hindrances: AgentHindrances = []
  var isWhitelisted = true
  var isDirty = false
  /// What each framework has, with the roles it has it in, in ascending order of framework ids.
  var holders: [Holder] = []
  var available: Resources
  /// Whether more is allocated than there is, so that ``available`` has to be computed from its parts.
  var isOverallocated = false
  /// By client.
  var filters: [Int: [OfferFilter]] = [:]
  /// Whether everybody may be offered everything of it.
  var isPlain = true
  var hasShared = false
  var hasGPUs = false
  var ledger = Ledger()
  var maintenance: Maintenance?
  var winner: Winner?

  init(id: AgentKey, sequence: Int, _ options: AgentOptions, amounts: AmountVector) {
    self.id = id
    self.sequence = sequence
    traits = AgentTraits(options)
    capabilities = options.capabilities
    total = options.total.unallocated
    totalAmounts = amounts
    available = total
    classify()
  }

  func position(of framework: Int) -> Int? { holders.firstIndex { $0.framework == framework } }

  func resources(of framework: Int) -> Resources {
    position(of: framework).map { holders[$0].resources } ?? Resources()
  }

  /// Computes what is available from what there is and what is allocated.
  mutating func refresh() {
    var allocated = Resources()
    for holder in holders { allocated += holder.resources.unallocated }
    if hasShared {
      // A shared resource is there for everybody, however many have it.
      available = total.nonShared - allocated.nonShared + total.shared
      isOverallocated = !total.nonShared.contains(allocated.nonShared)
    } else {
      available = total - allocated
      isOverallocated = !total.contains(allocated)
    }
  }

  mutating func classify() {
    isPlain = total.entries.allSatisfy { !$0.isReserved && !$0.isRevocable && !$0.isShared }
    hasShared = total.entries.contains(where: \.isShared)
    hasGPUs = total.entries.contains { $0.name == "gpus" }
  }
}
