/// The roles that may be used in a cluster whose master was started with `--roles`; `*` always may.
///
/// - Source: Apache Mesos, *Roles*, "Roles and access control".
public struct RoleWhitelist: Hashable, Sendable {
  /// The roles that may be used, in ascending order.
  public let roles: [String]
  /// The roles that the list names more than once, in ascending order: worth a warning, no error.
  public let duplicates: [String]
  private let lookup: Set<String>

  /// A list of the given roles.
  /// - Throws: `RoleError` about the first that is no valid name.
  public init(_ roles: [String]) throws(RoleError) {
    try RoleName.validate(roles)
    duplicates = RoleName.duplicates(in: roles)
    lookup = Set(roles).union([RoleName.star])
    self.roles = lookup.sorted()
  }

  /// Reads the value of `--roles`: names apart by commas.
  /// - Throws: `RoleError` about the first that is no valid name.
  public init(parsing text: String) throws(RoleError) { try self.init(RoleName.parseList(text)) }

  /// Whether `role` may be used. Roles below one of the list are not on the list.
  public func contains(_ role: String) -> Bool { lookup.contains(role) }
}
