import Foundation
import MesosHTTP
import MesosModel
import MesosTestKit
import OperatorCore
import SwiftProtobuf
import Testing

/// Bytes that a real Apache Mesos 1.11 sent.
enum Golden {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "MesosModelTests/Fixtures/golden")

  static func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: folder.appending(path: path))) }

  static func records(_ path: String) throws -> [[UInt8]] {
    var decoder = RecordIODecoder()
    decoder.append(try bytes(path))
    var records: [[UInt8]] = []
    while let record = try decoder.next() { records.append(record) }
    try decoder.finish()
    return records
  }

  static func name(_ encoding: MessageEncoding) -> String { encoding == .json ? "json" : "pb" }
}

struct GoldenStreamTests {
  @Test(arguments: MessageEncoding.allCases)
  func `a recorded stream of Apache Mesos folds to what happened`(encoding: MessageEncoding) throws {
    let records = try Golden.records("streams/operator-\(Golden.name(encoding)).recordio")
    #expect(records.count == 33)
    var state = ClusterState()
    var changes: [ClusterChange] = []
    for record in records { changes += state.apply(try encoding.decode(MasterEvent.self, from: record)) }
    #expect(state.ignoredEvents == 0)
    #expect(state.brokenInvariants() == [])
    #expect(state.agents.count == 2)
    #expect(state.tasks.isEmpty && state.unreachableTasks.isEmpty)
    // Two frameworks ended while it was recorded; one stayed that was there before, disconnected.
    #expect(state.frameworks.map(\.frameworkInfo.name) == ["x"])
    #expect(state.completedFrameworks.map(\.frameworkInfo.name) == ["x", "pb", "golden"])
    let ends = Dictionary(uniqueKeysWithValues: state.completedTasks.map { ($0.taskID.value, $0.state) })
    #expect(
      ends == [
        "long": .taskKilled, "finishes": .taskFinished, "fails-----": .taskFailed, "g1": .taskKilled,
        "g2": .taskKilled, "pbtask": .taskFinished,
      ])
    let finished = try #require(state.completedTasks.first { $0.taskID.value == "finishes" })
    #expect(finished.statuses.map(\.state) == [.taskStarting, .taskRunning, .taskFinished])
  }

  @Test(arguments: MessageEncoding.allCases, Seeds.few(4))
  func `a damaged stream never traps and never breaks the state`(encoding: MessageEncoding, seed: UInt64) throws {
    var rng = SplitMix64(seed: seed)
    let records = try Golden.records("streams/operator-\(Golden.name(encoding)).recordio")
    var decoded = 0
    for _ in 0..<20 {
      var state = ClusterState()
      for record in records {
        var record = record
        for _ in 0..<Int.random(in: 0...3, using: &rng) {
          let index = Int.random(in: 0..<record.count, using: &rng)
          record[index] = UInt8.random(in: 0...255, using: &rng)
        }
        if Int.random(in: 0..<8, using: &rng) == 0 { record.removeLast(Int.random(in: 0...record.count, using: &rng)) }
        guard let event = try? encoding.decode(MasterEvent.self, from: record) else { continue }
        decoded += 1
        _ = state.apply(event)
        #expect(state.brokenInvariants() == [], "SIM_SEED=\(seed)")
      }
    }
    #expect(decoded > 0)
  }
}
