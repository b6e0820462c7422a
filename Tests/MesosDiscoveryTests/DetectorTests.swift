import Foundation
import Logging
import MesosHTTP
import MesosHTTPServer
import MesosModel
import MesosRuntime
import ServiceLifecycle
import Synchronization
import Testing
import ZooKeeperTestServer

@testable import MesosDiscovery

/// Runs `body` while a detector runs.
func detecting<Success: Sendable>(
  _ detector: any MasterDetector, _ body: @escaping @Sendable (any MasterDetector) async throws -> Success
) async throws -> Success {
  try await withThrowingTaskGroup(of: Success?.self) { group in
    group.addTask {
      try await detector.run()
      return nil
    }
    group.addTask { try await body(detector) }
    defer { group.cancelAll() }
    while let next = try await group.next() {
      if let next { return next }
    }
    throw DiscoveryError(.noAnswer, "The detector ended before the test")
  }
}

extension MasterDetector {
  /// Waits until this port of 127.0.0.1 leads.
  @discardableResult
  func leads(_ port: Int) async throws -> MasterDetection {
    try await detections.first { $0.master?.address == MasterAddress(host: "127.0.0.1", port: port) }
  }
}

@Suite(
  .serialized, .timeLimit(.minutes(3)), .enabled(if: ZooKeeperTestServer.isWanted, "\(ZooKeeperTestServer.skipped)"))
struct ZooKeeperDetectorTests {
  static func detector(
    _ server: ZooKeeperTestServer, port: Int? = nil, credentials: String = "", timeout: Duration = .seconds(10)
  ) throws -> ZooKeeperMasterDetector {
    ZooKeeperMasterDetector(
      try ZooKeeperURL("zk://\(credentials)127.0.0.1:\(port ?? server.port)/mesos"), sessionTimeout: timeout,
      logger: quiet)
  }

  @Test func `the leader is the master with the lowest number, among nodes as Apache Mesos writes them`() async throws {
    try await ZooKeeperTestServer.with { server in
      try await withClient(server.address) { masters in
        try await detecting(try Self.detector(server)) { detector in
          let nobody = try await detector.detections.first { $0.leader == .none }
          #expect(nobody.trouble == nil)
          try await masters.createAll("/mesos/log_replicas")
          // One from before 0.24, which is passed over, though it has the lowest number.
          try await masters.create("/mesos/info_", data: [10, 1, 65], mode: .ephemeralSequential)
          let first = try await masters.create(
            "/mesos/json.info_", data: masterJSON(id: "A", port: 5051), mode: .ephemeralSequential)
          let detection = try await detector.leads(5051)
          #expect(detection.master?.info?.id == "A")
          #expect(detection.master?.info?.hostname == "master.example")
          try await masters.create(
            "/mesos/json.info_", data: masterJSON(id: "B", port: 5052), mode: .ephemeralSequential)
          try await masters.create(
            "/mesos/json.info_", data: masterJSON(id: "C", port: 5053), mode: .ephemeralSequential)
          try await masters.delete(first)
          #expect(try await detector.leads(5052).master?.info?.id == "B")
          for name in try await masters.children(of: "/mesos").names { try await masters.delete("/mesos/" + name) }
          _ = try await detector.detections.first { $0.leader == .none }
          try await masters.delete("/mesos")
          try await masters.create("/mesos")
          try await masters.create(
            "/mesos/json.info_", data: masterJSON(id: "D", port: 5054), mode: .ephemeralSequential)
          try await detector.leads(5054)
        }
      }
    }
  }

  @Test func `a detection is told once, whatever else changes at the masters' path`() async throws {
    try await ZooKeeperTestServer.with { server in
      try await withClient(server.address) { masters in
        try await masters.create("/mesos")
        try await masters.create("/mesos/json.info_", data: masterJSON(id: "A", port: 1), mode: .ephemeralSequential)
        try await detecting(try Self.detector(server)) { detector in
          var iterator = detector.detections.makeAsyncIterator()
          #expect(await iterator.next()?.master?.address.port == 1)
          let second = try await masters.create(
            "/mesos/json.info_", data: masterJSON(id: "B", port: 2), mode: .ephemeralSequential)
          try await masters.delete(second)
          try await masters.create(
            "/mesos/json.info_", data: masterJSON(id: "C", port: 3), mode: .ephemeralSequential)
          try await masters.delete("/mesos/json.info_0000000000")
          #expect(await iterator.next()?.master?.address.port == 3)
        }
      }
    }
  }

