import MasterCore
import MesosModel

/// The state that changes add up to.
struct ClusterState: Sendable {
  private(set) var sequence: UInt64 = 0
  private(set) var agents: Slab<Record<AgentContent>>
  private(set) var recoveredAgents: Slab<Record<RecoveredAgentContent>>
  private(set) var frameworks: Slab<FrameworkEntry>
  private(set) var completedFrameworks: Slab<FrameworkEntry>
  private(set) var tasks: Slab<Record<TaskContent>>
  private(set) var unreachableTasks: Slab<Record<TaskContent>>
  private(set) var completedTasks: Slab<Record<TaskContent>>
  private(set) var executors: Slab<Record<ExecutorContent>>
  private(set) var weights: [String: Double] = [:]
  private(set) var operations: Slab<Record<OperationContent>>
  private(set) var quotas = QuotaTree()
  private(set) var maintenance = MaintenancePlan()
  /// How frameworks answered inverse offers, by machine and agent.
  private(set) var inverseAnswers: [MachineName: [AgentKey: [FrameworkKey: InverseOfferStatus]]] = [:]
  private var inverseOfferOwners: [OfferKey: FrameworkKey] = [:]
  /// Changes of rows that are not there.
  private(set) var unmatchedChanges = 0
  private var offerOwners: [OfferKey: FrameworkKey] = [:]
  private var offersMade: UInt64 = 0
  let ledger: EncodingLedger

  init(chunkSize: Int, ledger: EncodingLedger) {
    self.ledger = ledger
    agents = Slab(chunkSize: chunkSize)
    recoveredAgents = Slab(chunkSize: chunkSize)
    frameworks = Slab(chunkSize: chunkSize)
    completedFrameworks = Slab(chunkSize: chunkSize)
    tasks = Slab(chunkSize: chunkSize)
    unreachableTasks = Slab(chunkSize: chunkSize)
    completedTasks = Slab(chunkSize: chunkSize)
    executors = Slab(chunkSize: chunkSize)
    operations = Slab(chunkSize: chunkSize)
  }

  mutating func fold(_ change: Change) {
    precondition(change.sequence == sequence + 1, "change \(change.sequence) after \(sequence)")
    sequence = change.sequence
    switch change.kind {
    case .agent(let row): agents.put(Record(AgentContent(row: row), ledger))
    case .agentStatus(let id, let status):
      expect(
        agents.update(id) { record in
          var row = record.content.row
          row.status = status
          record = Record(AgentContent(row: row), ledger)
        })
    case .agentRemoved(let id): expect(agents.remove(id) != nil)
    case .recoveredAgent(let id, let info):
      recoveredAgents.put(Record(RecoveredAgentContent(id: id, info: info), ledger))
    case .recoveredAgentRemoved(let id): expect(recoveredAgents.remove(id) != nil)

    case .framework(let row): put(row)
    case .frameworkStatus(let id, let status):
      expect(frameworks.update(id) { $0.record = $0.record.with(status, ledger) })
    case .frameworkCompleted(let id, let status):
      guard let entry = frameworks.remove(id) else { return expect(false) }
      for offer in entry.offers.keys { offerOwners[offer] = nil }
      for offer in entry.inverseOffers.keys { inverseOfferOwners[offer] = nil }
      completedFrameworks.put(FrameworkEntry(record: entry.record.with(status, ledger)))
    case .frameworkForgotten(let id): expect(completedFrameworks.remove(id) != nil)

    case .offer(let offer):
      offersMade += 1
      put(
        Record(OfferContent(offer: offer, ordinal: offersMade), ledger), of: offer.frameworkID.key, in: \.offers,
        \.offerOwners)
    case .offerRemoved(let id):
      guard let owner = offerOwners.removeValue(forKey: id) else { return expect(false) }
      expect(frameworks.update(owner) { $0.offers[id] = nil })

    case .task(let row): put(row)
    case .taskStatus(let framework, let id, let status):
      let path = TaskPath(framework: framework, task: id)
      func change(_ record: inout Record<TaskContent>) {
        record = record.with(status, record.content.row.section, ledger)
      }
      expect(tasks.update(path, change) || unreachableTasks.update(path, change) || completedTasks.update(path, change))
    case .taskMoved(let framework, let id, let status, let section):
      let path = TaskPath(framework: framework, task: id)
      // An id may be used again once its task has ended, so the living one is meant first.
      guard let record = tasks.remove(path) ?? unreachableTasks.remove(path) ?? completedTasks.remove(path) else {
        return expect(false)
      }
      put(record.with(status, section, ledger))
    case .taskForgotten(let framework, let id):
      let path = TaskPath(framework: framework, task: id)
      expect((completedTasks.remove(path) ?? unreachableTasks.remove(path) ?? tasks.remove(path)) != nil)

    case .executor(let row): executors.put(Record(ExecutorContent(row: row), ledger))
    case .executorRemoved(let framework, let agent, let id):
      expect(executors.remove(ExecutorPath(framework: framework, agent: agent, executor: id)) != nil)

    case .roleWeight(let role, let weight): weights[role] = weight

    case .operation(let row): operations.put(Record(OperationContent(row: row), ledger))
    case .operationStatus(let id, let status):
      expect(
        operations.update(id) { record in
          var row = record.content.row
          row.status = status
          record = Record(OperationContent(row: row), ledger)
        })
    case .operationRemoved(let id): expect(operations.remove(id) != nil)
    case .quota(let role, let quota): quotas[role] = quota
    case .maintenance(let plan): maintenance = plan
    case .inverseOffer(let offer):
      offersMade += 1
      put(
        Record(InverseOfferContent(offer: offer, ordinal: offersMade), ledger), of: offer.frameworkID.key,
        in: \.inverseOffers, \.inverseOfferOwners)
    case .inverseOfferRemoved(let id):
      guard let owner = inverseOfferOwners.removeValue(forKey: id) else { return expect(false) }
      expect(frameworks.update(owner) { $0.inverseOffers[id] = nil })
    case .inverseOfferAnswer(let machine, let agent, let framework, let status):
      inverseAnswers[machine, default: [:]][agent, default: [:]][framework] = status
      if inverseAnswers[machine]?[agent]?.isEmpty ?? false { inverseAnswers[machine]?[agent] = nil }
      if inverseAnswers[machine]?.isEmpty ?? false { inverseAnswers[machine] = nil }
    }
  }

