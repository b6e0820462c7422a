import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

@testable import AgentCore

/// Calls and events of the resource provider API, as `v1-api.tsv` of the wire facts lists them.
struct ProviderTests {
  // MARK: Subscribing

  @Test func `a provider is given its id once that is durable, and comes back under it`() throws {
    var agent = try AgentHarness.withAgent()
    agent.persistsAtOnce = false
    #expect(agent.subscribeProvider(1) == .streaming)
    #expect(agent.providerEvents.isEmpty)
    agent.persist()
    #expect(agent.providerEvents.map(\.type) == [.subscribed])
    let id = try agent.provider
    agent.persistsAtOnce = true
    agent.handle(.providerDisconnected(.number(1)))
    #expect(agent.subscribeProvider(2, id: id) == .streaming)
    #expect(try agent.provider == id)
    var next = try agent.restarted()
    #expect(next.subscribeProvider(3, id: id) == .streaming)
    #expect(try next.provider == id)
  }

  @Test func `a provider that leaves before it has its id leaves nothing behind`() throws {
    var agent = try AgentHarness.withAgent()
    agent.persistsAtOnce = false
    agent.subscribeProvider(1)
    agent.handle(.providerDisconnected(.number(1)))
    agent.persist()
    agent.persist()
    #expect(!agent.disk.keys.contains { $0.hasPrefix("providers/") })
    #expect(agent.core.getResourceProviders().resourceProviders.isEmpty)
  }

  @Test func `an agent without an id takes no providers`() throws {
    var agent = try AgentHarness(AgentHarness.configuration)
    #expect(agent.subscribeProvider(1) == .rejected(status: 503, text: "Agent has not registered yet"))
  }

