import MesosAuthorization
import MesosModel
import SwiftProtobuf

// Who may do what: asked before each action, with the words of Apache Mesos for what is refused.
extension MasterCore {
  /// An action and what it is about.
  ///
  /// - Source: Apache Mesos 1.11, `master/authorization.cpp`.
  struct ActionObject {
    var action: AuthorizedAction
    /// `nil` for any.
    var name: String?
    /// What `name` was read off.
    var resource: Resource?

    init(_ action: AuthorizedAction, _ name: String? = nil, _ resource: Resource? = nil) {
      self.action = action
      self.name = name
      self.resource = resource
    }
  }

  func permits(_ object: ActionObject, by principal: Principal?) -> Bool {
    configuration.authorizer?.permits(object.action, by: principal, on: object.name) ?? true
  }

  func permits(_ action: AuthorizedAction, by principal: Principal?, on name: String? = nil) -> Bool {
    permits(ActionObject(action, name), by: principal)
  }

  /// What frameworks are asked as: who they say they are, which was compared with who they are known to be.
  private static func principal(of info: FrameworkInfo) -> Principal? {
    info.hasPrincipal ? Principal(value: info.principal) : nil
  }

  // MARK: Frameworks

  /// Why a framework may not subscribe as it wishes, if it may not. It needs to be allowed every role.
  func refusal(ofSubscription info: FrameworkInfo) -> String? {
    let roles = info.subscribedRoles
    guard let authorizer = configuration.authorizer,
      !roles.allSatisfy({ authorizer.permits(.registerFramework, by: Self.principal(of: info), on: $0) })
    else { return nil }
    return "Not authorized to register framework \(info.id.value) with roles { "
      + Set(roles).sorted().joined(separator: ", ") + " }"
  }

  /// Why a framework may not launch a task, if it may not.
  func refusal(ofTask task: TaskInfo, of info: FrameworkInfo, isInGroup: Bool) -> String? {
    guard let authorizer = configuration.authorizer else { return nil }
    let user =
      task.hasCommand && task.command.hasUser
      ? task.command.user
      : task.hasExecutor && task.executor.command.hasUser ? task.executor.command.user : info.user
    guard !authorizer.permits(.runTask, by: Self.principal(of: info), on: user) else { return nil }
    let what = "launch task \(task.taskID.value) of framework \(info.id.value) under user '\(user)'"
    // Apache Mesos has no space there.
    return isInGroup
      ? "Task '\(task.taskID.value)' is not authorized to\(what)"
      : "Principal '\(info.principal)' no authorized to \(what)"
  }

  /// Why a framework may not do an operation that was found valid, if it may not.
  func refusal(of operation: Offer.Operation, by info: FrameworkInfo) -> String? {
    guard configuration.authorizer != nil,
      let refused = operation.actionObjects.first(where: { !permits($0, by: Self.principal(of: info)) })
    else { return nil }
    return "Principal '\(info.principal)' no authorized to perform action \(refused.action.rawValue) on \(refused.text)"
  }

  // MARK: Operators

  /// Whether an operator may do an operation that was found valid.
  func permits(_ operation: Offer.Operation, by principal: Principal?) -> Bool {
    configuration.authorizer == nil || operation.actionObjects.allSatisfy { permits($0, by: principal) }
  }

  /// Whether an operator may make a call about agents, whatever the agent.
  func permits(aboutAgents call: MasterCall, by principal: Principal?) -> Bool {
    switch call.type {
    case .drainAgent:
      permits(.drainAgent, by: principal) && (!call.drainAgent.markGone || permits(.markAgentGone, by: principal))
    case .deactivateAgent: permits(.deactivateAgent, by: principal)
    case .reactivateAgent: permits(.reactivateAgent, by: principal)
    case .markAgentGone: permits(.markAgentGone, by: principal)
    default: true
    }
  }

  // MARK: Agents

