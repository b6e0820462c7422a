public import MesosModel

/// What a user wants to run: so many instances of a task, with what they need and where they may be.
///
/// ```swift
/// let web = Demand(
///   "web", count: 3, resources: ["cpus": 0.5, "mem": 128, "ports": 1],
///   constraints: [.unique(.hostname)], command: command)
/// let index = Demand.batch(
///   "index", completions: 100, parallelism: 10, resources: ["cpus": 1, "mem": 256], command: command)
/// ```
/// A **service** runs `count` instances for ever; a **batch** runs each of its `completions` until it has finished once, at most `count`
/// of them at a time. Both have *slots*: slot 3 of a batch is its fourth piece of work, whoever runs it. A slot has one instance at a time;
/// two for a while where ``rollout`` or ``maintenance`` say that the new one comes first.
///
/// A task is told what it is by its environment: `DEMAND_NAME`, `DEMAND_SLOT`, and for ports `PORT0`, `PORT1`, … with `PORT` for the first.
/// Variables that the template sets itself are left alone.
public struct Demand: Hashable, Sendable {
  /// Names the demand among those of its framework: letters, digits, `-` and `_`.
  public var name: String
  /// A service's instances; of a batch, how many may run at once.
  public var count: Int
  /// A batch's pieces of work, each to finish once; `nil` for a service.
  public var completions: Int?
  /// The role whose offers are used.
  public var role: String
  /// What one instance needs: cpus in cores, mem and disk in MB (2^20 bytes). Of what agents offer as ranges, such as `ports`, how many
  /// numbers.
  public var resources: [String: Scalar]
  /// Command, container, health check and so on. Task id, agent and resources are filled in; a custom executor without an id gets that
  /// of the task.
  public var template: TaskInfo
  /// What must hold of the agent of an instance.
  public var constraints: [Constraint]
  /// Over what instances are spread as evenly as offers allow, the most important first; nothing waits for it.
  public var spread: [Field]
  /// Demands of a higher priority are served first from the same offers.
  public var priority: Int
  /// What follows the end of an instance.
  public var replacement: Replacement
  /// What follows when the agent of an instance cannot be reached.
  public var unreachable: Unreachable
  /// How instances of an earlier template are replaced.
  public var rollout: Rollout
  /// What becomes of instances on a machine whose maintenance is planned.
  public var maintenance: Maintenance
  /// How long an instance that is no longer wanted may take to end; its own kill policy where nothing is said.
  public var killGrace: Duration?
  /// A batch's slots that finished before this scheduler began, as the user has written down: an ended task is nobody's to ask for.
  public var finishedBefore: Set<Int>

  /// A service.
  ///
  /// - Parameters:
  ///   - name: Letters, digits, `-` and `_`, at most 128.
  ///   - count: How many instances run.
  ///   - resources: What each needs, see ``resources``.
  ///   - template: What each is, see ``template``.
  public init(
    _ name: String, count: Int, resources: [String: Scalar], role: String = RoleName.star,
    constraints: [Constraint] = [], spread: [Field] = [.agent], template: TaskInfo
  ) {
    self.name = name
    self.count = count
    self.role = role
    self.resources = resources
    self.template = template
    self.constraints = constraints
    self.spread = spread
    priority = 0
    replacement = .always()
    unreachable = Unreachable()
    rollout = Rollout()
    maintenance = .replaceFirst
    finishedBefore = []
  }

  /// A service whose instances run a command.
  public init(
    _ name: String, count: Int, resources: [String: Scalar], role: String = RoleName.star,
    constraints: [Constraint] = [], spread: [Field] = [.agent], command: CommandInfo
  ) {
    self.init(
      name, count: count, resources: resources, role: role, constraints: constraints, spread: spread,
      template: Demand.template(command))
  }

  private static func template(_ command: CommandInfo) -> TaskInfo {
    var template = TaskInfo()
    template.command = command
    return template
  }

  /// Work that ends: each slot from 0 to `completions - 1` runs until it has finished once.
  ///
  /// An instance that fails is run again, three times in all; one on a machine with planned maintenance stays until it has ended.
  /// - Parameter parallelism: How many run at once.
  public static func batch(
    _ name: String, completions: Int, parallelism: Int, resources: [String: Scalar], role: String = RoleName.star,
    constraints: [Constraint] = [], spread: [Field] = [.agent], template: TaskInfo
  ) -> Demand {
    var demand = Demand(
      name, count: parallelism, resources: resources, role: role, constraints: constraints, spread: spread,
      template: template)
    demand.completions = completions
    demand.replacement = .onFailure(attemptsMax: 3)
    demand.maintenance = .stay
    return demand
  }

  /// As ``batch(_:completions:parallelism:resources:role:constraints:spread:template:)``, with a command.
  public static func batch(
    _ name: String, completions: Int, parallelism: Int, resources: [String: Scalar], role: String = RoleName.star,
    constraints: [Constraint] = [], spread: [Field] = [.agent], command: CommandInfo
  ) -> Demand {
    batch(
      name, completions: completions, parallelism: parallelism, resources: resources, role: role,
      constraints: constraints, spread: spread, template: Demand.template(command))
  }

  /// Whether instances run for ever.
  public var isService: Bool { completions == nil }

  /// What instances are told apart by: equal for demands whose instances are the same tasks.
  ///
  /// Template, resources and role count; how many there are, where they may be and all policies do not.
  /// - Complexity: O(*n*) in the size of the template.
  public var templateVersion: UInt32 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func add(_ bytes: some Sequence<UInt8>) {
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    }
    add(MessageBytes.encoded(template))
    add(role.utf8)
    for (name, amount) in resources.sorted(by: { $0.key < $1.key }) { add("\n\(name)=\(amount)".utf8) }
    return UInt32(truncatingIfNeeded: hash ^ (hash >> 32))
  }
}