  @Test func `who comes back as somebody else is refused`() throws {
    var agent = try AgentHarness.withAgent()
    agent.subscribeProvider(1)
    let id = try agent.provider
    #expect(
      agent.subscribeProvider(2, id: "x")
        == .rejected(status: 400, text: "Resource provider 'x' is not known to this agent"))
    #expect(
      agent.subscribeProvider(2, id: id, name: "other")
        == .rejected(
          status: 400,
          text: "Resource provider '\(id)' is of type 'test' and name 'disks' and cannot change them"))
    #expect(agent.core.subscribedResourceProviders == 1)
  }

  @Test func `there is an end to how many providers get ids`() throws {
    var configuration = try AgentHarness.configuration
    configuration.resourceProvidersMax = 2
    var agent = try AgentHarness.registered(configuration)
    for number in 1...2 { #expect(agent.subscribeProvider(UInt64(number)) == .streaming) }
    guard case .rejected(503, _)? = agent.subscribeProvider(3) else {
      Issue.record("a third provider was taken")
      return
    }
  }

  @Test func `a second subscription takes the place of the first, which has nothing any more`() throws {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    agent.log = []
    agent.subscribeProvider(2, id: id)
    #expect(agent.takeLog() == ["close provider 1", "providers away 1", "provider 2 <- subscribed"])
    #expect(agent.core.totalResources.scalar("disk") == 1_000)
    agent.handle(.providerDisconnected(.number(1)))
    #expect(agent.core.subscribedResourceProviders == 1)
  }

  // MARK: Bad calls

  @Test(arguments: [
    "type", "no state", "no id", "foreign resource", "allocated", "bad version", "same version", "foreign operation",
    "no subscription", "no stream", "other stream", "foreign status", "bad uuid", "bad state", "no status uuid",
  ])
  func `a call that contradicts itself changes nothing`(what: String) throws {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    var call = ResourceProviderCall.state(id, try AgentHarness.raw(50, id), version: 2)
    var stream: String? = "s1"
    var operation = ResourceProviderCall.status(id, 1, .operationFailed, uuid: 9)
    let text: String
    switch what {
    case "type":
      call.clearType()
      text = "Failed to validate resource_provider::Call: Expecting 'type' to be present"
    case "no state":
      call.clearUpdateState()
      text = "Failed to validate resource_provider::Call: Expecting 'update_state' to be present"
    case "no id":
      call.clearResourceProviderID()
      text = "Failed to validate resource_provider::Call: Expecting 'resource_provider_id' to be present"
    case "foreign resource":
      call.updateState.resources[0].providerID.value = "other"
      text = "Failed to validate resource_provider::Call: Inconsistent resource provider ID in 'update_state'"
    case "allocated":
      call.updateState.resources[0].allocationInfo.role = "dev"
      text = "Failed to validate resource_provider::Call: The resources are allocated to a role"
    case "bad version":
      call.updateState.resourceVersionUuid.value = field([1, 2])
      text = "Failed to validate resource_provider::Call: Not a valid UUID"
    case "same version":
      call.updateState.resourceVersionUuid = .number(1)
      text = "Inconsistent call: Other resources need another 'resource_version_uuid'"
    case "foreign operation":
      call.updateState.operations = [
        .with {
          $0.info.type = .createDisk
          $0.info.createDisk.source.providerID.value = "other"
          $0.latestStatus.state = .operationPending
          $0.uuid = .number(7)
        }
      ]
      call.updateState.operations[0].info.createDisk.source.name = "disk"
      call.updateState.operations[0].info.createDisk.source.type = .scalar
      call.updateState.operations[0].info.createDisk.targetType = .mount
      text = "Failed to validate resource_provider::Call: Inconsistent resource provider ID in 'update_state'"
    case "no subscription":
      agent.handle(.providerDisconnected(.number(1)))
      text = "Resource provider is not subscribed"
    case "no stream":
      stream = nil
      text = "All non-subscribe calls should include to 'Mesos-Stream-Id' header"
    case "other stream":
      stream = "s9"
      text =
        "The stream ID 's9' included in this request didn't match the stream ID currently associated with  resource "
        + "provider ID \(id)"
    default:
      switch what {
      case "foreign status":
        operation.updateOperationStatus.status.resourceProviderID.value = "other"
        text = "Inconsistent resource provider ID in 'update_operation_status'"
      case "bad uuid":
        operation.updateOperationStatus.operationUuid.value = field([])
        text = "Not a valid UUID"
      case "bad state":
        operation.updateOperationStatus.status.state = .operationUnreachable
        text = "Operation state OPERATION_UNREACHABLE is not a resource provider's to tell"
      default:
        operation.updateOperationStatus.status.clearUuid()
        text = "Expecting 'status.uuid' to be present"
      }
      #expect(
        agent.call(operation)
          == .rejected(status: 400, text: "Failed to validate resource_provider::Call: \(text)"))
      #expect(agent.operationUpdates.isEmpty)
      return
    }
    #expect(agent.call(call, stream: stream) == .rejected(status: 400, text: text))
    if what != "no subscription" { #expect(agent.core.totalResources.scalar("disk") == 1_100) }
  }

  @Test func `two volumes of one name are refused`() throws {
    var agent = try AgentHarness.withAgent()
    agent.subscribeProvider(1)
    let id = try agent.provider
    var volume = try AgentHarness.raw(10, id)
    volume.disk.source.type = .mount
    volume.disk.persistence.id = "v"
    volume.disk.volume.containerPath = "data"
    volume.disk.volume.mode = .rw
    volume.reservations = [
      .with {
        $0.type = .dynamic
        $0.role = "dev"
      }
    ]
    var call = ResourceProviderCall.state(id, volume, version: 1)
    var other = volume
    other.disk.source.id = "other"
    call.updateState.resources.append(other)
    #expect(
      agent.call(call) == .rejected(status: 400, text: "Inconsistent call: Persistence ID 'v' is not unique"))
  }

  // MARK: What a provider has

  @Test func `what a provider has is part of the agent's while it is there`() throws {
    var agent = try AgentHarness.withDisk()
    #expect(agent.core.totalResources.scalar("disk") == 1_100)
    let shown = agent.core.getResourceProviders().resourceProviders
    #expect(shown.map(\.resourceProviderInfo.name) == ["disks"])
    #expect(shown.flatMap(\.totalResources).map(\.scalar.value) == [100])
    #expect(agent.takeLog().contains { $0.hasPrefix("providers disks") })
    // Its resources are its own to keep.
    #expect(agent.disk["resources"] == nil)
    agent.handle(.providerDisconnected(.number(1)))
    #expect(agent.core.totalResources.scalar("disk") == 1_000)
    #expect(agent.takeLog() == ["providers away 1"])
    #expect(agent.core.getResourceProviders().resourceProviders.isEmpty)
  }

  @Test func `the master hears of all providers after each registration`() throws {
    var agent = try AgentHarness.withDisk()
    agent.subscribeProvider(2, name: "second")
    agent.handle(.linkLost)
    agent.handle(.linkEstablished)
    #expect(agent.reregistration?.hasResourceProviders_p == true)
    let own = try Resources(try #require(agent.reregistration).totalResources)
    #expect(own.scalar("disk") == 1_000)
    agent.log = []
    agent.handle(.master(.registered(.with { $0.agentID = "S0" })))
    let update = try #require(agent.agentUpdates.last)
    #expect(update.isComplete)
    #expect(update.resourceProviders.map(\.info.name) == ["disks"])
    #expect(update.unsubscribed.count == 1)
    var next = try agent.restarted()
    next.handle(.linkEstablished)
    next.handle(.master(.registered(.with { $0.agentID = "S0" })))
    #expect(next.agentUpdates.last?.unsubscribed.count == 2)
  }

  @Test func `an agent that never had a provider says nothing of any`() throws {
    let agent = try AgentHarness.withAgent()
    #expect(agent.agentUpdates.isEmpty)
  }

  // MARK: Operations

  @Test func `a disk is made, told of, acknowledged and part of what the agent has`() throws {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    agent.handle(.apply(try AgentHarness.createDisk(id), 1, version: 1))
    let event = try #require(agent.providerEvents.last)
    #expect(event.type == .applyOperation)
    #expect(event.applyOperation.frameworkID.value == "F")
    #expect(event.applyOperation.resourceVersionUuid == .number(1))
    #expect(agent.core.getOperations().operations.map(\.latestStatus.state) == [.operationPending])
    #expect(agent.core.totalResources.scalar("disk") == 1_100)
    let made = event.applyOperation.info.createDisk.disk(id: "volume", mountRoot: "/mnt")
    let status = ResourceProviderCall.status(id, 1, .operationFinished, uuid: 9, converted: [made])
    #expect(agent.call(status) == .accepted)
    let update = try #require(agent.operationUpdates.last)
    let told = try OperationStatus(serializedBytes: update.status)
    #expect(told.operationID.value == "op-1" && told.agentID.value == "S0" && told.resourceProviderID.value == id)
    #expect(agent.core.totalResources.entries.contains { $0.isDisk(of: .mount) && $0.allocationRole == nil })
    // Said again, it is passed on again and counts once.
    #expect(agent.call(status) == .accepted)
    #expect(agent.operationUpdates.count == 2)
    #expect(agent.core.totalResources.scalar("disk") == 1_100)
    agent.handle(.acknowledgeProvider(id, 1, 9))
    #expect(agent.providerEvents.last?.type == .acknowledgeOperationStatus)
    #expect(agent.providerEvents.last?.acknowledgeOperationStatus.statusUuid == .number(9))
    #expect(agent.core.getOperations().operations.isEmpty)
  }

  @Test func `an operation that failed leaves everything as it was`() throws {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    let before = agent.core.totalResources
    agent.handle(.apply(try AgentHarness.createDisk(id), 1, version: 1))
    #expect(agent.call(.status(id, 1, .operationFailed, uuid: 9)) == .accepted)
    #expect(agent.core.totalResources == before)
    #expect(agent.takeLog().last == "operation op-1 operationFailed")
  }

  @Test func `a disk that cannot have come of the operation is refused`() throws {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    agent.handle(.apply(try AgentHarness.createDisk(id), 1, version: 1))
    var larger = try AgentHarness.raw(200, id)
    larger.disk.source.type = .mount
    larger.disk.source.id = "volume"
    let answer = agent.call(.status(id, 1, .operationFinished, uuid: 9, converted: [larger]))
    guard case .rejected(400, let text)? = answer else {
      Issue.record("a larger disk was taken")
      return
    }
    #expect(text.hasPrefix("Inconsistent call: CREATE_DISK turned"))
    #expect(agent.operationUpdates.isEmpty)
    #expect(agent.core.getOperations().operations.map(\.latestStatus.state) == [.operationPending])
  }

  @Test func `an operation that presumes an older state is dropped`() throws {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    #expect(try agent.call(.state(id, AgentHarness.raw(100, id), version: 2)) == .accepted)
    agent.handle(.apply(try AgentHarness.createDisk(id), 1, version: 1))
    #expect(agent.takeLog().last == "operation op-1 operationDropped")
    #expect(!agent.providerEvents.contains { $0.type == .applyOperation })
    agent.handle(.apply(try AgentHarness.createDisk(id), 2, version: 2))
    #expect(agent.providerEvents.last?.type == .applyOperation)
  }

  @Test func `an operation on a provider that is away is dropped`() throws {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    agent.handle(.providerDisconnected(.number(1)))
    agent.handle(.apply(try AgentHarness.createDisk(id), 1, version: 1))
    let update = try #require(agent.operationUpdates.last)
    let status = try OperationStatus(serializedBytes: update.status)
    #expect(status.state == .operationDropped && !status.hasUuid)
    #expect(update.frameworkID == "F")
  }

  @Test func `a reservation counts at once, and is the provider's to do`() throws {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    var reserved = try AgentHarness.raw(100, id)
    reserved.reservations = [
      .with {
        $0.type = .dynamic
        $0.role = "dev"
      }
    ]
    var operation = Offer.Operation()
    operation.type = .reserve
    operation.reserve.resources = [reserved]
    agent.handle(.apply(operation, 1, version: 1))
    #expect(agent.core.totalResources.reserved(to: "dev").scalar("disk") == 100)
    #expect(agent.disk["operations/\(String(repeating: "0", count: 32))"] == nil)
    #expect(agent.call(.status(id, 1, .operationFinished, uuid: 9)) == .accepted)
    #expect(agent.core.totalResources.reserved(to: "dev").scalar("disk") == 100)
    // What cannot be is an error, and the master hears what there is.
    agent.log = []
    agent.handle(.apply(operation, 2, version: 1))
    let log = agent.takeLog()
    #expect(log.first == "operation op-2 operationError")
    #expect(log.last?.hasPrefix("providers disks") == true)
  }

  @Test func `operations that a provider comes back with are known again, and those it lost are forgotten`() throws {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    agent.handle(.apply(try AgentHarness.createDisk(id), 1, version: 1))
    var call = ResourceProviderCall.state(id, try AgentHarness.raw(100, id), version: 2)
    call.updateState.operations = [
      .with {
        $0.info = (try? AgentHarness.createDisk(id)) ?? Offer.Operation()
        $0.frameworkID.value = "F"
        $0.uuid = .number(3)
        $0.latestStatus.state = .operationFinished
        $0.latestStatus.uuid = .number(8)
      }
    ]
    #expect(agent.call(call) == .accepted)
    #expect(agent.core.getOperations().operations.map(\.uuid) == [.number(3)])
    #expect(agent.agentUpdates.last?.resourceProviders.first?.operations.count == 1)
    agent.handle(.acknowledgeProvider(id, 3, 8))
    #expect(agent.core.getOperations().operations.isEmpty)
  }

  @Test func `what a provider has counts the ends that it tells of`() throws {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    let operation = try AgentHarness.createDisk(id)
    agent.handle(.apply(operation, 1, version: 1))
    let made = operation.createDisk.disk(id: "volume").with { $0.clearAllocationInfo() }
    var call = ResourceProviderCall.state(id, made, version: 2)
    call.updateState.operations = [
      .with {
        $0.info = operation
        $0.uuid = .number(1)
        $0.latestStatus.state = .operationFinished
        $0.latestStatus.convertedResources = [made]
      }
    ]
    #expect(agent.call(call) == .accepted)
    let total = agent.core.totalResources
    #expect(agent.call(.status(id, 1, .operationFinished, uuid: 9, converted: [made])) == .accepted)
    #expect(agent.core.totalResources == total)
  }

  @Test func `providers are asked for operations that only the master knows`() throws {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    agent.handle(.apply(try AgentHarness.createDisk(id), 1, version: 1))
    agent.handle(
      .master(
        .reconcileOperations(
          .with {
            $0.operations = [(UInt8(1), id), (2, id), (3, "other")].map { number, provider in
              .with {
                $0.operationUuid = field(AgentHarness.uuid(number))
                $0.resourceProviderID = provider
              }
            }
          })))
    let event = try #require(agent.providerEvents.last)
    #expect(event.type == .reconcileOperations)
    #expect(event.reconcileOperations.operationUuids == [.number(2)])
    // It does not know it either: the master is told, though the agent never knew the operation.
    #expect(agent.call(.status(id, 2, .operationDropped, uuid: 9)) == .accepted)
    #expect(agent.operationUpdates.last?.operationUuid == field(AgentHarness.uuid(2)))
  }

  // MARK: Gone

  @Test func `a provider that is gone is torn down once that is durable, and never comes back`() throws {
    var agent = try AgentHarness.withAgent()
    agent.subscribeProvider(1)
    let id = try agent.provider
    agent.persistsAtOnce = false
    agent.log = []
    let token = agent.markGone(id)
    #expect(agent.answers[token] == nil)
    #expect(agent.takeLog() == [])
    agent.persist()
    #expect(agent.answers[token] == .ok)
    #expect(agent.takeLog() == ["provider 1 <- teardown", "close provider 1", "providers removed 1"])
    agent.persistsAtOnce = true
    #expect(agent.answers[agent.markGone(id)] == .ok)
    #expect(agent.subscribeProvider(2, id: id) == .streaming)
    #expect(agent.takeLog() == ["provider 2 <- teardown", "close provider 2"])
    var next = try agent.restarted()
    #expect(next.subscribeProvider(3, id: id) == .streaming)
    #expect(next.takeLog() == ["provider 3 <- teardown", "close provider 3"])
  }

  @Test func `a provider with resources, and one that nobody knows, cannot be marked as gone`() throws {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    #expect(
      agent.answers[agent.markGone(id)]
        == .rejected(
          status: 500, text: "Could not mark resource provider '\(id)' as gone: Resource provider has resources"))
    #expect(
      agent.answers[agent.markGone("x")]
        == .rejected(status: 404, text: "Could not mark resource provider 'x' as gone: Resource provider is not known"))
  }

  @Test func `an agent that leaves takes the ids of its providers back`() throws {
    var agent = try AgentHarness.withDisk()
    agent.log = []
    agent.handle(.shutdown(message: "over"))
    #expect(agent.takeLog().contains("close provider 1"))
    #expect(!agent.disk.keys.contains { $0.hasPrefix("providers/") })
  }

  // MARK: Publishing

  @Test func `a task waits until its provider has made its resources available`() throws {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    var task = TaskInfo.command("t")
    task.resources.append(try AgentHarness.raw(100, id).with { $0.allocationInfo.role = "dev" })
    try agent.run(task)
    #expect(agent.launches.isEmpty)
    let event = try #require(agent.providerEvents.last)
    #expect(event.type == .publishResources)
    #expect(event.publishResources.resources.map(\.name) == ["disk"])
    #expect(agent.call(.published(id, event.publishResources.uuid, .ok)) == .accepted)
    #expect(agent.launches.count == 1)
    // Said twice, it is launched once.
    #expect(agent.call(.published(id, event.publishResources.uuid, .ok)) == .accepted)
    #expect(agent.launches.count == 1)
  }

  @Test func `a task whose resources are not made available fails, and its executor is not started`() throws {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    var task = TaskInfo.custom("t", executor: "e")
    task.resources.append(try AgentHarness.raw(100, id).with { $0.allocationInfo.role = "dev" })
    try agent.run(task)
    let event = try #require(agent.providerEvents.last)
    agent.log = []
    #expect(agent.call(.published(id, event.publishResources.uuid, .failed)) == .accepted)
    #expect(agent.launches.isEmpty)
    #expect(agent.takeLog() == ["terminated e -1", "update t taskFailed containerLaunchFailed"])
  }

  @Test func `a task waits for a provider that is away, but not for ever`() throws {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    agent.handle(.providerDisconnected(.number(1)))
    var task = TaskInfo.command("t")
    task.resources.append(try AgentHarness.raw(100, id).with { $0.allocationInfo.role = "dev" })
    try agent.run(task)
    var returned = agent
    agent.log = []
    agent.advance(by: .seconds(60))
    #expect(agent.takeLog() == ["update t taskFailed containerLaunchFailed"])

    returned.subscribeProvider(2, id: id)
    let state = ResourceProviderCall.state(id, try AgentHarness.raw(100, id), version: 2)
    #expect(returned.call(state, stream: "s2") == .accepted)
    #expect(returned.providerEvents.last?.type == .publishResources)
  }

  @Test func `a task whose resources the provider has no longer is dropped`() throws {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    #expect(try agent.call(.state(id, AgentHarness.raw(40, id), version: 2)) == .accepted)
    var task = TaskInfo.command("t")
    task.resources.append(try AgentHarness.raw(100, id).with { $0.allocationInfo.role = "dev" })
    agent.log = []
    try agent.run(task)
    #expect(agent.takeLog() == ["update t taskDropped invalidOffers"])
    #expect(agent.launches.isEmpty)
  }

  @Test func `a task under an executor that runs waits likewise`() throws {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    try agent.run(.custom("a", executor: "e"))
    agent.handle(.launched(try agent.container("e"), ProcessIdentity(pid: 7, startTime: 1)))
    agent.subscribe(5, executor: "e")
    agent.log = []
    var second = TaskInfo.custom("b", executor: "e")
    second.resources.append(try AgentHarness.raw(100, id).with { $0.allocationInfo.role = "dev" })
    try agent.run(second)
    #expect(agent.takeLog() == ["provider 1 <- publishResources"])
    let event = try #require(agent.providerEvents.last)
    #expect(agent.call(.published(id, event.publishResources.uuid, .ok)) == .accepted)
    #expect(agent.takeLog().contains { $0.lowercased().contains("launch b") })
  }

  /// A pod whose executor runs, and a further group of two, the second of which uses the provider's disk.
  private static func waitingGroup() throws -> (agent: AgentHarness, provider: String) {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    try agent.run(group: ["a"])
    agent.handle(.launched(try agent.container("pod"), ProcessIdentity(pid: 7, startTime: 1)))
    agent.subscribe(5, executor: "pod")
    var second = TaskGroupTests.member("c")
    second.resources.append(try AgentHarness.raw(100, id).with { $0.allocationInfo.role = "dev" })
    agent.log = []
    try agent.run(group: [TaskGroupTests.member("b"), second], launchesExecutor: false)
    return (agent, id)
  }

  @Test func `a group waits until the resources of all of its tasks are available, and is given in one piece`() throws {
    var (agent, id) = try Self.waitingGroup()
    #expect(agent.takeLog() == ["provider 1 <- publishResources"])
    let event = try #require(agent.providerEvents.last)
    #expect(agent.call(.published(id, event.publishResources.uuid, .ok)) == .accepted)
    #expect(agent.takeLog().contains { $0.lowercased().contains("launch") && $0.contains("b") && $0.contains("c") })
    #expect(agent.core.getTasks().launchedTasks.count == 3)
  }

  @Test func `a group of which one task's resources are not made available fails as a whole`() throws {
    for provider in ["refuses", "is away too long"] {
      var (agent, id) = try Self.waitingGroup()
      let event = try #require(agent.providerEvents.last)
      agent.log = []
      if provider == "refuses" {
        #expect(agent.call(.published(id, event.publishResources.uuid, .failed)) == .accepted)
      } else {
        agent.advance(by: .seconds(60))
      }
      let log = agent.takeLog().filter { $0.hasPrefix("update") }
      #expect(log == ["update b taskGone containerUpdateFailed", "update c taskGone containerUpdateFailed"])
      // Said too late, or again, it changes nothing; the executor and its first group go on.
      #expect(agent.call(.published(id, event.publishResources.uuid, .ok)) == .accepted)
      #expect(agent.takeLog().allSatisfy { !$0.lowercased().contains("launch") })
      try agent.acknowledge("b")
      try agent.acknowledge("c")
      #expect(agent.core.getTasks().launchedTasks.map(\.taskID.value) == ["a"])
    }
  }

  @Test func `an executor whose only group fails for what is not made available ends without a task`() throws {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    var second = TaskGroupTests.member("b")
    second.resources.append(try AgentHarness.raw(100, id).with { $0.allocationInfo.role = "dev" })
    try agent.run(group: [TaskGroupTests.member("a"), second])
    // It is started for the first task, which needs nothing, and waits with it for the second.
    agent.handle(.launched(try agent.container("pod"), ProcessIdentity(pid: 7, startTime: 1)))
    agent.subscribe(5, executor: "pod")
    #expect(agent.takeLog().allSatisfy { !$0.lowercased().contains("launch_group") })
    let event = try #require(agent.providerEvents.last)
    #expect(agent.call(.published(id, event.publishResources.uuid, .failed)) == .accepted)
    let log = agent.takeLog()
    #expect(
      log.filter { $0.hasPrefix("update") } == [
        "update a taskGone containerUpdateFailed", "update b taskGone containerUpdateFailed",
      ])
    #expect(log.contains { $0.lowercased().contains("shutdown") }, "\(log)")
  }

  @Test func `a task that is killed while it waits is over, and so is its executor`() throws {
    var agent = try AgentHarness.withDisk()
    let id = try agent.provider
    var task = TaskInfo.command("t")
    task.resources.append(try AgentHarness.raw(100, id).with { $0.allocationInfo.role = "dev" })
    try agent.run(task)
    let event = try #require(agent.providerEvents.last)
    agent.log = []
    agent.kill("t")
    #expect(agent.takeLog().contains { $0.hasPrefix("update t taskKilled") })
    #expect(agent.call(.published(id, event.publishResources.uuid, .ok)) == .accepted)
    #expect(agent.launches.isEmpty)
    try agent.acknowledge("t")
    #expect(agent.core.getTasks().completedTasks.count == 1)
  }

  // MARK: Killed at each write

  @Test(arguments: 0...6, [true, false])
  func `an agent killed at a write knows its providers, or never told them their ids`(
    write: Int, isDurable: Bool
  ) throws {
    var agent = try AgentHarness.withAgent()
    agent.persistsAtOnce = false
    var told: [String] = []
    var gone: Set<String> = []
    var count = 0
    /// Writes what waits, but for the write at which the agent is killed.
    func persist() -> Bool {
      while !agent.unwritten.isEmpty {
        if count == write {
          if isDurable { agent.write(agent.unwritten[0].changes) }
          return false
        }
        count += 1
        let rest = Array(agent.unwritten.dropFirst())
        agent.unwritten = [agent.unwritten[0]]
        agent.persist()
        agent.unwritten = rest + agent.unwritten
      }
      return true
    }
    var isAlive = true
    for number in 1...3 where isAlive {
      agent.subscribeProvider(UInt64(number), name: "p\(number)")
      isAlive = persist()
      told = agent.providerEvents.filter { $0.type == .subscribed }.map(\.subscribed.providerID.value)
    }
    for id in told.prefix(2) where isAlive {
      let token = agent.markGone(id)
      isAlive = persist()
      if agent.answers[token] == .ok { gone.insert(id) }
    }
    var next = try agent.restarted()
    for (index, id) in told.enumerated() {
      next.providerEvents = []
      #expect(next.subscribeProvider(UInt64(100 + index), id: id, name: "p\(index + 1)") == .streaming)
      let type = next.providerEvents.first?.type
      if gone.contains(id) { #expect(type == .teardown) } else { #expect(type == .subscribed || index < 2) }
    }
  }
}

