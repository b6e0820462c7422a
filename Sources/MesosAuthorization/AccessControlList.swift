/// The lists of rules that `--acls` can have, by their names there.
///
/// - Source: Apache Mesos 1.11, `mesos/authorizer/acls.proto`; `authorizer/local/authorizer.cpp`.
public enum AccessControlList: String, Hashable, Sendable, CaseIterable {
  case registerFrameworks = "register_frameworks"
  case runTasks = "run_tasks"
  case teardownFrameworks = "teardown_frameworks"
  case reserveResources = "reserve_resources"
  case unreserveResources = "unreserve_resources"
  case createVolumes = "create_volumes"
  case destroyVolumes = "destroy_volumes"
  case resizeVolumes = "resize_volumes"
  case createBlockDisks = "create_block_disks"
  case destroyBlockDisks = "destroy_block_disks"
  case createMountDisks = "create_mount_disks"
  case destroyMountDisks = "destroy_mount_disks"
  case destroyRawDisks = "destroy_raw_disks"
  case getQuotas = "get_quotas"
  case updateQuotas = "update_quotas"
  case viewRoles = "view_roles"
  case updateWeights = "update_weights"
  case getEndpoints = "get_endpoints"
  case viewFrameworks = "view_frameworks"
  case viewTasks = "view_tasks"
  case viewExecutors = "view_executors"
  case accessSandboxes = "access_sandboxes"
  case accessMesosLogs = "access_mesos_logs"
  case viewFlags = "view_flags"
  case setLogLevel = "set_log_level"
  case registerAgents = "register_agents"
  case updateMaintenanceSchedules = "update_maintenance_schedules"
  case getMaintenanceSchedules = "get_maintenance_schedules"
  case startMaintenances = "start_maintenances"
  case stopMaintenances = "stop_maintenances"
  case getMaintenanceStatuses = "get_maintenance_statuses"
  case drainAgents = "drain_agents"
  case deactivateAgents = "deactivate_agents"
  case reactivateAgents = "reactivate_agents"
  case markAgentsGone = "mark_agents_gone"
  case viewContainers = "view_containers"
  case launchNestedContainersAsUser = "launch_nested_containers_as_user"
  case launchNestedContainersUnderParentWithUser = "launch_nested_containers_under_parent_with_user"
  case killNestedContainers = "kill_nested_containers"
  case waitNestedContainers = "wait_nested_containers"
  case removeNestedContainers = "remove_nested_containers"
  case launchNestedContainerSessionsAsUser = "launch_nested_container_sessions_as_user"
  case launchNestedContainerSessionsUnderParentWithUser = "launch_nested_container_sessions_under_parent_with_user"
  case attachContainersInput = "attach_containers_input"
  case attachContainersOutput = "attach_containers_output"
  case launchStandaloneContainers = "launch_standalone_containers"
  case killStandaloneContainers = "kill_standalone_containers"
  case waitStandaloneContainers = "wait_standalone_containers"
  case removeStandaloneContainers = "remove_standalone_containers"
  case viewStandaloneContainers = "view_standalone_containers"
  case modifyResourceProviderConfigs = "modify_resource_provider_configs"
  case markResourceProvidersGone = "mark_resource_providers_gone"
  case viewResourceProviders = "view_resource_providers"
  case pruneImages = "prune_images"

  /// How the objects of a list are told apart.
  enum Objects: Hashable, Sendable {
    /// By their place in the tree of roles.
    case roles
    /// By name.
    case names
    /// By name, of ``authorizedPaths``.
    case paths
    /// Not at all.
    case all
  }

  /// Paths whose reading can be allowed and refused one by one.
  public static let authorizedPaths: Set<String> = [
    "/containers", "/containerizer/debug", "/files/debug", "/logging/toggle", "/metrics/snapshot",
    "/monitor/statistics",
  ]

  var objects: Objects {
    switch self {
    case .registerFrameworks, .reserveResources, .createVolumes, .resizeVolumes, .createBlockDisks,
      .destroyBlockDisks, .createMountDisks, .destroyMountDisks, .destroyRawDisks, .getQuotas, .updateQuotas,
      .viewRoles, .updateWeights:
      .roles
    case .runTasks, .teardownFrameworks, .unreserveResources, .destroyVolumes, .viewFrameworks, .viewTasks,
      .viewExecutors, .accessSandboxes, .viewContainers, .launchNestedContainersAsUser,
      .launchNestedContainersUnderParentWithUser, .killNestedContainers, .waitNestedContainers,
      .removeNestedContainers, .launchNestedContainerSessionsAsUser,
      .launchNestedContainerSessionsUnderParentWithUser, .attachContainersInput, .attachContainersOutput:
      .names
    case .getEndpoints:
      .paths
    case .accessMesosLogs, .viewFlags, .setLogLevel, .registerAgents, .updateMaintenanceSchedules,
      .getMaintenanceSchedules, .startMaintenances, .stopMaintenances, .getMaintenanceStatuses, .drainAgents,
      .deactivateAgents, .reactivateAgents, .markAgentsGone, .launchStandaloneContainers, .killStandaloneContainers,
      .waitStandaloneContainers, .removeStandaloneContainers, .viewStandaloneContainers,
      .modifyResourceProviderConfigs, .markResourceProvidersGone, .viewResourceProviders, .pruneImages:
      .all
    }
  }

