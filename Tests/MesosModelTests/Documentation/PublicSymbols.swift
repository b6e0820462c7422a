/// Reads a source for public declarations without a documentation comment.
///
/// Sources are formatted, so it goes by the indentation of lines: what a line is nested in is the last line above with less of it. Asked
/// for are declarations that say `public` (also members of extensions), cases of public enumerations, requirements of public protocols and
/// members of public extensions. Nothing is exempt, not even what a protocol asks for, such as `==` or `description`: what it looks at is
/// worth a line.
enum PublicSymbols {
  private enum Scope { case publicEnum, publicProtocol, publicExtension, other }

  /// Words that a declaration of a member begins with, after attributes and modifiers.
  private static let declarations: Set<String> = [
    "let", "var", "func", "init", "subscript", "case", "struct", "class", "enum", "protocol", "actor", "typealias",
    "associatedtype", "prefix", "postfix", "infix", "operator", "macro",
  ]
  private static let modifiers: Set<String> = [
    "public", "open", "static", "mutating", "nonmutating", "indirect", "final", "override", "convenience", "required",
    "consuming", "borrowing", "lazy", "weak", "nonisolated", "isolated", "prefix", "postfix", "infix", "async",
    "distributed",
  ]

  /// What is not documented: the line's number, counted from one, and the line.
  static func undocumented(in lines: [String]) -> [(line: Int, text: String)] {
    var missing: [(line: Int, text: String)] = []
    var scopes: [(indent: Int, scope: Scope)] = []
    var isInText = false
    for (index, line) in lines.enumerated() {
      let text = String(line.drop { $0 == " " })
      let quotes = line.components(of: "\"\"\"")
      defer { if quotes % 2 == 1 { isInText.toggle() } }
      if isInText || text.isEmpty || text.hasPrefix("//") || text.hasPrefix("#") { continue }
      let indent = line.count - text.count
      while let last = scopes.last, last.indent >= indent { scopes.removeLast() }

      let words = words(of: text)
      let first = words.first { !modifiers.contains($0) || ["prefix", "postfix", "infix"].contains($0) } ?? ""
      let isPublic = words.prefix { modifiers.contains($0) || $0.hasPrefix("private(") || $0.hasPrefix("internal(") }
        .contains { $0 == "public" || $0 == "open" }
      // A member directly inside: the lines of a function are inside of it.
      let parent = scopes.last?.scope ?? .other
      let isMember: Bool
      switch parent {
      case .publicEnum: isMember = first == "case"
      case .publicProtocol: isMember = declarations.contains(first)
      case .publicExtension: isMember = declarations.contains(first) && !hasOwnAccess(words)
      case .other: isMember = false
      }
      let isDeclaration = first != "import" && first != "extension" && (isPublic || isMember)
      if isDeclaration, !isDocumented(lines, index) { missing.append((index + 1, text)) }

      let scope: Scope
      switch first {
      case "enum": scope = isPublic || parent == .publicExtension && isMember ? .publicEnum : .other
      case "protocol": scope = isPublic ? .publicProtocol : .other
      case "extension": scope = isPublic ? .publicExtension : .other
      default: scope = .other
      }
      scopes.append((indent, scope))
    }
    return missing
  }

  private static func hasOwnAccess(_ words: [String]) -> Bool {
    words.contains { ["private", "fileprivate", "internal", "package"].contains($0) }
  }

  /// The words of a line up to a bracket or the like, without attributes.
  private static func words(of text: String) -> [String] {
    var rest = Substring(text)
    while rest.hasPrefix("@") {
      rest = rest.dropFirst().drop { $0.isLetter || $0 == "_" }
      if rest.hasPrefix("(") { rest = rest.drop { $0 != ")" }.dropFirst() }
      rest = rest.drop { $0 == " " }
    }
    return rest.split(separator: " ").map { word in
      let isAccess = word.hasSuffix("(set)")
      return String(isAccess ? word : word.prefix { $0.isLetter || $0 == "_" })
    }
  }

  /// Whether the line above is a documentation comment; attributes and conditions of compilation may stand between.
  private static func isDocumented(_ lines: [String], _ index: Int) -> Bool {
    for line in lines[..<index].reversed() {
      let text = line.drop { $0 == " " }
      if text.hasPrefix("///") { return true }
      guard text.hasPrefix("@") || text.hasPrefix("#if") else { return false }
    }
    return false
  }
}

extension String {
  /// How often `part` stands in the text.
  fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}
