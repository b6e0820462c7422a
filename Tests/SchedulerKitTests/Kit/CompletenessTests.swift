import Foundation
import MesosHTTP
import MesosModel
import SchedulerKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct CompletenessTests {
  private func configuration(_ port: Int) throws -> SchedulerConfiguration {
    var configuration = try SchedulerConfiguration(
      masters: [MasterAddress(host: "127.0.0.1", port: port)], framework: FrameworkSettings(name: "t", user: "nobody"))
    configuration.policy.checksOffers = false
    configuration.policy.reconciliation.isAutomatic = false
    return configuration
  }

  @Test func `every call of the scheduler API has a method`() async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      let configuration = try configuration(ports[0])
      try await withScheduler(configuration) { scheduler in
        for await update in scheduler.updates {
          if case .subscribed = update { master.send(.offers("O2")) }
          if case .offers = update { break }
        }
        try await makeEveryCall(scheduler, configuration.policy.framework)
      }
      let made = Set(master.calls.map(\.call.type)).union([.subscribe, .unknown])
      #expect(made == Set(SchedulerCall.TypeEnum.allCases))
      let update = try #require(master.calls.first { $0.call.type == .updateFramework }).call.updateFramework
      #expect(update.frameworkInfo.id.value == "F1")
      let group = try #require(update.offerConstraints.roleConstraints["*"]?.groups.first)
      #expect(group.attributeConstraints.map(\.selector.attributeName) == ["rack", "", "", "gpu"])
      #expect(
        group.attributeConstraints.map(\.selector.pseudoattributeType).dropFirst().prefix(2) == [.hostname, .zone])
      let asked = try #require(master.calls.first { $0.call.type == .reconcileOperations }).call.reconcileOperations
      #expect(asked.operations.map(\.operationID.value) == ["op"])
      #expect(asked.operations.first?.agentID.value == "A1")
    }
  }

  private func makeEveryCall(_ scheduler: Scheduler, _ framework: FrameworkInfo) async throws {
    let (agent, executor, offer) = (AgentID("A1"), ExecutorID("e"), OfferID("O1"))
    var status = TaskStatus()
    status.taskID.value = "t"
    status.agentID = agent
    status.uuid = Data("u".utf8)
    var operation = OperationStatus()
    operation.operationID.value = "op"
    operation.uuid.value = Data("u".utf8)
    try await scheduler.accept([offer], [.launch([])])
    // DECLINE goes out for offers that are held.
    try await scheduler.decline([OfferID("O2")])
    try await scheduler.accept(inverse: [offer], refuse: .seconds(1))
    try await scheduler.decline(inverse: [offer], refuse: .seconds(1))
    try await scheduler.revive(roles: ["*"])
    try await scheduler.suppress()
    try await scheduler.kill(TaskID("t"), on: agent, gracePeriod: .seconds(3))
    try await scheduler.shutdown(executor: executor, on: agent)
    try await scheduler.acknowledge(status)
    try await scheduler.acknowledge(operation)
    try await scheduler.reconcile()
    try await scheduler.reconcile(operations: [
      OperationRecord(id: "op", agentID: agent)
    ])
    try await scheduler.message([1, 2], to: executor, on: agent)
    try await scheduler.request([ResourceRequest()])
    try await scheduler.updateFramework(
      framework,
      offerConstraints: OfferConstraints([
        "*": [
          [
            .attribute("rack", .equals("r1")), .hostname(.matches("a.*")), .zone(.isPresent),
            .attribute("gpu", .isAbsent),
          ]
        ]
      ]))
  }

  @Test func `every operation of an offer has a builder`() {
    var disk = Resource()
    disk.name = "disk"
    let operations: [Offer.Operation] = [
      .launch([TaskInfo()]), .launchGroup([TaskInfo()], executor: ExecutorInfo()),
      .reserve([disk], from: [disk], id: "1"), .unreserve([disk], id: "2"), .create([disk], id: "3"),
      .destroy([disk], id: "4"), .growVolume(disk, by: disk, id: "5"), .shrinkVolume(disk, by: 2, id: "6"),
      .createDisk(disk, as: .mount, profile: "fast", id: "7"), .destroyDisk(disk, id: "8"),
    ]
    #expect(Set(operations.map(\.type)).union([.unknown]) == Set(Offer.Operation.TypeEnum.allCases))
    #expect(operations.map(\.id.value) == ["", "", "1", "2", "3", "4", "5", "6", "7", "8"])
    #expect(operations[2].reserve.source == [disk])
    #expect(operations[7].shrinkVolume.subtract.value == 2)
    #expect(operations[8].createDisk.targetProfile == "fast")
    #expect(!Offer.Operation.createDisk(disk, as: .block).createDisk.hasTargetProfile)
    #expect(!Offer.Operation.create([disk]).hasID)
  }

  @Test func `every event of the scheduler API is told as what it is`() async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      let scheduler = try Scheduler(configuration: try configuration(ports[0]))
      let running = Task { try await scheduler.run() }
      var told: [String] = []
      for await update in scheduler.updates {
        switch update {
        case .connection(let state): if state == .disconnected { told.append("end") }
        case .subscribed:
          told.append("subscribed")
          for event in events { master.send(event) }
        case .offers: told.append("offers")
        case .inverseOffers: told.append("inverse offers")
        case .rescinded(let id): told.append("rescinded \(id.value)")
        case .inverseOfferRescinded(let id): told.append("inverse rescinded \(id.value)")
        case .task(let update): told.append("task \(update.status.taskID.value)")
        case .operation(let status): told.append("operation \(status.operationID.value)")
        case .message(let message): told.append("message \(message.data)")
        case .failure(let failure): told.append("failure \(failure.agentID?.value ?? "") \(failure.status ?? 0)")
        case .error(let error): told.append("error \(error.message)")
        case .reconciled, .notice: told.append("\(update)")
        }
      }
      #expect(
        told == [
          "subscribed", "offers", "inverse offers", "rescinded O1", "inverse rescinded I1", "task t", "operation op",
          "message [1, 2]", "failure A1 9", "error over", "end",
        ])
      await #expect(throws: SchedulerError.self) { try await running.value }
      #expect(Set(events.map(\.type)).union([.subscribed, .unknown]) == Set(SchedulerEvent.TypeEnum.allCases))
    }
  }

  private var events: [SchedulerEvent] {
    [
      .heartbeat, .offers("O1"),
      .of(.inverseOffers) {
        var offer = InverseOffer()
        offer.id.value = "I1"
        offer.frameworkID.value = "F1"
        offer.unavailability.start.nanoseconds = 1
        $0.inverseOffers.inverseOffers = [offer]
      },
      .of(.rescind) { $0.rescind.offerID.value = "O1" },
      .of(.rescindInverseOffer) { $0.rescindInverseOffer.inverseOfferID.value = "I1" },
      .update("t", .taskRunning),
      .of(.updateOperationStatus) {
        $0.updateOperationStatus.status.operationID.value = "op"
        $0.updateOperationStatus.status.state = .operationFinished
      },
      .of(.message) {
        $0.message.agentID.value = "A1"
        $0.message.executorID.value = "e"
        $0.message.data = Data([1, 2])
      },
      .of(.failure) {
        $0.failure.agentID.value = "A1"
        $0.failure.status = 9
      },
      .error("over"),
    ]
  }
}
