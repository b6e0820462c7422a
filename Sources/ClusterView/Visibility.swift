import MasterCore
public import MesosAuthorization
public import MesosModel
import SwiftProtobuf

/// What one reader may see of a cluster.
///
/// Frameworks, tasks and executors are shown by the user they run as, resources and roles by role. A task or an executor whose framework
/// may not be seen is not seen either.
///
/// - Source: Apache Mesos 1.11, *Authorization*; `master/readonly_handler.cpp`, `common/http.hpp`.
public struct Visibility: Sendable, Hashable {
  private let authorizer: any Authorizer
  private let principal: Principal?
  private let seesAllFrameworks: Bool
  private let seesAllTasks: Bool
  private let seesAllExecutors: Bool
  private let seesAllRoles: Bool

  /// What `principal` may see; `nil` where that is everything.
  public init?(of principal: Principal?, by authorizer: (any Authorizer)?) {
    guard let authorizer else { return nil }
    self.authorizer = authorizer
    self.principal = principal
    seesAllFrameworks = authorizer.permitsAll(.viewFramework, by: principal)
    seesAllTasks = authorizer.permitsAll(.viewTask, by: principal)
    seesAllExecutors = authorizer.permitsAll(.viewExecutor, by: principal)
    seesAllRoles = authorizer.permitsAll(.viewRole, by: principal)
    if seesAllFrameworks, seesAllTasks, seesAllExecutors, seesAllRoles { return nil }
  }

  /// Whoever is known by the same principal sees the same; one view has one authorizer.
  public static func == (left: Self, right: Self) -> Bool { left.principal == right.principal }

  public func hash(into hasher: inout Hasher) { hasher.combine(principal) }

  /// Whether the role is shown.
  public func sees(role: String) -> Bool { seesAllRoles || authorizer.permits(.viewRole, by: principal, on: role) }

  /// Whether the resources are shown: every role that they are reserved for and the one that they are allocated to has to be.
  public func sees(_ entry: Resources.Entry) -> Bool {
    seesAllRoles
      || entry.reservations.allSatisfy { sees(role: $0.role) } && entry.allocationRole.map { sees(role: $0) } ?? true
  }

  private func sees(_ resource: Resource) -> Bool {
    if resource.hasRole, resource.role != RoleName.star, !sees(role: resource.role) { return false }
    return resource.reservations.allSatisfy { sees(role: $0.role) }
      && (!resource.hasAllocationInfo || sees(role: resource.allocationInfo.role))
  }

  /// Whether the operation is shown: all that it consumes has to be.
  public func sees(_ operation: MesosOperation) -> Bool {
    guard !seesAllRoles else { return true }
    guard let consumed = try? operation.info.consumedResources() else { return false }
    return consumed.entries.allSatisfy { sees($0) }
  }

  func sees(framework info: [UInt8]) -> Bool { seesFramework(of: Self.user(ofFramework: info)) }

  private func seesFramework(of user: String) -> Bool {
    seesAllFrameworks || authorizer.permits(.viewFramework, by: principal, on: user)
  }

  /// - Parameter stable: A `MesosTask`, encoded.
  func sees(task stable: [UInt8], ofFramework user: String) -> Bool {
    seesAllTasks || authorizer.permits(.viewTask, by: principal, on: Self.user(ofTask: stable) ?? user)
  }

  /// - Parameter info: An `ExecutorInfo`, encoded.
  func sees(executor info: [UInt8], ofFramework user: String) -> Bool {
    seesAllExecutors || authorizer.permits(.viewExecutor, by: principal, on: Self.user(ofExecutor: info) ?? user)
  }

  /// What is shown of an agent.
  func seen(of agent: AgentRow) -> AgentRow {
    guard !seesAllRoles else { return agent }
    var seen = agent
    if var message = decode([agent.stable], as: MasterResponse.GetAgents.Agent.self) {
      message.agentInfo.resources.removeAll { !sees($0) }
      seen.stable = (try? message.serializedBytes(partial: true)) ?? []
    }
    seen.status.total = agent.status.total.filter { sees($0) }
    seen.status.allocated = agent.status.allocated.filter { sees($0) }
    seen.status.offered = agent.status.offered.filter { sees($0) }
    return seen
  }

  /// What is shown of an agent that has not come back yet; `info` is an encoded `AgentInfo`.
  func seen(ofRecovered info: [UInt8]) -> [UInt8] {
    guard !seesAllRoles, var message = decode([info], as: AgentInfo.self) else { return info }
    message.resources.removeAll { !sees($0) }
    return (try? message.serializedBytes(partial: true)) ?? []
  }

  // MARK: Users

  /// `FrameworkInfo.user`.
  static func user(ofFramework info: [UInt8]) -> String { text(WireBytes.first(field: 1, in: info[...])) ?? "" }

  /// `MesosTask.user`.
  private static func user(ofTask stable: [UInt8]) -> String? { text(WireBytes.first(field: 14, in: stable[...])) }

  /// `ExecutorInfo.command.user`.
  private static func user(ofExecutor info: [UInt8]) -> String? {
    WireBytes.first(field: 7, in: info[...]).flatMap { text(WireBytes.first(field: 5, in: $0)) }
  }

  private static func text(_ bytes: ArraySlice<UInt8>?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
}

/// What a reader may see of one snapshot: the frameworks are looked at once.
struct Sight: Sendable {
  let visibility: Visibility
  /// The users of the frameworks that are shown.
  private var users: [FrameworkKey: String] = [:]

  init(_ visibility: Visibility, of frameworks: some Sequence<FrameworkRow>) {
    self.visibility = visibility
    for row in frameworks where visibility.sees(framework: row.info) {
      users[row.id] = Visibility.user(ofFramework: row.info)
    }
  }

  func sees(_ framework: FrameworkKey) -> Bool { users[framework] != nil }

  func sees(_ task: TaskRow) -> Bool {
    users[task.framework].map { visibility.sees(task: task.stable, ofFramework: $0) } ?? false
  }

  func sees(_ executor: ExecutorRow) -> Bool {
    users[executor.framework].map { visibility.sees(executor: executor.info, ofFramework: $0) } ?? false
  }
}

/// What decides who may see an event: what it is about, as it was when it happened.
struct EventSubject: Sendable {
  /// `FrameworkInfo`, encoded.
  var framework: [UInt8]
  /// `MesosTask` without what changes, encoded.
  var task: [UInt8]?
  /// `ExecutorInfo`, encoded.
  var executor: [UInt8]?

  func isSeen(with visibility: Visibility) -> Bool {
    guard visibility.sees(framework: framework) else { return false }
    let user = Visibility.user(ofFramework: framework)
    return task.map { visibility.sees(task: $0, ofFramework: user) } ?? true
      && executor.map { visibility.sees(executor: $0, ofFramework: user) } ?? true
  }
}
