/// Why a text is no name of a role.
public struct RoleError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong, in the words of Apache Mesos.
  public let message: String

  public init(_ message: String) { self.message = message }

  public var description: String { message }
}

/// The rules about names of roles: `*`, or components apart by slashes such as `eng/web`.
///
/// - Source: Apache Mesos, *Roles*, "Invalid role names" and "Hierarchical roles".
public enum RoleName {
  /// The role of frameworks that have none, and of what is reserved to nobody.
  public static let star = "*"

  /// Checks that `role` is `*` or a path of components that are not empty, not `.`, `..` or `*`, do not start with a dash and have
  /// neither white space nor a backspace.
  public static func validate(_ role: String) throws(RoleError) {
    if role == star { return }
    guard !role.isEmpty else { throw RoleError("Role names cannot be the empty string") }
    let bytes = role.utf8
    let slash = UInt8(ascii: "/")
    if bytes.first == slash { throw RoleError("Role '\(role)' cannot start with a slash") }
    if bytes.last == slash { throw RoleError("Role '\(role)' cannot end with a slash") }
    let components = bytes.split(separator: slash, omittingEmptySubsequences: false)
    if components.contains(where: \.isEmpty) { throw RoleError("Role '\(role)' cannot contain two adjacent slashes") }
    for component in components {
      let text = String(Substring(component))
      if text == "." || text == ".." || text == star {
        throw RoleError("Role '\(role)' cannot include '\(text)' as a component")
      }
      if component.first == UInt8(ascii: "-") {
        throw RoleError("Role component '\(text)' is invalid because it starts with a dash")
      }
      // Backspace, tab, line feed, vertical tab, form feed, carriage return.
      if component.contains(where: { (0x08...0x0d).contains($0) || $0 == UInt8(ascii: " ") }) {
        throw RoleError("Role component '\(text)' is invalid because it contains backspace or whitespace")
      }
    }
  }

  /// Whether `role` lies below `ancestor` in the tree of roles: `eng/web` below `eng`. Nothing lies below itself or below `*`.
  public static func isStrictSubrole(_ role: String, of ancestor: String) -> Bool {
    let (child, parent) = (role.utf8, ancestor.utf8)
    guard child.count > parent.count, !parent.isEmpty else { return false }
    let boundary = child.index(child.startIndex, offsetBy: parent.count)
    return child[boundary] == UInt8(ascii: "/") && child.starts(with: parent)
  }

  /// The roles above `role`, the nearest first: `eng/web`, `eng` for `eng/web/front`.
  public static func ancestors(of role: String) -> [String] {
    var ancestors: [String] = []
    var rest = role[...]
    while let slash = rest.lastIndex(of: "/") {
      rest = rest[..<slash]
      ancestors.append(String(rest))
    }
    return ancestors
  }
}
