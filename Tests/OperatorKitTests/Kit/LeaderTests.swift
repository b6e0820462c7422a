import MesosHTTP
import MesosHTTPClient
import MesosHTTPServer
import MesosModel
import OperatorKit
import SwiftProtobuf
import Testing

/// A master that counts its calls and answers as told.
private final class CountingMaster: Sendable {
  let calls = Shared(0)
  let answer: Shared<@Sendable () -> OutgoingResponse>

  init(_ answer: @escaping @Sendable () -> OutgoingResponse = CountingMaster.healthy) { self.answer = Shared(answer) }

  static let healthy: @Sendable () -> OutgoingResponse = {
    let response = MasterResponse.with {
      $0.type = .getHealth
      $0.getHealth.healthy = true
    }
    return .content(MessageEncoding.protobuf.encode(response), .protobuf)
  }

  static func redirect(to location: String) -> @Sendable () -> OutgoingResponse {
    { OutgoingResponse(status: 307, headers: ["Location": location]) }
  }

  var route: Route {
    OperatorServer.masterRoute { _, _ in
      self.calls.withLock { $0 += 1 }
      return self.answer.current()
    }
  }

  func becomes(_ answer: @escaping @Sendable () -> OutgoingResponse) { self.answer.withLock { $0 = answer } }
}

private func serving(
  _ masters: [CountingMaster], _ body: @Sendable @escaping ([HTTPEndpoint]) async throws -> Void
) async throws {
  try await OperatorServer.serving(masters.map { [$0.route] }, body: body)
}

private func location(_ endpoint: HTTPEndpoint, path: String = "") -> String {
  guard case .tcp(_, let host, let port) = endpoint.address else { return "" }
  return "//\(host):\(port)\(path)"
}

private func code(_ client: MasterClient) async -> OperatorError.Code? {
  await failure { () async throws(OperatorError) in try await client.getHealth() }?.code
}

private func expectHealthy(_ client: MasterClient) async throws {
  let answer = try await client.getHealth()
  #expect(answer.healthy)
}

struct LeaderTests {
  @Test(arguments: ["", "/api/v1"]) func `a standby master's redirect is followed and remembered`(path: String)
    async throws
  {
    let standby = CountingMaster()
    let leader = CountingMaster()
    try await serving([standby, leader]) { endpoints in
      standby.becomes(CountingMaster.redirect(to: location(endpoints[1], path: path)))
      try await withMasterClient(endpoints[0].description) { client in
        for _ in 0..<3 { try await expectHealthy(client) }
        #expect(client.knownLeader == endpoints[1])
      }
      #expect(standby.calls.current == 1)
      #expect(leader.calls.current == 3)
    }
  }

  @Test func `masters that send one another around are given up after some redirects`() async throws {
    let first = CountingMaster()
    let second = CountingMaster()
    try await serving([first, second]) { endpoints in
      first.becomes(CountingMaster.redirect(to: location(endpoints[1])))
      second.becomes(CountingMaster.redirect(to: location(endpoints[0])))
      var configuration = OperatorConfiguration()
      configuration.redirectsMax = 6
      try await withMasterClient(endpoints[0].description, configuration: configuration) { client in
        #expect(await code(client) == .notLeading)
      }
      #expect(first.calls.current + second.calls.current == 7)
    }
  }

