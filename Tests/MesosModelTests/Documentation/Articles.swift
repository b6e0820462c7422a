import Foundation

/// Files of the project, by their paths in it.
enum Project {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The names of what a folder has, with those of what is below it.
  static func names(in folder: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: folder).path).sorted()
  }

  static func lines(of path: String) throws -> [String] {
    try String(contentsOf: root.appending(path: path), encoding: .utf8).components(separatedBy: "\n")
  }

  static func write(_ lines: [String], to path: String) throws {
    try lines.joined(separator: "\n").write(to: root.appending(path: path), atomically: true, encoding: .utf8)
  }
}

/// A page of the documentation of the model.
struct Article: Sendable {
  /// One ```` ```swift ```` block.
  struct Block: Sendable {
    let article: String
    /// Which one of the article, counted from one.
    let number: Int
    /// The heading that it stands under.
    let heading: String
    /// Where it begins in the article.
    let line: Int
    let code: [String]

    /// What the code prints, by its comments: each `// → text`, in order. A comment that begins with three blanks goes on with the one
    /// above it.
    var arrows: [String] {
      var arrows: [String] = []
      for line in code {
        if let arrow = line.range(of: "// → ") {
          arrows.append(String(line[arrow.upperBound...]))
        } else if let more = line.range(of: "//   "), let last = arrows.popLast() {
          arrows.append("\(last) \(line[more.upperBound...])")
        }
      }
      return arrows
    }

    var place: String { "\(article).md, block \(number) (line \(line))" }

    /// The test that runs the block, with the code in it as it stands but for imports.
    var test: [String] {
      let name = heading.replacingOccurrences(of: "`", with: "")
      let body = code.drop { $0.isEmpty || $0.hasPrefix("import ") }.map { $0.isEmpty ? "" : "    \($0)" }
      return ["  @Test func `\(article) \(number), \(name)`() throws {"]
        + ["    let print = try Example(\"\(article)\", \(number))"] + body + ["    print.check()", "  }"]
    }
  }

  private static let folder = "Sources/MesosModel/Documentation.docc"

  let name: String
  let lines: [String]

  var path: String { "\(Self.folder)/\(name).md" }

  init(_ name: String) throws {
    self.name = name
    lines = try Project.lines(of: "\(Self.folder)/\(name).md")
  }

  static func all() throws -> [Article] {
    try Project.names(in: folder).filter { $0.hasSuffix(".md") }.map { try Article(String($0.dropLast(3))) }
  }

  var blocks: [Block] {
    var blocks: [Block] = []
    var heading = ""
    var open: (line: Int, isSwift: Bool)?
    for (index, line) in lines.enumerated() {
      if line.hasPrefix("```") {
        if let start = open {
          let code = Array(lines[start.line..<index])
          if start.isSwift {
            blocks.append(
              Block(article: name, number: blocks.count + 1, heading: heading, line: start.line, code: code))
          }
          open = nil
        } else {
          open = (index + 1, line == "```swift")
        }
      } else if open == nil, line.hasPrefix("#") {
        heading = String(line.drop { $0 == "#" || $0 == " " })
      }
    }
    return blocks
  }
}
