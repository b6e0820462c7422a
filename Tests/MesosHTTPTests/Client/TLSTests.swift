import Foundation
import Logging
import MesosHTTP
import MesosHTTPClient
import MesosHTTPServer
import Synchronization
import Testing
import TransportTestKit

/// Answers with the `Authorization` that came.
private let echo = Route("/", methods: ["GET"]) { request in
  .text(request.headers["Authorization"] ?? "none", status: 200)
}

private func get(_ client: MesosHTTPClient, _ endpoint: HTTPEndpoint) async throws -> String {
  let response = try await client.call(OutgoingRequest(endpoint, path: "/"), deadline: .seconds(30))
  return String(decoding: response.body, as: UTF8.self)
}

@Suite(.timeLimit(.minutes(1))) struct TLSTests {
  /// A server behind TLS, and clients that trust `authority`.
  private static func serving(
    _ tls: @Sendable (TestAuthority) throws -> Forwarder.TLS,
    _ body: @Sendable (TestAuthority, Int) async throws -> Void
  ) async throws {
    try await TestAuthority.with { authority in
      let tls = try tls(authority)
      try await withServer([echo]) { backend in
        try await Forwarder.with(to: backend, tls: tls) { port in try await body(authority, port) }
      }
    }
  }

  private static func code(_ tls: ClientTLS, host: String = "localhost", _ port: Int) async throws
    -> HTTPClientError.Code?
  {
    try await ClientTests.withClient(configuration(tls)) { client in
      await ClientTests.code {
        _ = try await get(client, HTTPEndpoint(host: host, port: port, scheme: "https"))
      }
    }
  }

  private static func configuration(_ tls: ClientTLS) -> HTTPClientConfiguration {
    var configuration = HTTPClientConfiguration()
    configuration.tls = tls
    return configuration
  }

  /// Holds that a request ends so; `nil` for an answer.
  private static func check(
    _ expected: HTTPClientError.Code?, _ tls: ClientTLS, host: String = "localhost", _ port: Int,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let found = try await code(tls, host: host, port)
    #expect(found == expected, sourceLocation: sourceLocation)
  }

  @Test(arguments: ["localhost", "127.0.0.1"])
  func `a server of a known authority that names itself is spoken to`(host: String) async throws {
    try await Self.serving({ .init(try $0.issue("server", for: ["DNS:localhost", "IP:127.0.0.1"])) }) {
      authority, port in
      let tls = try ClientTLS(authorities: .file(authority.certificate))
      try await Self.check(nil, tls, host: host, port)
      let bytes = try Data(contentsOf: URL(filePath: authority.certificate))
      try await Self.check(nil, try ClientTLS(authorities: .bytes(Array(bytes))), host: host, port)
    }
  }

  @Test func `a stream opens over TLS and its server can be held to version 1 3`() async throws {
    try await Self.serving({ .init(try $0.issue("server", for: ["DNS:localhost"])) }) { authority, port in
      let configuration = try Self.configuration(
        ClientTLS(authorities: .file(authority.certificate), minimumVersion: .tls13))
      try await ClientTests.withClient(configuration) { client in
        let response = try await client.open(
          OutgoingRequest(HTTPEndpoint(host: "localhost", port: port, scheme: "https"), path: "/"))
        #expect(try await response.collect(upTo: 100).body == Array("none".utf8))
      }
    }
  }

  @Test func `a server of another authority is refused unless that is asked for`() async throws {
    try await Self.serving({ .init(try $0.issue("server", for: ["DNS:localhost"])) }) { _, port in
      try await TestAuthority.with { other in
        let file = PEM.file(other.certificate)
        try await Self.check(.certificate, try ClientTLS(authorities: file), port)
        try await Self.check(.certificate, try ClientTLS(authorities: file, verification: .withoutHostname), port)
        try await Self.check(.certificate, .system, port)
        try await Self.check(nil, try ClientTLS(verification: .none), port)
      }
    }
  }

  @Test(arguments: ["localhost", "127.0.0.1"])
  func `a certificate of another host is refused unless that is asked for`(host: String) async throws {
    try await Self.serving({ .init(try $0.issue("server", for: ["DNS:other.example", "IP:10.9.9.9"])) }) {
      authority, port in
      let file = PEM.file(authority.certificate)
      try await Self.check(.certificate, try ClientTLS(authorities: file), host: host, port)
      try await Self.check(nil, try ClientTLS(authorities: file, verification: .withoutHostname), host: host, port)
    }
  }

  @Test func `a certificate that is no longer valid is refused`() async throws {
    try await Self.serving({ .init(try $0.issue("server", for: ["DNS:localhost"], days: -1)) }) { authority, port in
      try await Self.check(.certificate, try ClientTLS(authorities: .file(authority.certificate)), port)
    }
  }

  @Test func `a server that wants a certificate gets it`() async throws {
    try await Self.serving({
      .init(try $0.issue("server", for: ["DNS:localhost"]), clients: $0)
    }) { authority, port in
      let client = try authority.issue("client", for: ["DNS:client"])
      let file = PEM.file(authority.certificate)
      let tls = try ClientTLS(authorities: file, certificate: .file(client.certificate), key: .file(client.key))
      #expect(tls.hasIdentity)
      try await Self.check(nil, tls, port)
    }
  }

  @Test func `a client without a certificate, or with another authority's, is refused by its server`() async throws {
    try await Self.serving({
      .init(try $0.issue("server", for: ["DNS:localhost"]), clients: $0)
    }) { authority, port in
      let file = PEM.file(authority.certificate)
      // Who closes first decides what the client sees of it.
      let refused: [HTTPClientError.Code] = [.tls, .connectionClosed]
      let without = try await Self.code(try ClientTLS(authorities: file), port)
      #expect(refused.contains { $0 == without })
      try await TestAuthority.with { other in
        let client = try other.issue("client", for: ["DNS:client"])
        let tls = try ClientTLS(authorities: file, certificate: .file(client.certificate), key: .file(client.key))
        let foreign = try await Self.code(tls, port)
        #expect(refused.contains { $0 == foreign })
      }
    }
  }

  @Test func `a server that speaks no TLS is no server`() async throws {
    try await withServer([echo]) { port in
      try await Self.check(.tls, .system, port)
    }
  }

  @Test func `files that cannot be used are known at once`() async throws {
    try await TestAuthority.with { authority in
      let one = try authority.issue("one", for: ["DNS:one"])
      let two = try authority.issue("two", for: ["DNS:two"])
      func error(_ body: () throws(HTTPClientError) -> ClientTLS) -> HTTPClientError? {
        do throws(HTTPClientError) {
          _ = try body()
          return nil
        } catch {
          return error
        }
      }
      let failures = [
        error { () throws(HTTPClientError) in try ClientTLS(authorities: .file("/nonexistent.pem")) },
        error { () throws(HTTPClientError) in try ClientTLS(authorities: .bytes(Array("no PEM".utf8))) },
        error { () throws(HTTPClientError) in try ClientTLS(certificate: .file(one.certificate)) },
        error { () throws(HTTPClientError) in
          try ClientTLS(certificate: .file(one.certificate), key: .file(two.key))
        },
        error { () throws(HTTPClientError) in try ClientTLS(key: .file(one.key)) },
      ]
      for failure in failures { #expect(failure?.code == .invalidConfiguration) }
      #expect(failures[0]?.message.contains("/nonexistent.pem") == true)
    }
  }
}

@Suite(.timeLimit(.minutes(1))) struct CredentialsTests {
  private static let secret = "s3cret-of-nobody"

  private static func configuration(_ credentials: HTTPCredentials) -> HTTPClientConfiguration {
    var configuration = HTTPClientConfiguration()
    configuration.credentials = credentials
    return configuration
  }

  private static func echoed(
    _ credentials: HTTPCredentials, change: @Sendable (inout OutgoingRequest) -> Void = { _ in }
  )
    async throws -> String
  {
    try await withServer([echo]) { port in
      try await ClientTests.withClient(configuration(credentials)) { client in
        var request = OutgoingRequest(ClientTests.local(port), path: "/")
        change(&request)
        let response = try await client.call(request, deadline: .seconds(30))
        return String(decoding: response.body, as: UTF8.self)
      }
    }
  }

  @Test(arguments: [
    ("Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), ("a", "", "Basic YTo="), ("ab", "", "Basic YWI6"),
    ("p", "pässwörd", "Basic cDpww6Rzc3fDtnJk"),
  ])
  func `basic credentials are those of the standard`(principal: String, secret: String, header: String) async throws {
    #expect(try await Self.echoed(.basic(principal: principal, secret: secret)) == header)
  }

  @Test func `a token goes as it is`() async throws {
    #expect(try await Self.echoed(.bearer("a.b.c")) == "Bearer a.b.c")
    let open = try await Self.echoed(.bearer("a.b.c")) { $0.headers.set(name: "authorization", value: "Own") }
    #expect(open == "Own")
  }

  @Test func `a token in a file is read again when it was replaced`() async throws {
    let path = "/tmp/swift-mesos-token-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let credentials = HTTPCredentials.bearer(file: path)
    func failure() async -> HTTPClientError? {
      do throws(HTTPClientError) {
        _ = try await credentials.authorization()
        return nil
      } catch {
        return error
      }
    }
    #expect(await failure()?.code == .credentials)
    for token in ["first", "other"] {
      try Data(" \(token)\n".utf8).write(to: URL(filePath: path), options: .atomic)
      #expect(try await credentials.authorization() == "Bearer \(token)")
      #expect(try await credentials.authorization() == "Bearer \(token)")
    }
    try Data("\(Self.secret)\nX-Other: 1".utf8).write(to: URL(filePath: path), options: .atomic)
    let error = await failure()
    #expect(error?.code == .credentials)
    #expect(error?.message.contains(Self.secret) == false)
  }

  @Test func `a renewed token is asked for each time`() async throws {
    struct Unavailable: Error {}
    let asked = Mutex(0)
    let credentials = HTTPCredentials.bearer(renewedBy: {
      let count = asked.withLock { count in
        count += 1
        return count
      }
      if count == 3 { throw Unavailable() }
      return "t\(count)"
    })
    #expect(try await Self.echoed(credentials) == "Bearer t1")
    #expect(try await Self.echoed(credentials) == "Bearer t2")
    #expect(await ClientTests.code { _ = try await Self.echoed(credentials) } == .credentials)
    #expect(try await Self.echoed(credentials) == "Bearer t4")
  }

  @Test func `a token that does not come is a timeout`() async throws {
    let configuration = Self.configuration(
      .bearer(renewedBy: {
        try await Task.sleep(for: .seconds(3_600))
        return "late"
      }))
    try await withServer([echo]) { port in
      try await ClientTests.withClient(configuration) { client in
        let request = OutgoingRequest(ClientTests.local(port), path: "/")
        #expect(
          await ClientTests.code { _ = try await client.call(request, deadline: .milliseconds(20)) } == .timeout)
        #expect(
          await ClientTests.code { _ = try await client.open(request, headersDeadline: .milliseconds(20)) } == .timeout)
      }
    }
  }

  @Test(arguments: [("a:b", "s"), ("", "s"), ("a", "s\n"), ("a\r\nX: 1", "s")])
  func `credentials that no header can carry are refused`(principal: String, secret: String) {
    #expect(throws: HTTPClientError.self) { try HTTPCredentials.basic(principal: principal, secret: secret) }
    #expect(throws: HTTPClientError.self) { try HTTPProxy(host: "h", port: 1, principal: principal, secret: secret) }
  }

  @Test(arguments: ["", "a b", "a\r\nX: 1", "ä"])
  func `a text that is no token is refused`(token: String) {
    #expect(throws: HTTPClientError.self) { try HTTPCredentials.bearer(token) }
  }

  @Test func `no description and no mirror shows a secret`() throws {
    let values: [Any] = [
      try HTTPCredentials.basic(principal: "p", secret: Self.secret), try HTTPCredentials.bearer(Self.secret),
      try HTTPProxy(host: "h", port: 1, principal: "p", secret: Self.secret), PEM.bytes(Array(Self.secret.utf8)),
      HTTPCredentials.bearer(renewedBy: { Self.secret }),
    ]
    for value in values {
      var dumped = ""
      dump(value, to: &dumped)
      for text in ["\(value)", String(reflecting: value), dumped] {
        #expect(!text.contains(Self.secret) && !text.contains("\(Array(Self.secret.utf8))"), "\(text)")
        #expect(!text.contains(Data("p:\(Self.secret)".utf8).base64EncodedString()))
      }
    }
    let configuration = Self.configuration(try .bearer(Self.secret))
    var dumped = ""
    dump(configuration, to: &dumped)
    #expect(!dumped.contains(Self.secret))
  }

  @Test func `a redirect to another origin takes no credentials along`() async throws {
    try await withServer([echo]) { leaderPort in
      let standby = Route("/", methods: ["GET"]) { _ in
        OutgoingResponse(status: 307, headers: ["Location": "//127.0.0.1:\(leaderPort)"])
      }
      try await withServer([standby]) { port in
        let configuration = Self.configuration(try .bearer(Self.secret))
        try await ClientTests.withClient(configuration) { client in
          var request = OutgoingRequest(ClientTests.local(port), path: "/")
          let there = try #require(try await client.call(request).redirect)
          #expect(try await client.call(request.redirected(to: there)).body == Array("none".utf8))
          request.headers.set(name: "Authorization", value: "Own")
          #expect(try await client.call(request.redirected(to: there)).body == Array("none".utf8))
          // The same origin on another path is the same server.
          #expect(
            request.redirected(to: HTTPEndpoint(host: "127.0.0.1", port: port, basePath: "/x")).carriesCredentials)
        }
      }
    }
  }

  @Test(arguments: [
    ("http://h:1", "http://H:1/x", true), ("http://h:1", "https://h:1", false), ("http://h:1", "http://h:2", false),
    ("http://h:1", "http://i:1", false), ("http://h:80", "http://h", true),
  ])
  func `an origin is scheme, host and port`(one: String, other: String, isSame: Bool) throws {
    let (one, other) = (try #require(HTTPEndpoint(one)), try #require(HTTPEndpoint(other)))
    #expect(one.isSameOrigin(as: other) == isSame)
    #expect(other.isSameOrigin(as: one) == isSame)
    #expect(!HTTPEndpoint(unixSocket: "/s").isSameOrigin(as: one))
  }

  @Test func `what goes wrong and what is logged never shows a secret`() async throws {
    let lines = Mutex<[String]>([])
    let logger = Logger(label: "test") { _ in Recorder { line in lines.withLock { $0.append(line) } } }
    let configuration = Self.configuration(try .basic(principal: "p", secret: Self.secret))
    let client = MesosHTTPClient(configuration: configuration, logger: logger)
    var messages: [String] = []
    // Nobody listens there, and no other test is given that port.
    let closed = HTTPEndpoint(host: "127.0.0.1", port: 1)
    for endpoint in [closed, HTTPEndpoint(host: "name.invalid", port: 1)] {
      do throws(HTTPClientError) {
        _ = try await client.call(OutgoingRequest(endpoint, path: "/"))
      } catch {
        messages.append("\(error)")
      }
    }
    // A header that cannot be sent: the library below tells its value.
    var request = OutgoingRequest(closed, path: "/")
    request.headers.set(name: "Authorization", value: "Bearer \(Self.secret)\r\n")
    do throws(HTTPClientError) {
      _ = try await client.call(request)
    } catch {
      #expect(error.code == .invalidRequest)
      messages.append("\(error)")
    }
    try await client.shutdown()
    #expect(messages.count == 3)
    let encoded = Data("p:\(Self.secret)".utf8).base64EncodedString()
    for text in messages + lines.withLock({ $0 }) {
      #expect(!text.contains(Self.secret) && !text.contains(encoded), "\(text)")
    }
  }
}

