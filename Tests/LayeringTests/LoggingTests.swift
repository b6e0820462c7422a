import Foundation
import Testing

/// What the client libraries log is what `docs/logging.md` says.
struct LoggingTests {
  /// A message as a row of the page has it.
  struct Line: Hashable {
    var library: String
    var level: String
    var message: String
    var keys: Set<String>
  }

  @Test(arguments: ["SchedulerKit", "ExecutorKit", "MesosDiscovery", "OperatorKit", "MesosHTTPClient"])
  func `messages are static, and levels and metadata those of the page`(library: String) throws {
    let rows = try Self.page().filter { $0.library == library }
    var found: Set<Line> = []
    for file in try Source.files(of: library) {
      let calls = Self.calls(in: file.text, library: library)
      #expect(calls.count == Self.mentions(in: file.text), "\(file.path) logs in a way that this test does not read")
      found.formUnion(calls)
    }
    #expect(found.subtracting(rows) == [], "not in docs/logging.md")
    #expect(Set(rows).subtracting(found) == [], "in docs/logging.md alone")
  }

  @Test(arguments: [
    #"logger.debug("At \(x)")"#, #"logger.info(text)"#, #"self.logger.error(Logger.Message(stringLiteral: a))"#,
  ])
  func `a message that is not static is found`(line: String) {
    #expect(Self.calls(in: line, library: "L").isEmpty)
    #expect(Self.mentions(in: line) == 1)
  }

  /// Calls of a logger with a text that stays the same, and the keys of their metadata.
  private static func calls(in text: String, library: String) -> [Line] {
    text.matches(of: /logger\.(trace|debug|info|notice|warning|error|critical)\(\s*"([^"\\]*)"/).map { match in
      // Up to the parenthesis that ends the call.
      var depth = 1
      let rest = text[match.range.upperBound...].prefix { character in
        if character == "(" { depth += 1 }
        if character == ")" { depth -= 1 }
        return depth > 0
      }
      let keys = rest.matches(of: /"(\w+)": "/).map { String($0.1) }
      return Line(library: library, level: String(match.1), message: String(match.2), keys: Set(keys))
    }
  }

  private static func mentions(in text: String) -> Int {
    text.matches(of: /logger\.(trace|debug|info|notice|warning|error|critical|log)\(/).count
  }

  private static func page() throws -> [Line] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: "docs/logging.md"), encoding: .utf8)
    return text.split(separator: "\n").compactMap { line in
      let cells = line.split(separator: "|", omittingEmptySubsequences: false).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      guard cells.count == 6, cells[3].hasPrefix("`") else { return nil }
      return Line(
        library: cells[1], level: cells[2], message: cells[3].trimmingCharacters(in: ["`"]),
        keys: Set(cells[4].matches(of: /`(\w+)`/).map { String($0.1) }))
    }
  }
}
