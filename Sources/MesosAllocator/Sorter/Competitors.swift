import MesosModel

/// A role: a node of the tree in which siblings compete, and inside it the frameworks that compete in the role itself.
struct RoleNode: Sendable {
  let path: String
  let parent: Int?
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
  /// How many clients and child nodes refer to the node; it goes when there are none.
  var references = 0
  /// Child nodes with eligible frameworks, and as ``RoleNode/itself`` the frameworks of the role itself where it has such.
  var children = FairOrder()
  /// The eligible frameworks of the role itself.
  var clients = FairOrder()
  /// For which totals the two orders were computed.
  var epoch: Int

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
  var minimum: [ResourceQuantities]?
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

struct Agent: Sendable {
  let id: AgentKey
  /// Ascending in the order in which agents were added.
  let sequence: Int
  let region: String?
  var total: Resources
  var totalAmounts: AmountVector
  var isActive = true
  var isDirty = false
  /// What each framework has, with the roles it has it in, in ascending order of framework ids.
  var holders: [(framework: Int, resources: Resources)] = []
  /// The sum of the holders' resources, without roles.
  var allocated = Resources()
  var available: Resources
  /// By client.
  var filters: [Int: [OfferFilter]] = [:]
  /// Whether everybody may be offered everything of it.
  var isPlain = true
  var hasGPUs = false

  func resources(of framework: Int) -> Resources {
    holders.first { $0.framework == framework }?.resources ?? Resources()
  }

  /// Computes what follows from ``total`` and ``allocated``.
  mutating func refresh() {
    if total.entries.contains(where: \.isShared) {
      // A shared resource is there for everybody, however many have it.
      available = total.nonShared - allocated.nonShared + total.shared
    } else {
      available = total - allocated
    }
  }

  mutating func classify() {
    isPlain = total.entries.allSatisfy { !$0.isReserved && !$0.isRevocable && !$0.isShared }
    hasGPUs = total.entries.contains { $0.name == "gpus" }
  }
}
