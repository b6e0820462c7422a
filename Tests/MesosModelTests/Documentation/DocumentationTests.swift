import Foundation
import MesosModel
import Testing

/// Every ```` ```swift ```` block of an article is the body of a test in `DocumentationExamples.swift`, line by line; what the comments
/// `// → …` say that it prints is compared when the test runs, see ``Example``.
///
/// `UPDATE_FIXTURES=1 scripts/test --filter Documentation` writes that file anew from the articles, and the table of causes.
struct DocumentationTests {
  private static let examples = "Tests/MesosModelTests/Documentation/DocumentationExamples.swift"
  private static var isUpdating: Bool { ProcessInfo.processInfo.environment["UPDATE_FIXTURES"] == "1" }

  private static func written(_ articles: [Article]) -> [String] {
    var lines = [
      "// Written from the articles, see DocumentationTests.swift.", "import MesosModel", "import Testing", "",
    ]
    lines.append("struct DocumentationExamples {")
    lines += articles.flatMap(\.blocks).map(\.test).joined(separator: [""])
    return lines + ["}", ""]
  }

  @Test func `every block of code in an article is run by a test`() throws {
    let articles = try Article.all()
    if Self.isUpdating { try Project.write(Self.written(articles), to: Self.examples) }
    let lines = try Project.lines(of: Self.examples)
    for block in articles.flatMap(\.blocks) {
      let isRun = Self.contains(lines, block.test)
      #expect(isRun, "\(block.place) is not what DocumentationExamples.swift runs")
    }
    #expect(lines.count == Self.written(articles).count, "DocumentationExamples.swift runs what stands in no article")
  }

  @Test func `a block of which a line differs, or a test with further lines, is found`() {
    let block = Article.Block(
      article: "A", number: 1, heading: "B", line: 3, code: ["let a = 1", "", "print(a)  // → 1"])
    #expect(block.arrows == ["1"])
    #expect(Self.contains(["struct S {"] + block.test + ["}"], block.test))
    #expect(!Self.contains(block.test.map { $0.replacingOccurrences(of: "a = 1", with: "a = 2") }, block.test))
    var more = block.test
    more.insert("    let b = 2", at: 3)
    #expect(!Self.contains(more, block.test))
  }

  @Test func `every article has an example, and every example says what it prints`() throws {
    for article in try Article.all() {
      #expect(!article.blocks.isEmpty, "\(article.name).md")
      for block in article.blocks {
        let prints = block.code.filter { $0.trimmingCharacters(in: .whitespaces).hasPrefix("print(") }
        #expect(!prints.isEmpty && !block.arrows.isEmpty, "\(block.place)")
      }
    }
  }

  @Test func `every article is on the landing page`() throws {
    let landing = try Article("MesosModel").lines
    for article in try Article.all() where article.name != "MesosModel" {
      #expect(landing.contains("- <doc:\(article.name)>"), "\(article.name).md")
    }
  }

  @Test func `the table of states in the article is that of the code`() throws {
    var named: [String] = []
    for line in try Article("TaskStates").lines where line.hasPrefix("| `TASK_") {
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard ["yes", "no"].contains(cells[1]) else { continue }
      for name in cells[0].split(separator: ", ").map({ $0.trimmingCharacters(in: ["`"]) }) {
        let state = try #require(TaskState.allCases.first { $0.wireName == name }, "\(name)")
        let answers = [state.isTerminal, state.mayStillRun, state.canReschedule].map { $0 ? "yes" : "no" }
        #expect(answers == Array(cells[1...]), "\(name)")
        named.append(name)
      }
    }
    #expect(named.sorted() == TaskState.allCases.map(\.wireName).sorted())
  }

  @Test func `the table of causes in the article is that of the code`() throws {
    let article = try Article("TaskStates")
    var lines = article.lines
    let start = try #require(lines.firstIndex { $0.hasPrefix("| State | Source | Reason |") })
    let end = lines[start...].firstIndex { !$0.hasPrefix("|") } ?? lines.endIndex
    if Self.isUpdating {
      lines.replaceSubrange(start..<end, with: Self.causes)
      try Project.write(lines, to: article.path)
    } else {
      for (line, row) in zip(lines[start..<end], Self.causes) { #expect(line == row) }
      #expect(end - start == Self.causes.count)
    }
  }

  /// The rows that are of one state; the two reasons that come with any are said in words.
  private static var causes: [String] {
    let rows = TaskStatusCause.all.filter { $0.reason != .reconciliation && $0.reason != .agentReregistered }
    return ["| State | Source | Reason | Do |", "|---|---|---|---|"]
      + rows.map { cause in
        let reason = cause.reason.map { "`\($0.wireName)`" } ?? ""
        return "| `\(cause.state.wireName)` | `\(cause.source.wireName)` | \(reason) | \(cause.advice) |"
      }
  }

  /// Whether `part` stands in `lines` without a gap; blank lines and the space around a line do not count.
  private static func contains(_ lines: [String], _ part: [String]) -> Bool {
    let (lines, part) = (trimmed(lines), trimmed(part))
    return lines.indices.contains { lines[$0...].starts(with: part) }
  }

  private static func trimmed(_ lines: [String]) -> [String] {
    lines.map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
  }
}
