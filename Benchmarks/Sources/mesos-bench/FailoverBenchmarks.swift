import AgentLink
import AgentLinkModel
import ClusterView
import MasterCore
import MesosHTTP
import MesosModel
import SwiftProtobuf

#if canImport(Glibc)
  import Glibc
#endif

/// A master that takes the place of another one: how long until all agents are registered again and readers see what they run.
///
/// In process, as `MasterFailover_BENCHMARK_Test.AgentReregistrationDelay` of Apache Mesos: what agents send is made before the clock
/// runs; the core takes it, and the readers' view what the core tells, on one thread, whose processor time is the figure. The agents are those of the
/// registry.
enum FailoverBenchmarks {
  static func run(_ harness: inout Harness) {
    // Agents, history of each, and the seconds that Apache Mesos 1.5 published for running and finished tasks of this number.
    let points: [(agents: Int, history: Int, published: Double?)] =
      harness.isSmoke
      ? [(50, 0, nil), (50, 10, nil)] : [(20_000, 0, 8.9), (40_000, 0, 19.1), (20_000, 100, 53.3), (40_000, 10, nil)]
    for point in points {
      let history = point.history > 0 ? ", \(point.history) finished each" : ""
      let name = "fail-over in process: \(point.agents) agents, 10 tasks each\(history)"
      guard harness.wants(name) else { continue }
      for isDecoded in [false, true] {
        harness.point(name) { harness in
          let outcome = try measure(
            ClusterShape(agents: point.agents, completedPerAgent: point.history), isDecoded: isDecoded)
          // Six seconds for the largest one of the issue, the same pace for the others.
          let kind = isDecoded ? ", values in" : ", bytes in"
          let floor = point.history == 0 && !harness.isSmoke ? 6.0 * Double(point.agents) / 40_000 : nil
          harness.record(
            Figure(
              name: name + kind, value: outcome.seconds, unit: "s", better: .lower, floor: floor,
              published: point.published))
          harness.record(
            Figure(name: name + kind + ", wall", value: outcome.wallSeconds, unit: "s", better: .lower))
          harness.record(
            Figure(
              name: name + kind + ", longest turn", value: outcome.longest * 1_000, unit: "ms", better: .lower))
          guard let sweep = outcome.sweep else { return }
          let agents = "\(point.agents) agents" + kind
          harness.record(
            Figure(name: "sign of life of \(agents)", value: sweep.heard * 1_000, unit: "ms", better: .lower))
          harness.record(
            Figure(name: "ping sweep of \(agents)", value: sweep.swept * 1_000, unit: "ms", better: .lower))
          harness.record(
            Figure(
              name: "ping sweep of \(agents), longest turn", value: sweep.longest * 1_000, unit: "ms", better: .lower,
              floor: harness.isSmoke ? nil : 5))
        }
      }
    }
  }

  fileprivate struct Outcome {
    /// Processor time, which other work on the machine does not change much.
    var seconds = 0.0
    var wallSeconds = 0.0
    /// The longest that one agent, or one step of the allocator, took.
    var longest = 0.0
    /// What it takes to hear of all agents once, and to look once at when each was heard, in processor time.
    var sweep: (heard: Double, swept: Double, longest: Double)?
  }

  private static func measure(_ shape: ClusterShape, isDecoded: Bool) throws -> Outcome {
    var master = try BenchmarkMaster(shape)
    var outcome = Outcome()
    // The agents of a batch are made while the clock stands still: all at once would be gigabytes.
    for first in stride(from: 0, to: shape.agents, by: 500) {
      let batch = first..<min(first + 500, shape.agents)
      if isDecoded {
        let values = batch.map { shape.reregistration(of: $0, extra: $0 == 0 ? 0..<shape.frameworks : 0..<0) }
        for (agent, value) in zip(batch, values) {
          outcome.time { master.take(.reregister(value), of: agent) }
        }
      } else {
        let records = try batch.map { try shape.record(of: $0, extra: $0 == 0 ? 0..<shape.frameworks : 0..<0) }
        for (agent, record) in zip(batch, records) {
          try outcome.time {
            guard let body = try LinkProtocol.decodeUp(record).body else { return }
            master.take(body, of: agent)
          }
        }
      }
    }
    while master.isUnfinished { outcome.time { master.tick() } }
    try master.check(shape)
    // All were registered at one moment, so that all are looked at in the same one: the worst there is.
    if shape.completed == 0 {
      var (hearing, sweeping) = (Outcome(), Outcome())
      let timeout = master.core.configuration.agentTimeout
      master.advance(by: timeout - .seconds(1))
      for agent in 0..<shape.agents { hearing.time { master.hear(of: agent) } }
      master.advance(by: .seconds(1))
      // More turns than it can take, so that a master that never comes to its end is seen in the figure.
      for _ in 0..<10_000 {
        sweeping.time { master.tick() }
        if !master.isUnfinished, !master.isDue { break }
      }
      try master.check(shape)
      outcome.sweep = (hearing.seconds, sweeping.seconds, max(hearing.longest, sweeping.longest))
    }
    return outcome
  }
}

