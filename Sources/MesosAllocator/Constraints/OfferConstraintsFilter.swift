public import MesosModel

/// How large a regular expression in offer constraints may be.
///
/// - Source: Apache Mesos, *Mesos Master Options*, `--offer_constraints_re2_max_mem` and `--offer_constraints_re2_max_program_size`.
public struct OfferConstraintsLimits: Hashable, Sendable {
  /// The memory that RE2 would be allowed for one expression, in bytes.
  public var memoryBytesMax: Int
  /// The instructions that the program of one expression may have.
  public var programSizeMax: Int

  /// The defaults of Apache Mesos: 4 KB and 100 instructions.
  public init(memoryBytesMax: Int = 4096, programSizeMax: Int = 100) {
    self.memoryBytesMax = memoryBytesMax
    self.programSizeMax = programSizeMax
  }

  /// RE2 spends two thirds of the memory on the program, eight bytes an instruction, and some on its head.
  var instructionsMax: Int { max(0, min(memoryBytesMax, 1 << 30) * 2 / 3 - 418) / 8 }
}

/// Which agents a framework wants to be offered in each of its roles, as OFFER_CONSTRAINTS say it: made once, evaluated for each agent.
///
/// A role without constraints wants all agents. Of a role with constraints at least one group must hold, and of a group all
/// constraints. A constraint selects the host name, the region, the zone or the first attribute of a name, and demands that it exists, that
/// it does not, or that it equals a text, matches a regular expression, or does not. Of an attribute that is a number or ranges,
/// whatever is demanded of its text holds; what is not there is not equal and does not match.
///
/// - Source: Apache Mesos, *Scheduler HTTP API*, SUBSCRIBE and UPDATE_FRAMEWORK; `mesos/v1/scheduler/scheduler.proto`,
///   `AttributeConstraint`; `src/master/allocator/mesos/offer_constraints_filter.cpp`.
public struct OfferConstraintsFilter: Hashable, Sendable {
  private var constraints: [String: RoleConstraints] = [:]

  /// Wants all agents.
  public init() {}

  /// Reads offer constraints.
  ///
  /// - Throws: `AllocationError` with code `.invalidConstraints` in the words of Apache Mesos about the first role, in ascending order,
  ///   that has none or an empty group, a constraint without a selector or predicate, or a regular expression that cannot be read
  ///   or is larger than `limits` allow.
  public init(
    _ constraints: OfferConstraints, limits: OfferConstraintsLimits = OfferConstraintsLimits()
  ) throws(AllocationError) {
    do { try OfferConstraintsValidation.validate(constraints) } catch {
      throw AllocationError(.invalidConstraints, error.message)
    }
    for (role, ofRole) in constraints.roleConstraints.sorted(by: { $0.key < $1.key }) {
      do { self.constraints[role] = try RoleConstraints(ofRole, limits) } catch {
        throw AllocationError(
          .invalidConstraints, "A role \(role) has an invalid 'AttributeConstraint': \(error.message)")
      }
    }
  }

  /// The roles that have constraints, in ascending order.
  public var roles: [String] { constraints.keys.sorted() }

  /// Whether offers of an agent to `role` are ruled out.
  /// - Complexity: O(*c*) in the constraints of the role; matching a regular expression takes the length of the text times the size of
  ///   the expression.
  public func excludes(_ agent: AgentOptions, role: String) -> Bool {
    constraints[role].map { !$0.holds(for: AgentTraits(agent)) } ?? false
  }

  subscript(role: String) -> RoleConstraints? { constraints[role] }
}

/// What constraints look at.
struct AgentTraits: Hashable, Sendable {
  var hostname: String
  var region: String?
  var zone: String?
  var attributes: Attributes

  init(_ options: AgentOptions) {
    hostname = options.hostname
    region = options.region
    zone = options.zone
    attributes = options.attributes
  }
}

/// The constraints of one role: one of the groups must hold, and of it all constraints.
struct RoleConstraints: Hashable, Sendable {
  let groups: [[OfferConstraint]]

