#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension FlagTable {
  /// Reads the command line and the environment.
  ///
  /// The rules are those of Apache Mesos: `--flag=value`; `--flag` and `--no-flag` for booleans; `MESOS_FLAG` in the environment, over which
  /// the command line wins; a value `file:///path` stands for the content of that file (for a path flag, for that path). Unknown
  /// `MESOS_…` variables are ignored, since other programs have theirs; unknown flags are errors. `--` ends the flags.
  ///
  /// - Parameters:
  ///   - arguments: The command line without the program's name.
  ///   - environment: Variables by name.
  ///   - readFile: Returns the content of the file at a path; how tests stand in for the disk.
  /// - Throws: ``FlagError``. With `--help` or `--version` on the command line, only errors of the command line's form.
  public func parse(
    arguments: [String], environment: [String: String] = [:],
    readFile: (String) throws(FlagFileError) -> String = FlagFileError.read
  ) throws(FlagError) -> ParsedFlags {
    var texts: [String: String] = [:]
    var oldNames: [String: String] = [:]
    for definition in definitions {
      for name in [definition.name] + definition.deprecatedNames {
        guard texts[definition.name] == nil, let text = environment["MESOS_" + name.uppercased()] else { continue }
        texts[definition.name] = text
        if name != definition.name { oldNames[definition.name] = "MESOS_" + name.uppercased() }
      }
    }
    for (name, given) in try commandLine(arguments) {
      texts[name] = given.text
      oldNames[name] = given.oldName
    }
    let wantsOnlyText = ["help", "version"].contains { texts[$0] == "true" || texts[$0] == "1" }
    if !wantsOnlyText { try refuse(environment) }

    var flags = ParsedFlags(table: self, values: [:], given: [], warnings: [])
    for definition in definitions {
      let name = definition.name
      if let oldName = oldNames[name] { flags.warnings.append("'\(oldName)' is an old name: use '\(name)'") }
      guard let text = texts[name] else {
        if let text = definition.defaultText { flags.values[name] = try value(text, of: definition, readFile) }
        if definition.isRequired, !wantsOnlyText {
          throw FlagError(.missing, flag: name, "Flag '\(name)' is required, but it was not provided")
        }
        continue
      }
      let value = try value(text, of: definition, readFile)
      if !wantsOnlyText, let warning = try warning(for: value, of: definition) { flags.warnings.append(warning) }
      flags.values[name] = value
      flags.given.insert(name)
    }
    return flags
  }

  private struct Given {
    var text: String
    var oldName: String?
  }

  private func commandLine(_ arguments: [String]) throws(FlagError) -> [String: Given] {
    var result: [String: Given] = [:]
    for argument in arguments {
      if argument == "--" { break }
      guard argument.hasPrefix("--") else {
        let shown = String(argument.prefix(100))
        throw FlagError(
          .unexpectedArgument, flag: shown, "Unexpected argument '\(shown)': flags are written --name=value")
      }
      let body = argument.dropFirst(2)
      let parts = body.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = parts[0].lowercased()
      let text = parts.count == 2 ? String(parts[1]) : nil
      let found: (definition: FlagDefinition, text: String)
      if let definition = definition(name) {
        guard let text = text ?? (definition.kind == .bool ? "true" : nil) else {
          throw FlagError(.notBoolean, flag: name, "Failed to load non-boolean flag '\(name)': Missing value")
        }
        found = (definition, text)
      } else if name.hasPrefix("no-"), let definition = definition(String(name.dropFirst(3))) {
        guard definition.kind == .bool else {
          throw FlagError(
            .notBoolean, flag: definition.name, "Failed to load non-boolean flag '\(definition.name)' via '\(name)'")
        }
        guard text == nil else {
          throw FlagError(
            .malformed, flag: definition.name,
            "Failed to load boolean flag '\(definition.name)' via '\(name)' with a value")
        }
        found = (definition, "false")
      } else {
        throw unknown(name)
      }
      let used = name.hasPrefix("no-") && definition(name) == nil ? String(name.dropFirst(3)) : name
      let given = Given(text: found.text, oldName: used == found.definition.name ? nil : used)
      guard result.updateValue(given, forKey: found.definition.name) == nil else {
        throw FlagError(
          .duplicate, flag: found.definition.name, "Flag '\(found.definition.name)' is given twice on the command line")
      }
    }
    return result
  }

  private func value(
    _ given: String, of definition: FlagDefinition, _ readFile: (String) throws(FlagFileError) -> String
  ) throws(FlagError) -> ParsedFlags.Value {
    var text = given
    if text.hasPrefix("file://") {
      let path = String(text.dropFirst(7))
      if definition.kind == .path { return .path(path) }
      do {
        text = try readFile(path)
      } catch {
        throw FlagError(
          .unreadableFile, flag: definition.name,
          "Failed to load flag '\(definition.name)': Failed to load value '\(given)': Error reading file '\(path)': \(error.message)"
        )
      }
      while let last = text.last, last.isNewline { text.removeLast() }
    }
    do {
      switch definition.kind {
      case .string: return .string(text)
      case .path: return .path(text)
      case .bool: return .bool(try FlagText.bool(text))
      case .int: return .int(try FlagText.int(text))
      case .double: return .double(try FlagText.double(text))
      case .duration: return .duration(try FlagText.duration(text))
      case .bytes: return .bytes(try FlagText.bytes(text))
      }
    } catch {
      let shown = definition.isSecret ? "<redacted>" : String(text.prefix(200))
      let reason = definition.isSecret ? "it is not of the kind that this flag takes" : error.message
      throw FlagError(
        .malformed, flag: definition.name,
        "Failed to load flag '\(definition.name)': Failed to load value '\(shown)': \(reason)")
    }
  }

  /// Returns what to tell the operator about a value that was given, or throws where it must not be ignored.
  private func warning(for value: ParsedFlags.Value, of definition: FlagDefinition) throws(FlagError) -> String? {
    let text = value.text
    func unsupported(_ shown: String, _ reason: String) -> FlagError {
      FlagError(.unsupported, flag: definition.name, "Flag '\(definition.name)'\(shown) cannot be used: \(reason)")
    }
    switch definition.support {
    case .full: return nil
    case .only(let values, let reason):
      guard values.contains(text) else { throw unsupported("=\(text.prefix(100))", reason) }
      return nil
    case .onlyListOf(let values, let reason):
      for element in text.split(separator: ",") where !values.contains(String(element)) {
        throw unsupported(" with '\(element.prefix(100))'", reason)
      }
      return nil
    case .notYet(let reason):
      if text == definition.defaultText { return nil }
      return "Flag '\(definition.name)' has no effect: \(reason)"
    case .refused(let reason):
      if text == definition.defaultText { return nil }
      throw unsupported("", reason)
    }
  }

  private func refuse(_ environment: [String: String]) throws(FlagError) {
    for (name, reason) in refusedEnvironment.sorted(by: { $0.key < $1.key }) {
      guard let value = environment[name], !["", "0", "false"].contains(value) else { continue }
      throw FlagError(.unsupported, flag: name, "Environment variable '\(name)' cannot be used: \(reason)")
    }
  }

  private func unknown(_ name: String) -> FlagError {
    let shown = String(name.prefix(100))
    let bare = shown.hasPrefix("no-") ? String(shown.dropFirst(3)) : shown
    let plain = bare.map { $0 == "-" ? "_" : $0 }
    let near = definitions.map { (distance: editDistance(plain, Array($0.name)), name: $0.name) }
      .filter { $0.distance <= max(2, plain.count / 4) || (plain.count > 3 && $0.name.contains(String(plain))) }
      .sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(3).map(\.name)
    let hint =
      near.isEmpty ? "; see --help" : ". Did you mean " + near.map { "'\($0)'" }.joined(separator: " or ") + "?"
    return FlagError(.unknown, flag: shown, "Failed to load unknown flag '\(shown)'" + hint, suggestions: Array(near))
  }

  /// Fewest insertions, deletions and replacements that make one text of the other.
  private func editDistance(_ left: [Character], _ right: [Character]) -> Int {
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, b) in right.enumerated() {
        let replaced = diagonal + (a == b ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[right.count]
  }
}

/// Why the file behind a `file://` value cannot be read.
public struct FlagFileError: Error, Hashable, Sendable {
  public let message: String
  public init(_ message: String) { self.message = message }

  /// The most that a flag's file may hold, in bytes.
  static let sizeMax = 16 << 20

  /// Returns the content of the file at `path`.
  public static func read(_ path: String) throws(FlagFileError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw FlagFileError(String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = readAgain(descriptor, &buffer)
      guard count >= 0 else { throw FlagFileError(String(cString: strerror(errno))) }
      if count == 0 { break }
      bytes += buffer[..<count]
      guard bytes.count <= sizeMax else {
        throw FlagFileError("it is larger than \(FlagText.text(bytes: UInt64(sizeMax)))")
      }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw FlagFileError("it is not UTF-8 text") }
    return text
  }
}

/// `read`, begun again when a signal interrupts it; named apart because ``FlagFileError/read(_:)`` hides the system's.
private func readAgain(_ descriptor: Int32, _ buffer: inout [UInt8]) -> Int {
  while true {
    let count = read(descriptor, &buffer, buffer.count)
    if count >= 0 || errno != EINTR { return count }
  }
}
