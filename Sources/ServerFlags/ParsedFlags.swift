/// The flags a server was started with: every flag of its table, given or by default.
public struct ParsedFlags: Sendable {
  /// A value in the kind of its flag.
  public enum Value: Hashable, Sendable {
    case string(String)
    case bool(Bool)
    case int(Int)
    case double(Double)
    case duration(Duration)
    case bytes(UInt64)
    case path(String)

    /// As Apache Mesos writes it in GET_FLAGS.
    public var text: String {
      switch self {
      case .string(let text), .path(let text): text
      case .bool(let value): value ? "true" : "false"
      case .int(let value): "\(value)"
      case .double(let value): FlagText.text(value)
      case .duration(let value): FlagText.text(value)
      case .bytes(let value): FlagText.text(bytes: value)
      }
    }
  }

  let table: FlagTable
  var values: [String: Value]
  /// The names that came from the command line or the environment.
  public internal(set) var given: Set<String>
  /// What the operator should know, in the order of the table: flags without effect, old names.
  public internal(set) var warnings: [String]

  /// Whether `--help` was given. Then required flags may be missing.
  public var wantsHelp: Bool { values["help"] == .bool(true) }
  /// Whether `--version` was given. Then required flags may be missing.
  public var wantsVersion: Bool { values["version"] == .bool(true) }

  /// Every flag that has a value, sorted by name, as GET_FLAGS and `/flags` show it; a secret is `<redacted>`, and so are the
  /// credentials in a `zk://` address.
  public var rendered: [(name: String, value: String)] {
    values.sorted { $0.key < $1.key }.map { name, value in
      (name, table.definition(name)?.isSecret == true ? "<redacted>" : Self.withoutCredentials(value.text))
    }
  }

  private static func withoutCredentials(_ text: String) -> String {
    let scheme = "zk://"
    guard text.hasPrefix(scheme), let at = text.lastIndex(of: "@") else { return text }
    return scheme + "<redacted>" + text[at...]
  }

  /// Sets a value that the server found out itself, such as its hostname, so that ``rendered`` shows it.
  ///
  /// - Precondition: `name` is in the table and of the kind of `value`.
  public mutating func resolve(_ name: String, to value: Value) {
    let definition = table.definition(name)
    precondition(
      definition?.kind == value.kind, "flag \(name) is \(String(describing: definition?.kind)), not \(value.kind)")
    values[name] = value
  }

  // The getters without `IfSet` are for flags with a default or required ones; asking for another is a mistake in the program,
  // which shows at once and not only when a user leaves the flag out.

  /// Value of a text or path flag that always has one.
  public func string(_ name: String) -> String { always(name, stringIfSet(name), "") }
  /// Value of a boolean flag; `false` when it has none.
  public func bool(_ name: String) -> Bool {
    requireKind(name, [.bool])
    guard case .bool(let value)? = values[name] else { return false }
    return value
  }
  /// Value of a whole-number flag that always has one.
  public func int(_ name: String) -> Int { always(name, intIfSet(name), 0) }
  /// Value of a number flag that always has one.
  public func double(_ name: String) -> Double { always(name, doubleIfSet(name), 0) }
  /// Value of a duration flag that always has one.
  public func duration(_ name: String) -> Duration { always(name, durationIfSet(name), .zero) }
  /// Value of a size flag that always has one, in bytes.
  public func bytes(_ name: String) -> UInt64 { always(name, bytesIfSet(name), 0) }

  /// Value of a text or path flag, `nil` when it was not given and has no default.
  public func stringIfSet(_ name: String) -> String? {
    requireKind(name, [.string, .path])
    switch values[name] {
    case .string(let value)?, .path(let value)?: return value
    default: return nil
    }
  }
  /// Value of a whole-number flag, `nil` when it was not given and has no default.
  public func intIfSet(_ name: String) -> Int? {
    requireKind(name, [.int])
    guard case .int(let value)? = values[name] else { return nil }
    return value
  }
  /// Value of a number flag, `nil` when it was not given and has no default.
  public func doubleIfSet(_ name: String) -> Double? {
    requireKind(name, [.double])
    guard case .double(let value)? = values[name] else { return nil }
    return value
  }
  /// Value of a duration flag, `nil` when it was not given and has no default.
  public func durationIfSet(_ name: String) -> Duration? {
    requireKind(name, [.duration])
    guard case .duration(let value)? = values[name] else { return nil }
    return value
  }
  /// Value of a size flag in bytes, `nil` when it was not given and has no default.
  public func bytesIfSet(_ name: String) -> UInt64? {
    requireKind(name, [.bytes])
    guard case .bytes(let value)? = values[name] else { return nil }
    return value
  }

  private func requireKind(_ name: String, _ kinds: [FlagDefinition.Kind]) {
    let kind = table.definition(name)?.kind
    precondition(kind.map(kinds.contains) ?? false, "flag \(name) is \(String(describing: kind)), not \(kinds)")
  }

  private func always<T>(_ name: String, _ value: T?, _ fallback: T) -> T {
    let definition = table.definition(name)
    precondition(
      definition?.defaultText != nil || definition?.isRequired == true || value != nil,
      "flag \(name) has no default: ask with …IfSet")
    // Only a required flag under `--help` gets here without a value.
    return value ?? fallback
  }
}

extension ParsedFlags.Value {
  var kind: FlagDefinition.Kind {
    switch self {
    case .string: .string
    case .bool: .bool
    case .int: .int
    case .double: .double
    case .duration: .duration
    case .bytes: .bytes
    case .path: .path
    }
  }
}
