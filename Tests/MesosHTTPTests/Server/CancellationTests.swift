import Logging
import MesosHTTP
import MesosHTTPServer
import MesosTestKit
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

/// A server that is stopped, in either way, at whatever moment.
@Suite(.timeLimit(.minutes(2))) struct CancellationTests {
  /// Connections that are opened, used and dropped without an end, until the task is cancelled or nobody listens.
  private static func pester(_ port: Int, seed: UInt64) async {
    var random = SplitMix64(seed: seed)
    while !Task.isCancelled {
      let sends = Bool.random(using: &random)
      let reads = Bool.random(using: &random)
      do {
        try await withRawConnection(port) { connection in
          if sends { try await connection.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n") }
          if sends, reads { _ = try await connection.read(until: "hello") }
        }
      } catch {
        // Refused or cut: the server has stopped.
        if error is IOError { return }
      }
    }
  }

  @Test(arguments: Seeds.few(6), [false, true])
  func `a server that is stopped while connections arrive ends, and every connection with it`(
    seed: UInt64, isGraceful: Bool
  ) async throws {
    var random = SplitMix64(seed: seed)
    let routes = [
      Route("/stream", methods: ["GET"]) { _ in
        .stream(.json) { stream in
          try await stream.write(Array("hello".utf8))
          await Signal().wait()
        }
      }
    ]
    for round in 0..<12 {
      let server = MesosHTTPServer(configuration: HTTPServerConfiguration(), routes: routes, logger: quietLogger)
      let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: quietLogger))
      let clientSeeds = (0..<4).map { _ in random.next() }
      let turns = Int.random(in: 0..<200, using: &random)
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        let port = try await server.address().port
        for seed in clientSeeds { tasks.addTask { await Self.pester(port, seed: seed) } }
        for _ in 0..<turns { await Task.yield() }
        if isGraceful {
          await group.triggerGracefulShutdown()
          try await tasks.next()
        }
        tasks.cancelAll()
        while let result = await tasks.nextResult() {
          if case .failure(let error) = result, !(error is CancellationError) {
            Issue.record("\(error), seed \(seed), round \(round)")
          }
        }
      }
    }
  }

  @Test func `who waits for a server that will not run is told`() async throws {
    let server = MesosHTTPServer(configuration: HTTPServerConfiguration(), routes: [], logger: quietLogger)
    async let failure = Self.failure(of: server)
    server.abandon("nothing to serve")
    let first = await failure
    #expect(first == .notListening("nothing to serve"))
    #expect(await Self.failure(of: server) == first)
  }

  private static func failure(of server: MesosHTTPServer) async -> HTTPServerError? {
    do { _ = try await server.address() } catch { return error as? HTTPServerError }
    return nil
  }
}