// MARK: - What providers and masters say

extension ResourceProviderConnection {
  static func number(_ number: UInt64) -> Self { Self(number: number, streamID: "s\(number)") }
}

extension MesosUUID {
  static func number(_ number: UInt8) -> Self { .with { $0.value = field(AgentHarness.uuid(number)) } }
}

extension Resource {
  func with(_ change: (inout Resource) -> Void) -> Resource {
    var resource = self
    change(&resource)
    return resource
  }
}

extension ResourceProviderCall {
  static func state(_ id: String, _ resource: Resource, version: UInt8) -> Self {
    .with {
      $0.type = .updateState
      $0.resourceProviderID.value = id
      $0.updateState.resources = [resource]
      $0.updateState.resourceVersionUuid = .number(version)
    }
  }

  static func status(
    _ id: String, _ operation: UInt8, _ state: OperationState, uuid: UInt8, converted: [Resource] = []
  ) -> Self {
    .with {
      $0.type = .updateOperationStatus
      $0.resourceProviderID.value = id
      $0.updateOperationStatus.operationUuid = .number(operation)
      $0.updateOperationStatus.status.state = state
      $0.updateOperationStatus.status.uuid = .number(uuid)
      $0.updateOperationStatus.status.resourceProviderID.value = id
      $0.updateOperationStatus.status.convertedResources = converted
    }
  }

