/// The rules about names of roles: `*`, or components apart by slashes such as `eng/web`.
///
/// - Source: Apache Mesos, *Roles*, "Invalid role names"; `common/roles.cpp`.
public enum RoleName {
  /// The role of frameworks that have none, and of what is reserved to nobody.
  public static let star = "*"

  /// Checks that `role` is `*` or a path of components that are not empty, not `.`, `..` or `*`, do not start with a dash and have
  /// neither white space nor a backspace.
  ///
  /// White space is what ASCII has of it; the backspace is the character 0x7f (DEL), as in Apache Mesos, which lets 0x08 pass.
  ///
  /// - Throws: `RoleError` with code `.invalidName` and the words of Apache Mesos.
  public static func validate(_ role: String) throws(RoleError) {
    if role == star { return }
    guard !role.isEmpty else { throw RoleError("Role names cannot be the empty string", offset: 0) }
    let bytes = role.utf8
    let slash = UInt8(ascii: "/")
    func offset(_ index: String.Index) -> Int { bytes.distance(from: bytes.startIndex, to: index) }
    if bytes.first == slash { throw RoleError("Role '\(role)' cannot start with a slash", offset: 0) }
    if bytes.last == slash { throw RoleError("Role '\(role)' cannot end with a slash", offset: bytes.count - 1) }
    let components = bytes.split(separator: slash, omittingEmptySubsequences: false)
    if let empty = components.first(where: \.isEmpty) {
      throw RoleError("Role '\(role)' cannot contain two adjacent slashes", offset: offset(empty.startIndex))
    }
    for component in components {
      let text = String(Substring(component))
      if text == "." || text == ".." || text == star {
        throw RoleError("Role '\(role)' cannot include '\(text)' as a component", offset: offset(component.startIndex))
      }
      if component.first == UInt8(ascii: "-") {
        throw RoleError(
          "Role component '\(text)' is invalid because it starts with a dash", offset: offset(component.startIndex))
      }
      // Tab, line feed, vertical tab, form feed, carriage return, blank, delete.
      let blank = component.firstIndex { (0x09...0x0d).contains($0) || $0 == UInt8(ascii: " ") || $0 == 0x7f }
      if let blank {
        throw RoleError(
          "Role component '\(text)' is invalid because it contains backspace or whitespace", offset: offset(blank))
      }
    }
  }

  /// Checks each of `roles` in turn.
  /// - Throws: `RoleError` about the first that is no valid name.
  public static func validate(_ roles: some Sequence<String>) throws(RoleError) {
    for role in roles { try validate(role) }
  }

  /// Reads names apart by commas, such as `--roles` lists; empty ones are passed over, and a blank belongs to the name.
  ///
  /// - Returns: The names in the order of the text, one that stands there twice also twice.
  /// - Throws: `RoleError` about the first that is no valid name.
  /// - Source: Apache Mesos, `roles::parse`.
  public static func parseList(_ text: String) throws(RoleError) -> [String] {
    let parts = text.split(separator: ",")
    for part in parts {
      do { try validate(String(part)) } catch {
        let start = text.utf8.distance(from: text.startIndex, to: part.startIndex)
        throw RoleError(error.code, error.message, offset: error.offset.map { start + $0 })
      }
    }
    return parts.map(String.init)
  }

  /// The names that stand in `roles` more than once, in ascending order.
  public static func duplicates(in roles: some Sequence<String>) -> [String] {
    var seen: Set<String> = []
    var duplicates: Set<String> = []
    for role in roles where !seen.insert(role).inserted { duplicates.insert(role) }
    return duplicates.sorted()
  }

  /// Whether `role` lies below `ancestor` in the tree of roles: `eng/web` below `eng`. Nothing lies below itself or below `*`.
  public static func isStrictSubrole(_ role: String, of ancestor: String) -> Bool {
    let (child, parent) = (role.utf8, ancestor.utf8)
    guard child.count > parent.count, !parent.isEmpty else { return false }
    let boundary = child.index(child.startIndex, offsetBy: parent.count)
    return child[boundary] == UInt8(ascii: "/") && child.starts(with: parent)
  }

  /// Whether `role` is `ancestor` or lies below it.
  public static func isInSubtree(_ role: String, of ancestor: String) -> Bool {
    role == ancestor || isStrictSubrole(role, of: ancestor)
  }

  /// Whether `role` has a role above it: `eng/web`, not `eng`.
  public static func isNested(_ role: String) -> Bool { role.utf8.contains(UInt8(ascii: "/")) }

  /// The role just above `role`: `eng` for `eng/web`, nil for `eng`.
  public static func parent(of role: String) -> String? {
    role.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(role[..<$0]) }
  }

  /// The roles above `role`, the nearest first: `eng/web`, `eng` for `eng/web/front`.
  public static func ancestors(of role: String) -> [String] {
    var ancestors: [String] = []
    var rest = role[...]
    while let slash = rest.utf8.lastIndex(of: UInt8(ascii: "/")) {
      rest = rest[..<slash]
      ancestors.append(String(rest))
    }
    return ancestors
  }

  /// The last component of `role`: `web` for `eng/web`.
  public static func basename(of role: String) -> String {
    role.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(role[role.utf8.index(after: $0)...]) } ?? role
  }

  /// Whether `left` comes before `right` when roles are ordered component by component, each role just before those below it:
  /// `a`, `a/b`, `a-b`.
  public static func precedes(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8) { rank($0) < rank($1) }
  }

  // A slash ends a component, so it comes before every other byte.
  private static func rank(_ byte: UInt8) -> Int { byte == UInt8(ascii: "/") ? -1 : Int(byte) }
}
