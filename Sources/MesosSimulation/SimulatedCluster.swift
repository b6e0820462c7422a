public import AgentCore
import AgentLink
import AgentLinkModel
import DequeModule
import ExecutorCore
import MasterCore
public import MesosModel
import MesosTestKit
import SchedulerCore

/// A whole cluster in one value: the real cores of master, agents, schedulers and executors on a virtual clock, with a simulated network,
/// disks and processes.
///
/// ```swift
/// var cluster = SimulatedCluster(seed: 7)
/// cluster.addAgents(3, resources: "cpus:4;mem:4096")
/// let framework = cluster.addFramework("web")
/// cluster.demand(SimulatedTask("t1", .runs(for: .seconds(60))), of: framework)
/// cluster.crash(.agent(1), at: .seconds(30), for: .seconds(5))
/// cluster.run(until: .seconds(120))
/// // cluster.violations is empty, cluster.task("t1", of: framework)?.state is .taskFinished
/// ```
///
/// **One loop.** Everything that happens stands in a heap by its moment and the order in which it was put there. A step takes the first,
/// gives it to the core it concerns, and performs the directives that come back as the servers do: what is sent goes into connections,
/// what is written to disks, what waits for time back into the heap. Nothing runs between two steps, so an idle node costs nothing.
///
/// **One seed.** Every node draws from a generator of its own, which the seed and the node's name give: another node does not change what
/// the others draw. Equal seeds and scripts give an equal ``traceHash`` in every process.
///
/// **What is simulated.** Connections deliver in order or break, as TCP's do; the agent link's sessions resume over them by the real
/// protocol. A disk does one write after the other, each whole or not at all; a crash loses those that are not done, or all but a few of
/// them. Containers are processes that outlive their agent's process. Clocks of machines can jump on the wall, never in uptime.
///
/// **Checkers** watch from outside (``CheckerSet``); what they find stands in ``violations``, and the simulation stops there.
public struct SimulatedCluster: Sendable {
  /// What the cluster was made with.
  public let configuration: Configuration
  /// What everything is drawn from.
  public let seed: UInt64

  // MARK: State

  var queue = EventQueue()
  var now: Int64 = 0
  var master: MasterNode
  var agents: [AgentNode] = []
  var frameworks: [FrameworkNode] = []
  var executors: [Int: ExecutorNode] = [:]
  var lastExecutor = 0
  var connections: [ConnectionNumber: Connection] = [:]
  var lastConnection: ConnectionNumber = 0
  /// Nodes whose packets do not leave them, and nodes that none reach.
  var mutedFrom: [SimulatedNode: Int] = [:]
  var mutedTo: [SimulatedNode: Int] = [:]
  /// Packets take so much longer while the network is slow.
  var delays: [Int64] = []
  var trace = Trace()
  var checkers: Checkers
  /// A mistake that the harness makes on purpose, so that a checker has something to find.
  var sabotage: Sabotage?
  var hasSabotaged = false
  /// The last offer of each agent, for a mistake that is made with it.
  var sabotagedOffers: [AgentKey: Offer] = [:]

  /// Steps taken.
  public private(set) var steps = 0
  /// What the checkers found; the simulation stops at the first.
  public internal(set) var violations: [Violation] = []
  /// Ticks in a row at one moment, to find a core that asks for the same moment for ever.
  var ticksAtOnce = 0

  /// A cluster of a master alone, which starts at the first step.
  ///
  /// - Parameters:
  ///   - seed: What everything is drawn from.
  ///   - configuration: Latencies, timeouts and checkers.
  public init(seed: UInt64, configuration: Configuration = Configuration()) {
    self.seed = seed
    self.configuration = configuration
    master = MasterNode(rng: Self.generator(seed, .master))
    checkers = Checkers(configuration)
    trace.isOn = configuration.isTraced
    startMaster()
  }