  static func published(_ id: String, _ uuid: MesosUUID, _ status: UpdatePublishResourcesStatus.Status) -> Self {
    .with {
      $0.type = .updatePublishResourcesStatus
      $0.resourceProviderID.value = id
      $0.updatePublishResourcesStatus.uuid = uuid
      $0.updatePublishResourcesStatus.status = status
    }
  }
}

extension AgentCore.Event {
  /// The master asks for an operation of framework `F`, named `op-NUMBER`.
  static func apply(_ operation: Offer.Operation, _ number: UInt8, version: UInt8) -> Self {
    var operation = operation
    operation.id.value = "op-\(number)"
    let bytes: [UInt8] = (try? operation.serializedBytes()) ?? []
    return .master(
      .applyOperation(
        .with {
          $0.operationUuid = field(AgentHarness.uuid(number))
          $0.frameworkID = "F"
          $0.operation = field(bytes)
          $0.resourceVersionUuid = field(AgentHarness.uuid(version))
        }))
  }

  static func acknowledgeProvider(_ id: String, _ operation: UInt8, _ status: UInt8) -> Self {
    .master(
      .acknowledgeOperation(
        .with {
          $0.operationUuid = field(AgentHarness.uuid(operation))
          $0.statusUuid = field(AgentHarness.uuid(status))
          $0.resourceProviderID = id
        }))
  }
}

