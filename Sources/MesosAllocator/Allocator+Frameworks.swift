public import MesosModel

extension Allocator {
  /// Adds a framework; what it already has on agents that were added before counts as its own.
  /// - Throws: `AllocationError` with code `.duplicateFramework` or `.invalidRole`.
  public mutating func addFramework(_ id: FrameworkKey, _ options: FrameworkOptions) throws(AllocationError) {
    if let known = frameworkNumbers[id], frameworks[known].isAdded {
      throw AllocationError(.duplicateFramework, "Framework \(id) is known already")
    }
    try Allocator.validate(options)
    let framework = makeFramework(id)
    frameworks[framework].isAdded = true
    apply(options, to: framework)
  }

  /// Replaces what is known of a framework. In a role that it newly wants offers in, it is as if it had revived.
  /// - Throws: `AllocationError` with code `.unknownFramework` or `.invalidRole`.
  public mutating func updateFramework(_ id: FrameworkKey, _ options: FrameworkOptions) throws(AllocationError) {
    let framework = try number(ofAdded: id)
    try Allocator.validate(options)
    apply(options, to: framework)
  }

  /// Removes a framework. Whatever is still allocated to it is free from now on.
  /// - Throws: `AllocationError` with code `.unknownFramework`.
  public mutating func removeFramework(_ id: FrameworkKey) throws(AllocationError) {
    let framework = try number(ofAdded: id)
    for (_, client) in frameworks[framework].clients {
      clients[client].isSubscribed = false
      updateEligibility(client)
      removeFilters(ofClient: client)
    }
    for agent in agents.indices {
      let held = agents[agent].resources(of: framework)
      guard !held.isEmpty else { continue }
      change(framework, on: agent, by: held, adding: false)
      markDirty(agent)
    }
    for agent in maintained { agents[agent].maintenance?.forget(framework) }
    frameworks[framework].isAdded = false
    for (_, client) in frameworks[framework].clients { pruneClient(client) }
    // Pruning the last client forgets the framework; one without roles had none.
    if frameworks.holds(framework), frameworks[framework].id == id { pruneFramework(framework) }
  }

  /// Says whether offers can reach a framework; whoever makes it inactive recovers its offers.
  /// - Throws: `AllocationError` with code `.unknownFramework`.
  public mutating func setFramework(_ id: FrameworkKey, active: Bool) throws(AllocationError) {
    let framework = try number(ofAdded: id)
    if active, !frameworks[framework].isActive { isMaintenanceDirty = true }
    frameworks[framework].isActive = active
    // Filters are for the run of a scheduler that refused; the next one begins without.
    for (_, client) in frameworks[framework].clients {
      if !active { removeFilters(ofClient: client) }
      if updateEligibility(client) { isAllDirty = true }
    }
  }

  /// No offers to a framework in some of its roles, or in all when none are named, until it revives.
  /// - Throws: `AllocationError` with code `.unknownFramework`, or `.invalidRole` for a role that it does not have.
  public mutating func suppress(framework id: FrameworkKey, roles: [String] = []) throws(AllocationError) {
    for client in try subscribed(id, roles) {
      clients[client].isSuppressed = true
      updateEligibility(client)
    }
  }

  /// Offers again to a framework in some of its roles, or in all when none are named, and forgets what it refused there.
  /// - Throws: `AllocationError` with code `.unknownFramework`, or `.invalidRole` for a role that it does not have.
  public mutating func revive(framework id: FrameworkKey, roles: [String] = []) throws(AllocationError) {
    for client in try subscribed(id, roles) {
      clients[client].isSuppressed = false
      updateEligibility(client)
      removeFilters(ofClient: client)
      isAllDirty = true
    }
  }

  private func subscribed(_ id: FrameworkKey, _ roles: [String]) throws(AllocationError) -> [Int] {
    let framework = frameworks[try number(ofAdded: id)]
    if roles.isEmpty { return framework.clients.map(\.client).filter { clients[$0].isSubscribed } }
    var found: [Int] = []
    for role in roles {
      guard let client = framework.client(in: role), clients[client].isSubscribed else {
        throw AllocationError(.invalidRole, "Framework \(id) is not subscribed to role '\(role)'")
      }
      found.append(client)
    }
    return found
  }

  private static func validate(_ options: FrameworkOptions) throws(AllocationError) {
    for role in options.roles { try validate(role: role) }
    guard Set(options.roles).count == options.roles.count else {
      throw AllocationError(.invalidRole, "The framework's roles have duplicates: \(options.roles)")
    }
    for role in options.suppressedRoles where !options.roles.contains(role) {
      throw AllocationError(.invalidRole, "Suppressed role '\(role)' is not contained in the list of roles")
    }
  }

  private mutating func apply(_ options: FrameworkOptions, to framework: Int) {
    let gained = options.capabilities.subtracting(frameworks[framework].capabilities)
    if !gained.isEmpty { isAllDirty = true }
    frameworks[framework].capabilities = options.capabilities
    if options.isActive, !frameworks[framework].isActive { isMaintenanceDirty = true }
    frameworks[framework].isActive = options.isActive
    for role in options.roles {
      let client = makeClient(framework, in: role)
      clients[client].isSubscribed = true
    }
    for (role, client) in frameworks[framework].clients {
      let isSubscribed = options.roles.contains(role)
      let isSuppressed = options.suppressedRoles.contains(role)
      if !isSubscribed || (clients[client].isSuppressed && !isSuppressed) { removeFilters(ofClient: client) }
      if clients[client].minimumQuantities != options.minimumAllocatable[role] {
        clients[client].minimumQuantities = options.minimumAllocatable[role]
        ownMinimumCount += (options.minimumAllocatable[role] == nil ? 0 : 1) - (clients[client].minimum == nil ? 0 : 1)
        clients[client].minimum = options.minimumAllocatable[role]?.map { vector($0) }
        isAllDirty = true
      }
      let constraints = options.constraints[role]
      if clients[client].constraints != constraints {
        clients[client].constraints = constraints
        isAllDirty = true
      }
      clients[client].isSubscribed = isSubscribed
      clients[client].isSuppressed = isSuppressed
      if updateEligibility(client) { isAllDirty = true }
      pruneClient(client)
    }
  }
}