extension FailoverBenchmarks.Outcome {
  private static var processorSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  fileprivate mutating func time(_ work: () throws -> Void) rethrows {
    let (start, begin) = (ContinuousClock.now, Self.processorSeconds)
    try work()
    let taken = Self.processorSeconds - begin
    seconds += taken
    wallSeconds += (ContinuousClock.now - start).seconds
    longest = max(longest, taken)
  }
}

/// The core and the readers' view without sockets.
struct BenchmarkMaster {
  private(set) var core: MasterCore
  let view = ClusterView()
  /// Whether the allocator has more to do.
  private(set) var isUnfinished = false
  private var registered = 0
  private var now = Moment(uptime: .seconds(1), wallNanoseconds: 1_700_000_000_000_000_000)

  /// A master whose registry has all agents of `shape`.
  init(_ shape: ClusterShape) throws {
    let id = "00000000-0000-4000-8000-000000000001"
    var options = BinaryEncodingOptions()
    options.useDeterministicOrdering = true
    let agents = try (0..<shape.agents).map { agent in
      RecoveredRegistry.Agent(
        id: AgentKey(ClusterShape.agentID(agent)),
        info: try ClusterShape.agentInfo(agent).serializedBytes(partial: true, options: options), unreachableSince: nil)
    }
    core = MasterCore(
      configuration: MasterCore.Configuration(masterID: id, masterInfo: .with { $0.id = id }),
      registry: RecoveredRegistry(agents: agents), at: now)
    perform(core.start(at: now))
  }

  mutating func take(_ body: LinkUp.OneOf_Body, of agent: Int) {
    let address = AgentAddress(hostname: "host", ip: "127.0.0.1", port: 5_051)
    perform(core.handle(.agentMessage(AgentConnection(number: UInt64(agent + 1)), body, address: address), at: now))
  }

  mutating func hear(of agent: Int) {
    perform(core.handle(.agentHeard(AgentConnection(number: UInt64(agent + 1))), at: now))
  }

  mutating func advance(by duration: Duration) {
    now = Moment(
      uptime: now.uptime + duration, wallNanoseconds: now.wallNanoseconds + Int64(duration.seconds * 1e9))
  }

  /// Whether something is to be done at this moment.
  var isDue: Bool { core.nextDeadline.map { $0 <= now.uptime } ?? false }

  mutating func tick() {
    isUnfinished = false
    perform(core.handle(.tick, at: now))
  }

  private mutating func perform(_ directives: [MasterCore.Directive]) {
    for directive in directives {
      switch directive {
      case .changed(let change): view.fold(change)
      case .sendToAgent(_, .registered): registered += 1
      case .continueCycle: isUnfinished = true
      default: break
      }
    }
  }

  /// Whether everything arrived that `shape` has.
  func check(_ shape: ClusterShape) throws {
    let snapshot = view.snapshot()
    let kept = min(shape.completed, shape.frameworks * core.configuration.completedTasksPerFrameworkMax)
    try require(registered == shape.agents, "\(registered) of \(shape.agents) agents are registered")
    try require(
      snapshot.agentCount == shape.agents && snapshot.taskCount(.active) == shape.tasks
        && snapshot.taskCount(.completed) == kept && view.unmatchedChanges == 0,
      "\(snapshot.agentCount) agents, \(snapshot.taskCount(.active)) tasks, \(snapshot.taskCount(.completed)) finished, "
        + "\(view.unmatchedChanges) changes of what is not there")
  }
}
