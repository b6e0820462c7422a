import ClusterView
import MesosAuthorization
import MesosHTTP
import MesosModel
import MesosTestKit
import OperatorCore
import SwiftProtobuf
import Testing

@testable import MasterCore

/// Seeded runs of the whole core, read as an operator's client reads them.
struct EventStreamTests {
  @Test(arguments: Seeds.all)
  func `the folded event stream equals GET_STATE at each step, also after resuming`(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    let encoding: MessageEncoding = Bool.random(using: &random) ? .json : .protobuf
    let view = ClusterView(configuration: .init(rowsPerChunk: 4))
    var run = RandomRun(seed: seed)
    // The master has told its recovered agents and weights, of which it has none here.
    run.tell(view)
    var client = try await EventClient(view, encoding, isExtended: false)
    var resuming = try await EventClient(view, encoding, isExtended: true)
    var resumed = 0
    for step in 0..<600 {
      run.run(steps: 1)
      try client.read()
      let comment: Comment = "SIM_SEED=\(seed) step=\(step)"
      let answer = await view.answer(.getState, encoding: encoding)
      let master = try encoding.decode(MasterResponse.self, from: answer.slices.flatMap(\.self)).getState
      #expect(client.differences(from: master) == [], comment)
      // The other one is away most of the time, and goes on where it was.
      guard Int.random(in: 0..<25, using: &random) == 0 else { continue }
      let before = resuming.sequence
      try resuming.resume()
      try resuming.read()
      if resuming.sequence > before { resumed += 1 }
      #expect(resuming.differences(from: master) == [], comment)
    }
    #expect(view.unmatchedChanges == 0)
    #expect(resumed > 5)
    // A run that misses a kind of event would prove little.
    #expect(client.kinds.isSuperset(of: ["TASK_ADDED", "TASK_UPDATED", "AGENT_ADDED", "FRAMEWORK_ADDED"]))
    #expect(
      resuming.kinds.isSuperset(of: ["AGENT_UPDATED", "OFFER_ADDED", "OFFER_REMOVED", "FRAMEWORK_UPDATED"]))
  }

  /// The readers that see only a part of the cluster.
  ///
  /// - Source: Apache Mesos 1.11, `master/master.cpp`, `Subscribers::Subscriber::send`; *Authorization*.
  @Test(arguments: Seeds.all)
  func `a reader's events add up to what GET_STATE shows that reader`(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    let encoding: MessageEncoding = Bool.random(using: &random) ? .json : .protobuf
    var lists = AccessControlLists()
    let dev = AccessControlLists.Entity.some(["dev"])
    try lists.set(.viewFrameworks, to: [.init(dev, .some(["root"])), .init(dev, .none)])
    try lists.set(.viewTasks, to: [.init(dev, .some(["root"])), .init(dev, .none)])
    try lists.set(.viewExecutors, to: [.init(dev, .some(["root"])), .init(dev, .none)])
    try lists.set(.viewRoles, to: [.init(dev, .some(["dev"])), .init(dev, .none)])
    let visibility = try #require(Visibility(of: Principal(value: "dev"), by: lists))
    #expect(Visibility(of: Principal(value: "ops"), by: lists) == nil, "nothing is kept from others")
    var configuration = ClusterView.Configuration(rowsPerChunk: 4)
    configuration.hasFilteredReaders = true
    let view = ClusterView(configuration: configuration)
    var run = RandomRun(seed: seed)
    run.tell(view)
    var client = try await EventClient(view, encoding, isExtended: false, visibility)
    var resuming = try await EventClient(view, encoding, isExtended: true, visibility)
    var hidden = (frameworks: 0, tasks: 0)
    var step = 0
    // Long enough, and on until something was hidden.
    while step < 300 || (hidden.tasks == 0 && step < 3_000) {
      step += 1
      run.run(steps: 1)
      try client.read()
      let comment: Comment = "SIM_SEED=\(seed) step=\(step)"
      let answer = await view.answer(.getState, encoding: encoding, visibility: visibility)
      let seen = try encoding.decode(MasterResponse.self, from: answer.slices.flatMap(\.self)).getState
      #expect(client.differences(from: seen) == [], comment)
      guard Int.random(in: 0..<25, using: &random) == 0 else { continue }
      try resuming.resume()
      try resuming.read()
      #expect(resuming.differences(from: seen) == [], comment)

      let all = await view.answer(.getState, encoding: encoding)
      let whole = try encoding.decode(MasterResponse.self, from: all.slices.flatMap(\.self)).getState
      let part = Self.part(of: whole)
      #expect(seen.getFrameworks.frameworks.map(\.frameworkInfo) == part.getFrameworks.frameworks.map(\.frameworkInfo))
      #expect(seen.getTasks.tasks == part.getTasks.tasks, comment)
      #expect(seen.getTasks.completedTasks == part.getTasks.completedTasks, comment)
      #expect(seen.getTasks.unreachableTasks == part.getTasks.unreachableTasks, comment)
      #expect(seen.getExecutors.executors == part.getExecutors.executors, comment)
      #expect(seen.getAgents.agents == part.getAgents.agents, comment)
      hidden.frameworks += whole.getFrameworks.frameworks.count - seen.getFrameworks.frameworks.count
      hidden.tasks +=
        part.getFrameworks.frameworks.count == 0 ? 0 : whole.getTasks.tasks.count - seen.getTasks.tasks.count
    }
    #expect(hidden.frameworks > 0 && hidden.tasks > 0, "nothing was hidden: SIM_SEED=\(seed)")
  }

  /// What of a state is of the user root and of no other role than dev.
  private static func part(of whole: MasterResponse.GetState) -> MasterResponse.GetState {
    var part = whole
    part.getFrameworks.frameworks.removeAll { $0.frameworkInfo.user != "root" }
    part.getFrameworks.completedFrameworks.removeAll { $0.frameworkInfo.user != "root" }
    let frameworks = Set(
      (part.getFrameworks.frameworks + part.getFrameworks.completedFrameworks).map(\.frameworkInfo.id.value))
    func isHidden(_ task: MesosTask) -> Bool {
      !frameworks.contains(task.frameworkID.value) || (task.hasUser && task.user != "root")
    }
    part.getTasks.tasks.removeAll(where: isHidden)
    part.getTasks.completedTasks.removeAll(where: isHidden)
    part.getTasks.unreachableTasks.removeAll(where: isHidden)
    part.getExecutors.executors.removeAll { executor in
      let info = executor.executorInfo
      return !frameworks.contains(info.frameworkID.value) || (info.command.hasUser && info.command.user != "root")
    }
    func isHidden(_ resource: Resource) -> Bool {
      resource.reservations.contains { $0.role != "dev" }
        || (resource.hasRole && !["*", "dev"].contains(resource.role))
        || (resource.hasAllocationInfo && resource.allocationInfo.role != "dev")
    }
    for index in part.getAgents.agents.indices {
      part.getAgents.agents[index].agentInfo.resources.removeAll(where: isHidden)
      part.getAgents.agents[index].totalResources.removeAll(where: isHidden)
      part.getAgents.agents[index].allocatedResources.removeAll(where: isHidden)
      part.getAgents.agents[index].offeredResources.removeAll(where: isHidden)
    }
    return part
  }

  @Test func `every kind of event comes in some run`() async throws {
    var kinds: Set<String> = []
    for seed: UInt64 in 1...6 {
      let view = ClusterView()
      var run = RandomRun(seed: seed)
      run.tell(view)
      var client = try await EventClient(view, .protobuf, isExtended: true)
      for _ in 0..<800 {
        run.run(steps: 1)
        try client.read()
      }
      kinds.formUnion(client.kinds)
    }
    #expect(
      kinds == [
        "TASK_ADDED", "TASK_UPDATED", "AGENT_ADDED", "AGENT_REMOVED", "FRAMEWORK_ADDED", "FRAMEWORK_UPDATED",
        "FRAMEWORK_REMOVED", "AGENT_UPDATED", "OFFER_ADDED", "OFFER_REMOVED", "EXECUTOR_ADDED",
        "EXECUTOR_REMOVED", "TASK_FORGOTTEN",
      ])
  }
}

