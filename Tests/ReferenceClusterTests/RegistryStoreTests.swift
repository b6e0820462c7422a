import AgentLinkModel
import MasterCore
import MesosModel
import SwiftProtobuf
import Testing

@testable import ReferenceMaster
@testable import StateStorage

/// What a master writes, and what one that starts after it finds, at every place where the first can be killed.
struct RegistryStoreTests {
  /// A master that is driven through everything that it writes.
  struct Driven {
    var core: MasterCore
    var now = Moment(uptime: .zero, wallNanoseconds: 1_700_000_000_000_000_000)
    /// The writes in their order.
    var writes: [[RegistryOperation]] = []
    /// Which write fails, from 1 on.
    let failing: Int?
    /// Those that the master was told are durable.
    var durable = RegistryContents()
    var answers: [CallAnswer] = []
    private var lastToken: UInt64 = 0

    init(failing: Int? = nil) {
      self.failing = failing
      var configuration = MasterCore.Configuration(masterID: "M", masterInfo: .with { $0.id = "M" })
      configuration.registryAgentAgeMax = .seconds(1_000)
      configuration.registryCollectionInterval = .seconds(100)
      configuration.weights = ["flag": 3]
      core = MasterCore(configuration: configuration, registry: RecoveredRegistry(), at: now)
      take(core.start(at: now))
    }

    mutating func take(_ directives: [MasterCore.Directive]) {
      for directive in directives {
        switch directive {
        case .persist(let operations, let number):
          writes.append(operations)
          if writes.count == failing {
            take(core.handle(.persistFailed(number, message: "disk full"), at: now))
          } else {
            for operation in operations { durable.apply(operation) }
            take(core.handle(.persisted(number), at: now))
          }
        case .answer(_, let answer): answers.append(answer)
        default: break
        }
      }
    }

    mutating func operate(_ build: (inout MasterCall) -> Void) {
      var call = MasterCall()
      build(&call)
      lastToken += 1
      take(core.handle(.operatorCall(call, principal: nil, token: CallToken(lastToken)), at: now))
    }

    mutating func pass(_ duration: Duration) {
      let end = now.uptime + duration
      while let due = core.nextDeadline, due <= end {
        if due > now.uptime { now = now.advanced(by: due - now.uptime) }
        take(core.handle(.tick, at: now))
      }
      now = now.advanced(by: end - now.uptime)
    }

    mutating func register(_ session: UInt64, _ hostname: String) {
      let record = LinkRegister.with {
        $0.agentInfo.hostname = hostname
        $0.agentInfo.resources = (try? Resources.parse("cpus:4;mem:1000").messages) ?? []
        $0.capabilities = [.with { $0.type = .agentDraining }]
        $0.version = "1.11.0"
      }
      take(
        core.handle(
          .agentMessage(
            AgentConnection(number: session), .register(record),
            address: AgentAddress(hostname: hostname, ip: "10.0.0.1", port: 5051)), at: now))
    }

    /// Everything that a registry is written for.
    mutating func runAll() {
      for (session, name) in [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e")] as [(UInt64, String)] {
        register(session, name)
      }
      operate {
        $0.type = .updateQuota
        $0.updateQuota.quotaConfigs = ["dev", "ops"].map { role in
          .with {
            $0.role = role
            $0.guarantees = ["cpus": .with { $0.value = 1.5 }]
            $0.limits = ["cpus": .with { $0.value = 2 }, "mem": .with { $0.value = 100 }]
          }
        }
      }
      operate {
        $0.type = .updateWeights
        $0.updateWeights.weightInfos = [
          .with {
            $0.role = "dev"
            $0.weight = 2.5
          }
        ]
      }
      operate {
        $0.type = .drainAgent
        $0.drainAgent.agentID.value = "M-S0"
        $0.drainAgent.maxGracePeriod.seconds = 5
      }
      operate {
        $0.type = .deactivateAgent
        $0.deactivateAgent.agentID.value = "M-S1"
      }
      operate {
        $0.type = .markAgentGone
        $0.markAgentGone.agentID.value = "M-S2"
      }
      let machines = [("d", "10.0.0.1"), ("nobody", "10.0.0.9")].map { name, ip in
        MachineID.with {
          $0.hostname = name
          $0.ip = ip
        }
      }
      operate {
        $0.type = .updateMaintenanceSchedule
        $0.updateMaintenanceSchedule.schedule.windows = [
          .with {
            $0.machineIds = machines
            $0.unavailability.start.nanoseconds = 5
          }
        ]
      }
      operate {
        $0.type = .startMaintenance
        $0.startMaintenance.machines = machines
      }
      operate {
        $0.type = .stopMaintenance
        $0.stopMaintenance.machines = [machines[1]]
      }
      operate {
        $0.type = .removeQuota
        $0.removeQuota.role = "dev"
      }
      operate {
        $0.type = .removeQuota
        $0.removeQuota.role = "ops"
      }
      for agent in ["M-S0", "M-S1"] {
        operate {
          $0.type = .reactivateAgent
          $0.reactivateAgent.agentID.value = agent
        }
      }
      // One leaves, the others fall silent; one comes back, and what is left is forgotten with time.
      take(
        core.handle(
          .agentMessage(
            AgentConnection(number: 5), .unregister(LinkUnregister()),
            address: AgentAddress(hostname: "e", ip: "10.0.0.1", port: 5051)), at: now))
      pass(.seconds(80))
      let back = LinkReregister.with {
        $0.agentInfo.id.value = "M-S0"
        $0.agentInfo.hostname = "a"
        $0.version = "1.11.0"
      }
      take(
        core.handle(
          .agentMessage(
            AgentConnection(number: 9), .reregister(back),
            address: AgentAddress(hostname: "a", ip: "10.0.0.1", port: 5051)), at: now))
      for _ in 0..<30 {
        take(core.handle(.agentHeard(AgentConnection(number: 9)), at: now))
        pass(.seconds(50))
      }
    }
  }

