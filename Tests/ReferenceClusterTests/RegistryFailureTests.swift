import MesosHTTP
import MesosHTTPClient
import MesosModel
import SchedulerKit
import SwiftProtobuf
import Synchronization
import Testing

@testable import ReferenceMaster
@testable import StateStorage

/// A registry that cannot be written for a while, as on a disk that is full or read-only.
private final class UncertainStorage: StateStorage {
  private let inner = MemoryStateStorage()
  private let failure = Mutex<StateStorageError.Code?>(nil)
  let location = "a disk of a test"

  func fail(_ code: StateStorageError.Code?) { failure.withLock { $0 = code } }

  func load() async throws(StateStorageError) -> [StoredRecord] { try await inner.load() }

  func apply(_ changes: [StateChange]) async throws(StateStorageError) {
    if let code = failure.withLock({ $0 }) {
      throw StateStorageError(code, location: location, "there is no room", remedy: "Make some.")
    }
    try await inner.apply(changes)
  }

  // The same records for the next master.
  func close() async {}
}

@Suite(.timeLimit(.minutes(2))) struct RegistryFailureTests {
  private static func operate(
    _ cluster: TestCluster, _ build: (inout MasterCall) -> Void
  ) async throws -> ClientResponse {
    var call = MasterCall()
    build(&call)
    return try await TestCluster.post(
      cluster.master, "/api/v1", MessageEncoding.json.encode(call), headers: ["Content-Type": "application/json"])
  }

  private static func weigh(_ weight: Double) -> (inout MasterCall) -> Void {
    { call in
      call.type = .updateWeights
      call.updateWeights.weightInfos = [
        .with {
          $0.role = "dev"
          $0.weight = weight
        }
      ]
    }
  }

  private static func weights(_ cluster: TestCluster) async throws -> [Double] {
    try await cluster.read(.with { $0.type = .getWeights }).getWeights.weightInfos.map(\.weight)
  }

  @Test(arguments: ["full", "read-only"])
  func `while the registry cannot be written, calls that need it get 503, reads go on, and nothing is half there`(
    kind: String
  ) async throws {
    let storage = UncertainStorage()
    try await TestCluster.with(adjust: { $0.storage = storage }) { cluster in
      #expect(try await Self.operate(cluster, Self.weigh(2)).status == 200)
      storage.fail(kind == "full" ? .full : .readOnly)
      let refused = try await Self.operate(cluster, Self.weigh(3))
      #expect(refused.status == 503)
      let text = String(decoding: refused.body, as: UTF8.self)
      #expect(text.hasPrefix("The registry cannot be written: state in 'a disk of a test': there is no room"))
      let quota = try await Self.operate(cluster) {
        $0.type = .updateQuota
        $0.updateQuota.quotaConfigs = [
          .with {
            $0.role = "dev"
            $0.limits = ["cpus": .with { $0.value = 1 }]
          }
        ]
      }
      #expect(quota.status == 503)
      #expect(try await Self.weights(cluster) == [2])
      #expect(try await cluster.read(.with { $0.type = .getQuota }).getQuota.status.configs.isEmpty)
      #expect(try await cluster.state().getAgents.agents.count == 1)
      storage.fail(nil)
      #expect(try await Self.operate(cluster, Self.weigh(4)).status == 200)
      #expect(try await Self.weights(cluster) == [4])
    }
    try await TestCluster.with(adjust: { $0.storage = storage }) { cluster in
      let weights = try await Self.weights(cluster)
      let quotas = try await cluster.read(.with { $0.type = .getQuota }).getQuota.status
      #expect(weights == [4])
      #expect(quotas.configs.isEmpty)
    }
  }

  @Test func `quotas, weights, schedules and deactivated agents are back after the master was started again`()
    async throws
  {
    let storage = UncertainStorage()
    let machine = MachineID.with {
      $0.hostname = "nobody"
      $0.ip = "10.0.0.9"
    }
    try await TestCluster.with(adjust: { $0.storage = storage }) { cluster in
      let agent = try #require(try await cluster.state().getAgents.agents.first).agentInfo.id
      for build in [
        {
          $0.type = .updateQuota
          $0.updateQuota.quotaConfigs = [
            .with {
              $0.role = "dev"
              $0.guarantees = ["cpus": .with { $0.value = 1 }]
              $0.limits = ["cpus": .with { $0.value = 2 }]
            }
          ]
        },
        {
          $0.type = .updateMaintenanceSchedule
          $0.updateMaintenanceSchedule.schedule.windows = [
            .with {
              $0.machineIds = [machine]
              $0.unavailability.start.nanoseconds = 1
            }
          ]
        },
        {
          $0.type = .startMaintenance
          $0.startMaintenance.machines = [machine]
        },
        {
          $0.type = .deactivateAgent
          $0.deactivateAgent.agentID = agent
        },
        Self.weigh(7),
      ] as [(inout MasterCall) -> Void] {
        let answer = try await Self.operate(cluster, build)
        #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
      }
      #expect(try await cluster.state().getAgents.agents.map(\.deactivated) == [true])
    }
    try await TestCluster.with(adjust: { $0.storage = storage }) { cluster in
      let status = try await cluster.read(.with { $0.type = .getQuota }).getQuota.status
      #expect(status.configs.map(\.role) == ["dev"])
      #expect(status.configs.first?.limits["cpus"]?.value == 2)
      #expect(status.infos.first?.guarantee.first?.scalar.value == 1)
      #expect(try await Self.weights(cluster) == [7])
      let maintenance = try await cluster.read(.with { $0.type = .getMaintenanceStatus }).getMaintenanceStatus.status
      #expect(maintenance.downMachines == [machine])
      #expect(maintenance.drainingMachines.isEmpty)
      let schedule = try await cluster.read(.with { $0.type = .getMaintenanceSchedule })
      #expect(schedule.getMaintenanceSchedule.schedule.windows.first?.machineIds == [machine])
      let roles = try await cluster.read(.with { $0.type = .getRoles }).getRoles.roles
      #expect(roles.first { $0.name == "dev" }?.weight == 7)
    }
  }

  @Test func `a task on an agent that is drained ends with the reason, and the agent is drained then`() async throws {
    try await TestCluster.with { cluster in
      try await withScheduler(try TestFramework.configuration(cluster.master)) { scheduler in
        let statuses = try await TestFramework.run([.init("t", .shell("sleep 1000"))], on: scheduler) { status, _ in
          guard status.state == .taskRunning else { return }
          let answer = try await Self.operate(cluster) {
            $0.type = .drainAgent
            $0.drainAgent.agentID = status.agentID
            $0.drainAgent.maxGracePeriod.seconds = 1
          }
          #expect(answer.status == 200)
        }
        let last = try #require(statuses["t"]?.last)
        #expect(last.state == .taskKilled)
        #expect(last.reason == .agentDraining)
      }
      // The framework is over, and with it its task.
      while try await cluster.state().getAgents.agents.first?.drainInfo.state != .drained {
        try Task.checkCancellation()
      }
      let agent = try #require(try await cluster.state().getAgents.agents.first)
      #expect(agent.deactivated && !agent.active)
      #expect(agent.hasEstimatedDrainStartTime)
      // The documents of before the v1 API say the same.
      let page = try await TestCluster.post(cluster.master, "/slaves", [], headers: [:], method: "GET")
      let text = String(decoding: page.body, as: UTF8.self)
      #expect(text.contains("\"drain_info\":{\"state\":\"DRAINED\""), "\(text)")
      #expect(text.contains("\"estimated_drain_start_time_seconds\":"))
    }
  }
}
