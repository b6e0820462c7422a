import SwiftProtobuf

/// What a role is guaranteed and what it may have at most.
///
/// Quotas are quantities: they say how much of the cluster, not where. Both are about the role and all roles below it.
///
/// - Source: Apache Mesos, *Quota*; `include/mesos/quota/quota.hpp`.
public struct Quota: Hashable, Sendable {
  /// What is kept for the role even while it does not use it.
  public var guarantees: ResourceQuantities
  /// The most the role may have.
  public var limits: ResourceLimits

  /// The quota of a role that has none: nothing is guaranteed and nothing limited.
  public static let none = Quota()

  /// A quota as given; see ``validate(role:)`` for what makes sense.
  public init(guarantees: ResourceQuantities = [:], limits: ResourceLimits = [:]) {
    self.guarantees = guarantees
    self.limits = limits
  }

  /// Whether the quota says nothing.
  public var isNone: Bool { guarantees.isEmpty && limits.isEmpty }

  /// Checks that no more is guaranteed than the limits let the role have.
  /// - Throws: `QuotaError` with code `.guaranteeAboveLimit`.
  public func validate(role: String) throws(QuotaError) {
    guard let limit = limits.limits.first(where: { guarantees[$0.name] > $0.amount }) else { return }
    let guaranteed = guarantees.quantities.map { "\($0.name): \($0.amount)" }.joined(separator: ", ")
    let limited = limits.limits.map { "\($0.name): \($0.amount)" }.joined(separator: ", ")
    throw QuotaError(
      .guaranteeAboveLimit,
      "'QuotaConfig.guarantees' { \(guaranteed) } is not contained within the 'QuotaConfig.limits' { \(limited) }",
      role: role, resource: limit.name)
  }

  // MARK: Messages

  /// Reads what UPDATE_QUOTA carries for one role.
  ///
  /// The role may be any valid one, also `*`. An amount of `mem` or `disk` may be up to an exabyte, any other up to a trillion.
  ///
  /// - Throws: `QuotaError` in the words of Apache Mesos, without the prefix that the call adds.
  /// - Source: Apache Mesos, `master/quota.cpp`, `validate`.
  public init(_ config: QuotaConfig) throws(QuotaError) {
    guard config.hasRole else { throw QuotaError(.missingRole, "'QuotaConfig.role' must be set") }
    do { try RoleName.validate(config.role) } catch {
      throw QuotaError(.invalidRole, "Invalid 'QuotaConfig.role': \(error.message)", role: config.role)
    }
    // The order of names decides which of several errors is told, so it must not be that of a hash table.
    let guarantees = config.guarantees.sorted { $0.key < $1.key }.map { ($0.key, $0.value.value) }
    let limits = config.limits.sorted { $0.key < $1.key }.map { ($0.key, $0.value.value) }
    try Quota.checkSize(guarantees, "guarantees", of: config.role)
    try Quota.checkSize(limits, "limits", of: config.role)
    self.init()
    for (name, value) in guarantees {
      self.guarantees.add(try Quota.amount(value, of: name, "guarantee", of: config.role), of: name)
    }
    for (name, value) in limits { self.limits[name] = try Quota.amount(value, of: name, "limit", of: config.role) }
    try validate(role: config.role)
  }

