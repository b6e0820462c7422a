import ArgumentParser
import Foundation
import MesosHTTPClient
import OperatorKit

/// `mesos explain`
struct Explain: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says why a framework is offered agents, or why it is not.",
    discussion: "Asks a master of this project; Apache Mesos has no such call.")
  @OptionGroup var cluster: ClusterOptions

  @Argument(help: "The framework, by its id or name.")
  var framework: String

  @Option(help: "In this role only.")
  var role: String?

  @Option(help: "On this agent only, by its id.")
  var agent: String?

  @Flag(help: "A line for each agent; otherwise agents with the same verdict share one.")
  var long = false

  private struct Document: Decodable {
    struct Verdict: Decodable {
      var role: String
      var agentId: String
      var verdict: String
      var message: String
    }
    var summary: String
    var verdicts: [Verdict]
  }

  func run() async throws {
    try await cluster.withClient { client in
      let frameworks = try await client.getFrameworks().frameworks.map(\.frameworkInfo)
      let named = frameworks.filter { $0.name == framework }
      guard frameworks.contains(where: { $0.id.value == framework }) || named.count < 2 else {
        throw ValidationError(
          "\(named.count) frameworks have the name '\(framework)'; name one by its id: "
            + named.map(\.id.value).joined(separator: ", "))
      }
      var query = [(name: "framework_id", value: named.first?.id.value ?? framework)]
      if let role { query.append(("role", role)) }
      if let agent { query.append(("agent_id", agent)) }
      guard let leader = client.knownLeader else { throw OperatorError(.notLeading, "explain: no leader is known") }
      let body = try await get(leader, query)
      guard !cluster.json else { return print(String(decoding: body, as: UTF8.self)) }
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      let document = try decoder.decode(Document.self, from: Data(body))
      guard long else { return print(document.summary) }
      var table = TextTable(["ROLE", "AGENT", "VERDICT", "WHY"])
      for verdict in document.verdicts {
        table.add([verdict.role, verdict.agentId, verdict.verdict, verdict.message])
      }
      for line in table.lines { print(line) }
    }
  }

  private func get(_ leader: HTTPEndpoint, _ query: [(name: String, value: String)]) async throws -> [UInt8] {
    let http = MesosHTTPClient(logger: nil)
    let response: ClientResponse
    do {
      response = try await http.call(
        OutgoingRequest(leader, path: "/explain", query: query), maximumBody: 256 << 20,
        deadline: .seconds(cluster.timeout))
    } catch {
      try? await http.shutdown()
      throw OperatorError(.unreachable, "explain on \(leader): \(error.message)")
    }
    try await http.shutdown()
    guard response.status == 200 else {
      throw OperatorError(
        response.status == 404 ? .notFound : .refused, "explain on \(leader): \(response.status) \(response.excerpt)",
        status: response.status)
    }
    return response.body
  }
}
