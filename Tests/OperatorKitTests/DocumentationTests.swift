import MesosModel
import OperatorKit
import Testing
import TransportTestKit

// The code of the articles as it stands there: it compiles, and a test compares the texts.

// begin
func countAgents(_ masters: String) async throws -> Int {
  try await withMasterClient(masters) { client in
    try await client.getAgents().agents.count
  }
}

func tearDown(_ framework: String, with client: MasterClient) async throws(OperatorError) -> Bool {
  var id = FrameworkID()
  id.value = framework
  do {
    try await client.teardown(id)
    return true
  } catch {
    guard error.code == .refused else { throw error }
    return false
  }
}

func printEnds(_ client: MasterClient) async throws {
  try await withWatcher(of: client) { watcher in
    for await update in watcher.updates {
      switch update {
      case .change(.taskUpdated(let task, let previous)) where task.state.isTerminal:
        print(task.taskID.value, previous, "→", task.state)
      case .connection(.waiting(let error, let delay)):
        print("lost the master:", error, "next attempt in", delay)
      default:
        break
      }
    }
  }
}

func waitForAgents(_ count: Int, _ watcher: Watcher) async throws -> ClusterState {
  try await watcher.wait { $0.agentCount >= count }
}

func tail(_ task: TaskReference, _ client: MasterClient) async throws {
  let sandbox = try await client.sandbox(of: task)
  let agent = client.agent(at: sandbox.agent)
  for try await case .bytes(let piece) in agent.follow(sandbox.path(of: "stdout")) {
    print(String(decoding: piece.bytes, as: UTF8.self), terminator: "")
  }
}

func listFiles(in container: ContainerID, _ agent: AgentClient) async throws -> String {
  var command = CommandInfo()
  command.value = "ls -l"
  return try await agent.withSession(in: container, command: command) { session in
    session.stderr.discard()
    var output: [UInt8] = []
    for try await chunk in session.stdout { output += chunk }
    return String(decoding: output, as: UTF8.self)
  }
}
// end

struct DocumentationTests {
  @Test func `the code of the article is the code that compiles here`() throws {
    let code = try DocumentedCode(
      of: ["Sources/OperatorKit/Documentation.docc/WatchingACluster.md"],
      in: ["Tests/OperatorKitTests/DocumentationTests.swift"])
    #expect(code.count == 6)
    #expect(code.uncompiled == [])
  }
}
