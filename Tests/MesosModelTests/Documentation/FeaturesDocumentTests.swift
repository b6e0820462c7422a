import Foundation
import MesosModel
import Testing

/// Holds docs/features.md to the sources, to docs/compatibility.md and to the messages.
struct FeaturesDocumentTests {
  private struct Row {
    var area: String
    var feature: String
    var proof: String
  }

  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  private static func rows() throws -> [Row] {
    let text = try String(contentsOf: root.appending(path: "docs/features.md"), encoding: .utf8)
    return text.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst().compactMap { line in
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      return cells.count == 3 ? Row(area: cells[0], feature: cells[1], proof: cells[2]) : nil
    }
  }

  @Test func `every row of the features names a test, or words of the page about compatibility`() throws {
    let rows = try Self.rows()
    #expect(rows.count > 100)
    var sources = ""
    let folder = Self.root.appending(path: "Tests")
    for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted() where path.hasSuffix(".swift")
    {
      sources += try String(contentsOf: folder.appending(path: path), encoding: .utf8)
    }
    let page = try String(contentsOf: Self.root.appending(path: "docs/compatibility.md"), encoding: .utf8)
    for row in rows {
      if row.proof.hasPrefix("compatibility.md: \"") {
        let words = row.proof.dropFirst("compatibility.md: \"".count).dropLast()
        #expect(page.contains(words), "\(row.area), \(row.feature)")
      } else {
        #expect(row.proof.hasPrefix("`") && row.proof.hasSuffix("`"), "\(row.area), \(row.feature)")
        #expect(sources.contains("func \(row.proof)("), "\(row.area), \(row.feature)")
      }
    }
  }

  @Test func `every call, event and capability of the messages is among the features`() throws {
    let rows = try Self.rows()
    func expect(_ names: [String], in area: String) {
      let words = Set(
        rows.filter { $0.area == area }.flatMap { row in
          row.feature.split { !$0.isUppercase && $0 != "_" }.map(String.init)
        })
      for name in names where name != "UNKNOWN" && !name.hasPrefix("UNRECOGNIZED") {
        #expect(words.contains(name), "\(area): \(name)")
      }
    }
    expect(SchedulerCall.TypeEnum.allCases.map(\.wireName), in: "Scheduler call")
    expect(SchedulerEvent.TypeEnum.allCases.map(\.wireName), in: "Scheduler event")
    expect(Offer.Operation.TypeEnum.allCases.map(\.wireName), in: "Scheduler call")
    expect(FrameworkInfo.Capability.TypeEnum.allCases.map(\.wireName), in: "Capability")
    expect(MasterCall.TypeEnum.allCases.map(\.wireName), in: "Operator call")
    let events = MasterEvent.TypeEnum.allCases.map { type in
      "\(type)".reduce(into: "") { $0 += $1.isUppercase ? "_\($1)" : $1.uppercased() }
    }
    expect(events, in: "Operator event")
  }
}
