import MesosHTTP
import MesosHTTPServer
import MesosModel
import OperatorKit
import SwiftProtobuf
import Testing

/// One call of the master's API: how the client makes it, what the server has to see, and what it answers.
struct MasterCallCase: Sendable, CustomTestStringConvertible {
  var type: MasterCall.TypeEnum
  /// `nil` for a call that is answered without a message.
  var answer: MasterResponse?
  var isAsExpected: @Sendable (MasterCall) -> Bool
  /// Returns the answer that it got, put into an envelope.
  var perform: @Sendable (MasterClient) async throws -> MasterResponse?

  var testDescription: String { type.wireName }

  static func read<Answer: Sendable>(
    _ type: MasterCall.TypeEnum, _ answerType: MasterResponse.TypeEnum,
    _ field: any WritableKeyPath<MasterResponse, Answer> & Sendable, _ sample: Answer,
    _ perform: @escaping @Sendable (MasterClient) async throws -> Answer,
    _ isAsExpected: @escaping @Sendable (MasterCall) -> Bool = { _ in true }
  ) -> MasterCallCase {
    var answer = MasterResponse()
    answer.type = answerType
    answer[keyPath: field] = sample
    return MasterCallCase(
      type: type, answer: answer, isAsExpected: isAsExpected,
      perform: { client in
        var got = MasterResponse()
        got.type = answerType
        got[keyPath: field] = try await perform(client)
        return got
      })
  }

  static func change(
    _ type: MasterCall.TypeEnum, _ perform: @escaping @Sendable (MasterClient) async throws -> Void,
    _ isAsExpected: @escaping @Sendable (MasterCall) -> Bool
  ) -> MasterCallCase {
    MasterCallCase(
      type: type, answer: nil, isAsExpected: isAsExpected,
      perform: { client in
        try await perform(client)
        return nil
      })
  }
}

private let agent = AgentID.with { $0.value = "A1" }
private let cpus = Resource.with {
  $0.name = "cpus"
  $0.type = .scalar
  $0.scalar.value = 2
}
private let volume = Resource.with {
  $0.name = "disk"
  $0.type = .scalar
  $0.scalar.value = 64
  $0.disk.persistence.id = "v1"
  $0.disk.volume.containerPath = "data"
  $0.disk.volume.mode = .rw
  $0.reservations = [
    .with {
      $0.type = .dynamic
      $0.role = "dev"
    }
  ]
}
private let machine = MachineID.with {
  $0.hostname = "host"
  $0.ip = "10.0.0.1"
}
private let schedule = MaintenanceSchedule.with {
  $0.windows = [
    .with {
      $0.machineIds = [machine]
      $0.unavailability.start.nanoseconds = 1
    }
  ]
}
private let file = FileInfo.with {
  $0.path = "/master/log"
  $0.size = 5
}

