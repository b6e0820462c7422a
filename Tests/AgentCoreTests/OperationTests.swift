import AgentCore
import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

struct OperationTests {
  /// An agent of some resources.
  private static var configuration: AgentCore.Configuration {
    get throws {
      var configuration = AgentCore.Configuration.forTests
      configuration.agentInfo.resources = try Resources.parse("cpus:4;mem:4096;disk:1000").messages
      return configuration
    }
  }

  private static func registered() throws -> AgentHarness { try AgentHarness.registered(configuration) }

  private static func reserved(_ text: String, volume: String? = nil, path: String = "data") throws -> [Resource] {
    try Resources.parse(text).messages.map { message in
      var resource = message
      resource.allocationInfo.role = "dev/db"
      resource.reservations = [
        .with {
          $0.type = .dynamic
          $0.role = "dev/db"
        }
      ]
      if let volume {
        resource.disk.persistence.id = volume
        resource.disk.volume.mode = .rw
        resource.disk.volume.containerPath = path
      }
      return resource
    }
  }

  private static func operation(
    _ type: Offer.Operation.TypeEnum, _ number: UInt8, _ resources: [Resource]
  ) -> LinkApplyOperation {
    var operation = Offer.Operation()
    operation.type = type
    operation.id.value = "op-\(number)"
    switch type {
    case .reserve: operation.reserve.resources = resources
    case .unreserve: operation.unreserve.resources = resources
    case .create: operation.create.volumes = resources
    default: operation.destroy.volumes = resources
    }
    let bytes: [UInt8] = (try? operation.serializedBytes()) ?? []
    return .with {
      $0.operationUuid = field(uuid(number))
      $0.frameworkID = "F"
      $0.operation = field(bytes)
    }
  }

  private static func uuid(_ number: UInt8) -> [UInt8] { [UInt8](repeating: number, count: 16) }

  private static func acknowledge(_ update: LinkOperationUpdate) throws -> AgentCore.Event {
    let status = try OperationStatus(serializedBytes: update.status)
    return .master(
      .acknowledgeOperation(
        .with {
          $0.operationUuid = update.operationUuid
          $0.statusUuid = field([UInt8](status.uuid.value))
        }))
  }

  @Test func `a reservation is on the disk before its end is told, and is told until it is acknowledged`() throws {
    var agent = try Self.registered()
    agent.persistsAtOnce = false
    agent.handle(.master(.applyOperation(Self.operation(.reserve, 1, try Self.reserved("cpus:1")))))
    #expect(agent.log == [])
    #expect(agent.core.getOperations().operations.isEmpty)
    agent.persist()
    #expect(agent.takeLog() == ["operation op-1 operationFinished"])
    #expect(agent.core.totalResources.reserved(to: "dev/db").scalar("cpus") == 1)
    agent.advance(by: .seconds(10))
    #expect(agent.takeLog() == ["operation op-1 operationFinished"])
    agent.advance(by: .seconds(19))
    #expect(agent.takeLog() == [])
    agent.advance(by: .seconds(1))
    #expect(agent.takeLog() == ["operation op-1 operationFinished"])
    agent.handle(try Self.acknowledge(agent.operationUpdates[0]))
    agent.persist()
    agent.advance(by: .seconds(1_000))
    #expect(agent.takeLog() == [])
    #expect(agent.core.getOperations().operations.isEmpty)
    #expect(agent.disk.keys.filter { $0.hasPrefix("operations/") } == [])
    #expect(agent.disk["resources"] != nil)
  }

