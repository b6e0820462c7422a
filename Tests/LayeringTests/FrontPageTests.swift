import Foundation
import Testing

/// The front page's program is the sample Hello, which scripts/samples runs.
struct FrontPageTests {
  @Test func `the program on the front page is the sample Hello`() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let readme = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
    let sample = try String(contentsOf: root.appending(path: "Samples/Hello/Sources/hello/main.swift"), encoding: .utf8)
    let programs = readme.components(separatedBy: "```swift\n").dropFirst().map { block in
      block.components(separatedBy: "```\n")[0]
    }
    #expect(programs.contains(sample))
  }
}