  private static func kind(_ operation: RegistryOperation) -> String {
    switch operation {
    case .admitAgent: "admitAgent"
    case .markUnreachable: "markUnreachable"
    case .markReachable: "markReachable"
    case .removeAgent: "removeAgent"
    case .setCondition: "setCondition"
    case .clearCondition: "clearCondition"
    case .markGone: "markGone"
    case .forgetGone: "forgetGone"
    case .setQuota: "setQuota"
    case .removeQuota: "removeQuota"
    case .setWeight: "setWeight"
    case .setMaintenance: "setMaintenance"
    case .requireCapability: "requireCapability"
    case .releaseCapability: "releaseCapability"
    }
  }

  private static let kinds = [
    "admitAgent", "clearCondition", "forgetGone", "markGone", "markReachable", "markUnreachable", "releaseCapability",
    "removeAgent", "removeQuota", "requireCapability", "setCondition", "setMaintenance", "setQuota", "setWeight",
  ]

  @Test func `after a kill at any write the next master knows what was durable and nothing else`() async throws {
    var master = Driven()
    master.runAll()
    #expect(Set(master.writes.joined().map(Self.kind)).sorted() == Self.kinds, "every kind of write is among them")
    #expect(master.answers.allSatisfy { $0 == .ok }, "\(master.answers)")

    let storage = MemoryStateStorage()
    var contents = RegistryContents()
    for (number, write) in master.writes.enumerated() {
      // Killed before this write: what was durable is there.
      let before = try RegistryStore.recover(try await storage.load())
      #expect(before == contents.recovered, "before write \(number + 1)")
      try await storage.apply(try write.flatMap(RegistryStore.changes(for:)))
      for operation in write { contents.apply(operation) }
    }
    #expect(try RegistryStore.recover(try await storage.load()) == contents.recovered)
    #expect(master.durable == contents)
  }

  @Test func `a write that fails, whichever it is, takes nothing with it that was acknowledged`() async throws {
    var whole = Driven()
    whole.runAll()
    for number in 1...whole.writes.count {
      var master = Driven(failing: number)
      master.runAll()
      let problems = master.core.checkInvariants()
      #expect(problems.isEmpty, "write \(number): \(problems)")
      // What it shows is what is durable, and what a new master finds.
      let storage = MemoryStateStorage()
      for (index, write) in master.writes.enumerated() where index + 1 != number {
        try await storage.apply(try write.flatMap(RegistryStore.changes(for:)))
      }
      let found = try RegistryStore.recover(try await storage.load())
      let shown = master.core.snapshot()
      #expect(found.quotas == shown.quotas, "write \(number)")
      #expect(found.maintenance == shown.maintenance, "write \(number)")
      #expect(found.weights.merging(["flag": 3]) { $1 } == shown.weights, "write \(number)")
      let admitted = Set(found.agents.filter { $0.unreachableSince == nil }.map(\.id))
      #expect(Set(shown.agents.keys).isSubset(of: admitted), "write \(number)")
      for agent in found.agents where shown.agents[agent.id] != nil {
        #expect(agent.condition?.isDeactivated ?? false == shown.agents[agent.id]?.deactivated, "write \(number)")
      }
    }
  }

  @Test func `the registry of a file is that of memory`() async throws {
    try await TestFolder.with { folder in
      var master = Driven()
      master.runAll()
      let file = try await SQLiteStateStorage(path: folder + "/registry.sqlite")
      let memory = MemoryStateStorage()
      for write in master.writes.prefix(20) {
        let changes = try write.flatMap(RegistryStore.changes(for:))
        try await file.apply(changes)
        try await memory.apply(changes)
      }
      await file.close()
      let again = try await SQLiteStateStorage(path: folder + "/registry.sqlite")
      #expect(try RegistryStore.recover(try await again.load()) == RegistryStore.recover(try await memory.load()))
      await again.close()
    }
  }

  @Test func `a registry that asks for more than this master can do is refused with the name of it`() throws {
    let record = StoredRecord(key: "capabilities/TIME_TRAVEL", formatVersion: 1, bytes: [])
    #expect {
      try RegistryStore.recover([record])
    } throws: { error in
      let error = error as? MasterError
      return error?.code == .unreadableRegistry && error?.message.contains("TIME_TRAVEL") == true
    }
    let known = StoredRecord(key: "capabilities/QUOTA_V2", formatVersion: 1, bytes: [])
    #expect(throws: Never.self) { try RegistryStore.recover([known]) }
  }

  @Test(
    arguments: [
      ("conditions/S1", [0xff]), ("quotas/dev", []), ("weights/dev", [9, 0, 0, 0, 0, 0, 0, 0, 0]),
      ("maintenance", [0xff]), ("gone/S1", []), ("maintenance/more", []), ("nonsense", []),
    ] as [(String, [UInt8])])
  func `a record that is not what its key says is refused with its key`(key: String, bytes: [UInt8]) throws {
    #expect {
      try RegistryStore.recover([StoredRecord(key: key, formatVersion: 1, bytes: bytes)])
    } throws: { error in
      let error = error as? MasterError
      return error?.code == .unreadableRegistry && error?.message.contains(key) == true
    }
  }

  @Test func `what an operator did to an agent that is gone from the registry is left out`() throws {
    let orphan = try RegistryStore.changes(for: .setCondition("S1", AgentCondition(isDeactivated: true)))
    guard case .put(let record)? = orphan.first else { return }
    #expect(try RegistryStore.recover([record]) == RecoveredRegistry())
  }
}
