import Logging
import MesosDiscovery
import MesosModel
import Testing
import ZooKeeperTestServer

/// The client against a real ZooKeeper that is stopped, frozen and cut off.
@Suite(
  .serialized, .timeLimit(.minutes(3)), .enabled(if: ZooKeeperTestServer.isWanted, "\(ZooKeeperTestServer.skipped)"))
struct ClientTests {
  @Test func `nodes are created, read, changed, listed and deleted`() async throws {
    try await ZooKeeperTestServer.with { server in
      try await withClient(server.address) { client in
        #expect(try await client.create("/a", data: [1, 2]) == "/a")
        let data = try await client.get("/a")
        #expect(data.bytes == [1, 2])
        #expect(data.stat.version == 0)
        #expect(data.stat.ephemeralOwner == 0)
        #expect(try await client.set("/a", data: [], version: 0).version == 1)
        #expect(try await client.get("/a").bytes.isEmpty)
        try await client.createAll("/a/b/c")
        try await client.createAll("/a/b/c")
        try await client.create("/a/x")
        #expect(try await client.children(of: "/a").names == ["b", "x"])
        #expect(try await client.exists("/a/b/c")?.childrenCount == 0)
        #expect(try await client.exists("/nope") == nil)
        try await client.delete("/a/x")
        #expect(try await client.exists("/a/x") == nil)
        #expect(try await client.children(of: "/").names == ["a", "zookeeper"])
      }
    }
  }

