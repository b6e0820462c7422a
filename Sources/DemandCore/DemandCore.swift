import OrderedCollections
public import MesosModel

/// What should run, made true: a user declares demands, and the core says which offers to accept, decline or keep away, which tasks to
/// launch and to kill.
///
/// - **Demand decides about offers.** A role is suppressed exactly while none of its demands wants an instance, now or within the time that
///   an offer may be held. A new want revives it, once for all wants of an interval. What does not match is refused: for long, since more
///   resources or another demand end a refusal, or shortly where only the places of other instances stand in the way. No offer is held
///   longer than ``Configuration/offerHoldMax``.
/// - **Slots.** Each instance stands for a slot of its demand. A slot gets another instance when the one before has ended, or was out of
///   sight for as long as the policy says; two at a time only where a rollout or maintenance asks for it.
/// - **Declarative.** ``Event/declare(version:_:)`` says all that is wanted. The same again changes nothing; what differs is brought about step
///   by step, whatever else happens meanwhile.
/// - **Nothing is kept.** Task ids carry demand, slot and incarnation (``InstanceID``), so a scheduler that starts again and is given its
///   demands adopts what runs.
///
/// A value like all cores: time and chance are arguments, equal events give equal directives in every process.
public struct DemandCore: Sendable {
  /// The choices and bounds.
  public let configuration: Configuration
  /// The version of the demands in force; 0 before any.
  public private(set) var version: UInt64 = 0

  var demands: [String: DemandState] = [:]
  /// The names of all demands, the most important first.
  private(set) var order: [String] = []
  /// Demands that are gone and whose tasks may come back; the oldest first.
  var removed: OrderedSet<String> = []
  /// Tasks that no demand accounts for and that the user was told of; the oldest first.
  var told: OrderedSet<TaskKey> = []

  var offers: [OfferKey: HeldOffer] = [:]
  var roles: [String: RoleState] = [:]
  /// The last offers of agents.
  var seen: [AgentKey: SeenAgent] = [:]
  /// Agents of adopted tasks of which nothing but the id is known yet.
  var placeless: Set<AgentKey> = []
  var maintenance: [AgentKey: PlannedMaintenance] = [:]

  /// Whether calls can be made.
  public private(set) var isSubscribed = false
  private var hasSubscribed = false
  /// Nothing is launched before this uptime: tasks of an earlier scheduler are being heard of.
  var launchesFrom: Duration?
  var lastIncarnation: UInt64 = 0
  private var dueAt: Duration?
  var directives: [Directive] = []

  /// A core without demands, all of whose roles are suppressed: subscribe with them suppressed.
  public init(configuration: Configuration) {
    self.configuration = configuration
    for role in configuration.roles { roles[role] = RoleState() }
  }

  /// Takes what happened and says what to do.
  public mutating func handle(
    _ event: Event, at now: Moment, using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    switch event {
    case .declare(let version, let demands): declare(demands, version: version)
    case .subscribed(let isResubscription):
      isSubscribed = true
      if hasSubscribed, !isResubscription { forgetInstances(at: now, using: &rng) }
      if !hasSubscribed, isResubscription, configuration.adoptionWait > .zero {
        launchesFrom = now.uptime + configuration.adoptionWait
      }
      hasSubscribed = true
      // Kills that waited are due.
      for name in order { demands[name]?.isDirty = true }
    case .disconnected:
      isSubscribed = false
      offers = [:]
      for role in configuration.roles { roles[role]?.hasRefused = false }
    case .offers(let new): received(new, at: now)
    case .rescinded(let offer): offers[offer] = nil
    case .inverseOffers(let new): received(inverse: new, at: now)
    case .inverseOfferRescinded(let offer): rescinded(inverse: offer)
    case .task(let status, let isProvisional): if !isProvisional { received(status, at: now, using: &rng) }
    case .agentRemoved(let agent): removed(agent)
    case .notLaunched(let tasks, let message): notLaunched(tasks, message, at: now, using: &rng)
    case .rolesNotChanged(let names, let suppressed): rolesNotChanged(names, suppressed: suppressed, at: now)
    case .tick: break
    }
    plan(at: now, using: &rng)
    defer { directives = [] }
    return directives
  }

  /// The uptime at which a `.tick` is due at the latest; `nil` when nothing waits for time.
  public var nextDeadline: Duration? { dueAt }

  mutating func consider(_ deadline: Duration?) {
    if let deadline { dueAt = min(dueAt ?? deadline, deadline) }
  }

  // MARK: Declaring

  private mutating func declare(_ new: [Demand], version: UInt64) {
    do throws(DemandError) {
      guard version >= self.version else {
        throw DemandError(.staleVersion, "Version \(version) is older than \(self.version), which is in force")
      }
      try check(new)
    } catch {
      return directives.append(.tell(.refused(error)))
    }
    self.version = version
    let names = Set(new.map(\.name))
    for name in order where !names.contains(name) {
      demands[name]?.isRemoved = true
      demands[name]?.isDirty = true
    }
    for demand in new {
      if demands[demand.name] == nil {
        demands[demand.name] = DemandState(demand)
        removed.remove(demand.name)
      } else {
        demands[demand.name]?.change(to: demand)
      }
    }
    sort()
    directives.append(.tell(.declared(version: version)))
  }

  /// Checks demands as `.declare` does, without declaring them.
  ///
  /// - Throws: `DemandError`.
  public func check(_ demands: [Demand]) throws(DemandError) {
    try Demand.validate(demands, roles: configuration.roles, slotsMax: configuration.slotsMax)
  }

  func sorted(_ names: some Sequence<String>) -> [String] {
    names.sorted { left, right in
      let (a, b) = (demands[left]?.demand.priority ?? 0, demands[right]?.demand.priority ?? 0)
      return a != b ? a > b : left < right
    }
  }

  private mutating func sort() { order = sorted(demands.keys) }

  // MARK: Planning

  private mutating func plan(at now: Moment, using rng: inout some RandomNumberGenerator) {
    dueAt = nil
    if let from = launchesFrom {
      if from <= now.uptime { launchesFrom = nil } else { consider(from) }
    }
    forgetMaintenance(at: now)
    let around = DemandState.Surroundings(
      now: now, configuration: configuration, isSubscribed: isSubscribed, maintenance: maintenance)
    survey(around)
    if isSubscribed {
      reviveRoles(at: now.uptime)
      match(at: now, using: &rng)
      // What was launched may have satisfied a demand.
      survey(around)
      suppressRoles(at: now.uptime)
      declineOffers(at: now)
    }
    for name in order { consider(demands[name]?.nextDeadline) }
  }

  private mutating func survey(_ around: DemandState.Surroundings) {
    var gone: [String] = []
    for name in order {
      guard demands[name]?.isDue(at: around.now.uptime) ?? false else { continue }
      // What one survey moves, the next one looks at; a few are enough.
      var surveys = 0
      while surveys < 8, demands[name]?.isDue(at: around.now.uptime) ?? false {
        demands[name]?.survey(around, into: &directives)
        surveys += 1
      }
      if demands[name]?.isGone ?? false { gone.append(name) }
    }
    for name in gone {
      demands[name] = nil
      removed.append(name)
      if removed.count > configuration.removedMax { removed.removeFirst() }
      directives.append(.tell(.removed(name)))
    }
    if !gone.isEmpty { sort() }
  }
}
