import MesosHTTP
import MesosHTTPServer
import MesosModel
import OperatorKit
import SwiftProtobuf
import Testing

/// One call of the agent's API: how the client makes it, what the server has to see, and what it answers.
struct AgentCallCase: Sendable, CustomTestStringConvertible {
  var type: AgentCall.TypeEnum
  /// `nil` for a call that is answered without a message.
  var answer: AgentResponse?
  var isAsExpected: @Sendable (AgentCall) -> Bool
  /// Returns the answer that it got, put into an envelope.
  var perform: @Sendable (AgentClient) async throws -> AgentResponse?

  var testDescription: String { type.wireName }

  static func read<Answer: Sendable>(
    _ type: AgentCall.TypeEnum, _ answerType: AgentResponse.TypeEnum,
    _ field: any WritableKeyPath<AgentResponse, Answer> & Sendable, _ sample: Answer,
    _ perform: @escaping @Sendable (AgentClient) async throws -> Answer,
    _ isAsExpected: @escaping @Sendable (AgentCall) -> Bool = { _ in true }
  ) -> AgentCallCase {
    var answer = AgentResponse()
    answer.type = answerType
    answer[keyPath: field] = sample
    return AgentCallCase(
      type: type, answer: answer, isAsExpected: isAsExpected,
      perform: { client in
        var got = AgentResponse()
        got.type = answerType
        got[keyPath: field] = try await perform(client)
        return got
      })
  }

  static func change(
    _ type: AgentCall.TypeEnum, _ perform: @escaping @Sendable (AgentClient) async throws -> Void,
    _ isAsExpected: @escaping @Sendable (AgentCall) -> Bool
  ) -> AgentCallCase {
    AgentCallCase(
      type: type, answer: nil, isAsExpected: isAsExpected,
      perform: { client in
        try await perform(client)
        return nil
      })
  }
}

private let standalone = ContainerID.with { $0.value = "c" }
private let nested = ContainerID.with {
  $0.value = "n"
  $0.parent.value = "c"
}
/// Written out as it arrives in JSON, where defaults are values.
private let command = CommandInfo.with {
  $0.shell = true
  $0.value = "true"
}
private let provider = ResourceProviderInfo.with {
  $0.type = "org.apache.mesos.rp.local.storage"
  $0.name = "disks"
}
private let cpus = Resource.with {
  $0.name = "cpus"
  $0.type = .scalar
  $0.scalar.value = 2
}

private let agentCalls: [AgentCallCase] = [
  .read(.getHealth, .getHealth, \.getHealth, .with { $0.healthy = true }, { try await $0.getHealth() }),
  .read(
    .getFlags, .getFlags, \.getFlags,
    .with {
      $0.flags = [
        .with {
          $0.name = "port"
          $0.value = "5051"
        }
      ]
    }, { try await $0.getFlags() }),
  .read(
    .getVersion, .getVersion, \.getVersion, .with { $0.versionInfo.version = "1.11.0" },
    { try await $0.getVersion() }),
  .read(
    .getMetrics, .getMetrics, \.getMetrics,
    .with {
      $0.metrics = [
        .with {
          $0.name = "slave/uptime_secs"
          $0.value = 1.5
        }
      ]
    }, { try await $0.getMetrics() }, { $0.hasGetMetrics && !$0.getMetrics.hasTimeout }),
  .read(
    .getLoggingLevel, .getLoggingLevel, \.getLoggingLevel, .with { $0.level = 2 },
    { try await $0.getLoggingLevel() }),
  .read(
    .listFiles, .listFiles, \.listFiles, .with { $0.fileInfos = [.with { $0.path = "/a/b" }] },
    { try await $0.listFiles("/a") }, { $0.listFiles.path == "/a" }),
  .read(
    .readFile, .readFile, \.readFile,
    .with {
      $0.size = 5
      $0.data = .init([104, 105])
    }, { try await $0.readFile("/a/b", offset: 1) },
    { $0.readFile.path == "/a/b" && $0.readFile.offset == 1 && !$0.readFile.hasLength }),
  .read(
    .getState, .getState, \.getState,
    .with {
      $0.getTasks = .init()
      $0.getExecutors = .init()
      $0.getFrameworks = .init()
    }, { try await $0.getState() }),
  .read(
    .getContainers, .getContainers, \.getContainers,
    .with { $0.containers = [.with { $0.containerID = nested }] },
    { try await $0.getContainers(showNested: true, showStandalone: true) },
    { $0.getContainers.showNested && $0.getContainers.showStandalone }),
  .read(.getFrameworks, .getFrameworks, \.getFrameworks, .init(), { try await $0.getFrameworks() }),
  .read(.getExecutors, .getExecutors, \.getExecutors, .init(), { try await $0.getExecutors() }),
  .read(.getOperations, .getOperations, \.getOperations, .init(), { try await $0.getOperations() }),
  .read(.getTasks, .getTasks, \.getTasks, .init(), { try await $0.getTasks() }),
  .read(
    .getAgent, .getAgent, \.getAgent,
    .with {
      $0.agentInfo.hostname = "host"
      $0.agentInfo.port = 5052
    }, { try await $0.getAgent() }),
  .read(
    .getResourceProviders, .getResourceProviders, \.getResourceProviders, .init(),
    { try await $0.getResourceProviders() }),
  .read(
    .waitContainer, .waitContainer, \.waitContainer, .with { $0.exitStatus = 768 },
    { try await $0.waitContainer(standalone) }, { $0.waitContainer.containerID == standalone }),
  .read(
    .waitNestedContainer, .waitNestedContainer, \.waitNestedContainer, .with { $0.exitStatus = 9 },
    { try await $0.waitNestedContainer(nested) }, { $0.waitNestedContainer.containerID == nested }),
  .change(
    .setLoggingLevel, { try await $0.setLoggingLevel(3, for: .seconds(60)) },
    { $0.setLoggingLevel.level == 3 && $0.setLoggingLevel.duration.nanoseconds == 60_000_000_000 }),
  .change(
    .launchContainer,
    {
      let outcome = try await $0.launchContainer(
        standalone, command: command, resources: [cpus], limits: ["mem": .with { $0.value = 64 }])
      #expect(outcome == .alreadyRunning)
    },
    {
      $0.launchContainer.containerID == standalone && $0.launchContainer.command == command
        && $0.launchContainer.resources == [cpus] && $0.launchContainer.limits["mem"]?.value == 64
    }),
  .change(
    .killContainer, { try await $0.killContainer(standalone, signal: 15) },
    { $0.killContainer.containerID == standalone && $0.killContainer.signal == 15 }),
  .change(
    .removeContainer, { try await $0.removeContainer(standalone) }, { $0.removeContainer.containerID == standalone }),
  .change(
    .launchNestedContainer,
    {
      let outcome = try await $0.launchNestedContainer(nested, command: command)
      #expect(outcome == .alreadyRunning)
    },
    { $0.launchNestedContainer.containerID == nested && $0.launchNestedContainer.command == command }),
  .change(
    .killNestedContainer, { try await $0.killNestedContainer(nested) },
    { $0.killNestedContainer.containerID == nested && !$0.killNestedContainer.hasSignal }),
  .change(
    .removeNestedContainer, { try await $0.removeNestedContainer(nested) },
    { $0.removeNestedContainer.containerID == nested }),
  .change(
    .addResourceProviderConfig, { try await $0.addResourceProviderConfig(provider) },
    { $0.addResourceProviderConfig.info == provider }),
  .change(
    .updateResourceProviderConfig, { try await $0.updateResourceProviderConfig(provider) },
    { $0.updateResourceProviderConfig.info == provider }),
  .change(
    .removeResourceProviderConfig, { try await $0.removeResourceProviderConfig(type: "t", name: "n") },
    { $0.removeResourceProviderConfig.type == "t" && $0.removeResourceProviderConfig.name == "n" }),
  .change(
    .markResourceProviderGone, { try await $0.markResourceProviderGone(.with { $0.value = "rp" }) },
    { $0.markResourceProviderGone.resourceProviderID.value == "rp" }),
  .change(
    .pruneImages, { try await $0.pruneImages() }, { $0.pruneImages.excludedImages.isEmpty }),
]