  /// The member of a rule that has its objects.
  public var objectsName: String {
    switch self {
    case .registerFrameworks, .reserveResources, .createVolumes, .resizeVolumes, .createBlockDisks,
      .destroyBlockDisks, .createMountDisks, .destroyMountDisks, .destroyRawDisks, .getQuotas, .updateQuotas,
      .viewRoles, .updateWeights:
      "roles"
    case .teardownFrameworks:
      "framework_principals"
    case .unreserveResources:
      "reserver_principals"
    case .destroyVolumes:
      "creator_principals"
    case .getEndpoints:
      "paths"
    case .accessMesosLogs:
      "logs"
    case .viewFlags:
      "flags"
    case .setLogLevel:
      "level"
    case .registerAgents, .drainAgents, .deactivateAgents, .reactivateAgents, .markAgentsGone:
      "agents"
    case .updateMaintenanceSchedules, .getMaintenanceSchedules, .startMaintenances, .stopMaintenances,
      .getMaintenanceStatuses:
      "machines"
    case .modifyResourceProviderConfigs, .markResourceProvidersGone, .viewResourceProviders:
      "resource_providers"
    case .pruneImages:
      "images"
    default: "users"
    }
  }

  /// As errors name a rule of the list.
  var messageName: String {
    switch self {
    case .accessMesosLogs: "AccessMesosLog"
    case .viewFlags: "ViewFlags"
    case .setLogLevel: "SetLogLevel"
    case .registerAgents: "RegisterAgent"
    case .updateMaintenanceSchedules: "UpdateMaintenanceSchedule"
    case .getMaintenanceSchedules: "GetMaintenanceSchedule"
    case .startMaintenances: "StartMaintenance"
    case .stopMaintenances: "StopMaintenance"
    case .getMaintenanceStatuses: "GetMaintenanceStatus"
    case .drainAgents: "DrainAgent"
    case .deactivateAgents: "DeactivateAgent"
    case .reactivateAgents: "ReactivateAgent"
    case .markAgentsGone: "MarkAgentGone"
    case .launchStandaloneContainers: "LaunchStandaloneContainer"
    case .killStandaloneContainers: "KillStandaloneContainer"
    case .waitStandaloneContainers: "WaitStandaloneContainer"
    case .removeStandaloneContainers: "RemoveStandaloneContainer"
    case .viewStandaloneContainers: "ViewStandaloneContainer"
    case .modifyResourceProviderConfigs: "ModifyResourceProviderConfig"
    case .markResourceProvidersGone: "MarkResourceProvidersGone"
    case .viewResourceProviders: "ViewResourceProvider"
    case .pruneImages: "PruneImages"
    default: rawValue
    }
  }

  /// The lists that decide about an action: all of them have to allow it.
  static func of(_ action: AuthorizedAction) -> [AccessControlList] {
    switch action {
    case .registerFramework: [.registerFrameworks]
    case .runTask: [.runTasks]
    case .teardownFramework: [.teardownFrameworks]
    case .reserveResources: [.reserveResources]
    case .unreserveResources: [.unreserveResources]
    case .createVolume: [.createVolumes]
    case .destroyVolume: [.destroyVolumes]
    case .resizeVolume: [.resizeVolumes]
    case .createBlockDisk: [.createBlockDisks]
    case .destroyBlockDisk: [.destroyBlockDisks]
    case .createMountDisk: [.createMountDisks]
    case .destroyMountDisk: [.destroyMountDisks]
    case .destroyRawDisk: [.destroyRawDisks]
    case .getQuota: [.getQuotas]
    case .updateQuota: [.updateQuotas]
    case .viewRole: [.viewRoles]
    case .updateWeight: [.updateWeights]
    case .getEndpoint: [.getEndpoints]
    case .viewFramework: [.viewFrameworks]
    case .viewTask: [.viewTasks]
    case .viewExecutor: [.viewExecutors]
    case .accessSandbox: [.accessSandboxes]
    case .accessMesosLog: [.accessMesosLogs]
    case .viewFlags: [.viewFlags]
    case .setLogLevel: [.setLogLevel]
    case .registerAgent: [.registerAgents]
    case .updateMaintenanceSchedule: [.updateMaintenanceSchedules]
    case .getMaintenanceSchedule: [.getMaintenanceSchedules]
    case .startMaintenance: [.startMaintenances]
    case .stopMaintenance: [.stopMaintenances]
    case .getMaintenanceStatus: [.getMaintenanceStatuses]
    case .drainAgent: [.drainAgents]
    case .deactivateAgent: [.deactivateAgents]
    case .reactivateAgent: [.reactivateAgents]
    case .markAgentGone: [.markAgentsGone]
    case .viewContainer: [.viewContainers]
    case .launchNestedContainer: [.launchNestedContainersAsUser, .launchNestedContainersUnderParentWithUser]
    case .killNestedContainer: [.killNestedContainers]
    case .waitNestedContainer: [.waitNestedContainers]
    case .removeNestedContainer: [.removeNestedContainers]
    case .launchNestedContainerSession:
      [.launchNestedContainerSessionsAsUser, .launchNestedContainerSessionsUnderParentWithUser]
    case .attachContainerInput: [.attachContainersInput]
    case .attachContainerOutput: [.attachContainersOutput]
    case .launchStandaloneContainer: [.launchStandaloneContainers]
    case .killStandaloneContainer: [.killStandaloneContainers]
    case .waitStandaloneContainer: [.waitStandaloneContainers]
    case .removeStandaloneContainer: [.removeStandaloneContainers]
    case .viewStandaloneContainer: [.viewStandaloneContainers]
    case .modifyResourceProviderConfig: [.modifyResourceProviderConfigs]
    case .markResourceProviderGone: [.markResourceProvidersGone]
    case .viewResourceProvider: [.viewResourceProviders]
    case .pruneImages: [.pruneImages]
    }
  }
}