  /// Reads what SET_QUOTA carries; what is guaranteed is the limit too.
  ///
  /// - Parameters:
  ///   - info: The role and the resources that it is guaranteed.
  ///   - counting: Which kinds of resources may be guaranteed; ranges and sets are guaranteed by their size.
  /// - Throws: `QuotaError` in the words of Apache Mesos, without the prefix that the call adds.
  /// - Source: Apache Mesos, `master/quota.cpp`, `validation::quotaInfo`.
  public init(_ info: QuotaInfo, counting: ResourceCounting = .scalars) throws(QuotaError) {
    let role = info.role
    var amounts: [Scalar] = []
    for resource in info.guarantee {
      do {
        amounts.append(ResourceQuantities(try Resources([resource]), counting: counting)[resource.name])
      } catch {
        throw QuotaError(
          .invalidResource, "QuotaInfo with invalid resource: \(error.message)", role: role, resource: resource.name)
      }
    }
    guard info.hasRole else { throw QuotaError(.missingRole, "QuotaInfo must specify a role") }
    do { try RoleName.validate(role) } catch {
      throw QuotaError(.invalidRole, "QuotaInfo with invalid role: \(error.message)", role: role)
    }
    guard !info.guarantee.isEmpty else {
      throw QuotaError(.emptyGuarantee, "QuotaInfo with empty 'guarantee'", role: role)
    }
    self.init()
    for (resource, amount) in zip(info.guarantee, amounts) {
      func refusal(_ code: QuotaError.Code, _ message: String) -> QuotaError {
        QuotaError(code, message, role: role, resource: resource.name)
      }
      if !resource.reservations.isEmpty || resource.hasReservation
        || (resource.hasRole && resource.role != RoleName.star)
      {
        throw refusal(.reserved, "QuotaInfo must not contain any ReservationInfo")
      }
      if resource.hasDisk { throw refusal(.disk, "QuotaInfo must not contain DiskInfo") }
      if resource.hasRevocable { throw refusal(.revocable, "QuotaInfo must not contain RevocableInfo") }
      if resource.type != .scalar, counting == .scalars {
        throw refusal(.notScalar, "QuotaInfo must not include non-scalar resources")
      }
      guard limits[resource.name] == nil else {
        throw refusal(.duplicateResource, "QuotaInfo contains duplicate resource name '\(resource.name)'")
      }
      guarantees.add(amount, of: resource.name)
      limits[resource.name] = amount
    }
  }

  /// Reads what SET_QUOTA carries, as ``init(_:counting:)`` with a `QuotaInfo` does.
  public init(_ request: QuotaRequest, counting: ResourceCounting = .scalars) throws(QuotaError) {
    try self.init(
      QuotaInfo.with {
        $0.role = request.role
        $0.guarantee = request.guarantee
      }, counting: counting)
  }

  /// The quota of `role` as UPDATE_QUOTA carries and GET_QUOTA answers it.
  public func config(role: String) -> QuotaConfig {
    QuotaConfig.with {
      $0.role = role
      $0.guarantees = guarantees.messages
      $0.limits = limits.messages
    }
  }

  /// The guarantees of `role` as GET_QUOTA answers them to clients of before Mesos 1.9; limits are not in it.
  public func info(role: String) -> QuotaInfo {
    QuotaInfo.with {
      $0.role = role
      $0.guarantee = guarantees.quantities.map { quantity in
        Resource.with {
          $0.name = quantity.name
          $0.type = .scalar
          $0.scalar.value = quantity.amount.doubleValue
        }
      }
    }
  }

  // Bounds come first: an amount that does not fit would otherwise be refused as something else.
  private static func checkSize(
    _ amounts: [(String, Double)], _ field: String, of role: String
  ) throws(QuotaError) {
    for (name, value) in amounts {
      let isSize = name == "mem" || name == "disk"
      guard value > (isSize ? QuotaText.sizeMax : QuotaText.countMax) else { continue }
      let bound = isSize ? "1 exabyte (1099511627776)" : "1 trillion (1000000000000)"
      throw QuotaError(
        .tooLarge,
        "Invalid 'QuotaConfig.\(field)': {'\(name)': \(QuotaText.number(value))} is invalid: "
          + "values greater than \(bound) are not supported", role: role, resource: name)
    }
  }

  private static func amount(
    _ value: Double, of name: String, _ kind: String, of role: String
  ) throws(QuotaError) -> Scalar {
    let problem = QuantityText.problem(of: value)
    guard problem == nil, let amount = QuantityText.amount(value) else {
      throw QuotaError(
        .invalidAmount,
        "Invalid \(kind) configuration {'\(name)': \(QuotaText.number(value))}: \(problem ?? "Unknown error")",
        role: role, resource: name)
    }
    return amount
  }
}

private enum QuotaText {
  /// An exabyte in megabytes.
  static let sizeMax: Double = 1_099_511_627_776
  static let countMax: Double = 1_000_000_000_000

  /// A number as ``Scalar`` prints it, or plainly where it is out of range.
  static func number(_ value: Double) -> String {
    guard value.magnitude < 9e15 else { return "\(value)" }
    return Scalar(thousandths: Int64((value * 1000).rounded(.toNearestOrAwayFromZero))).description
  }
}
