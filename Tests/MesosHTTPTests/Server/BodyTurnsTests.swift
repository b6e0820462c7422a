import Synchronization
import Testing

@testable import MesosHTTPServer

@Suite struct BodyTurnsTests {
  @Test func `one piece is written at a time, whoever asks`() async throws {
    let turns = BodyTurns()
    let counts = Mutex((inside: 0, most: 0, pieces: 0))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<300 {
            try await turns.pass {
              counts.withLock { counts in
                counts.inside += 1
                counts.most = max(counts.most, counts.inside)
                counts.pieces += 1
              }
              await Task.yield()
              counts.withLock { $0.inside -= 1 }
            }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(counts.withLock { $0.most } == 1)
    #expect(counts.withLock { $0.pieces } == 2_400)
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
    let order = Mutex<[String]>([])
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await monitor.waitForRoom()
        order.withLock { $0.append("written") }
      }
      group.addTask {
        await Task.yield()
        order.withLock { $0.append("room") }
        monitor.noteWritability(true)
      }
    }
    #expect(order.withLock { $0 } == ["room", "written"])
    await monitor.waitForRoom()
  }
}
