public import MasterCore
public import MesosModel
import SwiftProtobuf

/// The cluster at one moment; it never changes and may be kept as long as it is of use.
public struct ClusterSnapshot: Sendable {
  /// Number of the last change it holds.
  public let sequence: UInt64
  /// Weights of roles that have one of their own.
  public var weights: [String: Double] {
    sight.map { sight in allWeights.filter { sight.visibility.sees(role: $0.key) } } ?? allWeights
  }
  let allWeights: [String: Double]
  /// What of it is shown; `nil` for everything.
  private(set) var sight: Sight?
  /// Quotas of roles that have one.
  public let quotas: QuotaTree
  /// The schedule of maintenance, and which machines are down.
  public let maintenance: MaintenancePlan
  let ledger: EncodingLedger
  private let inverseAnswers: [MachineName: [AgentKey: [FrameworkKey: InverseOfferStatus]]]
  let agentRows: SlabRows<Record<AgentContent>>
  let recoveredAgentRows: SlabRows<Record<RecoveredAgentContent>>
  let frameworkRows: SlabRows<FrameworkEntry>
  let completedFrameworkRows: SlabRows<FrameworkEntry>
  let taskRows: SlabRows<Record<TaskContent>>
  let unreachableTaskRows: SlabRows<Record<TaskContent>>
  let completedTaskRows: SlabRows<Record<TaskContent>>
  let executorRows: SlabRows<Record<ExecutorContent>>
  let operationRows: SlabRows<Record<OperationContent>>

  init(_ state: ClusterState) {
    sequence = state.sequence
    allWeights = state.weights
    quotas = state.quotas
    maintenance = state.maintenance
    ledger = state.ledger
    inverseAnswers = state.inverseAnswers
    agentRows = state.agents.rows
    recoveredAgentRows = state.recoveredAgents.rows
    frameworkRows = state.frameworks.rows
    completedFrameworkRows = state.completedFrameworks.rows
    taskRows = state.tasks.rows
    unreachableTaskRows = state.unreachableTasks.rows
    completedTaskRows = state.completedTasks.rows
    executorRows = state.executors.rows
    operationRows = state.operations.rows
  }

  /// The same without what a reader may not see; everything with `nil`.
  public func filtered(by visibility: Visibility?) -> ClusterSnapshot {
    var filtered = self
    filtered.sight = visibility.map { visibility in
      Sight(
        visibility,
        of: [frameworkRows, completedFrameworkRows].flatMap { rows in rows.rows.map(\.record.content.row) })
    }
    return filtered
  }

  // For readers that write a document of their own, such as `/state`. Each list is in the order in which its rows came; sequences
  // are lazy.

  public var agents: some Sequence<AgentRow> {
    agentRows.rows.lazy.map { record in
      sight.map { $0.visibility.seen(of: record.content.row) } ?? record.content.row
    }
  }

  /// Agents of the registry that have not come back yet; `info` is an encoded `AgentInfo`.
  public var recoveredAgents: some Sequence<(id: AgentKey, info: [UInt8])> {
    recoveredAgentRows.rows.lazy.map { record in
      (record.content.id, sight.map { $0.visibility.seen(ofRecovered: record.content.info) } ?? record.content.info)
    }
  }

  /// Frameworks with the offers they hold.
  public var frameworks: some Sequence<(row: FrameworkRow, offers: [Offer])> {
    frameworkRows.rows.lazy.filter { sight?.sees($0.key) ?? true }.map {
      ($0.record.content.row, $0.offersInOrder.map(\.content.offer))
    }
  }

  public var completedFrameworks: some Sequence<FrameworkRow> {
    completedFrameworkRows.rows.lazy.filter { sight?.sees($0.key) ?? true }.map(\.record.content.row)
  }

  public func tasks(_ section: TaskRow.Section) -> some Sequence<TaskRow> {
    taskRows(section).rows.lazy.filter(sees).map(\.content.row)
  }

  /// The tasks of a section with their messages, decoded as the sequence goes.
  public func taskMessages(_ section: TaskRow.Section) -> some Sequence<(row: TaskRow, message: MesosTask)> {
    taskRows(section).rows.lazy.filter(sees).map { ($0.content.row, $0.content.row.message) }
  }

  /// The tasks of a section with what pages make of each, which is made once.
  public func taskPages(_ section: TaskRow.Section) -> some Sequence<TaskPages> {
    taskRows(section).rows.lazy.filter(sees).map { TaskPages(record: $0) }
  }

  private func sees(_ task: Record<TaskContent>) -> Bool { sight?.sees(task.content.row) ?? true }

  public var executors: some Sequence<ExecutorRow> {
    executorRows.rows.lazy.map(\.content.row).filter { sight?.sees($0) ?? true }
  }

  /// Operations on the resources of registered agents, until their end is acknowledged.
  public var operations: some Sequence<OperationRow> { operationRows.rows.lazy.map(\.content.row) }

  /// The operations as messages, decoded as the sequence goes.
  public var operationMessages: some Sequence<MesosOperation> {
    operationRows.rows.lazy.map {
      decode([$0.content.row.stable, $0.content.row.status.encoded], as: MesosOperation.self) ?? .init()
    }.filter { sight?.visibility.sees($0) ?? true }
  }

  /// The machines that are draining, with what frameworks answered, and those that are down.
  public var maintenanceStatus: MaintenanceStatus {
    .with {
      $0.drainingMachines = maintenance.drainingMachines.map { name, id in
        .with {
          $0.id = id
          $0.statuses = (inverseAnswers[name] ?? [:]).sorted { $0.key < $1.key }.flatMap { _, answers in
            answers.sorted { $0.key < $1.key }.map(\.value)
          }
        }
      }
      $0.downMachines = maintenance.downMachines
    }
  }

  public var agentCount: Int { agentRows.count }
  public var frameworkCount: Int { frameworkRows.count }
  public var completedFrameworkCount: Int { completedFrameworkRows.count }
  public var executorCount: Int { executorRows.count }
  public func taskCount(_ section: TaskRow.Section) -> Int { taskRows(section).count }

  func taskRows(_ section: TaskRow.Section) -> SlabRows<Record<TaskContent>> {
    switch section {
    case .active: taskRows
    case .unreachable: unreachableTaskRows
    case .completed: completedTaskRows
    }
  }

  /// The roles as GET_ROLES shows them; see ``roleRows(named:)``.
  public var roles: [RoleInfo] {
    roleRows().map { row in
      .with {
        $0.name = row.name
        $0.weight = row.weight
        $0.frameworks = row.frameworks.map { FrameworkID($0) }
        $0.resources = row.scalars.quantities.map { quantity in
          .with {
            $0.name = quantity.name
            $0.type = .scalar
            $0.scalar.value = quantity.amount.doubleValue
          }
        }
      }
    }
  }
}

/// A task and what a page shows of it.
public struct TaskPages: Sendable {
  let record: Record<TaskContent>

  public var framework: FrameworkKey { record.content.row.framework }

  /// The task as `make` writes it, which is asked once in the life of this state of the task for as long as memory is left for it.
  ///
  /// - Parameter make: The same function for all readers.
  public func page<Failure: Error>(_ make: (TaskRow) throws(Failure) -> [UInt8]) throws(Failure) -> [UInt8] {
    try record.page { content throws(Failure) in try make(content.row) }
  }
}
