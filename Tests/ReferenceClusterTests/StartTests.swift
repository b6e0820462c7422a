import Logging
import ReferenceAgent
import ReferenceMaster
import Testing

/// Servers that cannot start.
@Suite(.timeLimit(.minutes(1))) struct StartTests {
  @Test func `who waits for a master or an agent that cannot start is told`() async throws {
    let nowhere = "/dev/null/nowhere"
    let master = ReferenceMaster(
      configuration: MasterConfiguration(host: "127.0.0.1", port: 0, registry: .folder(nowhere)),
      logger: TestCluster.quiet)
    let agent = ReferenceAgent(
      configuration: AgentConfiguration(master: "127.0.0.1:1", port: 0, workDirectory: nowhere),
      logger: TestCluster.quiet)
    async let masterIsKnown = isSuccess { try await master.address() }
    async let agentIsKnown = isSuccess { try await agent.address() }
    await #expect(throws: (any Error).self) { try await master.run() }
    await #expect(throws: (any Error).self) { try await agent.run() }
    let known = await [masterIsKnown, agentIsKnown]
    #expect(known == [false, false])
  }

  private func isSuccess<Value>(_ body: () async throws -> Value) async -> Bool {
    do { _ = try await body() } catch { return false }
    return true
  }

  @Test func `a test cluster whose master cannot start fails and does not wait`() async throws {
    await #expect(throws: (any Error).self) {
      try await TestCluster.with(adjust: { $0.registry = .folder("/dev/null/nowhere") }) { _ in }
    }
  }
}
