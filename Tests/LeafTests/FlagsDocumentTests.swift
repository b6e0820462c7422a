import Foundation
import ServerFlags
import Testing

struct FlagsDocumentTests {
  /// `UPDATE_FIXTURES=1 scripts/test --filter FlagsDocument` writes the page anew.
  @Test func `the page about flags is what the tables say`() throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "docs/flags.md")
    if ProcessInfo.processInfo.environment["UPDATE_FIXTURES"] == "1" {
      try FlagsDocument.markdown.write(to: page, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: page, encoding: .utf8) == FlagsDocument.markdown)
  }
}
