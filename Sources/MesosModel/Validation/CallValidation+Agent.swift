import SwiftProtobuf

extension CallValidation {
  /// Checks a call of an operator, or of an executor for its containers, to an agent.
  /// - Throws: `ValidationError` about the first rule broken.
  public static func validate(_ call: AgentCall) throws(ValidationError) {
    try validateBase(isInitialized: call.isInitialized, hasType: call.hasType)
    switch call.type {
    case .getMetrics: try expect(call.hasGetMetrics, "get_metrics")
    case .setLoggingLevel: try expect(call.hasSetLoggingLevel, "set_logging_level")
    case .listFiles: try expect(call.hasListFiles, "list_files")
    case .readFile: try expect(call.hasReadFile, "read_file")
    case .launchNestedContainer: try validateLaunchNested(call)
    case .waitNestedContainer:
      try expect(call.hasWaitNestedContainer, "wait_nested_container")
      try validate(nested: call.waitNestedContainer.containerID, of: "wait_nested_container")
    case .killNestedContainer:
      try expect(call.hasKillNestedContainer, "kill_nested_container")
      try validate(nested: call.killNestedContainer.containerID, of: "kill_nested_container")
    case .removeNestedContainer:
      try expect(call.hasRemoveNestedContainer, "remove_nested_container")
      try validate(nested: call.removeNestedContainer.containerID, of: "remove_nested_container")
    case .launchNestedContainerSession: try validateLaunchNestedSession(call)
    case .attachContainerInput: try validateAttachInput(call)
    case .attachContainerOutput:
      try expect(call.hasAttachContainerOutput, "attach_container_output")
      try validate(call.attachContainerOutput.containerID, of: "attach_container_output")
    case .launchContainer: try validateLaunch(call)
    case .waitContainer:
      try expect(call.hasWaitContainer, "wait_container")
      try validate(call.waitContainer.containerID, of: "wait_container")
    case .killContainer:
      try expect(call.hasKillContainer, "kill_container")
      try validate(call.killContainer.containerID, of: "kill_container")
    case .removeContainer:
      try expect(call.hasRemoveContainer, "remove_container")
      try validate(call.removeContainer.containerID, of: "remove_container")
    case .addResourceProviderConfig:
      try expect(call.hasAddResourceProviderConfig, "add_resource_provider_config")
      try expectUnset(call.addResourceProviderConfig.info.hasID, "add_resource_provider_config.info.id")
    case .updateResourceProviderConfig:
      try expect(call.hasUpdateResourceProviderConfig, "update_resource_provider_config")
      try expectUnset(call.updateResourceProviderConfig.info.hasID, "update_resource_provider_config.info.id")
    case .removeResourceProviderConfig:
      try expect(call.hasRemoveResourceProviderConfig, "remove_resource_provider_config")
    case .markResourceProviderGone: try expect(call.hasMarkResourceProviderGone, "mark_resource_provider_gone")
    case .unknown, .getHealth, .getFlags, .getVersion, .getLoggingLevel, .getState, .getContainers, .getFrameworks,
      .getExecutors, .getOperations, .getTasks, .getAgent, .getResourceProviders, .pruneImages:
      break
    }
  }

  private static func validateLaunchNested(_ call: AgentCall) throws(ValidationError) {
    let name = "launch_nested_container"
    try expect(call.hasLaunchNestedContainer, name)
    let launch = call.launchNestedContainer
    try validate(nested: launch.containerID, of: name)
    try validate(
      launch.hasCommand ? launch.command : nil, launch.hasContainer ? launch.container : nil, of: name)
    if ContainerValidation.sharesCgroups(launch.container) == false, isNestedTwice(launch.containerID) {
      throw nestedTwice(name, "set 'share_cgroups' to 'false'", "container.linux_info.share_cgroups")
    }
  }

  private static func validateLaunchNestedSession(_ call: AgentCall) throws(ValidationError) {
    let name = "launch_nested_container_session"
    try expect(call.hasLaunchNestedContainerSession, name)
    let launch = call.launchNestedContainerSession
    try validate(nested: launch.containerID, of: name)
    try validate(
      launch.hasCommand ? launch.command : nil, launch.hasContainer ? launch.container : nil, of: name)
    guard ContainerValidation.sharesCgroups(launch.container) != false else {
      throw ValidationError(
        .unsupported,
        "'\(name).container.linux_info' is invalid: 'share_cgroups' cannot be set to 'false' for nested container "
          + "sessions", path: "\(name).container.linux_info.share_cgroups")
    }
  }