  /// The framework that holds an offer.
  func owner(of offer: OfferKey) -> FrameworkKey? { offerOwners[offer] }

  private mutating func expect(_ matched: Bool) {
    if !matched { unmatchedChanges += 1 }
  }

  private mutating func put(_ row: FrameworkRow) {
    let record = Record(FrameworkContent(row: row), ledger)
    if !frameworks.update(row.id, { $0.record = record }) { frameworks.put(FrameworkEntry(record: record)) }
  }

  /// Notes an offer, or an inverse one, with its framework, and whose it is.
  private mutating func put<Content: RecordContent>(
    _ record: Record<Content>, of owner: FrameworkKey,
    in list: WritableKeyPath<FrameworkEntry, [OfferKey: Record<Content>]>,
    _ owners: WritableKeyPath<Self, [OfferKey: FrameworkKey]>
  ) where Content.Key == OfferKey {
    if frameworks.update(owner, { $0[keyPath: list][record.key] = record }) {
      self[keyPath: owners][record.key] = owner
    } else {
      unmatchedChanges += 1
    }
  }

  private mutating func put(_ row: TaskRow) { put(Record(TaskContent(row: row), ledger)) }

  private mutating func put(_ record: Record<TaskContent>) {
    switch record.content.row.section {
    case .active: tasks.put(record)
    case .unreachable: unreachableTasks.put(record)
    case .completed:
      // The newest of the same id counts, at the place of the newest.
      completedTasks.remove(record.key)
      completedTasks.put(record)
    }
  }
}

extension Record where Content == FrameworkContent {
  func with(_ status: FrameworkRow.Status, _ ledger: EncodingLedger) -> Record {
    var row = content.row
    row.status = status
    return Record(FrameworkContent(row: row), ledger)
  }
}

extension Record where Content == TaskContent {
  func with(_ status: TaskRow.Status, _ section: TaskRow.Section, _ ledger: EncodingLedger) -> Record {
    var row = content.row
    row.status = status
    row.section = section
    return Record(TaskContent(row: row), ledger)
  }
}
