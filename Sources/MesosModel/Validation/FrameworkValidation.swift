/// The rules about what frameworks say about themselves.
///
/// - Source: Apache Mesos 1.11, `src/master/validation.cpp`, namespace `framework`; `Master::validateFramework`.
public enum FrameworkValidation {
  /// Checks the roles, the id if there is one, and the filters of a framework, in this order. See
  /// ``validate(failoverTimeout:)`` for what Apache Mesos checks last.
  /// - Throws: `ValidationError` about the first rule broken.
  public static func validate(_ info: FrameworkInfo) throws(ValidationError) {
    try validateRoles(of: info)
    if info.hasID, !info.id.value.isEmpty {
      do { try IdentifierValidation.validate(info.id.value) } catch { throw error.within("", field: "id") }
    }
    for (_, filters) in info.offerFilters.sorted(by: { $0.key < $1.key }) {
      do { try validate(filters) } catch { throw error.within("", field: "offer_filters") }
    }
  }

  private static func validateRoles(of info: FrameworkInfo) throws(ValidationError) {
    guard info.capabilities.contains(where: { $0.type == .multiRole }) else {
      guard info.roles.isEmpty else {
        throw ValidationError(
          .conflictingFields, "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable",
          path: "roles")
      }
      do { try RoleName.validate(info.role) } catch {
        throw ValidationError(
          .invalidRole, "'FrameworkInfo.role' is not a valid role: \(error.message)", path: "role")
      }
      return
    }
    guard !info.hasRole else {
      throw ValidationError(
        .conflictingFields, "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable",
        path: "role")
    }
    var seen: Set<String> = []
    let duplicates = Set(info.roles.filter { !seen.insert($0).inserted })
    guard duplicates.isEmpty else {
      throw ValidationError(
        .duplicate,
        "'FrameworkInfo.roles' contains duplicate items: { \(duplicates.sorted().joined(separator: ", ")) }",
        path: "roles")
    }
    for role in info.roles {
      do { try RoleName.validate(role) } catch {
        throw ValidationError(
          .invalidRole, "'FrameworkInfo.roles' contains invalid role: \(error.message)", path: "roles")
      }
    }
  }

  /// Checks that the least that a framework wants to be offered is stated in amounts that can be.
  ///
  /// A filter that is present but empty is legal: the framework wants offers of any size.
  /// - Throws: `ValidationError` with code `.missingField` or `.invalidValue`.
  public static func validate(_ filters: OfferFilters) throws(ValidationError) {
    for alternative in filters.minAllocatableResources.quantities {
      let path = "min_allocatable_resources.quantities"
      guard !alternative.quantities.isEmpty else {
        throw ValidationError(
          .missingField, "Resource quantities must contain at least one quantity", path: path)
      }
      for (name, scalar) in alternative.quantities.sorted(by: { $0.key < $1.key }) {
        guard let problem = problem(with: scalar.value) else { continue }
        throw ValidationError(
          .invalidValue, "Invalid resource quantity for '\(name)': \(problem)", path: path)
      }
    }
  }

  private static func problem(with amount: Double) -> String? {
    switch amount.floatingPointClass {
    case .negativeInfinity, .positiveInfinity: "Infinite values not supported"
    case .signalingNaN, .quietNaN: "NaN not supported"
    case .negativeSubnormal, .positiveSubnormal: "Subnormal values not supported"
    case .negativeNormal: "Negative values not supported"
    case .negativeZero, .positiveZero, .positiveNormal: nil
    }
  }

  /// Checks that a failover timeout in seconds is a span of time: a number that in nanoseconds is within 64 bits.
  ///
  /// Negative ones are legal, and never end.
  /// - Throws: `ValidationError` with code `.invalidValue`.
  public static func validate(failoverTimeout seconds: Double) throws(ValidationError) {
    guard (seconds * 1e9).magnitude < 0x1p63 else {
      throw ValidationError(
        .invalidValue, "The framework failover_timeout (\(StreamedNumber.text(seconds))) is invalid",
        path: "failover_timeout")
    }
  }

  /// Checks that each role without offers is one that the framework is in.
  /// - Throws: `ValidationError` with code `.mismatch` about the first that is not.
  public static func validate(
    suppressedRoles: [String], of roles: some Collection<String>
  ) throws(ValidationError) {
    guard !suppressedRoles.isEmpty else { return }
    let known = Set(roles)
    for role in suppressedRoles where !known.contains(role) {
      throw ValidationError(
        .mismatch, "Suppressed role '\(role)' is not contained in the list of roles", path: "suppressed_roles")
    }
  }

  /// Checks that a framework that comes back, or updates itself, keeps its principal, its user and whether it is checkpointed.
  ///
  /// The old principal is not told: who asks may know the id alone.
  /// - Throws: `ValidationError` with code `.immutable`.
  public static func validateUpdate(from old: FrameworkInfo, to new: FrameworkInfo) throws(ValidationError) {
    guard old.hasPrincipal == new.hasPrincipal, old.principal == new.principal else {
      throw ValidationError(.immutable, "Changing framework's principal is not allowed.", path: "principal")
    }
    guard old.user == new.user else {
      throw ValidationError(
        .immutable,
        "Updating 'FrameworkInfo.user' is unsupported; attempted to update from '\(old.user)' to '\(new.user)'",
        path: "user")
    }
    guard old.checkpoint == new.checkpoint else {
      throw ValidationError(
        .immutable,
        "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '\(old.checkpoint)' to "
          + "'\(new.checkpoint)'", path: "checkpoint")
    }
  }
}