  /// Why an agent may not join, if it may not: what it has reserved by itself counts as its reserving it.
  func refusal(ofAgent info: AgentInfo, by principal: Principal?) -> String? {
    guard configuration.authorizer != nil else { return nil }
    let roles = Set(info.resources.map(\.reservationRole)).sorted()
    let isReserved = roles.contains { $0 != RoleName.star }
    let permitted =
      (!isReserved || roles.allSatisfy { permits(.reserveResources, by: principal, on: $0) })
      && permits(.registerAgent, by: principal)
    guard !permitted else { return nil }
    let resources = (try? Resources(info.resources)).map(\.description) ?? ""
    return "Not authorized to register agent providing resources '\(resources)'"
  }
}

extension CallAnswer {
  /// As Apache Mesos refuses what the caller may not do.
  static let forbidden = CallAnswer.rejected(status: 403, text: "403 Forbidden.")
}

extension MasterCore.ActionObject {
  /// As errors name it.
  fileprivate var text: String {
    guard let name else { return "ANY object" }
    var json = String(decoding: AgentID.with { $0.value = name }.jsonBytes(), as: UTF8.self)
    if let resource, json.last == "}" {
      json.removeLast()
      json += ",\"resource\":" + String(decoding: resource.jsonBytes(), as: UTF8.self) + "}"
    }
    return "object " + json
  }
}

extension Resource {
  /// The role that it is reserved for last; `*` for what is not reserved.
  fileprivate var reservationRole: String {
    reservations.last?.role ?? (hasRole && !role.isEmpty ? role : RoleName.star)
  }
}

extension Offer.Operation {
  /// What its sender has to be allowed. It is in the present format and valid.
  fileprivate var actionObjects: [MasterCore.ActionObject] {
    typealias Object = MasterCore.ActionObject
    /// One for each role.
    func roles(_ action: AuthorizedAction, _ resources: [Resource]) -> [Object] {
      var seen: Set<String> = []
      return resources.compactMap { resource in
        let role = resource.reservationRole
        return seen.insert(role).inserted ? Object(action, role, resource) : nil
      }
    }
    func unreserving(_ resources: [Resource]) -> [Object] {
      let named = resources.filter { $0.reservations.last?.hasPrincipal ?? false }
      return named.map { Object(.unreserveResources, $0.reservations.last?.principal, $0) }
        + (named.count < resources.count ? [Object(.unreserveResources)] : [])
    }
    switch type {
    case .reserve:
      guard let first = reserve.source.first, let last = reserve.resources.first else {
        return roles(.reserveResources, reserve.resources)
      }
      // From the one to the other by what both have in common.
      let common = zip(first.reservations, last.reservations).prefix { $0 == $1 }.count
      var source = reserve.source
      var objects: [Object] = []
      while let reservations = source.first?.reservations, reservations.count > common {
        objects += unreserving(source)
        for index in source.indices where !source[index].reservations.isEmpty {
          source[index].reservations.removeLast()
        }
      }
      for reservation in last.reservations.dropFirst(common) {
        for index in source.indices { source[index].reservations.append(reservation) }
        objects += roles(.reserveResources, source)
      }
      return objects
    case .unreserve: return unreserving(unreserve.resources)
    case .create:
      let objects = roles(.createVolume, create.volumes)
      return objects.isEmpty ? [Object(.createVolume)] : objects
    case .destroy:
      let volumes = destroy.volumes.filter { $0.hasDisk && $0.disk.hasPersistence }
      return volumes.isEmpty
        ? [Object(.destroyVolume)] : volumes.map { Object(.destroyVolume, $0.disk.persistence.principal, $0) }
    case .growVolume: return roles(.resizeVolume, [growVolume.volume])
    case .shrinkVolume: return roles(.resizeVolume, [shrinkVolume.volume])
    case .createDisk:
      return roles(createDisk.targetType == .mount ? .createMountDisk : .createBlockDisk, [createDisk.source])
    case .destroyDisk:
      let action: AuthorizedAction =
        switch destroyDisk.source.disk.source.type {
        case .mount: .destroyMountDisk
        case .block: .destroyBlockDisk
        default: .destroyRawDisk
        }
      return roles(action, [destroyDisk.source])
    case .launch, .launchGroup, .unknown: return []
    }
  }
}
