import Foundation
import MesosModel
import Testing

/// The recorded exchanges with an Apache Mesos; `Fixtures/PROVENANCE.md` says how they came about.
enum Golden {
  /// A row of `index.tsv`.
  struct Exchange: Sendable, CustomStringConvertible {
    /// The folder and the name, such as `operator-idle/GET_HEALTH.json`.
    let name: String
    let path: String
    let isOK: Bool
    let contentType: String
    var description: String { name }

    var isJSON: Bool { contentType == "application/json" }
    var isProtobuf: Bool { contentType == "application/x-protobuf" }
    var isStream: Bool { name.hasPrefix("streams/") }
    /// Whether it is of the v1 API, as opposed to a page.
    var isAPI: Bool { path.hasSuffix("/api/v1") || path.hasSuffix("/api/v1/scheduler") }

    /// The body of the answer.
    func body() throws -> [UInt8] { try Golden.read("\(name).body") }

    /// The records of the answer, where it is a stream.
    func records() throws -> [[UInt8]] { try Golden.records("\(name).recordio") }

    /// The body of the request and whether it is JSON.
    func request() throws -> (body: [UInt8], isJSON: Bool) {
      let bytes = try Golden.read("\(name).request")
      let separator = Array("\r\n\r\n".utf8)
      let end = try #require(bytes.indices.first { bytes[$0...].starts(with: separator) })
      let head = String(decoding: bytes[..<end], as: UTF8.self)
      return (Array(bytes[(end + 4)...]), head.contains("Content-Type: application/json"))
    }

    /// What the answer is.
    var answerType: any JSONMessage.Type {
      switch (isStream, path) {
      case (true, "/master/api/v1"): MasterEvent.self
      case (true, _): SchedulerEvent.self
      case (_, "/master/api/v1"): MasterResponse.self
      default: AgentResponse.self
      }
    }

    /// What the request is.
    var requestType: any JSONMessage.Type {
      switch path {
      case "/master/api/v1/scheduler": SchedulerCall.self
      case "/master/api/v1": MasterCall.self
      default: AgentCall.self
      }
    }
  }

  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/golden")

  static let exchanges: [Exchange] = {
    guard let index = try? read("index.tsv") else { return [] }
    return String(decoding: index, as: UTF8.self).split(separator: "\n").dropFirst().compactMap { line in
      let columns = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      guard columns.count >= 4 else { return nil }
      return Exchange(
        name: columns[0], path: columns[1].split(separator: " ").last.map(String.init) ?? "",
        isOK: columns[2].contains(" 200 "), contentType: columns[3])
    }
  }()

  /// Answers of the v1 API, one body each.
  static let answers = exchanges.filter { $0.isAPI && $0.isOK && !$0.isStream && ($0.isJSON || $0.isProtobuf) }
  static let streams = exchanges.filter(\.isStream)
  static let calls = exchanges.filter(\.isAPI)

  static func read(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
  }

  static func records(_ name: String) throws -> [[UInt8]] {
    var rest = try read(name)[...]
    var records: [[UInt8]] = []
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      let length = try #require(Int(String(decoding: rest[..<end], as: UTF8.self)))
      rest = rest[(end + 1)...]
      records.append(Array(rest.prefix(length)))
      rest = rest.dropFirst(length)
    }
    #expect(rest.isEmpty)
    return records
  }
}