private let masterCalls: [MasterCallCase] = [
  .read(.getHealth, .getHealth, \.getHealth, .with { $0.healthy = true }, { try await $0.getHealth() }),
  .read(
    .getFlags, .getFlags, \.getFlags,
    .with {
      $0.flags = [
        .with {
          $0.name = "port"
          $0.value = "5050"
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
          $0.name = "master/uptime_secs"
          $0.value = 1.5
        }
      ]
    }, { try await $0.getMetrics(timeout: .milliseconds(5_500)) },
    { $0.getMetrics.timeout.nanoseconds == 5_500_000_000 }),
  .read(
    .getLoggingLevel, .getLoggingLevel, \.getLoggingLevel, .with { $0.level = 2 },
    { try await $0.getLoggingLevel() }),
  .read(
    .listFiles, .listFiles, \.listFiles, .with { $0.fileInfos = [file] }, { try await $0.listFiles("/master") },
    { $0.listFiles.path == "/master" }),
  .read(
    .readFile, .readFile, \.readFile,
    .with {
      $0.size = 5
      $0.data = .init([104, 105])
    }, { try await $0.readFile("/master/log", offset: 3, length: 2) },
    { $0.readFile.path == "/master/log" && $0.readFile.offset == 3 && $0.readFile.length == 2 }),
  .read(
    .getState, .getState, \.getState,
    .with {
      $0.getTasks = .init()
      $0.getExecutors = .init()
      $0.getFrameworks = .init()
      $0.getAgents = .init()
    }, { try await $0.getState() }),
  .read(.getAgents, .getAgents, \.getAgents, .init(), { try await $0.getAgents() }),
  .read(.getFrameworks, .getFrameworks, \.getFrameworks, .init(), { try await $0.getFrameworks() }),
  .read(.getExecutors, .getExecutors, \.getExecutors, .init(), { try await $0.getExecutors() }),
  .read(.getOperations, .getOperations, \.getOperations, .init(), { try await $0.getOperations() }),
  .read(.getTasks, .getTasks, \.getTasks, .init(), { try await $0.getTasks() }),
  .read(.getRoles, .getRoles, \.getRoles, .init(), { try await $0.getRoles() }),
  .read(.getWeights, .getWeights, \.getWeights, .init(), { try await $0.getWeights() }),
  .read(.getMaster, .getMaster, \.getMaster, .with { $0.startTime = 1.5 }, { try await $0.getMaster() }),
  .read(
    .getMaintenanceStatus, .getMaintenanceStatus, \.getMaintenanceStatus, .with { $0.status.downMachines = [machine] },
    { try await $0.getMaintenanceStatus() }),
  .read(
    .getMaintenanceSchedule, .getMaintenanceSchedule, \.getMaintenanceSchedule, .with { $0.schedule = schedule },
    { try await $0.getMaintenanceSchedule() }),
  .read(.getQuota, .getQuota, \.getQuota, .with { $0.status = .init() }, { try await $0.getQuota() }),
  .change(
    .setLoggingLevel, { try await $0.setLoggingLevel(3, for: .seconds(60)) },
    { $0.setLoggingLevel.level == 3 && $0.setLoggingLevel.duration.nanoseconds == 60_000_000_000 }),
  .change(
    .updateWeights,
    {
      try await $0.updateWeights([
        .with {
          $0.role = "dev"
          $0.weight = 2
        }
      ])
    }, { $0.updateWeights.weightInfos.map(\.role) == ["dev"] }),
  .change(
    .reserveResources, { try await $0.reserveResources(on: agent, [volume], from: [cpus]) },
    {
      $0.reserveResources.agentID == agent && $0.reserveResources.resources == [volume]
        && $0.reserveResources.source == [cpus]
    }),
  .change(
    .unreserveResources, { try await $0.unreserveResources(on: agent, [cpus]) },
    { $0.unreserveResources.agentID == agent && $0.unreserveResources.resources == [cpus] }),
  .change(
    .createVolumes, { try await $0.createVolumes(on: agent, [volume]) },
    { $0.createVolumes.agentID == agent && $0.createVolumes.volumes == [volume] }),
  .change(
    .destroyVolumes, { try await $0.destroyVolumes(on: agent, [volume]) },
    { $0.destroyVolumes.agentID == agent && $0.destroyVolumes.volumes == [volume] }),
  .change(
    .growVolume, { try await $0.growVolume(on: agent, volume, by: cpus) },
    { $0.growVolume.agentID == agent && $0.growVolume.volume == volume && $0.growVolume.addition == cpus }),
  .change(
    .shrinkVolume, { try await $0.shrinkVolume(on: agent, volume, by: 32.5) },
    { $0.shrinkVolume.agentID == agent && $0.shrinkVolume.volume == volume && $0.shrinkVolume.subtract.value == 32.5 }),
  .change(
    .updateMaintenanceSchedule, { try await $0.updateMaintenanceSchedule(schedule) },
    { $0.updateMaintenanceSchedule.schedule == schedule }),
  .change(
    .startMaintenance, { try await $0.startMaintenance(of: [machine]) }, { $0.startMaintenance.machines == [machine] }),
  .change(
    .stopMaintenance, { try await $0.stopMaintenance(of: [machine]) }, { $0.stopMaintenance.machines == [machine] }),
  .change(
    .drainAgent, { try await $0.drainAgent(agent, maxGracePeriod: .milliseconds(1_500), markGone: true) },
    {
      $0.drainAgent.agentID == agent && $0.drainAgent.maxGracePeriod.seconds == 1
        && $0.drainAgent.maxGracePeriod.nanos == 500_000_000 && $0.drainAgent.markGone
    }),
  .change(
    .deactivateAgent, { try await $0.deactivateAgent(agent) }, { $0.deactivateAgent.agentID == agent }),
  .change(
    .reactivateAgent, { try await $0.reactivateAgent(agent) }, { $0.reactivateAgent.agentID == agent }),
  .change(.markAgentGone, { try await $0.markAgentGone(agent) }, { $0.markAgentGone.agentID == agent }),
  .change(
    .updateQuota,
    { try await $0.updateQuota([.with { $0.role = "dev" }], force: true) },
    { $0.updateQuota.force && $0.updateQuota.quotaConfigs.map(\.role) == ["dev"] }),
  .change(
    .setQuota,
    {
      try await $0.setQuota(
        .with {
          $0.role = "dev"
          $0.guarantee = [cpus]
        })
    }, { $0.setQuota.quotaRequest.role == "dev" && $0.setQuota.quotaRequest.guarantee == [cpus] }),
  .change(.removeQuota, { try await $0.removeQuota(of: "dev") }, { $0.removeQuota.role == "dev" }),
  .change(
    .teardown, { try await $0.teardown(.with { $0.value = "F1" }) }, { $0.teardown.frameworkID.value == "F1" }),
]

