import MesosHTTP
import MesosHTTPServer
import Testing

@Suite(.timeLimit(.minutes(1))) struct ServerTests {
  static let echo = Route(["/echo", "/slave(1)/api/v1"]) { request in
    .content(try await request.body.collect(upTo: 100), .octetStream)
  }
  static let routes = [
    echo,
    Route("/quota", methods: ["GET", "POST", "DELETE"]) { _ in .text("quota") },
    Route("/any", methods: nil) { request in
      .text("\(request.method) \(request.query.map { "\($0.name)=\($0.value)" }) \(request.headers["Host"] ?? "-")")
    },
    Route(prefix: "/files/") { request in .text("below \(request.pathRemainder)") },
    Route(prefix: "/files/deep/") { request in .text("deep \(request.pathRemainder)") },
    Route("/none", methods: ["GET"]) { _ in OutgoingResponse(status: 202) },
    Route("/slices", methods: ["GET"]) { _ in
      OutgoingResponse(body: .slices((0..<10).map { Array(repeating: UInt8(ascii: "0") + $0, count: 100_000) }))
    },
    Route("/records", methods: ["GET"]) { _ in
      .stream(.json) { stream in
        for text in ["one", "two"] { try await stream.write(RecordIOEncoder.encode(Array(text.utf8))) }
      }
    },
    Route("/fails", methods: ["GET"]) { _ in throw CancellationError() },
  ]

  static func exchange(_ request: String, configure: (inout HTTPServerConfiguration) -> Void = { _ in }) async throws
    -> String
  {
    try await withServer(routes, configure: configure) { port in
      try await withRawConnection(port) { connection in
        try await connection.send(request)
        return await connection.readToEnd()
      }
    }
  }

  @Test(arguments: [
    ("GET /nonexistent", 404, "404 Not Found."),
    ("GET /echo%zz", 404, "404 Not Found."),
    ("GET /", 404, "404 Not Found."),
    ("GET /files", 404, "404 Not Found."),
    ("GET /echo", 405, "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'."),
    ("PUT /echo/", 405, "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'PUT'."),
    (
      "PATCH /quota", 405, "405 Method Not Allowed. Expecting one of { 'GET', 'POST', 'DELETE' }, but received 'PATCH'."
    ),
    ("OPTIONS *", 400, "Request URL path must start with '/'"),
    ("GET /any?a=%zz", 400, "Failed to decode the query of the request"),
    ("GET /fails", 500, "Internal Server Error"),
    ("DELETE /quota", 200, "quota"),
    ("GET /files/a%20b/c", 200, "below a b/c"),
    ("GET /files/deep/x", 200, "deep x"),
    ("PATCH /any?a=1+2&b=%26&c&=d", 200, "PATCH [\"a=1 2\", \"b=&\", \"c=\", \"=d\"] h:1"),
    ("GET http://elsewhere/quota?x", 200, "quota"),
    ("GET /quot%61", 200, "quota"),
  ])
  func `a path and method are answered as Apache Mesos does`(line: String, status: Int, text: String) async throws {
    let answer = try await Self.exchange("\(line) HTTP/1.1\r\nHost: h:1\r\nConnection: close\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
    #expect(answer.hasSuffix("\r\n\r\n" + text))
    #expect(answer.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"))
    #expect(answer.contains("\r\nContent-Length: \(text.utf8.count)\r\n"))
    #expect(answer.contains("\r\nDate: "))
    #expect(answer.contains("\r\nAllow: ") == (status == 405))
  }

  @Test func `several requests share a connection and an answer without a body has a length`() async throws {
    try await withServer(Self.routes) { port in
      try await withRawConnection(port) { connection in
        for _ in 0..<3 {
          try await connection.send(
            "GET /none HTTP/1.1\r\nHost: h\r\n\r\nPOST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")
          let first = try await connection.read(until: "\r\n\r\n")
          #expect(first.hasPrefix("HTTP/1.1 202 Accepted\r\nDate: "))
          #expect(first.hasSuffix("\r\nContent-Length: 0\r\n\r\n"))
          let second = try await connection.read(until: "abc")
          #expect(second.hasPrefix("HTTP/1.1 200 OK\r\n"))
        }
        try await connection.send("HEAD /quota HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(await connection.readToEnd().hasSuffix("\r\nContent-Length: 5\r\n\r\n"))
      }
    }
  }

  @Test(arguments: [
    "POST /slave%281%29/api/v1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody",
    "POST /slave(1)/api/v1/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody",
    "POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n3;x=y\r\nody\r\n0\r\n\r\n",
  ])
  func `bodies arrive whole on encoded paths and in chunks`(request: String) async throws {
    let answer = try await Self.exchange(request)
    #expect(answer.hasPrefix("HTTP/1.1 200 OK"))
    #expect(answer.hasSuffix("\r\n\r\nbody"))
  }

  @Test func `a request that expects a go-ahead gets one`() async throws {
    try await withServer(Self.routes) { port in
      try await withRawConnection(port) { connection in
        try await connection.send(
          "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n")
        let first = try await connection.read(until: "\r\n\r\n")
        #expect(first.hasPrefix("HTTP/1.1 100 Continue"))
        try await connection.send("ok")
        #expect(await connection.readToEnd().hasSuffix("\r\n\r\nok"))
      }
    }
  }

  @Test func `slices go out one after the other with their total length`() async throws {
    let answer = try await Self.exchange("GET /slices HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    #expect(answer.contains("\r\nContent-Length: 1000000\r\n"))
    #expect(!answer.contains("chunked"))
    #expect(answer.hasSuffix(String(repeating: "8", count: 100_000) + String(repeating: "9", count: 100_000)))
  }

  @Test func `a stream sends one chunk a write and the connection goes on after it`() async throws {
    try await withServer(Self.routes) { port in
      try await withRawConnection(port) { connection in
        for _ in 0..<2 {
          try await connection.send("GET /records HTTP/1.1\r\nHost: h\r\n\r\n")
          let head = try await connection.read(until: "\r\n\r\n")
          #expect(head.lowercased().contains("\r\ntransfer-encoding: chunked\r\n"))
          #expect(!head.lowercased().contains("content-length"))
          #expect(try await connection.read(until: "0\r\n\r\n") == "5\r\n3\none\r\n5\r\n3\ntwo\r\n0\r\n\r\n")
        }
      }
    }
  }

  @Test(arguments: [
    ("GET /quota HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK", "quota"),
    ("GET /records HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK", "\r\n\r\n3\none3\ntwo"),
    ("GET /quota HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\n", "HTTP/1.1 200 OK", "quota"),
  ])
  func `old and closing clients see the connection end, and no chunks`(request: String, start: String, end: String)
    async throws
  {
    let answer = try await Self.exchange(request)
    #expect(answer.hasPrefix(start))
    #expect(answer.hasSuffix(end))
    #expect(!answer.lowercased().contains("chunked"))
  }

  @Test func `an old client that keeps alive can ask again`() async throws {
    try await withServer(Self.routes) { port in
      try await withRawConnection(port) { connection in
        for _ in 0..<2 {
          try await connection.send("GET /quota HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
          _ = try await connection.read(until: "\r\n\r\nquota")
        }
      }
    }
  }

  @Test func `a body above the limit gets 413 and the end of the connection`() async throws {
    let declared = try await Self.exchange("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\nxxxx")
    #expect(declared.hasPrefix("HTTP/1.1 413 "))
    #expect(declared.contains("\r\nConnection: close\r\n"))
    #expect(declared.hasSuffix("The request body is larger than 100 bytes"))
    let chunk = String(repeating: "y", count: 64)
    let chunked = try await Self.exchange(
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n\(chunk)\r\n40\r\n\(chunk)\r\n")
    #expect(chunked.hasPrefix("HTTP/1.1 413 "))
  }

  @Test func `a client that goes on sending after 413 still sees it, and is cut off`() async throws {
    let answer = try await withServer(Self.routes, configure: { $0.lingerBytesMax = 1 << 16 }) { port in
      try await withRawConnection(port) { connection in
        try await connection.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n")
        let head = try await connection.read(until: "bytes")
        // The writes end in an error once the server closes.
        do { for _ in 0..<10_000 { try await connection.send(String(repeating: "z", count: 10_000)) } } catch {}
        return head
      }
    }
    #expect(answer.hasPrefix("HTTP/1.1 413 "))
  }

  @Test func `a body that nobody reads is dropped up to a limit`() async throws {
    try await withServer(Self.routes, configure: { $0.lingerBytesMax = 1_000 }) { port in
      try await withRawConnection(port) { connection in
        try await connection.send(
          "POST /missing HTTP/1.1\r\nHost: h\r\nContent-Length: 500\r\n\r\n" + String(repeating: "a", count: 500))
        _ = try await connection.read(until: "404 Not Found.")
        try await connection.send("GET /quota HTTP/1.1\r\nHost: h\r\n\r\n")
        _ = try await connection.read(until: "quota")
        try await connection.send("POST /missing HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n")
        _ = try await connection.read(until: "404 Not Found.")
        try await connection.send(String(repeating: "a", count: 20_000))
        #expect(await connection.readToEnd() == "")
      }
    }
  }

  @Test(arguments: [
    "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\nhalf",
    "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
  ])
  func `half a body and the end of the client is 400`(request: String) async throws {
    let answer = try await withServer(Self.routes) { port in
      try await withRawConnection(port) { connection in
        try await connection.send(request)
        connection.finish()
        return await connection.readToEnd()
      }
    }
    #expect(answer.hasPrefix("HTTP/1.1 400 "))
  }

  @Test func `a body that drips or stops is 408`() async throws {
    for drip in [true, false] {
      let answer = try await withServer(Self.routes, configure: { $0.bodyDeadline = .milliseconds(200) }) { port in
        try await withRawConnection(port) { connection in
          try await connection.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\n")
          if drip { for _ in 0..<20 { try await connection.send("x") } }
          return await connection.readToEnd()
        }
      }
      #expect(answer.hasPrefix("HTTP/1.1 408 "))
      #expect(answer.hasSuffix("The request body did not arrive in time"))
    }
  }

  @Test func `a body beside a streaming answer has no deadline`() async throws {
    let duplex = Route("/duplex") { request in
      .stream(.octetStream) { stream in
        try await stream.write(Array("begun".utf8))
        for try await chunk in request.body { try await stream.write(chunk) }
      }
    }
    try await withServer([Self.echo, duplex], configure: { $0.bodyDeadline = .seconds(1) }) { port in
      try await withRawConnection(port) { connection in
        try await connection.send("POST /duplex HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        _ = try await connection.read(until: "begun\r\n")
        // The same deadline on another connection tells when it has passed on this one.
        try await withRawConnection(port) { other in
          try await other.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n")
          _ = try await other.read(until: "HTTP/1.1 408 ")
        }
        try await connection.send("5\r\nlater\r\n0\r\n\r\n")
        #expect(try await connection.read(until: "0\r\n\r\n") == "5\r\nlater\r\n0\r\n\r\n")
      }
    }
  }

  @Test func `a server that is stopped while clients connect drops them and returns`() async throws {
    for _ in 0..<20 {
      let server = MesosHTTPServer(configuration: HTTPServerConfiguration(), routes: [Self.echo], logger: quietLogger)
      await withTaskGroup(of: Void.self) { clients in
        await withTaskGroup(of: Void.self) { servers in
          servers.addTask { try? await server.run() }
          guard let port = try? await server.address().port else { return }
          for _ in 0..<20 {
            clients.addTask {
              _ = try? await withRawConnection(port) { connection in
                try await connection.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx")
                return await connection.readToEnd()
              }
            }
          }
          servers.cancelAll()
        }
      }
      await #expect(throws: HTTPServerError.self) { _ = try await server.address() }
    }
  }

  @Test func `half a header is dropped after its deadline`() async throws {
    let answer = try await Self.exchange("GET /quota HTTP/1.1\r\nHos") { $0.headerDeadline = .milliseconds(100) }
    #expect(answer == "")
  }

  @Test(arguments: [
    "GARBAGE\r\n\r\n",
    "GET\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "GET /quota HTTP/1.1\r\nHost: h\r\nX: \(String(repeating: "a", count: 100_000))\r\n\r\n",
    "GET /quota HTTP/1.1\r\n" + String(repeating: "X: y\r\n", count: 300) + "\r\n",
  ])
  func `what is no HTTP gets 400 and the end of the connection`(request: String) async throws {
    let answer = try await Self.exchange(request)
    #expect(answer.hasPrefix("HTTP/1.1 400 "))
  }

  @Test func `a client that goes away cancels its stream`() async throws {
    let ended = Signal()
    let route = Route("/stream", methods: ["GET"]) { _ in
      .stream(.json) { stream in
        try await stream.write(Array("hello".utf8))
        let never = Signal()
        await never.wait()
        if Task.isCancelled { ended.raise() }
      }
    }
    try await withServer([route]) { port in
      try await withRawConnection(port) { connection in
        try await connection.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
        _ = try await connection.read(until: "hello")
        try await connection.close()
      }
      await ended.wait()
    }
  }

  @Test func `a client that takes nothing is given up after a deadline`() async throws {
    let failed = Signal()
    let route = Route("/flood", methods: ["GET"]) { _ in
      .stream(.octetStream) { stream in
        defer { failed.raise() }
        while true { try await stream.write(Array(repeating: 0, count: 1 << 20)) }
      }
    }
    try await withServer([route], configure: { $0.writeDeadline = .milliseconds(200) }) { port in
      try await withRawConnection(port) { connection in
        try await connection.send("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n")
        await failed.wait()
      }
    }
  }

  @Test func `an address that is taken is an error for all who wait`() async throws {
    try await withServer([]) { port in
      var configuration = HTTPServerConfiguration()
      configuration.port = port
      let second = MesosHTTPServer(configuration: configuration, routes: [], logger: quietLogger)
      async let waiting: Bool = {
        do {
          _ = try await second.address()
          return false
        } catch {
          return error is HTTPServerError
        }
      }()
      await #expect(throws: (any Error).self) { try await second.run() }
      #expect(await waiting)
      await #expect(throws: HTTPServerError.self) { _ = try await second.address() }
    }
  }
}