extension AgentHarness {
  static func uuid(_ number: UInt8) -> [UInt8] {
    [UInt8](repeating: 0, count: 6) + [0x40, 0, 0x80] + [UInt8](repeating: 0, count: 6) + [number]
  }

  static var configuration: AgentCore.Configuration {
    get throws {
      var configuration = AgentCore.Configuration.forTests
      configuration.agentInfo.resources = try Resources.parse("cpus:4;mem:4096;disk:1000").messages
      return configuration
    }
  }

  /// An agent with resources that the master has admitted.
  static func withAgent() throws -> AgentHarness { try registered(configuration) }

  /// The same with a provider on connection 1 that has a RAW disk of 100 MB.
  static func withDisk() throws -> AgentHarness {
    var agent = try withAgent()
    agent.subscribeProvider(1)
    let id = try agent.provider
    #expect(try agent.call(.state(id, raw(100, id), version: 1)) == .accepted)
    return agent
  }

  /// The id that the latest subscription was given.
  var provider: String {
    get throws {
      try #require(providerEvents.last { $0.type == .subscribed }).subscribed.providerID.value
    }
  }

  static func raw(_ megabytes: Double, _ provider: String) throws -> Resource {
    var resource = try Resources.parse("disk:\(megabytes)").messages[0]
    resource.providerID.value = provider
    resource.disk.source.type = .raw
    resource.disk.source.profile = "default"
    return resource
  }

  static func createDisk(_ provider: String) throws -> Offer.Operation {
    var operation = Offer.Operation()
    operation.type = .createDisk
    operation.createDisk.source = try raw(100, provider).with { $0.allocationInfo.role = "dev" }
    operation.createDisk.targetType = .mount
    return operation
  }

  @discardableResult
  mutating func subscribeProvider(
    _ connection: UInt64, id: String? = nil, name: String = "disks"
  ) -> CallAnswer? {
    let token = token()
    let call = ResourceProviderCall.with {
      $0.type = .subscribe
      $0.subscribe.resourceProviderInfo.type = "test"
      $0.subscribe.resourceProviderInfo.name = name
      if let id { $0.subscribe.resourceProviderInfo.id.value = id }
    }
    handle(.providerSubscribe(.number(connection), call, principal: nil, token: token))
    return answers[token]
  }

  mutating func call(_ call: ResourceProviderCall, stream: String? = "s1") -> CallAnswer? {
    let token = token()
    handle(.providerCall(call, streamID: stream, principal: nil, token: token))
    return answers[token]
  }

  mutating func markGone(_ id: String) -> CallToken {
    let token = token()
    handle(.markProviderGone(.with { $0.value = id }, principal: nil, token: token))
    return token
  }
}