struct MasterCallTests {
  @Test func `every call of the API is in the table once`() {
    let all = Set(MasterCall.TypeEnum.allCases).subtracting([.unknown, .subscribe])
    #expect(Set(masterCalls.map(\.type)) == all)
    #expect(masterCalls.count == all.count)
  }

  @Test(arguments: MessageEncoding.allCases, masterCalls)
  func `a call arrives as it should and its answer comes back`(
    encoding: MessageEncoding, master: MasterCallCase
  ) async throws {
    let calls = Shared<[MasterCall]>([])
    let answer = try await OperatorServer.master(encoding) { call, encoding in
      calls.withLock { $0.append(call) }
      guard let answer = master.answer else { return .accepted }
      return .content(encoding.encode(answer), encoding.mediaType)
    } body: { client in
      try await master.perform(client)
    }
    let call = try #require(calls.current.first)
    #expect(calls.current.count == 1)
    #expect(call.type == master.type)
    #expect(master.isAsExpected(call))
    #expect(answer == master.answer)
  }

  @Test(
    arguments: MessageEncoding.allCases,
    masterCalls.filter { $0.answer != nil && $0.type != .listFiles && $0.type != .readFile })
  func `what Apache Mesos answered is read`(encoding: MessageEncoding, master: MasterCallCase) async throws {
    let body = try Golden.bytes("operator-busy/\(master.type.wireName).\(Golden.name(encoding)).body")
    let answer = try await OperatorServer.master(encoding) { _, encoding in
      .content(body, encoding.mediaType)
    } body: { client in
      try await master.perform(client)
    }
    #expect(answer == (try encoding.decode(MasterResponse.self, from: body)))
  }

  @Test(arguments: MessageEncoding.allCases)
  func `a call that this library does not know can be sent as it is`(encoding: MessageEncoding) async throws {
    try await OperatorServer.master(encoding) { call, encoding in
      call.type == .getHealth
        ? .content(encoding.encode(MasterResponse.with { $0.type = .getFlags }), encoding.mediaType) : .accepted
    } body: { client in
      let envelope = try await client.send(.with { $0.type = .getHealth })
      #expect(envelope?.type == .getFlags)
      let teardown = MasterCall.with {
        $0.type = .teardown
        $0.teardown.frameworkID.value = "F"
      }
      let nothing = try await client.send(teardown)
      #expect(nothing == nil)
    }
  }
}