  private static func validateAttachInput(_ call: AgentCall) throws(ValidationError) {
    let name = "attach_container_input"
    try expect(call.hasAttachContainerInput, name)
    let input = call.attachContainerInput
    try expect(input.hasType, "\(name).type")
    switch input.type {
    case .containerID: try validate(input.containerID, of: name)
    case .processIo: break
    case .unknown: throw ValidationError(.unsupported, "'\(name).type' is unknown", path: "\(name).type")
    }
  }

  private static func validateLaunch(_ call: AgentCall) throws(ValidationError) {
    let name = "launch_container"
    try expect(call.hasLaunchContainer, name)
    let launch = call.launchContainer
    try validate(launch.containerID, of: name)
    let resources: Resources
    do { resources = try Resources(launch.resources) } catch {
      throw ValidationError(.invalidResources, "Invalid resources: \(error.message)", path: "\(name).resources")
    }
    do { try ResourceValidation.validateGPUs(resources) } catch {
      throw error.within("Invalid GPU resources: ", field: "\(name).resources")
    }
    if !launch.containerID.hasParent { try validate(standalone: resources) }
    try validate(
      launch.hasCommand ? launch.command : nil, launch.hasContainer ? launch.container : nil, of: name)
    let sharesCgroups = ContainerValidation.sharesCgroups(launch.container)
    if isNestedTwice(launch.containerID) {
      guard launch.resources.isEmpty else { throw nestedTwice(name, "specify resources", "resources") }
      guard launch.limits.isEmpty else { throw nestedTwice(name, "specify resource limits", "limits") }
      guard sharesCgroups != false else {
        throw nestedTwice(name, "set 'share_cgroups' to 'false'", "container.linux_info.share_cgroups")
      }
    }
    guard launch.containerID.hasParent || sharesCgroups != true else {
      throw ValidationError(
        .conflictingFields,
        "'\(name)' is invalid: containers without a parent cannot set 'share_cgroups' to 'true'",
        path: "\(name).container.linux_info.share_cgroups")
    }
  }

  /// A container without a parent is not part of any offer: it uses what the agent has beside what it offers.
  private static func validate(standalone resources: Resources) throws(ValidationError) {
    let path = "launch_container.resources"
    for entry in resources.entries {
      func invalid(_ text: String) -> ValidationError {
        ValidationError(.invalidResources, "'\(path)' \(text)", path: path)
      }
      guard !entry.isReserved else { throw invalid("must be unreserved") }
      guard !entry.isPersistentVolume else { throw invalid("may not use persistent volumes") }
      guard !entry.isRevocable else { throw invalid("must be non-revocable") }
    }
  }

  private static func validate(
    _ command: CommandInfo?, _ container: ContainerInfo?, of name: String
  ) throws(ValidationError) {
    if let command {
      do { try CommandValidation.validate(command) } catch {
        throw error.within("'\(name).command' is invalid: ", field: "\(name).command")
      }
    }
    if let container {
      do { try ContainerValidation.validate(container) } catch {
        throw error.within("'\(name).container' is invalid: ", field: "\(name).container")
      }
    }
  }

  private static func validate(_ id: ContainerID, of name: String) throws(ValidationError) {
    do { try IdentifierValidation.validate(id) } catch {
      throw error.within("'\(name).container_id' is invalid: ", field: "\(name).container_id")
    }
  }

  private static func validate(nested id: ContainerID, of name: String) throws(ValidationError) {
    try validate(id, of: name)
    try expect(id.hasParent, "\(name).container_id.parent")
  }

  private static func isNestedTwice(_ id: ContainerID) -> Bool { id.hasParent && id.parent.hasParent }

  private static func nestedTwice(_ name: String, _ what: String, _ field: String) -> ValidationError {
    ValidationError(
      .unsupported, "'\(name)' is invalid: containers nested at the second level or greater cannot \(what)",
      path: "\(name).\(field)")
  }

  private static func expectUnset(_ isPresent: Bool, _ field: String) throws(ValidationError) {
    guard !isPresent else {
      throw ValidationError(.conflictingFields, "Expecting '\(field)' to be unset", path: field)
    }
  }
}