  @Test func `a leader whose node cannot be read is none, and the trouble is told`() async throws {
    try await ZooKeeperTestServer.with { server in
      try await withClient(server.address) { masters in
        try await masters.create("/mesos")
        let bad = try await masters.create("/mesos/json.info_", data: Array("{".utf8), mode: .ephemeralSequential)
        try await masters.create("/mesos/json.info_", data: masterJSON(id: "A", port: 1), mode: .ephemeralSequential)
        try await detecting(try Self.detector(server)) { detector in
          let detection = try await detector.detections.first { _ in true }
          #expect(detection.leader == .none)
          #expect(detection.trouble?.code == .invalidNode)
          try await masters.delete(bad)
          #expect(try await detector.leads(1).trouble == nil)
        }
      }
    }
  }

  @Test func `with ZooKeeper away the last leader stays, and with it back the next one is seen`() async throws {
    try await ZooKeeperTestServer.with { server in
      try await detecting(try Self.detector(server, timeout: .seconds(5))) { detector in
        try await withClient(server.address) { masters in
          try await masters.createAll("/mesos")
          try await masters.create(
            "/mesos/json.info_", data: masterJSON(id: "A", port: 1), mode: .persistentSequential)
          try await detector.leads(1)
        }
        try await server.kill()
        let away = try await detector.detections.first { $0.trouble != nil }
        #expect(away.master?.address.port == 1)
        #expect(away.trouble?.code == .zooKeeper)
        try server.start()
        let back = try await detector.detections.first { $0.trouble == nil }
        #expect(back.master?.address.port == 1)
        try await withClient(server.address) { masters in
          try await masters.create(
            "/mesos/json.info_", data: masterJSON(id: "B", port: 2), mode: .persistentSequential)
          try await masters.delete("/mesos/json.info_0000000000")
          try await detector.leads(2)
        }
      }
    }
  }

  @Test func `when its session expired the last leader stays, and a new session sees the next one`() async throws {
    try await ZooKeeperTestServer.with(tick: .milliseconds(200)) { server in
      try await TestProxy.with(target: server.port) { proxy in
        try await withClient(server.address) { masters in
          try await masters.create("/mesos")
          let first = try await masters.create(
            "/mesos/json.info_", data: masterJSON(id: "A", port: 1), mode: .ephemeralSequential)
          try await detecting(try Self.detector(server, port: proxy.port, timeout: .seconds(1))) { detector in
            try await detector.leads(1)
            proxy.set(.stalls)
            let away = try await detector.detections.first { $0.trouble != nil }
            #expect(away.master?.address.port == 1)
            try await masters.create(
              "/mesos/json.info_", data: masterJSON(id: "B", port: 2), mode: .ephemeralSequential)
            try await masters.delete(first)
            proxy.set(.cuts)
            proxy.set(.passes)
            try await detector.leads(2)
          }
        }
      }
    }
  }

  @Test func `a path that nobody may read is an error, not a wait`() async throws {
    try await ZooKeeperTestServer.with { server in
      try await withClient(server.address, credentials: "u:p") { owner in
        try await owner.create(
          "/mesos", acl: [ZooKeeperACL(permissions: .all, scheme: "auth", id: "")])
        let error = await #expect(throws: DiscoveryError.self) { try await Self.detector(server).run() }
        #expect(error?.cause?.code == .notAuthorized)
        try await owner.create("/mesos/json.info_", data: masterJSON(id: "A", port: 1), mode: .ephemeralSequential)
        _ = try await detecting(try Self.detector(server, credentials: "u:p@")) { detector in
          try await detector.leads(1)
        }
      }
    }
  }
}

@Suite(
  .serialized, .timeLimit(.minutes(3)), .enabled(if: ZooKeeperTestServer.isWanted, "\(ZooKeeperTestServer.skipped)"))
struct ContenderTests {
  static func contender(
    _ id: String, port: Int, at zooKeeper: Int, credentials: String = "", timeout: Duration = .seconds(10)
  ) throws -> ZooKeeperMasterContender {
    ZooKeeperMasterContender(
      try ZooKeeperURL("zk://\(credentials)127.0.0.1:\(zooKeeper)/a/mesos"),
      info: try MasterInfo(jsonBytes: masterJSON(id: id, port: port)), sessionTimeout: timeout, logger: quiet)
  }