  @Test(arguments: ["", "//", "/somewhere", "ftp://x:1", "//user@x:1"])
  func `a redirect that cannot be read leads to the next master`(location: String) async throws {
    let odd = CountingMaster(CountingMaster.redirect(to: location))
    let leader = CountingMaster()
    try await serving([odd, leader]) { endpoints in
      try await withMasterClient("\(endpoints[0]),\(endpoints[1])") { client in
        try await expectHealthy(client)
      }
      try await withMasterClient("\(endpoints[0])") { client in #expect(await code(client) == .notLeading) }
    }
  }

  @Test func `a master that is away gives the turn to the next`() async throws {
    let leader = CountingMaster()
    try await serving([leader]) { endpoints in
      // Port 1 of loopback: nobody listens there.
      try await withMasterClient("127.0.0.1:1, \(endpoints[0])") { client in
        try await expectHealthy(client)
      }
    }
    try await withMasterClient("127.0.0.1:1") { client in #expect(await code(client) == .unreachable) }
  }

  @Test func `a master that cannot answer now gives the turn to the next, and says so when there is none`() async throws
  {
    let busy = CountingMaster { .text("no leader", status: 503) }
    let leader = CountingMaster()
    try await serving([busy, leader]) { endpoints in
      try await withMasterClient("\(endpoints[0]),\(endpoints[1])") { client in
        try await expectHealthy(client)
        leader.becomes { .text("no leader", status: 503) }
        #expect(await code(client) == .unavailable)
        #expect(client.knownLeader == nil)
      }
    }
  }

  @Test func `a call that may have been done is not sent to another master`() async throws {
    let cutting = CountingMaster {
      .stream(.protobuf) { stream in
        try await stream.write([8])
        throw CancellationError()
      }
    }
    let other = CountingMaster()
    try await serving([cutting, other]) { endpoints in
      try await withMasterClient("\(endpoints[0]),\(endpoints[1])") { client in
        #expect(await code(client) == .connectionLost)
      }
      #expect(cutting.calls.current == 1 && other.calls.current == 0)
    }
  }

  @Test func `a leader that changed is found again`() async throws {
    let first = CountingMaster()
    let second = CountingMaster()
    try await serving([first, second]) { endpoints in
      try await withMasterClient("\(endpoints[0]),\(endpoints[1])") { client in
        try await expectHealthy(client)
        first.becomes(CountingMaster.redirect(to: location(endpoints[1])))
        try await expectHealthy(client)
        #expect(client.knownLeader == endpoints[1])
      }
    }
  }

  @Test func `whoever knows the masters is asked before each call`() async throws {
    struct Detector: MasterLocator {
      let found: Shared<[HTTPEndpoint]>
      func masters() async throws -> [HTTPEndpoint] {
        let masters = found.current
        if masters.isEmpty { throw OperatorError(.ended, "no session with the detector") }
        return masters
      }
    }
    let leader = CountingMaster()
    try await serving([leader]) { endpoints in
      let detector = Detector(found: Shared([]))
      let client = MasterClient(detector)
      let error = await failure { () async throws(OperatorError) in try await client.getHealth() }
      #expect(error?.code == .unreachable)
      #expect(error?.message.contains("no session with the detector") == true)
      detector.found.withLock { $0 = endpoints }
      #expect(await code(client) == nil)
      await client.shutdown()
    }
  }

  @Test(arguments: [
    ("host", "http://host:5050"), ("host:80", "http://host:80"), ("[::1]", "http://[::1]:5050"),
    ("[::1]:7", "http://[::1]:7"), ("https://host:7", "https://host:7"), ("http://host/base", "http://host:80/base"),
  ])
  func `a master's address can be written so`(text: String, endpoint: String) throws {
    #expect(try MasterList(" \(text) ,other:1").endpoints.map(\.description) == [endpoint, "http://other:1"])
  }

  @Test(arguments: ["", ",", "host:0", "host:x", "user:secret@host:5050", "ftp://host:1", "a b"])
  func `another address is refused without being quoted`(text: String) {
    let error = #expect(throws: OperatorError.self) { try MasterList(text) }
    #expect(error?.code == .invalidConfiguration)
    #expect(error?.message.contains("secret") == false)
  }

  @Test(arguments: [
    ("slave(1)@10.0.0.7:5051", "http://10.0.0.7:5051/slave(1)"), ("", "http://host:5052"),
    ("nonsense", "http://host:5052"), ("@10.0.0.7:5051", "http://10.0.0.7:5051"),
  ])
  func `an agent's address is taken from its record`(pid: String, endpoint: String) {
    let agent = MasterResponse.GetAgents.Agent.with {
      $0.pid = pid
      $0.agentInfo.hostname = "host"
      $0.agentInfo.port = 5052
    }
    #expect(HTTPEndpoint(agent: agent)?.description == endpoint)
    #expect(HTTPEndpoint(agent: .init()) == nil)
  }
}
