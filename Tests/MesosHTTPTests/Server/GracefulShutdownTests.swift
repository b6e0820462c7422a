import Logging
import MesosHTTP
import MesosHTTPServer
import ServiceLifecycle
import Testing

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

@Suite(.timeLimit(.minutes(1))) struct GracefulShutdownTests {
  @Test func `a graceful shutdown awaits calls, ends streams and returns`() async throws {
    let called = Signal()
    let release = Signal()
    let routes = [
      Route("/stream", methods: ["GET"]) { _ in
        .stream(.json) { stream in
          try await stream.write(Array("hello".utf8))
          await Signal().wait()
        }
      },
      Route("/slow", methods: ["GET"]) { _ in
        called.raise()
        await release.wait()
        return .text("done")
      },
    ]
    let server = MesosHTTPServer(configuration: HTTPServerConfiguration(), routes: routes, logger: quietLogger)
    let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: quietLogger))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      let port = try await server.address().port
      async let slow = withRawConnection(port) { connection in
        try await connection.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
        return await connection.readToEnd()
      }
      await called.wait()
      try await withRawConnection(port) { connection in
        try await connection.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
        _ = try await connection.read(until: "hello")
        await group.triggerGracefulShutdown()
        #expect(!(await connection.readToEnd()).contains("0\r\n\r\n"))
      }
      release.raise()
      #expect(try await slow.hasSuffix("done"))
      try await tasks.waitForAll()
    }
  }
}
