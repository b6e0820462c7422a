public import MesosModel

/// Why a framework is offered an agent in one of its roles with the next cycle, or why it is not.
public struct OfferVerdict: Hashable, Sendable, CustomStringConvertible {
  /// The framework's role.
  public let role: String
  /// The agent.
  public let agent: AgentKey
  /// The first thing that keeps the offer from being made, or the offer.
  public let reason: Reason

  /// A limit that leaves a role less than there is to offer.
  public struct Limit: Hashable, Sendable {
    /// The role that has the limit: the framework's, or one above it.
    public let role: String
    /// The resource's name.
    public let name: String
    /// What the role and the roles below it may have at most.
    public let limit: Scalar
    /// What they have: allocated, offered, or reserved and not used.
    public let consumed: Scalar

    /// A limit of the given parts.
    public init(role: String, name: String, limit: Scalar, consumed: Scalar) {
      self.role = role
      self.name = name
      self.limit = limit
      self.consumed = consumed
    }

    /// How much more they might have, zero where they have too much already.
    public var free: Scalar { limit > consumed ? limit - consumed : .zero }
  }

  /// What decided; the cases may grow.
  public enum Reason: Hashable, Sendable {
    /// A cycle begun now would offer these resources.
    case offered(Resources)
    /// No scheduler of the framework is connected.
    case inactive
    /// The framework suppressed its role.
    case suppressed
    /// After a failover offers wait for so many more agents, or for the uptime.
    case recovering(missingAgents: Int, until: Duration)
    /// The agent cannot be reached, is drained or was deactivated.
    case hindered(AgentHindrances)
    /// There is a whitelist, and the agent's host name is not on it.
    case notWhitelisted(hostname: String)
    /// The agent does not know what the framework or its role needs, or what its resources are made of.
    case agentLacks(AgentOptions.Capabilities)
    /// The framework did not declare what it takes to be offered the agent, or what is left on it.
    case frameworkLacks(FrameworkOptions.Capabilities)
    /// In each group of the role's offer constraints one does not hold: these.
    case constraintsFailed([String])
    /// Everything on the agent is taken, by these frameworks.
    case nothingFree(holders: [FrameworkKey])
    /// All that is free is reserved to other roles.
    case reserved(roles: [String])
    /// Only shared volumes are free, which are not offered alone.
    case onlyShared
    /// What the framework could have is less than an offer must contain.
    case belowMinimum(Resources, minimum: [ResourceQuantities])
    /// The role, or one above it, has all that its limits allow.
    case limitsReached([Limit])
    /// The rest is held back for guarantees of these roles that are not met yet.
    case heldForGuarantees(roles: [String], amounts: ResourceQuantities)
    /// The framework refused as much of this agent; the last such refusal ends at the uptime, in so much time.
    case filtered(until: Duration, remaining: Duration)
    /// Somebody whose turn was earlier was, or will be, given it, in the cycle of that number.
    case lost(to: FrameworkKey, role: String, cycle: Int)
  }

  /// One sentence that says what is so and what would change it.
  public var description: String { "role '\(role)', agent \(agent): \(reason)" }
}

extension OfferVerdict.Reason: CustomStringConvertible {
  /// One sentence that says what is so and what would change it.
  public var description: String {
    switch self {
    case .offered(let resources): "would be offered \(resources) with the next cycle"
    case .inactive: "the framework is not connected; it is offered nothing until its scheduler subscribes again"
    case .suppressed: "the framework suppressed this role; REVIVE brings offers back"
    case .recovering(let missing, let until):
      "offers wait after a failover until \(missing) more agents are back, or until uptime \(seconds(until))"
    case .hindered(let hindrances): "the agent is not offered: it is \(hindrances)"
    case .notWhitelisted(let hostname):
      "the host '\(hostname)' is not on the whitelist; whoever runs the cluster can add it"
    case .agentLacks(let capabilities):
      "the agent lacks \(capabilities), which this framework or role needs; a newer agent would have it"
    case .frameworkLacks(let capabilities):
      "the framework would have to declare \(capabilities) to be offered this agent"
    case .constraintsFailed(let constraints):
      "the role's offer constraints rule the agent out: it does not hold that "
        + constraints.joined(separator: ", nor that ")
    case .nothingFree(let holders):
      holders.isEmpty
        ? "nothing is free on the agent"
        : "nothing is free on the agent; \(listed(holders.map(\.value))) would have to give something back"
    case .reserved(let roles): "what is free on the agent is reserved to \(listed(roles))"
    case .onlyShared: "only shared volumes are free on the agent, which are not offered alone"
    case .belowMinimum(let resources, let minimum):
      "only \(resources) could be offered, less than the minimum of "
        + minimum.map { text($0) }.joined(separator: " or ")
    case .limitsReached(let limits):
      limits.map {
        "role '\($0.role)' has \($0.consumed) of its limit of \($0.limit) \($0.name), and \($0.free) is less than there is to offer"
      }.joined(separator: "; ")
    case .heldForGuarantees(let roles, let amounts):
      "\(text(amounts)) is held back for guarantees of \(listed(roles)) that are not met yet"
    case .filtered(_, let remaining):
      "the framework refused as much as is free here, for another \(seconds(remaining)); REVIVE ends that at once"
    case .lost(let framework, let role, let cycle):
      "framework \(framework) in role '\(role)' came first in cycle \(cycle); its share was smaller, or it was its turn"
    }
  }

