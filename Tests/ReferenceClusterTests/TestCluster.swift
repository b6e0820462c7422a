import Foundation
import Logging
import MesosHTTP
import MesosHTTPClient
import MesosModel
import ReferenceAgent
import ReferenceMaster
import SchedulerKit
import ServiceLifecycle
import ShellSupport
import SwiftProtobuf

/// A master and agents in this process, with real executors, that leave nothing behind.
struct TestCluster: Sendable {
  let master: String
  let agents: [String]
  let folder: String

  static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// Runs `body` while a cluster serves; then everything is killed and its folder removed.
  static func with<Success: Sendable>(
    agents count: Int = 1, resources: String = "cpus:8;mem:8192;disk:1000;ports:[31000-32000]",
    adjust: @escaping @Sendable (inout MasterConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (TestCluster) async throws -> Success
  ) async throws -> Success {
    let folder = FileManager.default.temporaryDirectory.appending(path: "swift-mesos-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var configuration = MasterConfiguration(host: "127.0.0.1", port: 0, registry: .folder(folder + "/master"))
    adjust(&configuration)
    let master = ReferenceMaster(configuration: configuration, logger: quiet)
    let agents = Agents(master: master, count: count, folder: folder, resources: resources)
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [master as any Service, agents].map {
          .init(
            service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
            failureTerminationBehavior: .cancelGroup)
        }, logger: quiet))
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        // Who waits for agents that will not come any more is told.
        let result = await Result.of { try await group.run() }
        await agents.end()
        try result.get()
      }
      let result: Result<Success, any Error>
      do {
        let (host, port) = try await master.address()
        let addresses = try await agents.addresses()
        let cluster = TestCluster(master: "\(host):\(port)", agents: addresses, folder: folder)
        while try await cluster.state().getAgents.agents.count < count { try Task.checkCancellation() }
        result = .success(try await body(cluster))
      } catch {
        result = .failure(error)
      }
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
      return try result.get()
    }
  }

  /// One call of an operator to the master.
  func read(_ call: MasterCall, encoding: MessageEncoding = .protobuf) async throws -> MasterResponse {
    let answer = try await TestCluster.post(
      master, "/api/v1", encoding.encode(call),
      headers: [
        "Content-Type": encoding.contentType, "Accept": encoding.contentType,
      ])
    guard answer.status == 200 else { throw UnexpectedAnswer(answer: answer) }
    return try encoding.decode(MasterResponse.self, from: answer.body)
  }

  func state() async throws -> MasterResponse.GetState {
    try await read(.with { $0.type = .getState }).getState
  }

  static func post(
    _ address: String, _ path: String, _ body: [UInt8], headers: HeaderFields, method: String = "POST",
    query: [(name: String, value: String)] = []
  ) async throws -> ClientResponse {
    guard let endpoint = HTTPEndpoint(address) else { throw UnexpectedAnswer(answer: nil) }
    let client = MesosHTTPClient(logger: nil)
    do {
      let answer = try await client.call(
        OutgoingRequest(endpoint, method: method, path: path, query: query, headers: headers, body: body),
        maximumBody: 64 << 20,
        deadline: .seconds(30))
      try await client.shutdown()
      return answer
    } catch {
      try? await client.shutdown()
      throw error
    }
  }
}

struct UnexpectedAnswer: Error {
  var answer: ClientResponse?
}

/// The agents of a test, as one service that is shut down before the master.
private final class Agents: Service {
  private let made = PromisedAgents()
  private let master: ReferenceMaster
  private let count: Int
  private let folder: String
  private let resources: String

  init(master: ReferenceMaster, count: Int, folder: String, resources: String) {
    self.master = master
    self.count = count
    self.folder = folder
    self.resources = resources
  }

  /// No agents will be made after this.
  func end() async { await made.end() }

  func addresses() async throws -> [String] {
    var result: [String] = []
    for agent in try await made.value() {
      let (host, port) = try await agent.address()
      result.append("\(host):\(port)")
    }
    return result
  }

  func run() async throws {
    let (host, port) = try await master.address()
    let agents = (0..<count).map { index in
      var configuration = AgentConfiguration(
        master: "\(host):\(port)", port: 0, workDirectory: "\(folder)/agent-\(index)")
      configuration.resources = resources
      configuration.killsExecutorsAtEnd = true
      configuration.registrationBackoffFactor = .milliseconds(10)
      return ReferenceAgent(configuration: configuration, logger: TestCluster.quiet)
    }
    await made.fulfil(agents)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for agent in agents { group.addTask { try await agent.run() } }
      try await group.waitForAll()
    }
  }
}

/// A value that comes later.
private actor PromisedAgents {
  private var result: Result<[ReferenceAgent], any Error>?
  private var waiting: [CheckedContinuation<[ReferenceAgent], any Error>] = []

  func fulfil(_ agents: [ReferenceAgent]) { settle(.success(agents)) }

  /// Does nothing when the value is there.
  func end() { settle(.failure(CancellationError())) }

  func value() async throws -> [ReferenceAgent] {
    if let result { return try result.get() }
    return try await withCheckedThrowingContinuation { waiting.append($0) }
  }

  private func settle(_ result: Result<[ReferenceAgent], any Error>) {
    guard self.result == nil else { return }
    self.result = result
    for continuation in waiting { continuation.resume(with: result) }
    waiting = []
  }
}

extension Result where Failure == any Error {
  fileprivate static func of(_ body: () async throws -> Success) async -> Self {
    do { return .success(try await body()) } catch { return .failure(error) }
  }
}
