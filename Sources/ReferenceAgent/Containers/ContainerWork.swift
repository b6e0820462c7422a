import AgentCore
import MesosModel

/// What the agent's actor asks of those who touch processes and folders.
enum ContainerWork: Sendable {
  case launch(ContainerLaunch)
  /// A process that was launched may execute its program.
  case proceed(ContainerKey)
  /// A sandbox to be shown in the files API, now or as soon as it is made.
  case show(ContainerKey, directory: String, virtualPaths: [String])
  case destroy(ContainerKey)
  /// Folders of volumes, to be done before anything that comes later.
  case volumes([VolumeStep], UInt64)
  /// A process of the agent before.
  case watch(ContainerKey, ProcessIdentity)
  /// A sandbox that may go when its time is over.
  case remove(String)
}
