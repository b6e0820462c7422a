public import MasterCore
public import MesosModel
import SwiftProtobuf

// Rows as the messages of the operator API. Bytes that are no such message came from an agent or a framework; what is known beside them is
// still shown.

extension TaskRow {
  /// As GET_TASKS shows it.
  public var message: MesosTask {
    decode([stable, status.encoded], as: MesosTask.self)
      ?? .with {
        $0.taskID = TaskID(id)
        $0.frameworkID = FrameworkID(framework)
        $0.agentID = AgentID(agent)
        $0.state = status.state
      }
  }
}

extension AgentRow {
  /// As GET_AGENTS shows it.
  public var message: MasterResponse.GetAgents.Agent {
    var message =
      decode([stable], as: MasterResponse.GetAgents.Agent.self) ?? .with { $0.agentInfo.id = AgentID(id) }
    status.fill(&message)
    return message
  }
}

extension AgentRow.Status {
  func fill(_ agent: inout MasterResponse.GetAgents.Agent) {
    agent.active = active
    agent.deactivated = deactivated
    if let time = reregisteredTime { agent.reregisteredTime = time }
    agent.totalResources = total.messages(in: .endpoint)
    agent.allocatedResources = allocated.messages(in: .endpoint)
    agent.offeredResources = offered.messages(in: .endpoint)
    if let drainInfo { agent.drainInfo = drainInfo }
    if let drainStartTime { agent.estimatedDrainStartTime = drainStartTime }
    agent.resourceProviders = resourceProviders.map { info in
      .with {
        $0.resourceProviderInfo = info
        $0.totalResources = total.filter { $0.providerID == info.id.value }.messages(in: .endpoint)
      }
    }
  }
}

extension FrameworkRow {
  /// As GET_FRAMEWORKS shows it, without offers.
  public var message: MasterResponse.GetFrameworks.Framework {
    .with {
      $0.frameworkInfo = decode([info], as: FrameworkInfo.self) ?? .with { $0.id = FrameworkID(id) }
      status.fill(&$0)
    }
  }
}

extension FrameworkRow.Status {
  func fill(_ framework: inout MasterResponse.GetFrameworks.Framework) {
    framework.active = active
    framework.connected = connected
    framework.recovered = recovered
    if let time = registeredTime { framework.registeredTime = time }
    if let time = reregisteredTime { framework.reregisteredTime = time }
    if let time = unregisteredTime { framework.unregisteredTime = time }
    framework.allocatedResources = allocated.messages(in: .endpoint)
    framework.offeredResources = offered.messages(in: .endpoint)
    // Apache Mesos says so of every framework, also of one without constraints.
    framework.offerConstraints = offerConstraints
  }
}