  private func seconds(_ duration: Duration) -> String {
    "\(Scalar(thousandths: duration.wholeNanoseconds / 1_000_000)) s"
  }

  private func text(_ quantities: ResourceQuantities) -> String {
    quantities.isEmpty
      ? "nothing" : quantities.quantities.map { "\($0.name):\($0.amount)" }.joined(separator: ";")
  }

  /// The first few, so that a sentence stays one.
  private func listed(_ names: [String]) -> String {
    let most = 5
    let rest = names.count > most ? " and \(names.count - most) more" : ""
    return names.prefix(most).map { "'\($0)'" }.joined(separator: ", ") + rest
  }
}

extension AgentHindrances: CustomStringConvertible {
  /// The hindrances by name.
  public var description: String {
    let names: [(AgentHindrances, String)] = [
      (.disconnected, "disconnected"), (.draining, "draining"), (.deactivated, "deactivated"),
    ]
    return names.filter { contains($0.0) }.map(\.1).joined(separator: " and ")
  }
}

extension AgentOptions.Capabilities: CustomStringConvertible {
  /// The capabilities by the names of the protocol.
  public var description: String {
    let names: [(AgentOptions.Capabilities, String)] = [
      (.multiRole, "MULTI_ROLE"), (.hierarchicalRole, "HIERARCHICAL_ROLE"),
      (.reservationRefinement, "RESERVATION_REFINEMENT"),
    ]
    return names.filter { contains($0.0) }.map(\.1).joined(separator: ", ")
  }
}

extension FrameworkOptions.Capabilities: CustomStringConvertible {
  /// The capabilities by the names of the protocol.
  public var description: String {
    let names: [(FrameworkOptions.Capabilities, String)] = [
      (.revocableResources, "REVOCABLE_RESOURCES"), (.gpuResources, "GPU_RESOURCES"),
      (.sharedResources, "SHARED_RESOURCES"), (.reservationRefinement, "RESERVATION_REFINEMENT"),
      (.regionAware, "REGION_AWARE"), (.multiRole, "MULTI_ROLE"),
    ]
    return names.filter { contains($0.0) }.map(\.1).joined(separator: ", ")
  }
}

/// The verdicts on all agents for one framework.
public struct OfferExplanation: Hashable, Sendable, CustomStringConvertible {
  /// Whom the verdicts are about.
  public let framework: FrameworkKey
  /// When the question was asked, in uptime.
  public let time: Duration
  /// How many cycles were begun before the question: the number of the last one. The verdicts are about the next.
  public let lastCycle: Int
  /// When the last cycle began, in uptime; nil when there was none.
  public let lastCycleTime: Duration?
  /// By role in ascending order, then by agent in the order of addition.
  public let verdicts: [OfferVerdict]

  /// The verdicts as lines; agents of a role with the same verdict are counted together.
  public var description: String {
    var text = "Framework \(framework), for cycle \(lastCycle + 1):"
    var counts: [String: [String: (agents: Int, first: AgentKey)]] = [:]
    var order: [(role: String, reason: String)] = []
    for verdict in verdicts {
      let reason = verdict.reason.description
      if let known = counts[verdict.role]?[reason] {
        counts[verdict.role]?[reason] = (known.agents + 1, known.first)
      } else {
        counts[verdict.role, default: [:]][reason] = (1, verdict.agent)
        order.append((verdict.role, reason))
      }
    }
    for (role, reason) in order {
      guard let (agents, first) = counts[role]?[reason] else { continue }
      let which = agents == 1 ? "agent \(first)" : "agent \(first) and \(agents - 1) more"
      text += "\n  role '\(role)', \(which): \(reason)"
    }
    return text
  }
}
