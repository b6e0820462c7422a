extension FlagTable {
  /// What `--help` prints: one entry a flag, in lines of at most 100 characters.
  public var helpText: String {
    var text = "Usage: \(program) [options]\n\n\(summary)\n\n"
    let column = 34
    for definition in definitions {
      let name =
        "  --" + (definition.kind == .bool ? "[no-]" : "") + definition.name
        + (definition.kind == .bool ? "" : "=VALUE")
      var lines = Self.wrap(definition.fullHelp, width: 100 - column)
      if name.count + 2 <= column, !lines.isEmpty {
        text += name + String(repeating: " ", count: column - name.count) + lines.removeFirst() + "\n"
      } else {
        text += name + "\n"
      }
      for line in lines { text += String(repeating: " ", count: column) + line + "\n" }
    }
    return text
  }

  /// The table as Markdown, for `docs/flags.md`.
  public var markdown: String {
    var text = "## \(program)\n\n\(summary)\n\n| Flag | Kind | Default | Meaning | State |\n|---|---|---|---|---|\n"
    for definition in definitions {
      let state =
        switch definition.support {
        case .full: "supported"
        case .only(let values, _), .onlyListOf(let values, _):
          "supports " + values.map { "`\($0)`" }.joined(separator: ", ")
        case .notYet: "no effect yet: a warning"
        case .refused: "not yet: refuses to start"
        }
      let cells = [
        "`--\(definition.name)`", "\(definition.kind)", definition.defaultText.map { "`\($0)`" } ?? "", definition.help,
        state,
      ]
      text += "| " + cells.map(Self.escapedForTable).joined(separator: " | ") + " |\n"
    }
    return text
  }

  private static func escapedForTable(_ text: String) -> String {
    text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
  }

  private static func wrap(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}

extension FlagDefinition {
  fileprivate var fullHelp: String {
    var text = help
    if isRequired { text += " (required)" }
    if let defaultText { text += " (default: \(defaultText))" }
    switch support {
    case .full: break
    case .only(let values, _): text += " [this version: only " + values.joined(separator: ", ") + "]"
    case .onlyListOf(let values, _): text += " [this version: only a list of " + values.joined(separator: ", ") + "]"
    case .notYet(let reason): text += " [no effect yet: \(reason)]"
    case .refused(let reason): text += " [not yet: \(reason)]"
    }
    return text
  }
}