/// Hands on each line with its metadata, whatever its level.
private struct Recorder: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.trace
  var record: @Sendable (String) -> Void

  init(_ record: @escaping @Sendable (String) -> Void) { self.record = record }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) { record("\(event.message) \(metadata) \(event.metadata ?? [:])") }
}

@Suite(.timeLimit(.minutes(1))) struct ProxyTests {
  private static func configuration(_ proxy: HTTPProxy, tls: ClientTLS = .system) throws -> HTTPClientConfiguration {
    var configuration = HTTPClientConfiguration()
    configuration.proxy = proxy
    configuration.tls = tls
    configuration.credentials = try .bearer("for-the-server")
    return configuration
  }

  @Test func `a proxy sees the request for a tunnel and TLS, and nothing else`() async throws {
    try await TestAuthority.with { authority in
      let tls = Forwarder.TLS(try authority.issue("server", for: ["DNS:localhost"]))
      try await withServer([echo]) { backend in
        try await Forwarder.with(to: backend, tls: tls) { port in
          let proxy = TunnelProxy()
          try await proxy.serving { proxyPort in
            let configuration = try Self.configuration(
              HTTPProxy(host: "127.0.0.1", port: proxyPort),
              tls: try ClientTLS(authorities: .file(authority.certificate)))
            try await ClientTests.withClient(configuration) { client in
              let answer = try await get(client, HTTPEndpoint(host: "localhost", port: port, scheme: "https"))
              #expect(answer == "Bearer for-the-server")
            }
          }
          #expect(proxy.requests == ["CONNECT localhost:\(port) HTTP/1.1"])
          #expect(!proxy.heads.joined().contains("for-the-server"))
          // A handshake record of TLS comes first.
          #expect(proxy.tunnelled.first == 0x16)
          #expect(!String(decoding: proxy.tunnelled, as: UTF8.self).contains("for-the-server"))
        }
      }
    }
  }

  @Test func `a proxy tunnels plain HTTP too`() async throws {
    try await withServer([echo]) { port in
      let proxy = TunnelProxy()
      try await proxy.serving { proxyPort in
        try await ClientTests.withClient(try Self.configuration(HTTPProxy(host: "127.0.0.1", port: proxyPort))) {
          client in
          // The name is the proxy's to resolve.
          let answer = try await get(client, HTTPEndpoint(host: "master.invalid", port: port))
          #expect(answer == "Bearer for-the-server")
        }
      }
      #expect(proxy.requests == ["CONNECT master.invalid:\(port) HTTP/1.1"])
    }
  }

  @Test func `a proxy that wants credentials gets its own`() async throws {
    try await withServer([echo]) { port in
      let proxy = TunnelProxy(authorization: "Basic \(Data("p:s".utf8).base64EncodedString())")
      try await proxy.serving { proxyPort in
        let right = try HTTPProxy(host: "127.0.0.1", port: proxyPort, principal: "p", secret: "s")
        try await ClientTests.withClient(try Self.configuration(right)) { client in
          let answer = try await get(client, ClientTests.local(port))
          #expect(answer == "Bearer for-the-server")
        }
        let wrong = try HTTPProxy(host: "127.0.0.1", port: proxyPort, principal: "p", secret: "t")
        for proxy in [wrong, HTTPProxy(host: "127.0.0.1", port: proxyPort)] {
          try await ClientTests.withClient(try Self.configuration(proxy)) { client in
            #expect(await ClientTests.code { _ = try await get(client, ClientTests.local(port)) } == .proxy)
          }
        }
      }
    }
  }

  @Test func `a unix socket is not asked for through the proxy`() async throws {
    let path = "/tmp/swift-mesos-\(UUID().uuidString.prefix(8)).sock"
    try await withServer([echo]) { backend in
      try await Forwarder.with(to: backend, listening: .unixSocket(path)) { _ in
        // Port 1 of loopback refuses.
        try await ClientTests.withClient(try Self.configuration(HTTPProxy(host: "127.0.0.1", port: 1))) { client in
          let answer = try await get(client, HTTPEndpoint(unixSocket: path))
          #expect(answer == "Bearer for-the-server")
          #expect(
            await ClientTests.code { _ = try await get(client, ClientTests.local(backend)) } == .refused)
        }
      }
    }
    try? FileManager.default.removeItem(atPath: path)
  }

  @Test func `an address that a certificate would be held against is refused through a proxy`() async throws {
    try await ClientTests.withClient(try Self.configuration(HTTPProxy(host: "127.0.0.1", port: 1))) { client in
      let endpoint = HTTPEndpoint(host: "127.0.0.1", port: 1, scheme: "https")
      #expect(await ClientTests.code { _ = try await get(client, endpoint) } == .invalidRequest)
    }
  }
}