  @Test func `the first one leads, and when it withdraws the next one`() async throws {
    try await ZooKeeperTestServer.with { server in
      let first = try Self.contender("A", port: 1, at: server.port, credentials: "u:p@")
      let second = try Self.contender("B", port: 2, at: server.port, credentials: "u:p@")
      let detector = ZooKeeperMasterDetector(
        try ZooKeeperURL("zk://127.0.0.1:\(server.port)/a/mesos"), logger: quiet)
      try await detecting(detector) { detector in
        try await withThrowingTaskGroup(of: Void.self) { all in
          try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await first.run() }
            _ = try await first.candidacies.first { $0 == .elected }
            let seen = try await detector.leads(1)
            #expect(seen.master?.info?.id == "A")
            all.addTask { try await second.run() }
            // It stands, and does not lead.
            try await withClient(server.address) { observer in
              while true {
                let (children, watch) = try await observer.watchChildren(of: "/a/mesos")
                if children.names.count == 2 { break }
                _ = try await watch.event()
              }
              // Readable by all, writable by masters alone.
              let error = await #expect(throws: ZooKeeperError.self) {
                try await observer.set("/a/mesos/json.info_0000000000", data: [])
              }
              #expect(error?.code == .notAuthorized)
            }
            #expect(try await second.candidacies.first { _ in true } == .contending)
            group.cancelAll()
          }
          _ = try await second.candidacies.first { $0 == .elected }
          try await detector.leads(2)
          all.cancelAll()
        }
        _ = try await detector.detections.first { $0.leader == .none }
      }
    }
  }

  @Test func `a leader that ZooKeeper hears nothing of for its session's time has lost, and another one leads`()
    async throws
  {
    try await ZooKeeperTestServer.with(tick: .milliseconds(200)) { server in
      try await TestProxy.with(target: server.port) { proxy in
        let first = try Self.contender("A", port: 1, at: proxy.port, timeout: .seconds(1))
        let second = try Self.contender("B", port: 2, at: server.port)
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await first.run() }
          _ = try await first.candidacies.first { $0 == .elected }
          group.addTask { try await second.run() }
          proxy.set(.stalls)
          let lost = try await first.candidacies.first { if case .lost = $0 { true } else { false } }
          guard case .lost(let reason) = lost else { return }
          #expect(reason.contains("expired"))
          // It has ended by itself.
          try await group.next()
          _ = try await second.candidacies.first { $0 == .elected }
          group.cancelAll()
        }
      }
    }
  }

  @Test func `a short absence of ZooKeeper costs a leader nothing, and there is one node of it`() async throws {
    try await ZooKeeperTestServer.with { server in
      let only = try Self.contender("A", port: 1, at: server.port)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await only.run() }
        _ = try await only.candidacies.first { $0 == .elected }
        try await server.kill()
        try server.start()
        try await withClient(server.address) { observer in
          let names = try await observer.children(of: "/a/mesos").names
          #expect(names == ["json.info_0000000000"])
          // By hand: its node goes, so it leads no more.
          try await observer.delete("/a/mesos/json.info_0000000000")
        }
        let last = try await only.candidacies.first { if case .lost = $0 { true } else { false } }
        #expect(last != .elected)
        try await group.waitForAll()
      }
    }
  }

  @Test func `one that has not led yet stands again when its session expired`() async throws {
    try await ZooKeeperTestServer.with(tick: .milliseconds(200)) { server in
      try await TestProxy.with(target: server.port) { proxy in
        try await withClient(server.address) { leader in
          try await leader.createAll("/a/mesos")
          try await leader.create("/a/mesos/json.info_", data: masterJSON(id: "A", port: 1), mode: .ephemeralSequential)
          let second = try Self.contender("B", port: 2, at: proxy.port, timeout: .seconds(1))
          try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await second.run() }
            func waitFor(_ names: [String]) async throws {
              while true {
                let (children, watch) = try await leader.watchChildren(of: "/a/mesos")
                if children.names == names { return }
                _ = try await watch.event()
              }
            }
            try await waitFor(["json.info_0000000000", "json.info_0000000001"])
            proxy.set(.stalls)
            try await waitFor(["json.info_0000000000"])
            proxy.set(.cuts)
            proxy.set(.passes)
            try await waitFor(["json.info_0000000000", "json.info_0000000002"])
            try await leader.delete("/a/mesos/json.info_0000000000")
            _ = try await second.candidacies.first { $0 == .elected }
            group.cancelAll()
          }
        }
      }
    }
  }
}

/// Answers `/master/redirect` as it is told.
private final class RedirectServer: Sendable {
  let answer = Mutex<OutgoingResponse>(OutgoingResponse(status: 503))