  /// A generator for a node, whatever other nodes there are.
  static func generator(_ seed: UInt64, _ node: SimulatedNode) -> SplitMix {
    var name: UInt64
    switch node {
    case .master: name = 0
    case .agent(let index): name = UInt64(index) << 2 | 1
    case .framework(let index): name = UInt64(index) << 2 | 2
    case .executor(let number): name = UInt64(number) << 2 | 3
    }
    var names = SplitMix(seed: name)
    name = names.next()
    return SplitMix(seed: seed ^ name)
  }

  // MARK: Building

  /// Adds agents of these resources, each with an address of its own, and starts them.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - resources: What each has, as Mesos writes it.
  ///   - configure: Changes what each agent is told at its start.
  public mutating func addAgents(
    _ count: Int, resources: String = "cpus:8;mem:8192;disk:100000",
    configure: (inout AgentCore.Configuration) -> Void = { _ in }
  ) {
    for _ in 0..<count {
      let index = agents.count
      var info = AgentInfo()
      info.hostname = "agent\(index)"
      info.port = 5051
      info.resources = SimulatedTask.simulated(resources).messages
      var configuration = AgentCore.Configuration(
        agentInfo: info, ip: "10.\(index >> 16 & 255).\(index >> 8 & 255).\(index & 255)", port: 5051,
        workDirectory: "/var/lib/mesos", launcherDirectory: "/usr/libexec/mesos")
      configure(&configuration)
      agents.append(AgentNode(configuration: configuration, rng: Self.generator(seed, .agent(index))))
      startAgent(index)
    }
  }

  /// Adds a framework that runs tasks (``TaskRunner``), and starts it.
  ///
  /// - Returns: Its index, for ``demand(_:of:at:)`` and ``task(_:of:)``.
  @discardableResult
  public mutating func addFramework(_ name: String, role: String = "dev") -> Int {
    let settings = FrameworkSettings(name: name, role: role)
    return addFramework(settings, TaskRunner(framework: settings.info))
  }

  /// Adds a framework with a behaviour of its own, and starts it.
  ///
  /// - Returns: Its index.
  @discardableResult
  public mutating func addFramework(_ settings: FrameworkSettings, _ behaviour: any FrameworkBehaviour) -> Int {
    let index = frameworks.count
    var scheduler = settings.scheduler
    scheduler.framework = settings.info
    frameworks.append(
      FrameworkNode(
        configuration: scheduler, behaviour: behaviour, rng: Self.generator(seed, .framework(index))))
    checkers.added(framework: index, isCheckpointing: settings.info.checkpoint)
    startFramework(index)
    return index
  }

  /// Has a framework want a task from a moment on.
  ///
  /// - Parameter time: Since the start of the simulation; at once where it has passed.
  public mutating func demand(_ task: SimulatedTask, of framework: Int, at time: Duration = .zero) {
    queue.insert(.demand(framework: framework, task), at: max(now, time.wholeNanoseconds))
  }

  /// Has a framework make a call at once, as its author's code would.
  public mutating func call(_ call: SchedulerCall, of framework: Int) {
    make([call], of: framework)
    handlePendingOfFramework(framework)
  }

  /// Has a framework kill a task at once.
  public mutating func kill(_ task: TaskKey, of framework: Int) {
    var call = SchedulerCall()
    call.type = .kill
    call.kill.taskID = TaskID(task)
    self.call(call, of: framework)
  }

  // MARK: Running

  /// The time since the start of the simulation.
  public var elapsed: Duration { .nanoseconds(now) }

  /// The hash of everything that happened so far.
  public var traceHash: TraceHash { trace.hash }

  /// Gives every line of the course to `sink` from now on.
  public mutating func traceLines(to sink: @escaping @Sendable (String) -> Void) { trace.sink = sink }

  /// When the next thing happens, since the start; `nil` when nothing ever will.
  public var nextOccurrence: Duration? { queue.next.map { .nanoseconds($0) } }

