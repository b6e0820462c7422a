import Testing

struct DocumentationOfSymbolsTests {
  @Test(arguments: try Project.names(in: "Sources/MesosModel").filter { $0.hasSuffix(".swift") })
  func `every public symbol is documented`(path: String) throws {
    for symbol in PublicSymbols.undocumented(in: try Project.lines(of: "Sources/MesosModel/\(path)")) {
      Issue.record("\(path):\(symbol.line) has no documentation: \(symbol.text)")
    }
  }

  @Test(arguments: [
    "public struct A {", "public let a = 1", "public func a() {", "public static func == (a: A, b: A) -> Bool {",
    "public private(set) var a = 1", "@inlinable public init() {", "public indirect enum A {",
    "public typealias A = Int",
    "public prefix static func - (a: A) -> A {", "public subscript(a: Int) -> Int {", "public mutating func a() {",
    "public consuming func a() {",
  ])
  func `a public declaration without a comment is found`(line: String) {
    for indent in ["", "  ", "    "] {
      #expect(PublicSymbols.undocumented(in: ["extension A {", indent + line]).map(\.line) == [2])
      #expect(PublicSymbols.undocumented(in: ["/// It.", indent + line]).isEmpty)
      #expect(PublicSymbols.undocumented(in: ["/// It.", "@discardableResult", indent + line]).isEmpty)
      #expect(PublicSymbols.undocumented(in: ["/// It.", "", indent + line]).map(\.line) == [3])
      #expect(PublicSymbols.undocumented(in: ["// It.", indent + line]).map(\.line) == [2])
    }
  }

  @Test(arguments: [
    (["/// E.", "public enum E {", "  case a", "  /// B.", "  case b(Int)", "}", "enum F {", "  case a", "}"], [3]),
    (["/// P.", "public protocol P {", "  associatedtype A", "  func a()", "  var b: Int { get }", "}"], [3, 4, 5]),
    (["/// P.", "protocol P {", "  func a()", "}"], []),
    (["public extension A {", "  func a() {", "    let b = 1", "  }", "  private func c() {}", "}"], [2]),
    (
      [
        "/// E.", "public enum E {", "  /// A.", "  case a", "  var b: Int {", "    switch self {", "    case .a: 1",
        "    }",
        "  }", "}",
      ], []
    ),
    (["let text = \"\"\"", "  public let a = 1", "  \"\"\"", "public let b = 1"], [4]),
    (["public import SwiftProtobuf", "package let a = 1", "internal func b() {}", "let publicity = 1"], []),
  ])
  func `what is public by where it stands is found`(lines: [String], expected: [Int]) {
    #expect(PublicSymbols.undocumented(in: lines).map(\.line) == expected)
  }
}