/// A client that reads the stream and folds it.
private struct EventClient {
  let view: ClusterView
  let encoding: MessageEncoding
  let isExtended: Bool
  private var events: ClusterEvents
  private var state: OperatorCore.ClusterState
  private(set) var sequence: UInt64
  private(set) var kinds: Set<String> = []

  private let visibility: Visibility?

  init(
    _ view: ClusterView, _ encoding: MessageEncoding, isExtended: Bool, _ visibility: Visibility? = nil
  ) async throws {
    self.visibility = visibility
    self.view = view
    self.encoding = encoding
    self.isExtended = isExtended
    var configuration = OperatorCore.ClusterState.Configuration()
    // What the client forgets of the past is its own affair: here it keeps everything, and is compared with what the master keeps.
    configuration.completedFrameworksMax = 10_000
    configuration.completedTasksMax = 10_000
    configuration.unreachableTasksMax = 10_000
    state = OperatorCore.ClusterState(configuration: configuration)
    events = view.events(isExtended: isExtended, visibility: visibility)
    let snapshot = try #require(events.snapshot)
    let answer = await view.subscribed(
      to: snapshot, encoding: encoding, heartbeatSeconds: 15, isExtended: isExtended)
    let event = try encoding.decode(MasterEvent.self, from: answer.slices.flatMap(\.self))
    #expect(event.type == .subscribed)
    #expect(event.subscribed.heartbeatIntervalSeconds == 15)
    _ = state.apply(event)
    sequence = snapshot.sequence
  }

