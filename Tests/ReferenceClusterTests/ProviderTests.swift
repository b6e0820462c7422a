import MesosHTTP
import MesosHTTPClient
import MesosModel
import ResourceProviderKit
import SchedulerKit
import SwiftProtobuf
import Testing

/// A resource provider over HTTP, from its SUBSCRIBE to the acknowledged operations of a framework.
struct ProviderTests {
  private static let info = ResourceProviderInfo.with {
    $0.type = "org.example.disks"
    $0.name = "test"
  }

  /// Runs `body` while a provider of 500 MB serves the first agent.
  private static func withProvider(
    _ cluster: TestCluster, encoding: MessageEncoding, _ body: @escaping @Sendable () async throws -> Void
  ) async throws {
    let address = try #require(cluster.agents.first)
    let agent = try #require(HTTPEndpoint(address))
    let client = MesosHTTPClient(logger: nil)
    let driver = ResourceProviderDriver(
      info: info, disks: ProvidedDisks(megabytes: 500, profile: "fast", mountFolder: cluster.folder), agent: agent,
      encoding: encoding, client: client, backoff: .milliseconds(50))
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          do { try await driver.run() } catch is CancellationError {}
        }
        try await body()
        group.cancelAll()
      }
    } catch {
      try? await client.shutdown()
      throw error
    }
    try await client.shutdown()
  }

  private static func ask(_ cluster: TestCluster, _ call: AgentCall) async throws -> ClientResponse {
    let agent = try #require(cluster.agents.first)
    return try await TestCluster.post(
      agent, "/api/v1", MessageEncoding.protobuf.encode(call),
      headers: ["Content-Type": "application/x-protobuf", "Accept": "application/x-protobuf"])
  }

  private static func providers(_ cluster: TestCluster) async throws -> AgentResponse.GetResourceProviders {
    let answer = try await ask(cluster, .with { $0.type = .getResourceProviders })
    return try MessageEncoding.protobuf.decode(AgentResponse.self, from: answer.body).getResourceProviders
  }

  @Test(.timeLimit(.minutes(3)), arguments: [MessageEncoding.protobuf, .json])
  func `a framework makes a disk, is told, acknowledges and destroys it`(encoding: MessageEncoding) async throws {
    try await TestCluster.with { cluster in
      try await Self.withProvider(cluster, encoding: encoding) {
        let ends = try await withScheduler(TestFramework.configuration(cluster.master)) { scheduler in
          var ends: [(id: String, state: OperationState, disks: [Resource])] = []
          var wanted: Resource.DiskInfo.Source.TypeEnum = .raw
          for await update in scheduler.updates {
            switch update {
            case .offers(let offers):
              for offer in offers {
                guard let disk = offer.resources.first(where: { $0.hasProviderID && $0.disk.source.type == wanted })
                else {
                  try await scheduler.decline([offer], refuse: .milliseconds(100))
                  continue
                }
                let operation: Offer.Operation =
                  wanted == .raw ? .createDisk(disk, as: .mount, id: "make") : .destroyDisk(disk, id: "unmake")
                try await scheduler.accept([offer.id], [operation], refuse: .milliseconds(100))
                wanted = .unknown
              }
            case .operation(let status) where status.state.isTerminal:
              ends.append((status.operationID.value, status.state, status.convertedResources))
              if ends.count == 2 { return ends }
              wanted = .mount
            case .error(let error): throw error
            default: break
            }
          }
          return ends
        }
        #expect(ends.map(\.id) == ["make", "unmake"])
        #expect(ends.map(\.state) == [.operationFinished, .operationFinished])
        #expect(ends.first?.disks.map(\.disk.source.mount.root) == [cluster.folder + "/disk-1"])
        #expect(ends.last?.disks.map(\.disk.source.type) == [.raw])
        // Acknowledged: nothing is left of either, at the master or at the agent.
        while try await !cluster.read(.with { $0.type = .getOperations }).getOperations.operations.isEmpty {
          try Task.checkCancellation()
        }
        let agent = try #require(try await cluster.state().getAgents.agents.first)
        #expect(agent.resourceProviders.map(\.resourceProviderInfo.name) == ["test"])
        #expect(agent.resourceProviders.flatMap(\.totalResources).map(\.scalar.value) == [500])
        let shown = try await Self.providers(cluster)
        #expect(shown.resourceProviders.map(\.resourceProviderInfo.name) == ["test"])
        let id = shown.resourceProviders.first?.resourceProviderInfo.id ?? ResourceProviderID()
        let refused = try await Self.ask(
          cluster,
          .with {
            $0.type = .markResourceProviderGone
            $0.markResourceProviderGone.resourceProviderID = id
          })
        #expect(refused.status == 500 && refused.excerpt.contains("Resource provider has resources"))
      }
      // The provider is away: so is what it has, and it can be marked as gone.
      while try await !Self.providers(cluster).resourceProviders.isEmpty { try Task.checkCancellation() }
      while try await cluster.state().getAgents.agents.first?.resourceProviders.isEmpty == false {
        try Task.checkCancellation()
      }
      #expect(try await cluster.state().getAgents.agents.first?.totalResources.contains { $0.hasProviderID } == false)
    }
  }

  @Test(.timeLimit(.minutes(3))) func `what is no call of a provider is refused over HTTP`() async throws {
    try await TestCluster.with { cluster in
      let agent = try #require(cluster.agents.first)
      let path = "/api/v1/resource_provider"
      func post(_ body: String, _ headers: HeaderFields) async throws -> (Int, String) {
        let answer = try await TestCluster.post(agent, path, Array(body.utf8), headers: headers)
        return (answer.status, answer.excerpt)
      }
      #expect(try await post("{}", [:]) == (400, "Expecting 'Content-Type' to be present"))
      #expect(try await post("{}", ["Content-Type": "text/plain"]).0 == 415)
      let json: HeaderFields = ["Content-Type": "application/json"]
      #expect(try await post("{", json).1.hasPrefix("Failed to parse body into JSON"))
      #expect(
        try await post("{}", json)
          == (400, "Failed to validate resource_provider::Call: Expecting 'type' to be present"))
      let subscribe =
        #"{"type":"SUBSCRIBE","subscribe":{"resource_provider_info":{"type":"org.example.disks","name":"test"}}}"#
      var headers = json
      headers.append(name: "Accept", value: "text/html")
      #expect(try await post(subscribe, headers).0 == 406)
      headers = json
      headers.append(name: "Mesos-Stream-Id", value: "s")
      #expect(
        try await post(subscribe, headers)
          == (400, "Subscribe calls should not include the 'Mesos-Stream-Id' header"))
      #expect(
        try await post(
          #"{"type":"UPDATE_STATE","resource_provider_id":{"value":"x"},"update_state":{"resource_version_uuid":{"value":"AAAAAAAAQACAAAAAAAAAAQ=="}}}"#,
          headers) == (400, "Resource provider is not subscribed"))
      let answer = try await TestCluster.post(agent, path, [], headers: json, method: "GET")
      #expect(answer.status == 405)
    }
  }
}

