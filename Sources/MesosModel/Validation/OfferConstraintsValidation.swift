/// The rules about the shape of offer constraints.
///
/// Whether a regular expression can be read is for whoever evaluates it to say.
///
/// - Source: Apache Mesos, `src/master/allocator/mesos/offer_constraints_filter.cpp`; for roles `src/master/validation.cpp`,
///   `validateOfferConstraintsRoles`.
public enum OfferConstraintsValidation {
  /// Checks that there is something to evaluate: groups of a role, constraints of a group, a selector and a predicate of a constraint.
  /// - Throws: `ValidationError` about the first role, in ascending order, that breaks a rule.
  public static func validate(_ constraints: OfferConstraints) throws(ValidationError) {
    let path = "role_constraints"
    for (role, ofRole) in constraints.roleConstraints.sorted(by: { $0.key < $1.key }) {
      guard !ofRole.groups.isEmpty else {
        throw ValidationError(
          .missingField,
          "'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role \(role)", path: path)
      }
      for group in ofRole.groups {
        guard !group.attributeConstraints.isEmpty else {
          throw ValidationError(
            .missingField,
            "'OfferConstraints::RoleConstraints::groups' for role \(role)contains an empty RoleConstraints::Group",
            path: path)
        }
        for constraint in group.attributeConstraints {
          do { try validate(constraint) } catch {
            throw error.within("A role \(role) has an invalid 'AttributeConstraint': ", field: path)
          }
        }
      }
    }
  }

  private static func validate(_ constraint: AttributeConstraint) throws(ValidationError) {
    switch constraint.selector.selector {
    case .pseudoattributeType(.unknown):
      throw ValidationError(.unsupported, "Unknown pseudoattribute type", path: "selector")
    case nil:
      throw ValidationError(
        .missingField,
        "Exactly one of 'AttributeConstraint::Selector::name' or 'AttributeConstraint::Selector::pseudoattribute_type' "
          + "must be set", path: "selector")
    case .pseudoattributeType, .attributeName: break
    }
    guard constraint.predicate.predicate != nil else {
      throw ValidationError(.unsupported, "Unknown predicate type", path: "predicate")
    }
  }

  /// Checks that constraints are about roles that the framework is in.
  ///
  /// Apache Mesos checks this after 1.11.
  /// - Throws: `ValidationError` with code `.mismatch` about the first role, in ascending order, that it is not in.
  public static func validate(
    _ constraints: OfferConstraints, roles: some Collection<String>
  ) throws(ValidationError) {
    let known = Set(roles)
    for role in constraints.roleConstraints.keys.sorted() where !known.contains(role) {
      throw ValidationError(
        .mismatch,
        "Offer constraints specify `role_constraints` for a role '\(role)'not contained in the set of roles",
        path: "role_constraints")
    }
  }
}
