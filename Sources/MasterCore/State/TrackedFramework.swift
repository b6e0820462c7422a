import MesosAllocator
import MesosModel

/// A framework that is not completed.
struct TrackedFramework: Sendable {
  enum Link: Hashable, Sendable {
    /// Known from agents alone since this master started.
    case recovered
    case connected(SchedulerConnection)
    case disconnected
  }

  var id: FrameworkKey
  var info: FrameworkInfo
  /// ``info``, encoded once.
  var encodedInfo: [UInt8]
  /// Sorted, each once.
  var roles: [String]
  var suppressedRoles: Set<String>
  /// As they were given, and made ready for the allocator.
  var constraints = OfferConstraints()
  var constraintsFilter = OfferConstraintsFilter()
  var link: Link
  var registeredTime: TimeInfo
  var reregisteredTime: TimeInfo
  var unregisteredTime: TimeInfo?
  /// Grows with each subscription, so that an old failover deadline is told from a new one.
  var subscription: UInt64 = 0

  var tasks: Set<TaskKey> = []
  var executors: Set<ExecutorName> = []
  var offers: Set<OfferKey> = []
  var inverseOffers: Set<OfferKey> = []
  var unreachableTasks = History<TaskKey, UnreachableTask>()
  var completedTasks = History<TaskKey, Void>()
  /// What its tasks and executors use. Only scalars add up over agents: of ranges and sets that several agents have alike, such
  /// as ports, one that is given back takes the others with it here, as in Apache Mesos.
  var allocated = Resources()
  var offered = Resources()
  /// Whether readers are to be told its status at the end of the present event.
  var isTouched = false
  /// For its metrics.
  var counts = FrameworkCounts()

  init(id: FrameworkKey, info: FrameworkInfo, suppressedRoles: Set<String>, link: Link, at now: Moment) {
    self.id = id
    self.info = info
    self.suppressedRoles = suppressedRoles
    self.link = link
    encodedInfo = MessageBytes.encoded(info)
    roles = info.subscribedRoles
    registeredTime = now.timeInfo
    reregisteredTime = now.timeInfo
  }

  var connection: SchedulerConnection? {
    guard case .connected(let connection) = link else { return nil }
    return connection
  }

  var isConnected: Bool { connection != nil }
  var isPartitionAware: Bool { info.has(.partitionAware) }

  var status: FrameworkRow.Status {
    FrameworkRow.Status(
      active: isConnected, connected: isConnected, recovered: link == .recovered, registeredTime: registeredTime,
      reregisteredTime: reregisteredTime, unregisteredTime: unregisteredTime, allocated: allocated, offered: offered,
      offerConstraints: constraints)
  }

  /// Notes that the status is to be told; returns whether it was not to be told before.
  mutating func touch() -> Bool {
    defer { isTouched = true }
    return !isTouched
  }

  /// Whether a task of this id ended, or cannot be reached.
  func remembers(_ task: TaskKey) -> Bool { unreachableTasks.contains(task) || completedTasks.contains(task) }

  /// Notes a task that it has now.
  mutating func noteTask(_ task: TaskKey, _ state: TaskState) {
    counts.moved(from: nil, to: state)
    tasks.insert(task)
  }

  mutating func hold(_ key: OfferKey, _ resources: Resources) {
    offers.insert(key)
    offered += resources
  }

  mutating func release(_ key: OfferKey, _ resources: Resources) {
    offers.remove(key)
    offered -= resources
  }

  var row: FrameworkRow { FrameworkRow(id: id, info: encodedInfo, roles: roles, status: status) }

  mutating func update(_ info: FrameworkInfo) {
    self.info = info
    encodedInfo = MessageBytes.encoded(info)
    roles = info.subscribedRoles
    suppressedRoles.formIntersection(roles)
  }
}

/// What is kept of a framework that is over.
struct CompletedFramework: Sendable {
  /// Its completed tasks that are still visible.
  var tasks: [TaskKey]
  var name: String
  var roles: [String]
  var counts: FrameworkCounts

  init(_ framework: TrackedFramework) {
    tasks = framework.completedTasks.keys
    name = framework.info.name
    roles = framework.roles
    counts = framework.counts
  }
}

extension FrameworkInfo {
  func has(_ capability: Capability.TypeEnum) -> Bool { capabilities.contains { $0.type == capability } }

  /// The roles the framework is in, sorted, each once.
  var subscribedRoles: [String] { has(.multiRole) ? Set(roles).sorted() : [role] }
}