/// What a provider of disks answers, without an agent.
struct ProvidedDisksTests {
  private var disks = ProvidedDisks(megabytes: 100, profile: "fast", mountFolder: "/mnt")
  private var rng = SystemRandomNumberGenerator()

  private mutating func subscribe() -> [ResourceProviderCall] {
    disks.handle(
      .with {
        $0.type = .subscribed
        $0.subscribed.providerID.value = "P"
      }, using: &rng)
  }

  private static func order(
    _ info: Offer.Operation, _ number: UInt64, version: MesosUUID
  ) -> ResourceProviderEvent {
    .with {
      $0.type = .applyOperation
      $0.applyOperation.info = info
      $0.applyOperation.operationUuid = uuid(number)
      $0.applyOperation.resourceVersionUuid = version
    }
  }

  private static func uuid(_ number: UInt64) -> MesosUUID {
    .with { $0.value = .init(OperationKey(high: 0x4000, low: 1 << 63 | number).bytes) }
  }

  private static func createDisk(_ source: Resource) -> Offer.Operation {
    .with {
      $0.type = .createDisk
      $0.createDisk.source = source
      $0.createDisk.targetType = .block
    }
  }

  @Test mutating func `it tells what it has, and what is not acknowledged, whenever it subscribes`() throws {
    let state = try #require(subscribe().first)
    #expect(state.updateState.resources.map(\.providerID.value) == ["P"])
    let operation = Self.createDisk(state.updateState.resources[0])
    let ended = disks.handle(Self.order(operation, 1, version: state.updateState.resourceVersionUuid), using: &rng)
    #expect(ended.map(\.updateOperationStatus.status.state) == [.operationFinished])
    let again = subscribe()
    #expect(again.map(\.type) == [.updateState, .updateOperationStatus])
    #expect(again[0].updateState.resources.map(\.disk.source.type) == [.block])
    #expect(again[0].updateState.operations.count == 1)
    #expect(again[0].updateState.resourceVersionUuid != state.updateState.resourceVersionUuid)
    for call in again { try CallValidation.validate(call) }
    _ = disks.handle(
      .with {
        $0.type = .acknowledgeOperationStatus
        $0.acknowledgeOperationStatus.operationUuid = Self.uuid(1)
        $0.acknowledgeOperationStatus.statusUuid = ended[0].updateOperationStatus.status.uuid
      }, using: &rng)
    #expect(disks.unacknowledged.isEmpty)
  }

  @Test mutating func `what presumes another version is dropped, and what is not there fails`() throws {
    let state = try #require(subscribe().first).updateState
    let operation = Self.createDisk(state.resources[0])
    let dropped = disks.handle(Self.order(operation, 1, version: Self.uuid(9)), using: &rng)
    #expect(dropped.map(\.updateOperationStatus.status.state) == [.operationDropped])
    var larger = operation
    larger.createDisk.source.scalar.value = 1_000
    let failed = disks.handle(Self.order(larger, 2, version: state.resourceVersionUuid), using: &rng)
    #expect(failed.map(\.updateOperationStatus.status.state) == [.operationFailed])
    #expect(disks.total.scalar("disk") == 100)
    let asked = disks.handle(
      .with {
        $0.type = .reconcileOperations
        $0.reconcileOperations.operationUuids = [Self.uuid(2), Self.uuid(3)]
      }, using: &rng)
    #expect(asked.map(\.updateOperationStatus.status.state) == [.operationFailed, .operationDropped])
  }

  @Test mutating func `it makes available what it has, and nothing after its end`() throws {
    let state = try #require(subscribe().first).updateState
    var wanted = state.resources[0]
    for (megabytes, status) in [(100.0, ResourceProviderCall.UpdatePublishResourcesStatus.Status.ok), (200, .failed)] {
      wanted.scalar.value = megabytes
      let calls = disks.handle(
        .with {
          $0.type = .publishResources
          $0.publishResources.uuid = Self.uuid(1)
          $0.publishResources.resources = [wanted]
        }, using: &rng)
      #expect(calls.map(\.updatePublishResourcesStatus.status) == [status])
    }
    _ = disks.handle(.with { $0.type = .teardown }, using: &rng)
    #expect(disks.isTornDown)
  }
}
