public import MesosModel

/// A task that a simulated framework is to run.
public struct SimulatedTask: Hashable, Sendable {
  /// Its name. Attempts after a loss are named `NAME.2`, `NAME.3`, …
  public var name: String
  /// What it needs, as Mesos writes it: `cpus:1;mem:128`.
  public var resources: Resources
  public var behaviour: TaskBehaviour
  /// The custom executor that runs it, together with others of the same name; `nil` for the command executor.
  public var executor: String?
  /// Whether the framework launches it again when it was lost: dropped, gone with its agent, or never known to it.
  public var isRestarted: Bool

  /// A task of one CPU and 128 MB.
  ///
  /// - Parameters:
  ///   - name: Its id.
  ///   - behaviour: What it does.
  ///   - resources: What it needs.
  ///   - executor: The custom executor that runs it.
  ///   - isRestarted: Whether it is launched again when it was lost.
  public init(
    _ name: String, _ behaviour: TaskBehaviour,
    resources: Resources = SimulatedTask.standardResources, executor: String? = nil, isRestarted: Bool = true
  ) {
    self.name = name
    self.behaviour = behaviour
    self.resources = resources
    self.executor = executor
    self.isRestarted = isRestarted
  }

  /// `cpus:1;mem:128`.
  public static let standardResources = simulated("cpus:1;mem:128")

  /// Resources as this module writes them itself.
  static func simulated(_ text: String) -> Resources { (try? Resources.parse(text)) ?? Resources() }
}