  /// Takes steps until this moment, or the first violation.
  public mutating func run(until time: Duration) {
    let end = time.wholeNanoseconds
    while violations.isEmpty, let next = queue.next, next <= end { step() }
    if violations.isEmpty { now = max(now, end) }
  }

  /// Takes steps for so long, or up to the first violation.
  public mutating func run(for duration: Duration) { run(until: elapsed + duration) }

  /// Takes steps until `condition` holds.
  ///
  /// - Returns: Whether it held before the time was over.
  public mutating func run(
    until condition: (SimulatedCluster) -> Bool, within duration: Duration
  ) -> Bool {
    let end = now + duration.wholeNanoseconds
    while violations.isEmpty {
      if condition(self) { return true }
      guard let next = queue.next, next <= end else { break }
      step()
    }
    return condition(self)
  }

  /// Does the next thing that is due, if any is.
  public mutating func step() {
    guard let (at, occurrence) = queue.popFirst() else { return }
    if at > now { ticksAtOnce = 0 }
    now = max(now, at)
    steps += 1
    switch occurrence {
    case .tick(let node): tick(node, at: at)
    case .arrival(let connection, let toServer): arrive(connection, toServer: toServer)
    case .dial(let agent, let incarnation): dial(agent, incarnation: incarnation)
    case .written(let node, let incarnation): written(node, incarnation: incarnation)
    case .frameworkIDWritten(let framework, let incarnation, let stream):
      frameworkIDWritten(framework, incarnation: incarnation, stream: stream)
    case .callTimedOut(let connection): callTimedOut(connection)
    case .container(let executor, let step): container(executor, step)
    case .taskEnds(let executor, let task, let run): taskEnds(executor, task, run: run)
    case .demand(let framework, let task): demanded(task, of: framework)
    case .kill(let framework, let task):
      if frameworks[framework].tasks[task]?.state != nil { kill(task, of: framework) }
    case .fault(let fault): begin(fault)
    case .repair(let repair): end(repair)
    case .operate(let act): perform(act)
    }
    if steps % configuration.stepsBetweenFolds == 0 { lookAtEverything() }
  }

  // MARK: Time and chance

  func moment(_ wallOffset: Int64) -> Moment {
    Moment(uptime: .nanoseconds(now), wallNanoseconds: configuration.wallStart &+ now &+ wallOffset)
  }

  /// The earlier of two deadlines.
  static func first(_ one: Duration?, _ other: Duration?) -> Duration? {
    guard let one, let other else { return one ?? other }
    return min(one, other)
  }

  static func draw(_ range: ClosedRange<Duration>, using rng: inout SplitMix) -> Int64 {
    let low = max(0, range.lowerBound.wholeNanoseconds)
    let high = max(low, range.upperBound.wholeNanoseconds)
    return low + Int64(rng.next(upperBound: UInt64(high - low) + 1))
  }

  /// A duration from the generator of a node; of an executor, that of its agent.
  mutating func draw(_ range: ClosedRange<Duration>, for node: SimulatedNode) -> Int64 {
    switch node {
    case .master: Self.draw(range, using: &master.rng)
    case .agent(let index): Self.draw(range, using: &agents[index].rng)
    case .framework(let index): Self.draw(range, using: &frameworks[index].rng)
    case .executor(let number): draw(range, for: .agent(executors[number]?.agent ?? 0))
    }
  }

  private mutating func tick(_ node: SimulatedNode, at: Int64) {
    ticksAtOnce += 1
    guard ticksAtOnce < 200_000 else {
      violate(.progress, "\(node) asks for the same moment for ever")
      return
    }
    switch node {
    case .master: tickMaster(at: at)
    case .agent(let index): tickAgent(index, at: at)
    case .framework(let index): tickFramework(index, at: at)
    case .executor(let number): tickExecutor(number, at: at)
    }
  }

  mutating func violate(_ checker: CheckerSet, _ text: String) {
    violations.append(Violation(seed: seed, at: elapsed, step: steps, checker: checker, text: text))
  }
}