  /// Connects again, after the last event it has.
  mutating func resume() throws {
    events = view.events(after: sequence, isExtended: isExtended, visibility: visibility)
    #expect(events.snapshot == nil)
  }

  /// Reads what there is.
  mutating func read() throws {
    while case .events(let batch) = try events.available(maximum: 7) {
      for event in batch {
        #expect(event.sequence > sequence)
        sequence = event.sequence
        kinds.insert(event.typeName)
        if !isExtended { #expect(!event.isExtension) }
        var decoder = RecordIODecoder()
        decoder.append(event.record(encoding, isExtended: isExtended))
        let record = try #require(try decoder.next())
        _ = state.apply(try encoding.decode(MasterEvent.self, from: record))
      }
    }
  }

  /// What the client has otherwise than the master says, apart from what no event tells: allocations, offers,
  /// reservations and connections.
  func differences(from snapshot: MasterResponse.GetState) -> [String] {
    let master = OperatorCore.ClusterState(snapshot: snapshot)
    var differences: [String] = []
    func compare<Value: Equatable>(_ what: String, _ ours: Value, _ theirs: Value) {
      if ours != theirs { differences.append("\(what): \("\(ours)".prefix(2_000)), not \("\(theirs)".prefix(2_000))") }
    }
    compare("agents", state.agents.map(Self.stable), master.agents.map(Self.stable))
    compare("recovered agents", state.recoveredAgents, master.recoveredAgents)
    compare("frameworks", state.frameworks.map(Self.stable), master.frameworks.map(Self.stable))
    let gone = master.completedFrameworks.map(\.frameworkInfo)
    compare("frameworks gone", state.completedFrameworks.suffix(gone.count).map(\.frameworkInfo), gone)
    compare("tasks", state.tasks.map(Self.stable), master.tasks.map(Self.stable))
    for task in master.unreachableTasks + master.completedTasks {
      let ours = state.task(TaskReference(task))
      compare("\(TaskReference(task))", ours.map { Self.stable($0.record) }, Self.stable(task))
      compare("\(TaskReference(task))", ours?.place, master.task(TaskReference(task))?.place)
    }
    // A task that the master has forgotten stays unreachable for a client that does not ask again.
    for task in state.unreachableTasks where master.task(TaskReference(task)).map({ $0.place != .unreachable }) ?? false
    {
      differences.append("\(TaskReference(task)) is not unreachable")
    }
    return differences
  }

  private static func stable(_ agent: MasterResponse.GetAgents.Agent) -> MasterResponse.GetAgents.Agent {
    var agent = agent
    agent.clearActive()
    agent.clearDeactivated()
    agent.clearReregisteredTime()
    // Apache Mesos has no event about an agent that is drained, nor about what operations made of its resources.
    agent.clearDrainInfo()
    agent.clearEstimatedDrainStartTime()
    agent.totalResources = []
    agent.allocatedResources = []
    agent.offeredResources = []
    return agent
  }

  private static func stable(_ framework: MasterResponse.GetFrameworks.Framework)
    -> MasterResponse.GetFrameworks.Framework
  {
    .with {
      $0.frameworkInfo = framework.frameworkInfo
      $0.registeredTime = framework.registeredTime
      $0.reregisteredTime = framework.reregisteredTime
    }
  }

  private static func stable(_ task: MesosTask) -> MesosTask {
    var task = task
    task.clearStatusUpdateState()
    task.clearStatusUpdateUuid()
    return task
  }
}
