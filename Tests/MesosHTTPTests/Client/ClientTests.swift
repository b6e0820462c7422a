import MesosHTTP
import MesosHTTPClient
import MesosHTTPServer
import Testing

@Suite(.timeLimit(.minutes(1))) struct ClientTests {
  static func withClient<Result: Sendable>(
    _ configuration: HTTPClientConfiguration = HTTPClientConfiguration(),
    _ body: @Sendable (MesosHTTPClient) async throws -> Result
  ) async throws -> Result {
    let client = MesosHTTPClient(configuration: configuration)
    let result: Swift.Result<Result, any Error>
    do {
      result = .success(try await body(client))
    } catch {
      result = .failure(error)
    }
    try await client.shutdown()
    return try result.get()
  }

  static func local(_ port: Int) -> HTTPEndpoint { HTTPEndpoint(host: "127.0.0.1", port: port) }

  static func code(_ body: () async throws -> Void) async -> HTTPClientError.Code? {
    do {
      try await body()
      return nil
    } catch {
      return (error as? HTTPClientError)?.code
    }
  }

  static func readToError(
    _ client: MesosHTTPClient, _ request: OutgoingRequest
  ) async -> (code: HTTPClientError.Code?, chunks: [[UInt8]]) {
    var chunks: [[UInt8]] = []
    do {
      for try await chunk in try await client.open(request).body { chunks.append(chunk) }
      return (nil, chunks)
    } catch {
      return (error.code, chunks)
    }
  }

  @Test(arguments: [
    ("http://h:5050", "http://h:5050"), ("h:5050", "http://h:5050"), ("//10.0.0.1:5050", "http://10.0.0.1:5050"),
    ("https://h/base/", "https://h:443/base"), ("[::1]:80", "http://[::1]:80"), ("http://h", "http://h:80"),
  ])
  func `an endpoint is read from its text`(text: String, description: String) {
    #expect(HTTPEndpoint(text)?.description == description)
  }

  @Test(arguments: [
    "", "http://", "ftp://h", "h:0", "h:x", "h:99999", "http://u@h", "http://h/?q", "[::1", "zk://a,b/mesos",
  ])
  func `what is no endpoint is refused`(text: String) {
    #expect(HTTPEndpoint(text) == nil)
  }

  @Test func `a call carries method, path, query, header and body`() async throws {
    let route = Route("/slave(1)/a b", methods: ["PUT"]) { request in
      let body = try await request.body.collect(upTo: 100)
      return OutgoingResponse(
        headers: [
          "X-Seen":
            "\(request.rawPath)|\(request.query.map { $0.name + "=" + $0.value })|\(request.headers["X-A"] ?? "")"
        ],
        body: .bytes(body.reversed()))
    }
    try await withServer([route]) { port in
      try await Self.withClient { client in
        let response = try await client.call(
          OutgoingRequest(
            Self.local(port), method: "PUT", path: "/slave(1)/a b", query: [("k", "a&b c"), ("e", "")],
            headers: ["X-A": "1"], body: Array("abc".utf8)))
        #expect(response.status == 200)
        #expect(response.headers["x-seen"] == "/slave(1)/a%20b|[\"k=a&b c\", \"e=\"]|1")
        #expect(response.body == Array("cba".utf8))
      }
    }
  }

  @Test func `nobody listening is refused at once`() async throws {
    let port = try await withRawServer({ _ in }) { $0 }
    try await Self.withClient { client in
      let request = OutgoingRequest(Self.local(port), path: "/")
      #expect(await Self.code { _ = try await client.call(request) } == .refused)
      #expect(await Self.code { _ = try await client.open(request) } == .refused)
      let missing = OutgoingRequest(HTTPEndpoint(unixSocket: "/nonexistent/socket"), path: "/")
      #expect(await Self.code { _ = try await client.call(missing) } == .refused)
    }
  }

  @Test func `no answer within the deadline is a timeout`() async throws {
    try await withRawServer({ connection in _ = await connection.readToEnd() }) { port in
      try await Self.withClient { client in
        let request = OutgoingRequest(Self.local(port), path: "/")
        #expect(await Self.code { _ = try await client.call(request, deadline: .milliseconds(50)) } == .timeout)
        #expect(await Self.code { _ = try await client.open(request, headersDeadline: .milliseconds(50)) } == .timeout)
      }
    }
  }

  @Test func `the deadline of a call covers its body`() async throws {
    try await withRawServer({ connection in
      try await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
      _ = await connection.readToEnd()
    }) { port in
      try await Self.withClient { client in
        let request = OutgoingRequest(Self.local(port), path: "/")
        #expect(await Self.code { _ = try await client.call(request, deadline: .milliseconds(100)) } == .timeout)
      }
    }
  }

  @Test(arguments: [
    ("", HTTPClientError.Code.connectionClosed),
    ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", .cut),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", .cut),
  ])
  func `an answer that breaks off says where`(answer: String, code: HTTPClientError.Code) async throws {
    try await withRawServer({ connection in
      _ = try await connection.read(until: "\r\n\r\n")
      if !answer.isEmpty { try await connection.send(answer) }
    }) { port in
      try await Self.withClient { client in
        let request = OutgoingRequest(Self.local(port), path: "/")
        let callCode = await Self.code { _ = try await client.call(request) }
        #expect(callCode == code)
        let (openCode, chunks) = await Self.readToError(client, request)
        #expect(openCode == code)
        #expect(chunks == (answer.isEmpty ? [] : [Array("abc".utf8)]))
      }
    }
  }

  @Test func `a body above what the caller allows is an error`() async throws {
    try await withServer([Route("/", methods: nil) { _ in .text(String(repeating: "x", count: 1_000)) }]) { port in
      try await Self.withClient { client in
        let request = OutgoingRequest(Self.local(port), path: "/")
        #expect(await Self.code { _ = try await client.call(request, maximumBody: 999) } == .bodyTooLarge)
        let whole = try await client.call(request, maximumBody: 1_000)
        #expect(whole.body.count == 1_000)
        #expect(await Self.code { _ = try await client.open(request).collect(upTo: 999) } == .bodyTooLarge)
      }
    }
  }

  @Test func `a redirect is returned and its target read`() async throws {
    try await withRawServer({ connection in
      _ = try await connection.read(until: "\r\n\r\n")
      try await connection.send(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: //127.0.0.1:15050\r\nContent-Length: 0\r\n\r\n")
    }) { port in
      try await Self.withClient { client in
        let response = try await client.call(OutgoingRequest(Self.local(port), path: "/redirect"))
        #expect(response.status == 307)
        #expect(response.redirect == HTTPEndpoint(host: "127.0.0.1", port: 15_050))
      }
    }
  }

  @Test func `records arrive one by one and a stream cut inside one is an error`() async throws {
    try await withRawServer({ connection in
      _ = try await connection.read(until: "\r\n\r\n")
      try await connection.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n3\na\r\n8\r\nbc0\n5\nab\r\n0\r\n\r\n")
    }) { port in
      try await Self.withClient { client in
        let response = try await client.open(OutgoingRequest(Self.local(port), path: "/"))
        var iterator = response.records().makeAsyncIterator()
        #expect(try await iterator.next() == Array("abc".utf8))
        #expect(try await iterator.next() == [])
        #expect(await Self.code { _ = try await iterator.next() } == .cut)
      }
    }
  }

  @Test func `garbage on a record stream is an error`() async throws {
    try await withServer([Route("/", methods: nil) { _ in .text("1\na?") }]) { port in
      try await Self.withClient { client in
        var records = try await client.open(OutgoingRequest(Self.local(port), path: "/")).records().makeAsyncIterator()
        #expect(try await records.next() == Array("a".utf8))
        #expect(await Self.code { _ = try await records.next() } == .badRecord)
      }
    }
  }

  @Test func `a cancelled stream ends for its reader and for the server`() async throws {
    let ended = Signal()
    let route = Route("/", methods: nil) { _ in
      .stream(.json) { stream in
        defer { ended.raise() }
        try await stream.write([1])
        await Signal().wait()
      }
    }
    try await withServer([route]) { port in
      try await Self.withClient { client in
        let response = try await client.open(OutgoingRequest(Self.local(port), path: "/"))
        var iterator = response.body.makeAsyncIterator()
        #expect(try await iterator.next() == [1])
        async let code = Self.code { _ = try await iterator.next() }
        response.cancel()
        #expect(await code == .cancelled)
        await ended.wait()
      }
    }
  }

  @Test func `a dropped stream ends for the server`() async throws {
    let ended = Signal()
    let route = Route("/", methods: nil) { _ in
      .stream(.json) { stream in
        defer { ended.raise() }
        try await stream.write([1])
        await Signal().wait()
      }
    }
    try await withServer([route]) { port in
      try await Self.withClient { client in
        _ = try await client.open(OutgoingRequest(Self.local(port), path: "/"))
        await ended.wait()
      }
    }
  }

  @Test func `a slow reader holds the server back`() async throws {
    let written = Shared(0)
    let failed = Signal()
    let route = Route("/", methods: nil) { _ in
      .stream(.octetStream) { stream in
        defer { failed.raise() }
        for _ in 0..<1_000 {
          try await stream.write(Array(repeating: 7, count: 1 << 18))
          written.withLock { $0 += 1 << 18 }
        }
      }
    }
    try await withServer([route], configure: { $0.writeDeadline = .milliseconds(300) }) { port in
      try await Self.withClient { client in
        let response = try await client.open(OutgoingRequest(Self.local(port), path: "/"))
        // The server gives up because this reader takes nothing: all but what the buffers hold was never written.
        await failed.wait()
        #expect(written.withLock { $0 } < 64 << 20)
        response.cancel()
      }
    }
  }

  @Test func `a duplex exchange echoes a hundred chunks both ways`() async throws {
    let route = Route("/duplex") { request in
      .stream(.octetStream) { stream in
        try await withThrowingTaskGroup(of: Void.self) { group in
          let (chunks, continuation) = AsyncStream<[UInt8]>.makeStream()
          group.addTask {
            defer { continuation.finish() }
            for try await chunk in request.body { continuation.yield(chunk) }
          }
          try await stream.write(Array("hello".utf8))
          for await chunk in chunks { try await stream.write(chunk) }
          try await group.waitForAll()
        }
      }
    }
    try await withServer([route]) { port in
      try await Self.withClient { client in
        let (outgoing, continuation) = AsyncStream<[UInt8]>.makeStream()
        let response = try await client.duplex(
          OutgoingRequest(Self.local(port), method: "POST", path: "/duplex"), outgoing: outgoing)
        var iterator = response.body.makeAsyncIterator()
        #expect(try await iterator.next() == Array("hello".utf8))
        for number in 0..<100 {
          let chunk = Array("chunk \(number)".utf8)
          continuation.yield(chunk)
          #expect(try await iterator.next() == chunk)
        }
        continuation.finish()
        #expect(try await iterator.next() == nil)
      }
    }
  }

  @Test func `fifty streams and as many calls run at once over one client`() async throws {
    let release = Signal()
    let opened = Shared(0)
    let routes = [
      Route("/stream", methods: nil) { _ in
        .stream(.octetStream) { stream in
          try await stream.write(RecordIOEncoder.encode([1]))
          if opened.withLock({
            $0 += 1
            return $0 == 50
          }) {
            release.raise()
          }
          try await stream.write(RecordIOEncoder.encode([2]))
          await Signal().wait()
        }
      },
      Route("/call") { request in .content(try await request.body.collect(upTo: 10), .octetStream) },
    ]
    try await withServer(routes) { port in
      try await Self.withClient { client in
        try await withThrowingTaskGroup(of: StreamingResponse?.self) { group in
          for _ in 0..<50 {
            group.addTask {
              let response = try await client.open(OutgoingRequest(Self.local(port), path: "/stream"))
              var records = response.records().makeAsyncIterator()
              #expect(try await records.next() == [1])
              #expect(try await records.next() == [2])
              return response
            }
            group.addTask {
              let answer = try await client.call(
                OutgoingRequest(Self.local(port), method: "POST", path: "/call", body: [5, 6]))
              #expect(answer.body == [5, 6])
              return nil
            }
          }
          // All streams stay open until the last one is.
          var open: [StreamingResponse] = []
          for try await response in group { if let response { open.append(response) } }
          await release.wait()
          #expect(open.count == 50)
          for response in open { response.cancel() }
        }
      }
    }
  }

  @Test func `a client that was shut down says so`() async throws {
    let client = MesosHTTPClient()
    try await client.shutdown()
    #expect(await Self.code { _ = try await client.call(OutgoingRequest(Self.local(1), path: "/")) } == .shutDown)
  }
}