  static func with<Success: Sendable>(
    count: Int, _ body: @escaping @Sendable ([(server: RedirectServer, port: Int)]) async throws -> Success
  ) async throws -> Success {
    var redirects: [RedirectServer] = []
    var servers: [MesosHTTPServer] = []
    for _ in 0..<count {
      let redirect = RedirectServer()
      redirects.append(redirect)
      servers.append(
        MesosHTTPServer(
          configuration: HTTPServerConfiguration(host: "127.0.0.1", port: 0),
          routes: [Route("/master/redirect", methods: nil) { _ in redirect.answer.withLock { $0 } }], logger: quiet))
    }
    let services = ServiceGroup(services: servers, logger: quiet)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await services.run() }
      let result: Result<Success, any Error>
      do {
        var pairs: [(server: RedirectServer, port: Int)] = []
        for (redirect, server) in zip(redirects, servers) { pairs.append((redirect, try await server.address().port)) }
        result = .success(try await body(pairs))
      } catch {
        result = .failure(error)
      }
      await services.triggerGracefulShutdown()
      try await group.waitForAll()
      return try result.get()
    }
  }

  func leads(_ port: Int) {
    answer.withLock { $0 = OutgoingResponse(status: 307, headers: ["Location": "//127.0.0.1:\(port)"]) }
  }
}

/// Its end shuts the group down that it is in.
private struct EndsAtOnce: Service {
  func run() async throws {}
}