struct AgentCallTests {
  @Test func `every call of the API that is no stream is in the table once`() {
    let all = Set(AgentCall.TypeEnum.allCases).subtracting([
      .unknown, .launchNestedContainerSession, .attachContainerInput, .attachContainerOutput,
    ])
    #expect(Set(agentCalls.map(\.type)) == all)
    #expect(agentCalls.count == all.count)
  }

  @Test(arguments: MessageEncoding.allCases, agentCalls)
  func `a call arrives as it should and its answer comes back`(
    encoding: MessageEncoding, agent: AgentCallCase
  ) async throws {
    let calls = Shared<[AgentCall]>([])
    let answer = try await OperatorServer.agent(encoding) { call, encoding, _ in
      calls.withLock { $0.append(call) }
      guard let answer = agent.answer else { return .accepted }
      return .content(encoding.encode(answer), encoding.mediaType)
    } body: { client in
      try await agent.perform(client)
    }
    let call = try #require(calls.current.first)
    #expect(calls.current.count == 1)
    #expect(call.type == agent.type)
    #expect(agent.isAsExpected(call))
    #expect(answer == agent.answer)
  }

  @Test(
    arguments: MessageEncoding.allCases,
    agentCalls.filter { call in
      call.answer != nil
        && ![.listFiles, .readFile, .waitContainer, .waitNestedContainer].contains(call.type)
    })
  func `what Apache Mesos answered is read`(encoding: MessageEncoding, agent: AgentCallCase) async throws {
    let body = try Golden.bytes("operator-busy-agent/\(agent.type.wireName).\(Golden.name(encoding)).body")
    let answer = try await OperatorServer.agent(encoding) { _, encoding, _ in
      .content(body, encoding.mediaType)
    } body: { client in
      try await agent.perform(client)
    }
    #expect(answer == (try encoding.decode(AgentResponse.self, from: body)))
  }

  @Test(arguments: MessageEncoding.allCases)
  func `an agent without containers may leave the list out`(encoding: MessageEncoding) async throws {
    try await OperatorServer.agent(encoding) { _, encoding, _ in
      .content(encoding.encode(AgentResponse.with { $0.type = .getContainers }), encoding.mediaType)
    } body: { client in
      let answer = try await client.getContainers()
      #expect(answer.containers.isEmpty)
    }
  }

  @Test(
    arguments: [
      (768, 3, nil), (0, 0, nil), (9, nil, 9), (137, nil, 9), (65_280, 255, nil),
    ] as [(Int32, Int?, Int?)])
  func `an exit status says code or signal`(status: Int32, code: Int?, signal: Int?) {
    let exit = ContainerExit(.with { $0.exitStatus = status })
    #expect(exit.code == code)
    #expect(exit.signal == signal)
    #expect(ContainerExit(.init()).code == nil && ContainerExit(.init()).signal == nil)
  }
}
