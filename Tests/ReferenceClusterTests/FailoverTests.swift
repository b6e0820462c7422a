import Foundation
import MesosDiscovery
import MesosHTTP
import MesosHTTPClient
import MesosModel
import ProcessLaunch
import ReferenceMaster
import SchedulerKit
import ServiceLifecycle
import Testing
import ZooKeeperTestServer

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Masters that meet in a real ZooKeeper, a scheduler and an agent that find them there.
@Suite(
  .serialized, .timeLimit(.minutes(4)), .enabled(if: ZooKeeperTestServer.isWanted, "\(ZooKeeperTestServer.skipped)"))
struct FailoverTests {
  /// Finds the leading master as everybody does, and says when it came to know of it.
  struct Sighting: Sendable {
    var master: LeadingMaster
    var at: ContinuousClock.Instant
  }

  static func temporaryFolder() -> String {
    FileManager.default.temporaryDirectory.appending(path: "swift-mesos-\(UUID().uuidString)").path
  }

  /// Runs `body` with a detector of the masters at `url`.
  static func detecting<Success>(
    _ url: String, _ body: (ZooKeeperMasterDetector) async throws -> Success
  ) async throws -> Success {
    let detector = ZooKeeperMasterDetector(try ZooKeeperURL(url), logger: TestCluster.quiet)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await detector.run() }
      defer { group.cancelAll() }
      return try await body(detector)
    }
  }

  /// Waits for a leader that `isWanted`.
  static func leader(
    _ detector: ZooKeeperMasterDetector, _ isWanted: (LeadingMaster) -> Bool = { _ in true }
  ) async throws -> Sighting {
    for await detection in detector.detections {
      if let master = detection.master, isWanted(master) {
        return Sighting(master: master, at: .now)
      }
    }
    throw CancellationError()
  }

  /// Master programs and an agent; all that they started is killed in the end.
  static func withPrograms(
    masters count: Int, url: String, sessionTimeout: String,
    _ body: ([(program: KillTests.Program, port: Int)], ProcessWatcher) async throws -> Void
  ) async throws {
    let folder = temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let watcher = try ProcessWatcher()
    var masters: [(program: KillTests.Program, port: Int)] = []
    var programs: [KillTests.Program] = []
    let result: Result<Void, any Error>
    do {
      for _ in 0..<count {
        let port = try freePort()
        let program = try KillTests.Program(
          "mesos-master",
          [
            "--zk=\(url)", "--quorum=1", "--zk_session_timeout=\(sessionTimeout)", "--port=\(port)",
            // One registry, which the leader alone opens: the next one knows which agents to wait for.
            "--work_dir=\(folder)/master",
          ])
        programs.append(program)
        masters.append((program, port))
      }
      programs.append(
        try KillTests.Program(
          "mesos-agent",
          [
            "--master=\(url)", "--port=\(try freePort())", "--work_dir=\(folder)/agent",
            "--resources=cpus:4;mem:4096;disk:1000", "--registration_backoff_factor=100ms",
          ]))
      try await body(masters, watcher)
      result = .success(())
    } catch {
      result = .failure(error)
    }
    for program in programs.reversed() {
      do { try program.end() } catch { Issue.record("\(error)") }
    }
    try KillTests.endAll(in: folder)
    try result.get()
  }

  @Test func `killed, a leader is replaced, and scheduler, agent and running task go on with the next one`()
    async throws
  {
    try await ZooKeeperTestServer.with(tick: .milliseconds(500)) { server in
      let url = "zk://user:secret@\(server.address)/mesos"
      try await Self.withPrograms(masters: 2, url: url, sessionTimeout: "2secs") { masters, watcher in
        try await Self.detecting(url) { detector in
          let first = try await Self.leader(detector)
          let leading = try #require(masters.first { $0.port == first.master.address.port })
          let configuration = try TestFramework.configuration(url)
          try await withScheduler(configuration) { scheduler in
            var id: FrameworkID?
            var launched = false
            var killed = false
            // unstructured: awaited below, and ends with the detector.
            let next = Task { try await Self.leader(detector) { $0 != first.master } }
            defer { next.cancel() }
            updates: for await update in scheduler.updates {
              switch update {
              case .offers(let offers) where !launched:
                launched = true
                var pool = OfferPool([offers[0]])
                var task = TaskInfo()
                task.name = "sleeper"
                task.taskID.value = "sleeper"
                task.agentID = offers[0].agentID
                let resources = pool.take(["cpus": 0.1, "mem": 32])
                task.resources = try #require(resources)
                task.command = .shell("exec sleep 600")
                try await scheduler.accept(offers, launch: [task])
              case .offers(let offers): try await scheduler.decline(offers)
              case .subscribed(let subscription) where id == nil:
                id = subscription.frameworkID
                #expect(subscription.master == first.master.address)
              case .subscribed(let subscription):
                let now = ContinuousClock.now
                let found = try await next.value
                let took = now - found.at
                print("re-subscribed \(took) after the election of the next leader was seen")
                #expect(subscription.master == found.master.address)
                #expect(subscription.frameworkID == id)
                #expect(took < .seconds(60))
              case .task(let update) where !killed:
                guard update.status.state == .taskRunning else { continue }
                killed = true
                try await leading.program.kill(watcher)
              case .task(let update):
                // Nothing happened to the task, and the new master knows of it.
                #expect(update.status.state == .taskRunning)
              case .reconciled where killed: break updates
              case .error(let error): throw error
              default: break
              }
            }
            // The agent has followed: what it has is offered.
            #expect(killed)
          }
        }
      }
    }
  }

  /// One call to a master of this process.
  static func get(
    _ port: Int, _ path: String, method: String = "GET", query: [(name: String, value: String)] = []
  ) async throws -> ClientResponse {
    let client = MesosHTTPClient(logger: nil)
    let result: Result<ClientResponse, any Error>
    do {
      result = .success(
        try await client.call(
          OutgoingRequest(HTTPEndpoint(host: "127.0.0.1", port: port), method: method, path: path, query: query),
          maximumBody: 64 << 20, deadline: .seconds(30)))
    } catch {
      result = .failure(error)
    }
    try await client.shutdown()
    return try result.get()
  }

  @Test func `a standby master sends requests on to the leader, and a leader cut off from ZooKeeper ends`() async throws
  {
    try await ZooKeeperTestServer.with(tick: .milliseconds(200)) { server in
      try await TestProxy.with(target: server.port) { proxy in
        @Sendable func master(_ port: Int) throws -> ReferenceMaster {
          var configuration = MasterConfiguration(host: "127.0.0.1", port: 0, registry: .memory)
          configuration.hostname = "localhost"
          configuration.election = MasterConfiguration.Election(
            url: try ZooKeeperURL("zk://127.0.0.1:\(port)/mesos"), sessionTimeout: .seconds(2))
          return ReferenceMaster(configuration: configuration, logger: TestCluster.quiet)
        }
        try await Self.detecting("zk://\(server.address)/mesos") { detector in
          try await withThrowingTaskGroup(of: Void.self) { group in
            let leader = try master(proxy.port)
            let leading = Task { try await leader.run() }  // unstructured: awaited below.
            let sighting = try await Self.leader(detector)
            let leaderPort = try await leader.address().port
            #expect(sighting.master.address == MasterAddress(host: "127.0.0.1", port: leaderPort))
            // Elected and recovered.
            while try await Self.get(leaderPort, "/state").status != 200 { try Task.checkCancellation() }

            let standby = try master(server.port)
            group.addTask { try await standby.run() }
            let port = try await standby.address().port
            // 503 until it knows who leads.
            while try await Self.get(port, "/redirect").status == 503 { try Task.checkCancellation() }
            let place = "//localhost:\(leaderPort)"
            for (path, method, location) in [
              ("/redirect", "GET", ""), ("/master/redirect", "GET", ""), ("/state", "GET", "/state"),
              ("/master/state", "GET", "/master/state"), ("/api/v1", "POST", "/api/v1"),
              ("/master/api/v1/scheduler", "POST", "/master/api/v1/scheduler"),
              ("/swift-mesos/v1/agent-link", "POST", "/swift-mesos/v1/agent-link"),
            ] {
              let answer = try await Self.get(port, path, method: method)
              #expect(answer.status == 307, "\(path)")
              #expect(answer.headers["Location"] == place + location, "\(path)")
              #expect(answer.body.isEmpty)
            }
            let asked = try await Self.get(port, "/state", query: [("x", "1"), ("y", " ")])
            #expect(asked.headers["Location"] == place + "/state?x=1&y=%20")
            for path in ["/health", "/version", "/flags", "/metrics/snapshot"] {
              #expect(try await Self.get(port, path).status == 200, "\(path)")
            }
            #expect(try await Self.get(port, "/metrics/snapshot").excerpt.contains(#""master/elected":0"#))

            proxy.set(.stalls)
            let result = await leading.result
            guard case .failure(let error) = result else {
              Issue.record("the leader went on")
              return
            }
            #expect((error as? MasterError)?.code == .lostLeadership)
            #expect("\(error)".contains("Lost leadership"))
            let next = try await Self.leader(detector) { $0 != sighting.master }
            #expect(next.master.address.port == port)
            while try await Self.get(port, "/state").status != 200 { try Task.checkCancellation() }
            group.cancelAll()
          }
        }
      }
    }
  }

  @Test func `with ZooKeeper away the scheduler's connection stays in use`() async throws {
    try await ZooKeeperTestServer.with(tick: .milliseconds(200)) { server in
      try await TestProxy.with(target: server.port) { proxy in
        let url = "zk://127.0.0.1:\(proxy.port)/mesos"
        var configuration = MasterConfiguration(host: "127.0.0.1", port: 0, registry: .memory)
        configuration.election = MasterConfiguration.Election(
          url: try ZooKeeperURL("zk://\(server.address)/mesos"))
        let master = ReferenceMaster(configuration: configuration, logger: TestCluster.quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await master.run() }
          var session = ZooKeeperConfiguration(servers: try ZooKeeperServers("127.0.0.1:\(proxy.port)"))
          session.sessionTimeout = .seconds(1)
          let probe = ZooKeeperClient(session, logger: TestCluster.quiet)
          group.addTask { try await probe.run() }
          func wait(for isWanted: (ZooKeeperState) -> Bool) async {
            for await state in probe.states where isWanted(state) { return }
          }
          var scheduling = try TestFramework.configuration(url)
          scheduling.makeDetector = { logger, runtime in
            try makeMasterDetector(url, sessionTimeout: .seconds(1), logger: logger, runtime: runtime)
          }
          try await withScheduler(scheduling) { scheduler in
            var troubles = 0
            updates: for await update in scheduler.updates {
              switch update {
              case .subscribed(let subscription):
                #expect(!subscription.isResubscription)
                await wait { if case .connected = $0 { true } else { false } }
                proxy.set(.stalls)
              case .notice(.detectionTroubled):
                troubles += 1
                guard troubles == 1 else { continue }
                // Not only away for a while: sessions of this length are over.
                await wait { if case .expired = $0 { true } else { false } }
                #expect(scheduler.connectionState.isSubscribed)
                // The connection is alive: it takes a call.
                try await scheduler.revive()
                proxy.set(.cuts)
                proxy.set(.passes)
                await wait { if case .connected = $0 { true } else { false } }
                try await scheduler.revive()
                break updates
              case .connection(let state) where troubles > 0: Issue.record("\(state)")
              case .error(let error): throw error
              default: break
              }
            }
            #expect(troubles >= 1)
            #expect(scheduler.connectionState.isSubscribed)
          }
          group.cancelAll()
        }
      }
    }
  }
}

extension ConnectionState {
  fileprivate var isSubscribed: Bool { if case .subscribed = self { true } else { false } }
}
