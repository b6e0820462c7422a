import Foundation

/// The Swift code of articles, which has to stand in a source that is compiled, line by line.
public struct DocumentedCode {
  /// How many blocks the articles have.
  public private(set) var count = 0
  /// Those that no source has, each with its article.
  public private(set) var uncompiled: [String] = []
  /// Those that are a package's manifest.
  public private(set) var manifests: [String] = []

  /// - Parameters:
  ///   - articles: Paths from the root of the project.
  ///   - sources: The same, of files that hold the code, be it further indented. Its imports may stand elsewhere.
  public init(of articles: [String], in sources: [String]) throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    func lines(_ path: String) throws -> [String] {
      try String(contentsOf: root.appending(path: path), encoding: .utf8).components(separatedBy: "\n")
    }
    func joined(_ lines: some Sequence<String>) -> String {
      "\n" + lines.map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: "\n") + "\n"
    }
    let compiled = try sources.map { try joined(lines($0)) }
    for article in articles {
      var block: [String]?
      var isOther = false
      for line in try lines(article) {
        if line.hasPrefix("```") {
          if let code = block {
            block = nil
            count += 1
            if code.first?.hasPrefix("// swift-tools-version") == true {
              manifests.append(code.joined(separator: "\n"))
              continue
            }
            let body = code.drop { $0.isEmpty || $0.hasPrefix("import ") }
            if !compiled.contains(where: { $0.contains(joined(body)) }) {
              uncompiled.append("\(article):\n" + code.joined(separator: "\n"))
            }
          } else if line == "```swift" {
            block = []
          } else {
            isOther.toggle()
          }
        } else if !isOther {
          block?.append(line)
        }
      }
    }
  }
}
