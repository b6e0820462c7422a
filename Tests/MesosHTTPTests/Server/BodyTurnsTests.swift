import Synchronization
import Testing

@testable import MesosHTTPServer

@Suite struct BodyTurnsTests {
  /// What tasks of a test share.
  private final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    func change(_ body: (inout Value) -> Void) { value.withLock { body(&$0) } }
    var now: Value { value.withLock { $0 } }
  }

  @Test func `one piece is written at a time, whoever asks`() async throws {
    let turns = BodyTurns()
    let counts = Shared((inside: 0, most: 0, pieces: 0))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<300 {
            try await turns.pass {
              counts.change { counts in
                counts.inside += 1
                counts.most = max(counts.most, counts.inside)
                counts.pieces += 1
              }
              await Task.yield()
              counts.change { $0.inside -= 1 }
            }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(counts.now.most == 1)
    #expect(counts.now.pieces == 2_400)
  }

  @Test func `a piece that fails gives its turn on`() async throws {
    struct Broken: Error {}
    let turns = BodyTurns()
    await #expect(throws: Broken.self) { try await turns.pass { throw Broken() } }
    var isWritten = false
    try await turns.pass { isWritten = true }
    #expect(isWritten)
  }

  @Test func `a connection without room is waited for until it has room or ends`() async {
    let monitor = ConnectionMonitor()
    monitor.noteWritability(false)
    let order = Shared<[String]>([])
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await monitor.waitForRoom()
        order.change { $0.append("written") }
      }
      group.addTask {
        await Task.yield()
        order.change { $0.append("room") }
        monitor.noteWritability(true)
      }
    }
    #expect(order.now == ["room", "written"])
    await monitor.waitForRoom()
  }
}
