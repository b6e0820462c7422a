import AgentCore
import MesosModel

/// What the agent's actor asks of those who touch processes and folders.
enum ContainerWork: Sendable {
  case launch(ContainerLaunch)
  case destroy(ContainerKey)
  /// A process of the agent before.
  case watch(ContainerKey, ProcessIdentity)
  /// A sandbox that may go when its time is over.
  case remove(String)
}