  init(
    _ message: OfferConstraints.RoleConstraints, _ limits: OfferConstraintsLimits
  ) throws(RegularExpressionError) {
    var groups: [[OfferConstraint]] = []
    for group in message.groups {
      var constraints: [OfferConstraint] = []
      for constraint in group.attributeConstraints {
        constraints.append(try OfferConstraint(constraint, limits))
      }
      groups.append(constraints)
    }
    self.groups = groups
  }

  func holds(for agent: AgentTraits) -> Bool {
    groups.contains { group in group.allSatisfy { $0.holds(for: agent) } }
  }

  /// Of each group the first constraint that does not hold, as text; empty when the constraints hold.
  func failures(for agent: AgentTraits) -> [String] {
    let failures = groups.map { group in group.first { !$0.holds(for: agent) } }
    return failures.contains(nil) ? [] : failures.compactMap { $0?.description }
  }
}

/// One demand on one property of an agent.
struct OfferConstraint: Hashable, Sendable, CustomStringConvertible {
  enum Selector: Hashable, Sendable {
    case hostname, region, zone
    case attribute(String)
  }

  enum Predicate: Hashable, Sendable {
    case exists, notExists
    case equals(String), notEquals(String)
    case matches(RegularExpression), notMatches(RegularExpression)
  }

  /// What was found.
  private enum Found {
    case nothing
    case text(String)
    /// A number or ranges.
    case other
  }

  let selector: Selector
  let predicate: Predicate

  init(_ message: AttributeConstraint, _ limits: OfferConstraintsLimits) throws(RegularExpressionError) {
    switch message.selector.selector {
    case .pseudoattributeType(.hostname): selector = .hostname
    case .pseudoattributeType(.region): selector = .region
    case .pseudoattributeType(.zone): selector = .zone
    case .attributeName(let name): selector = .attribute(name)
    case .pseudoattributeType(.unknown), nil: throw RegularExpressionError("Unknown pseudoattribute type")
    }
    switch message.predicate.predicate {
    case .exists: predicate = .exists
    case .notExists: predicate = .notExists
    case .textEquals(let text): predicate = .equals(text.value)
    case .textNotEquals(let text): predicate = .notEquals(text.value)
    case .textMatches(let text): predicate = .matches(try RegularExpression(text.regex, limits: limits))
    case .textNotMatches(let text): predicate = .notMatches(try RegularExpression(text.regex, limits: limits))
    case nil: throw RegularExpressionError("Unknown predicate type")
    }
  }

  func holds(for agent: AgentTraits) -> Bool {
    switch (predicate, found(in: agent)) {
    case (.exists, let found): if case .nothing = found { false } else { true }
    case (.notExists, let found): if case .nothing = found { true } else { false }
    case (.equals, .nothing), (.matches, .nothing): false
    case (.notEquals, .nothing), (.notMatches, .nothing): true
    case (_, .other): true
    case (.equals(let wanted), .text(let text)): text.utf8.elementsEqual(wanted.utf8)
    case (.notEquals(let wanted), .text(let text)): !text.utf8.elementsEqual(wanted.utf8)
    case (.matches(let expression), .text(let text)): expression.matches(text)
    case (.notMatches(let expression), .text(let text)): !expression.matches(text)
    }
  }

  private func found(in agent: AgentTraits) -> Found {
    switch selector {
    case .hostname: return .text(agent.hostname)
    case .region: return agent.region.map { .text($0) } ?? .nothing
    case .zone: return agent.zone.map { .text($0) } ?? .nothing
    case .attribute(let name):
      guard let entry = agent.attributes.entries.first(where: { $0.name == name }) else { return .nothing }
      if case .text(let text) = entry.value { return .text(text) }
      return .other
    }
  }

  /// Such as `attribute 'rack' equals 'r1'`.
  var description: String {
    let subject =
      switch selector {
      case .hostname: "the host name"
      case .region: "the region"
      case .zone: "the zone"
      case .attribute(let name): "attribute '\(name)'"
      }
    let demand =
      switch predicate {
      case .exists: "exists"
      case .notExists: "does not exist"
      case .equals(let text): "equals '\(text)'"
      case .notEquals(let text): "is not '\(text)'"
      case .matches(let expression): "matches '\(expression.pattern)'"
      case .notMatches(let expression): "does not match '\(expression.pattern)'"
      }
    return "\(subject) \(demand)"
  }
}