@Suite(.timeLimit(.minutes(1))) struct PlainDetectorTests {
  @Test func `a fixed address leads whatever happens`() async throws {
    _ = try await detecting(try makeMasterDetector("127.0.0.1:5055", logger: quiet)) { detector in
      try await detector.leads(5055)
    }
  }

  @Test func `of a list the one that the others point at leads`() async throws {
    try await RedirectServer.with(count: 2) { servers in
      let dead = try freePort()
      let ports = servers.map(\.port)
      let detector = try MasterListDetector(
        ([dead] + ports).map { MasterAddress(host: "127.0.0.1", port: $0) }, interval: .milliseconds(20))
      try await detecting(detector) { detector in
        _ = try await detector.detections.first { $0.leader == .none }
        for server in servers { server.server.leads(ports[1]) }
        try await detector.leads(ports[1])
        for server in servers { server.server.leads(ports[0]) }
        try await detector.leads(ports[0])
        for server in servers { server.server.answer.withLock { $0 = OutgoingResponse(status: 503) } }
        _ = try await detector.detections.first { $0.leader == .none }
      }
    }
  }

  @Test func `while none of a list answers the last leader stays, and that is told`() async throws {
    let ports = try await RedirectServer.with(count: 1) { servers in [servers[0].port] }
    let detector = try MasterListDetector(
      ports.map { MasterAddress(host: "127.0.0.1", port: $0) }, interval: .milliseconds(20))
    try await detecting(detector) { detector in
      let detection = try await detector.detections.first { $0.trouble != nil }
      #expect(detection.leader == .unknown)
      #expect(detection.trouble?.code == .noAnswer)
    }
  }

  @Test func `a file says who leads, and is read again`() async throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "swift-mesos-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data("127.0.0.1:5051\n".utf8).write(to: URL(filePath: path))
    let detector = try FileMasterDetector(
      path: path, interval: .milliseconds(10),
      options: MasterDetectorOptions(sessionTimeout: .seconds(1), isSecure: false, logger: quiet, runtime: .system))
    try await detecting(detector) { detector in
      try await detector.leads(5051)
      // What cannot be used changes nothing.
      try Data("127.0.0.1:x\n".utf8).write(to: URL(filePath: path), options: .atomic)
      try Data("master@127.0.0.1:5052\n".utf8).write(to: URL(filePath: path), options: .atomic)
      try await detector.leads(5052)
    }
  }

  @Test func `a detector in a service group ends with it, without an error`() async throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "swift-mesos-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data("127.0.0.1:5051\n".utf8).write(to: URL(filePath: path))
    for text in ["h:1", "127.0.0.1:1,127.0.0.1:2", "zk://127.0.0.1:1/mesos", "file://\(path)"] {
      let group = ServiceGroup(
        configuration: ServiceGroupConfiguration(
          services: [
            .init(service: try makeMasterDetector(text, logger: quiet)),
            .init(service: EndsAtOnce(), successTerminationBehavior: .gracefullyShutdownGroup),
          ], logger: quiet))
      try await group.run()
    }
  }

  @Test func `what users write is understood`() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "swift-mesos-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data("zk://u:p@h/a".utf8).write(to: URL(filePath: path))
    #expect(try makeMasterDetector("h:5051") is FixedMasterDetector)
    #expect(try makeMasterDetector("https://h:5051") is FixedMasterDetector)
    #expect(try makeMasterDetector(" master@10.0.0.1:5051 ") is FixedMasterDetector)
    #expect(try makeMasterDetector("a, b:5051") is MasterListDetector)
    #expect(try makeMasterDetector("zk://h1,h2/mesos") is ZooKeeperMasterDetector)
    #expect(try makeMasterDetector("file://\(path)") is FileMasterDetector)
  }

  @Test func `what names no master is refused with a reason, without credentials`() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "swift-mesos-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data("file://\(path)".utf8).write(to: URL(filePath: path))
    for (text, code) in [
      ("", .invalidAddress), ("h:x", .invalidAddress), ("a,,b", .invalidAddress), ("zk://h", .invalidAddress),
      ("zk://u:secret@h", .invalidAddress), ("etcd://u:secret@h/a", .invalidAddress), ("u:secret@h", .invalidAddress),
      ("file:///no/such/file", .unreadableFile), ("file://\(path)", .invalidAddress), ("file:///", .unreadableFile),
    ] as [(String, DiscoveryError.Code)] {
      let error = #expect(throws: DiscoveryError.self, "\(text)") { try makeMasterDetector(text) }
      #expect(error?.code == code, "\(text): \(error?.message ?? "")")
      #expect(error?.message.contains("secret") == false)
      #expect(error?.message.isEmpty == false)
    }
  }

  @Test(arguments: [
    (#"{"id":"i","ip":16777343,"port":5051}"#, "127.0.0.1", 5051),
    (#"{"id":"i","ip":0,"port":5051,"hostname":"h"}"#, "h", 5051),
    (
      #"{"id":"i","ip":16777343,"port":1,"hostname":"h","address":{"ip":"10.0.0.1","hostname":"x","port":5052}}"#,
      "10.0.0.1", 5052
    ),
    (#"{"id":"i","ip":1,"port":1,"address":{"hostname":"x","port":5052}}"#, "1.0.0.0", 5052),
    (#"{"id":"i","ip":1,"port":1,"address":{"ip":"::1","port":5052}}"#, "::1", 5052),
  ])
  func `the address is read from a MasterInfo`(json: String, host: String, port: Int) throws {
    let master = try LeadingMaster(node: "n", data: Array(json.utf8), isSecure: false)
    #expect(master.address == MasterAddress(host: host, port: port))
  }

  @Test(arguments: ["", "{}", "[]", #"{"id":"i","ip":0,"port":5050}"#, #"{"id":"i","ip":1,"port":0}"#, "\u{0}\u{1}"])
  func `a node without an address is an error`(json: String) {
    let error = #expect(throws: DiscoveryError.self) {
      try LeadingMaster(node: "n", data: Array(json.utf8), isSecure: false)
    }
    #expect(error?.code == .invalidNode)
  }

  @Test func `for TLS the name is taken, which the certificate holds`() throws {
    let master = try LeadingMaster(node: "n", data: masterJSON(id: "A", port: 5050), isSecure: true)
    #expect(master.address == MasterAddress(host: "master.example", port: 5050, isSecure: true))
  }
}

@Suite(.timeLimit(.minutes(1))) struct BroadcastTests {
  @Test func `each reader sees the last value first and then all that follow, until the end`() async {
    let broadcast = Broadcast<Int>(valuesMax: 2)
    var early = broadcast.changes.makeAsyncIterator()
    broadcast.send(1)
    var late = broadcast.changes.makeAsyncIterator()
    #expect(await early.next() == 1)
    #expect(await late.next() == 1)
    for value in 2...5 { broadcast.send(value) }
    // The slow ones have lost the oldest.
    #expect(await early.next() == 4)
    #expect(await early.next() == 5)
    broadcast.finish()
    broadcast.send(6)
    #expect(await early.next() == nil)
    #expect(await late.next() == 4)
    #expect(await late.next() == 5)
    #expect(await late.next() == nil)
    #expect(broadcast.last == 5)
  }

  @Test func `a reader that waits is told, ends with its task, and leaves nothing behind`() async {
    let broadcast = Broadcast<Int>()
    await withTaskGroup(of: [Int].self) { group in
      group.addTask {
        var seen: [Int] = []
        for await value in broadcast.changes {
          seen.append(value)
          broadcast.send(value + 1)
          if value == 3 { break }
        }
        return seen
      }
      broadcast.send(1)
      #expect(await group.next() == [1, 2, 3])
      group.addTask {
        var seen: [Int] = []
        for await value in broadcast.changes { seen.append(value) }
        return seen
      }
      group.cancelAll()
      #expect((await group.next() ?? []).count <= 1)
    }
  }
}
