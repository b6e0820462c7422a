import Logging
import MesosDiscovery
import MesosModel
import SchedulerKit
import Testing
import ZooKeeperTestServer

@Suite(
  .timeLimit(.minutes(3)), .enabled(if: ZooKeeperTestServer.isWanted, "\(ZooKeeperTestServer.skipped)"))
struct ZooKeeperFrameworkIDStoreTests {
  private func store(
    _ server: ZooKeeperTestServer, credentials: String = "me:secret@", path: String = "/frameworks/a/web",
    timeout: Duration = .seconds(30)
  ) throws -> ZooKeeperFrameworkIDStore {
    ZooKeeperFrameworkIDStore(
      try ZooKeeperURL("zk://\(credentials)127.0.0.1:\(server.port)\(path)"), timeout: timeout,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  @Test func `an id is found by the next process, also when ZooKeeper was started again between`() async throws {
    try await ZooKeeperTestServer.with { server in
      let store = try store(server)
      #expect(try await store.load() == nil)
      try await store.save(FrameworkID("one"))
      try await store.save(FrameworkID("b25713be-1326-4990-a770-50551fb9f78c-0001"))
      try await server.kill()
      try server.start()
      #expect(try await self.store(server).load()?.value == "b25713be-1326-4990-a770-50551fb9f78c-0001")
      try await store.remove()
      try await store.remove()
      #expect(try await store.load() == nil)
    }
  }

  @Test func `whoever has no credentials reads an id and cannot change it`() async throws {
    try await ZooKeeperTestServer.with { server in
      try await store(server).save(FrameworkID("one"))
      let other = try store(server, credentials: "")
      #expect(try await other.load()?.value == "one")
      let error = await #expect(throws: SchedulerError.self) { try await other.save(FrameworkID("two")) }
      #expect(error?.code == .frameworkIDNotSaved)
      #expect(error?.message.contains("secret") == false)
      await #expect(throws: SchedulerError.self) { try await other.remove() }
      #expect(try await store(server).load()?.value == "one")
    }
  }

  @Test func `a node that holds something else is refused, and left as it is`() async throws {
    try await ZooKeeperTestServer.with { server in
      let configuration = ZooKeeperConfiguration(servers: try ZooKeeperServers(server.address))
      let client = ZooKeeperClient(configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await client.run() }
        try await client.create("/x", data: Array("framework-id 1 0 one\n".utf8))
        let store = try store(server, credentials: "", path: "/x")
        let error = await #expect(throws: SchedulerError.self) { try await store.load() }
        #expect(error?.message.contains("/x holds no framework id") == true)
        #expect(try await client.get("/x").bytes == Array("framework-id 1 0 one\n".utf8))
        client.close()
      }
    }
  }

  @Test func `without ZooKeeper it says so when its time is over`() async throws {
    let store = ZooKeeperFrameworkIDStore(
      try ZooKeeperURL("zk://me:secret@127.0.0.1:\(try freePort())/x"), timeout: .milliseconds(200),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let error = await #expect(throws: SchedulerError.self) { try await store.load() }
    #expect(error?.code == .frameworkIDNotSaved)
    #expect(error?.message.contains("secret") == false)
  }
}