  @Test func `an agent that starts again has its reservations, and tells of operations that nobody acknowledged`()
    throws
  {
    var agent = try Self.registered()
    agent.handle(.master(.applyOperation(Self.operation(.reserve, 1, try Self.reserved("cpus:1;disk:64")))))
    agent.handle(
      .master(.applyOperation(Self.operation(.create, 2, try Self.reserved("disk:64", volume: "v")))))
    agent.handle(try Self.acknowledge(try #require(agent.operationUpdates.first)))
    var next = try agent.restarted()
    #expect(next.core.totalResources == agent.core.totalResources)
    #expect(next.core.totalResources.persistentVolumes.scalar("disk") == 64)
    next.handle(.linkEstablished)
    let record = try #require(next.reregistration)
    #expect(try Resources(record.totalResources) == agent.core.totalResources)
    #expect(record.operations.map { [UInt8]($0.operationUuid) } == [Self.uuid(2)])
    #expect(record.operations.map(\.frameworkID) == ["F"])
    #expect(
      try record.operations.map { try OperationStatus(serializedBytes: $0.latestStatus).state } == [.operationFinished])
    #expect(next.takeLog() == ["reregister S0: "])
    next.handle(.master(.registered(.with { $0.agentID = "S0" })))
    #expect(next.takeLog() == ["operation op-2 operationFinished"])
  }

  @Test func `volumes are folders as Apache Mesos lays them out, made before the end is told`() throws {
    var agent = try Self.registered()
    agent.takesVolumesAtOnce = false
    agent.handle(.master(.applyOperation(Self.operation(.reserve, 1, try Self.reserved("disk:64")))))
    agent.log = []
    let volume = try Self.reserved("disk:64", volume: "v")
    agent.handle(.master(.applyOperation(Self.operation(.create, 2, volume))))
    let folder = VolumeFolder(path: "/var/lib/mesos/volumes/roles/dev db/v", isMountRoot: false)
    #expect(agent.volumes == [.make(folder)])
    #expect(agent.log == [])
    #expect(agent.core.getOperations().operations.map(\.latestStatus.state) == [.operationFinished, .operationPending])
    agent.finishVolumes()
    #expect(agent.takeLog() == ["operation op-2 operationFinished"])
    agent.handle(.master(.applyOperation(Self.operation(.destroy, 3, volume))))
    #expect(agent.volumes.last == .remove(folder))
    agent.finishVolumes()
    #expect(agent.takeLog() == ["operation op-3 operationFinished"])
    #expect(agent.core.totalResources.persistentVolumes.isEmpty)
  }

  @Test func `work on volumes that an agent died over is done by the next one`() throws {
    var agent = try Self.registered()
    agent.handle(.master(.applyOperation(Self.operation(.reserve, 1, try Self.reserved("disk:128")))))
    agent.handle(
      .master(.applyOperation(Self.operation(.create, 2, try Self.reserved("disk:64", volume: "old")))))
    agent.takesVolumesAtOnce = false
    agent.handle(
      .master(.applyOperation(Self.operation(.create, 3, try Self.reserved("disk:64", volume: "new")))))
    agent.handle(
      .master(.applyOperation(Self.operation(.destroy, 4, try Self.reserved("disk:64", volume: "old")))))
    var next = try agent.restarted()
    #expect(
      next.volumes == [
        .remove(VolumeFolder(path: "/var/lib/mesos/volumes/roles/dev db/old", isMountRoot: false)),
        .make(VolumeFolder(path: "/var/lib/mesos/volumes/roles/dev db/new", isMountRoot: false)),
      ])
    next.handle(.linkEstablished)
    next.handle(.master(.registered(.with { $0.agentID = "S0" })))
    #expect(next.takeLog().dropFirst() == (1...4).map { "operation op-\($0) operationFinished" }[...])
  }