  @Test func `what cannot be is refused by its name`() async throws {
    try await ZooKeeperTestServer.with { server in
      try await withClient(server.address) { client in
        func code(_ body: () async throws -> Void) async -> ZooKeeperError.Code? {
          do {
            try await body()
            return nil
          } catch {
            return (error as? ZooKeeperError)?.code
          }
        }
        try await client.createAll("/a/b")
        try await client.create("/e", mode: .ephemeral)
        #expect(await code { try await client.create("/a") } == .nodeExists)
        #expect(await code { try await client.create("/no/b") } == .noNode)
        #expect(await code { try await client.create("/e/b") } == .noChildrenForEphemerals)
        #expect(await code { _ = try await client.get("/no") } == .noNode)
        #expect(await code { _ = try await client.children(of: "/no") } == .noNode)
        #expect(await code { try await client.delete("/a") } == .notEmpty)
        #expect(await code { try await client.delete("/a/b", version: 9) } == .badVersion)
        #expect(await code { try await client.set("/a", data: [], version: 9) } == .badVersion)
        #expect(await code { try await client.create("a") } == .invalidArgument)
        #expect(await code { try await client.create("/c", acl: []) } == .invalidACL)
        #expect(
          await code { try await client.set("/a", data: Array(repeating: 0, count: 2 << 20)) } == .invalidArgument)
        // None of them cost the session.
        #expect(try await client.exists("/e") != nil)
      }
    }
  }

  @Test func `sequential nodes get growing numbers, and ephemeral ones go with their session`() async throws {
    try await ZooKeeperTestServer.with { server in
      try await withClient(server.address) { observer in
        try await observer.create("/g")
        let made = try await withClient(server.address) { client in
          var made: [String] = []
          for _ in 0..<3 { made.append(try await client.create("/g/n_", mode: .ephemeralSequential)) }
          let stat = try await client.exists(made[0])
          #expect(stat?.ephemeralOwner == client.session)
          #expect(try await observer.children(of: "/g").names.count == 3)
          return made
        }
        #expect(made == ["/g/n_0000000000", "/g/n_0000000001", "/g/n_0000000002"])
        // The other client closed its session.
        while true {
          let (children, watch) = try await observer.watchChildren(of: "/g")
          if children.names.isEmpty { break }
          _ = try await watch.event()
        }
        #expect(try await observer.create("/g/n_", mode: .persistentSequential) == "/g/n_0000000003")
      }
    }
  }

  @Test func `a watch sees one event`() async throws {
    try await ZooKeeperTestServer.with { server in
      try await withClient(server.address) { client in
        let (missing, created) = try await client.watchExistence(of: "/a")
        #expect(missing == nil)
        try await client.create("/a")
        #expect(try await created.event() == ZooKeeperEvent(kind: .created, path: "/a"))
        let (_, changed) = try await client.watch("/a")
        let (_, listed) = try await client.watchChildren(of: "/a")
        let (_, unheard) = try await client.watch("/a")
        _ = consume unheard
        try await client.create("/a/b")
        #expect(try await listed.event() == ZooKeeperEvent(kind: .childrenChanged, path: "/a"))
        try await client.set("/a", data: [1])
        #expect(try await changed.event() == ZooKeeperEvent(kind: .dataChanged, path: "/a"))
        let (_, deleted) = try await client.watch("/a")
        try await client.delete("/a/b")
        try await client.delete("/a")
        #expect(try await deleted.event() == ZooKeeperEvent(kind: .deleted, path: "/a"))
        // It tells the same again.
        #expect(try await deleted.event() == ZooKeeperEvent(kind: .deleted, path: "/a"))
        let (_, cancelled) = try await client.watchExistence(of: "/a")
        await withTaskGroup(of: Void.self) { group in
          group.addTask { await #expect(throws: CancellationError.self) { try await cancelled.event() } }
          group.cancelAll()
        }
        try await client.create("/a")
        #expect(try await cancelled.event().kind == .created)
      }
    }
  }

  @Test func `below a chroot paths are as if it were the root`() async throws {
    try await ZooKeeperTestServer.with { server in
      try await withClient(server.address) { try await $0.createAll("/x/y") }
      try await withClient(server.address + "/x/y") { client in
        #expect(try await client.create("/a") == "/a")
        #expect(try await client.children(of: "/").names == ["a"])
        let (_, watch) = try await client.watchChildren(of: "/")
        #expect(try await client.create("/s-", mode: .ephemeralSequential).hasPrefix("/s-000000000"))
        #expect(try await watch.event() == ZooKeeperEvent(kind: .childrenChanged, path: "/"))
      }
      try await withClient(server.address) { client in
        let stat = try await client.exists("/x/y/a")
        #expect(stat != nil)
      }
    }
  }

  @Test func `an access list keeps others from writing, and no log shows a password`() async throws {
    try await ZooKeeperTestServer.with { server in
      let recorder = LogRecorder()
      let logger = Logger(label: "test") { _ in recorder }
      try await withClient(server.address, credentials: "me:topsecret", logger: logger) { owner in
        try await owner.create("/a", data: [1], acl: .readableByAll)
        try await withClient(server.address, credentials: "me:guessed", logger: logger) { other in
          let data = try await other.get("/a")
          #expect(data.bytes == [1])
          let error = await #expect(throws: ZooKeeperError.self) { try await other.set("/a", data: []) }
          #expect(error?.code == .notAuthorized)
        }
        try await withClient(server.address, logger: logger) { nobody in
          let error = await #expect(throws: ZooKeeperError.self) { try await nobody.create("/a/b") }
          #expect(error?.code == .notAuthorized)
          // There is no creator to be readable by.
          let invalid = await #expect(throws: ZooKeeperError.self) {
            try await nobody.create("/b", acl: .readableByAll)
          }
          #expect(invalid?.code == .invalidACL)
        }
        try await owner.set("/a", data: [2])
        // Also on the next connection.
        let (_, watch) = try await owner.watch("/a")
        var states = owner.states.makeAsyncIterator()
        try await server.kill()
        try server.start()
        // What is asked before it is known that the connection broke is lost with it.
        while let state = await states.next() {
          if case .suspended = state { break }
        }
        try await owner.set("/a", data: [3])
        #expect(try await watch.event().kind == .dataChanged)
      }
      #expect(recorder.all.contains("Connecting"))
      #expect(!recorder.all.contains("secret"))
      #expect(!recorder.all.contains("guessed"))
    }
  }

  @Test func `a server that was killed and started again finds the session alive, its nodes and its watches`()
    async throws
  {
    try await ZooKeeperTestServer.with { server in
      try await withClient(server.address) { client in
        try await client.create("/e", data: [1], mode: .ephemeral)
        let session = try #require(client.session)
        let (_, watch) = try await client.watch("/e")
        let states = client.states.makeAsyncIterator()
        try await server.kill()
        try server.start()
        var iterator = states
        var seen: [ZooKeeperState] = []
        while let state = await iterator.next() {
          seen.append(state)
          if seen.count > 1, state == .connected(session: session) { break }
        }
        #expect(seen == [.connected(session: session), .suspended(session: session), .connected(session: session)])
        #expect(try await client.get("/e").stat.ephemeralOwner == session)
        _ = try await withClient(server.address) { try await $0.set("/e", data: [2]) }
        #expect(try await watch.event().kind == .dataChanged)
      }
    }
  }

  @Test func `what changed while the connection was broken fires the watch on the next one`() async throws {
    try await ZooKeeperTestServer.with { server in
      try await TestProxy.with(target: server.port) { proxy in
        try await withClient("127.0.0.1:\(proxy.port)") { client in
          try await client.create("/a")
          let (_, watch) = try await client.watch("/a")
          let (_, children) = try await client.watchChildren(of: "/")
          proxy.set(.cuts)
          _ = try await client.states.first { if case .suspended = $0 { true } else { false } }
          try await withClient(server.address) { other in
            try await other.set("/a", data: [1])
            try await other.create("/b")
          }
          proxy.set(.passes)
          #expect(try await watch.event().kind == .dataChanged)
          #expect(try await children.event().kind == .childrenChanged)
        }
      }
    }
  }

  @Test func `a request to a server that froze is lost, and the next one is answered when it goes on`() async throws {
    try await ZooKeeperTestServer.with { server in
      try await withClient(server.address, timeout: .seconds(3)) { client in
        try await client.create("/a")
        try server.freeze()
        // The answer does not come; the server may have done it.
        let error = await #expect(throws: ZooKeeperError.self) { try await client.set("/a", data: [1]) }
        #expect(error?.code == .connectionLost)
        async let next = client.get("/a")
        try server.thaw()
        do {
          #expect(try await next.stat.version <= 1)
        } catch let error as ZooKeeperError {
          // On a machine that is busy enough the session's time may be over by then.
          #expect(error.code == .sessionExpired)
          #expect(try await client.get("/a").stat.version <= 1)
        }
      }
    }
  }

  @Test func `cut off for longer than its session lasts, a client loses it by itself and begins a new one`()
    async throws
  {
    try await ZooKeeperTestServer.with(tick: .milliseconds(200)) { server in
      try await TestProxy.with(target: server.port) { proxy in
        try await withClient("127.0.0.1:\(proxy.port)", timeout: .seconds(1)) { client in
          try await client.create("/e", mode: .ephemeral)
          let (_, watch) = try await client.watch("/e")
          let session = try #require(client.session)
          proxy.set(.stalls)
          let expired = await #expect(throws: ZooKeeperError.self) { try await watch.event() }
          #expect(expired?.code == .sessionExpired)
          #expect(client.session == nil)
          // The servers gave it up as well.
          try await withClient(server.address) { observer in
            while true {
              let (stat, watch) = try await observer.watchExistence(of: "/e")
              if stat == nil { break }
              _ = try await watch.event()
            }
          }
          proxy.set(.cuts)
          proxy.set(.passes)
          let connected = try await client.states.first { if case .connected = $0 { true } else { false } }
          #expect(connected != .connected(session: session))
          #expect(try await client.exists("/e") == nil)
        }
      }
    }
  }

  @Test func `of several servers one that answers is enough`() async throws {
    try await ZooKeeperTestServer.with { server in
      let dead = try freePort()
      for _ in 0..<4 {
        try await withClient("127.0.0.1:\(dead),\(server.address),no-such-host.invalid") { client in
          let stat = try await client.exists("/")
          #expect(stat != nil)
        }
      }
    }
  }

  @Test func `a cancelled request throws at once, and a closed client refuses`() async throws {
    try await ZooKeeperTestServer.with { server in
      let client = ZooKeeperClient(
        ZooKeeperConfiguration(servers: try ZooKeeperServers(server.address)), logger: quiet)
      await withTaskGroup(of: Void.self) { group in
        // Nobody runs the client: it would wait for ever.
        group.addTask { await #expect(throws: CancellationError.self) { try await client.exists("/") } }
        group.cancelAll()
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await client.run() }
        let stat = try await client.exists("/")
        #expect(stat != nil)
        client.close()
      }
      let error = await #expect(throws: ZooKeeperError.self) { try await client.exists("/") }
      #expect(error?.code == .closed)
      await #expect(throws: ZooKeeperError.self) { try await client.run() }
    }
  }
}
