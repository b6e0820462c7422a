import Logging
import MesosHTTP
import MesosModel
import OperatorKit
import ReferenceMaster
import ServiceLifecycle
import SwiftProtobuf
import Testing

/// Against this project's own master, in this process.
struct ReferenceMasterTests {
  @Test(arguments: MessageEncoding.allCases)
  func `every read of the API is answered`(encoding: MessageEncoding) async throws {
    try await withMaster(encoding) { client in
      #expect(try await client.getHealth().healthy)
      #expect(try await client.getVersion().versionInfo.version == "1.11.0")
      #expect(try await client.getMaster().masterInfo.port > 0)
      #expect(try await client.getMetrics(timeout: .seconds(5)).metrics.isEmpty == false)
      #expect(try await client.getState().hasGetAgents)
      #expect(try await client.getAgents().agents.isEmpty)
      #expect(try await client.getFrameworks().frameworks.isEmpty)
      #expect(try await client.getExecutors().executors.isEmpty)
      #expect(try await client.getTasks().tasks.isEmpty)
      #expect(try await client.getOperations().operations.isEmpty)
      #expect(try await client.getMaintenanceSchedule().schedule.windows.isEmpty)
      #expect(try await client.getMaintenanceStatus().status.downMachines.isEmpty)
      #expect(try await client.getQuota().status.infos.isEmpty)
      _ = try await client.getFlags()
      _ = try await client.getLoggingLevel()
      _ = try await client.getRoles()
      _ = try await client.getWeights()
      let teardown = await failure { () async throws(OperatorError) in
        try await client.teardown(.with { $0.value = "none" })
      }
      #expect(teardown?.status == 400)
      #expect(await failure { () async throws(OperatorError) in try await client.entries(of: "/") }?.code == .notFound)
    }
  }

  private func withMaster(
    _ encoding: MessageEncoding, _ body: @Sendable @escaping (MasterClient) async throws -> Void
  ) async throws {
    let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let master = ReferenceMaster(
      configuration: MasterConfiguration(host: "127.0.0.1", port: 0, registry: .memory), logger: quiet)
    let group = ServiceGroup(services: [master], logger: quiet)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      let result: Result<Void, any Error>
      do {
        let (host, port) = try await master.address()
        var configuration = OperatorConfiguration()
        configuration.encoding = encoding
        try await withMasterClient("\(host):\(port)", configuration: configuration, body)
        result = .success(())
      } catch {
        result = .failure(error)
      }
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
      try result.get()
    }
  }
}