  @Test func `an agent whose volume cannot be made ends, as the master counts with it`() throws {
    var agent = try Self.registered()
    agent.takesVolumesAtOnce = false
    agent.handle(.master(.applyOperation(Self.operation(.reserve, 1, try Self.reserved("disk:64")))))
    agent.handle(
      .master(.applyOperation(Self.operation(.create, 2, try Self.reserved("disk:64", volume: "v")))))
    agent.log = []
    agent.handle(.volumesFailed(try #require(agent.unfinishedVolumes.first), message: "no room"))
    #expect(agent.takeLog() == ["terminate failed: Failed to make or remove persistent volumes: no room"])
  }

  @Test func `an operation that cannot be applied is an error, and the agent says what it has`() throws {
    var agent = try Self.registered()
    agent.handle(.master(.applyOperation(Self.operation(.unreserve, 1, try Self.reserved("cpus:1")))))
    #expect(agent.takeLog() == ["end the session", "operation op-1 operationError"])
    #expect(agent.reregistration == nil, "more may be on its way in this session")
    agent.handle(.linkLost)
    agent.handle(.linkEstablished)
    let record = try #require(agent.reregistration)
    #expect(try Resources(record.totalResources) == Resources.parse("cpus:4;mem:4096;disk:1000"))
    #expect(record.operations.count == 1)
  }

  @Test func `what was taken in before the session ended is told in the next one`() throws {
    var agent = try Self.registered()
    agent.persistsAtOnce = false
    agent.handle(.master(.applyOperation(Self.operation(.unreserve, 1, try Self.reserved("cpus:1")))))
    agent.handle(.master(.applyOperation(Self.operation(.reserve, 2, try Self.reserved("cpus:1")))))
    agent.handle(.linkLost)
    agent.handle(.linkEstablished)
    #expect(agent.reregistration == nil)
    agent.persist()
    let record = try #require(agent.reregistration)
    #expect(record.operations.count == 2)
    #expect(try Resources(record.totalResources).reserved().names == ["cpus"])
  }

  @Test func `an agent does not register while operations are on their way to the disk`() throws {
    var agent = try Self.registered()
    agent.persistsAtOnce = false
    agent.handle(.master(.applyOperation(Self.operation(.reserve, 1, try Self.reserved("cpus:1")))))
    agent.handle(.linkLost)
    agent.handle(.linkEstablished)
    #expect(agent.takeLog() == [])
    agent.persist()
    #expect(agent.takeLog() == ["reregister S0: "])
    #expect(agent.reregistration?.operations.count == 1)
  }

  @Test func `a task sees its volume in its sandbox, from its launch on`() throws {
    var agent = try Self.registered()
    agent.handle(.master(.applyOperation(Self.operation(.reserve, 1, try Self.reserved("disk:64")))))
    let volume = try Self.reserved("disk:64", volume: "v")
    agent.handle(.master(.applyOperation(Self.operation(.create, 2, volume))))
    var task = TaskInfo.command("t")
    task.resources += volume
    try agent.run(task)
    let links = try #require(agent.launches.first).volumes
    #expect(
      links == [VolumeLink(path: "/var/lib/mesos/volumes/roles/dev db/v", containerPath: "data", changesOwner: true)])
  }

  @Test func `a task under an executor that runs waits for its volume to be shown`() throws {
    var agent = try Self.registered()
    agent.handle(.master(.applyOperation(Self.operation(.reserve, 1, try Self.reserved("disk:64")))))
    let volume = try Self.reserved("disk:64", volume: "v")
    agent.handle(.master(.applyOperation(Self.operation(.create, 2, volume))))
    func under(_ name: String, _ more: [Resource] = []) -> TaskInfo {
      var task = TaskInfo.command(name)
      task.clearCommand()
      task.executor.executorID.value = "e"
      task.executor.command.value = "run"
      task.resources += more
      return task
    }
    try agent.run(under("a"))
    let container = try #require(agent.launches.first?.container)
    agent.handle(.launched(container, ProcessIdentity(pid: 7, startTime: 1)))
    agent.takesVolumesAtOnce = false
    // Its sandbox may not be made yet: the volume is shown when the executor subscribes.
    try agent.run(under("b", volume))
    let before = agent.volumes.count
    agent.log = []
    agent.subscribe(1, executor: "e")
    #expect(agent.log.contains("1 <- LAUNCH a") || agent.log.contains { $0.contains("launch a") }, "\(agent.log)")
    #expect(!agent.log.contains { $0.lowercased().contains("launch b") })
    #expect(agent.volumes.count == before + 1)
    guard case .link(container, _, let links)? = agent.volumes.last else {
      Issue.record("no link but \(String(describing: agent.volumes.last))")
      return
    }
    #expect(links.map(\.containerPath) == ["data"])
    agent.finishVolumes()
    #expect(agent.log.contains { $0.lowercased().contains("launch b") }, "\(agent.log)")
  }

  @Test func `a task whose volume cannot be shown is gone`() throws {
    var agent = try Self.registered()
    agent.handle(.master(.applyOperation(Self.operation(.reserve, 1, try Self.reserved("disk:64")))))
    let volume = try Self.reserved("disk:64", volume: "v")
    agent.handle(.master(.applyOperation(Self.operation(.create, 2, volume))))
    var first = TaskInfo.command("a")
    first.clearCommand()
    first.executor.executorID.value = "e"
    first.executor.command.value = "run"
    try agent.run(first)
    agent.handle(.launched(try #require(agent.launches.first?.container), ProcessIdentity(pid: 7, startTime: 1)))
    agent.subscribe(1, executor: "e")
    agent.takesVolumesAtOnce = false
    agent.log = []
    var second = first
    second.taskID.value = "b"
    second.resources += volume
    try agent.run(second)
    agent.handle(.volumesFailed(try #require(agent.unfinishedVolumes.last), message: "the path is taken"))
    #expect(agent.log.contains { $0.hasPrefix("update b taskGone") }, "\(agent.log)")
  }

  @Test func `an agent that leaves keeps its volumes for the next in its work folder`() throws {
    var agent = try Self.registered()
    agent.handle(.master(.applyOperation(Self.operation(.reserve, 1, try Self.reserved("cpus:1")))))
    agent.handle(.shutdown(message: "over"))
    #expect(agent.disk.keys.sorted() == ["resources"])
    var next = try agent.restarted()
    next.handle(.linkEstablished)
    #expect(next.core.agentID == nil)
    #expect(next.core.totalResources.reserved(to: "dev/db").scalar("cpus") == 1)
  }

  @Test func `an agent that is configured with less than it reserved does not start`() throws {
    var agent = try Self.registered()
    agent.handle(.master(.applyOperation(Self.operation(.reserve, 1, try Self.reserved("cpus:4")))))
    agent.handle(.shutdown(message: "over"))
    var configuration = try Self.configuration
    configuration.agentInfo.resources = try Resources.parse("cpus:2").messages
    #expect(throws: AgentError.self) {
      try AgentCore(
        configuration: configuration, recovered: RecoveredAgent(records: agent.records, alive: [], rebooted: false))
    }
  }

  @Test(arguments: [
    (Resource.DiskInfo.Source.TypeEnum.path, "/mnt/a", "/mnt/a/volumes/roles/r/v", false),
    (.path, "disks/a", "/var/lib/mesos/disks/a/volumes/roles/r/v", false), (.mount, "/mnt/b", "/mnt/b", true),
  ])
  func `volumes on other disks lie there`(
    type: Resource.DiskInfo.Source.TypeEnum, root: String, path: String, isMountRoot: Bool
  ) throws {
    var message = try Resources.parse("disk(r):64").messages[0]
    message.disk.persistence.id = "v"
    message.disk.volume.containerPath = "data"
    message.disk.volume.mode = .rw
    message.disk.source.type = type
    if type == .path { message.disk.source.path.root = root } else { message.disk.source.mount.root = root }
    let entry = try #require(try Resources([message]).entries.first)
    #expect(VolumeFolder(entry, workDirectory: "/var/lib/mesos") == VolumeFolder(path: path, isMountRoot: isMountRoot))
  }

  @Test(arguments: ["..", "a/b", ""])
  func `a volume with a name that leads elsewhere is no folder`(id: String) throws {
    var message = try Resources.parse("disk(r):64").messages[0]
    message.disk.persistence.id = id
    message.disk.volume.containerPath = "data"
    message.disk.volume.mode = .rw
    guard let entry = (try? Resources([message]))?.entries.first else { return }
    #expect(VolumeFolder(entry, workDirectory: "/var/lib/mesos") == nil)
  }
}
