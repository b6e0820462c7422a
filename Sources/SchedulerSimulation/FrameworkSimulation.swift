public import MesosModel
public import MesosRuntime
import MesosSimulation
public import SchedulerKit
import Synchronization

/// A framework's own async code in virtual time: one thread, one seed, an hour in the time that its computing takes.
///
/// ```swift
/// let simulation = FrameworkSimulation(seed: 7)
/// let result = try await simulation.run(upTo: .seconds(3_600)) { runtime in
///   try await myFramework(runtime: runtime)
/// }
/// ```
/// All tasks of the code run on one task executor, whose queue one thread drains. When the queue is empty the code is quiet: it waits for
/// time alone, and virtual time jumps to the next timer. Nothing but the seed decides what happens, so that equal seeds give
/// equal ``traceHash`` in every process.
///
/// That holds for code which keeps to the contract of `Runtime`. What does not is stopped with a ``FrameworkSimulationError`` that
/// names the place and the remedy: a `Task { }`, a `Task.sleep`, a hop to the main actor, a continuation that another thread
/// resumes. What goes on within other threads without touching the simulation cannot be seen.
public final class FrameworkSimulation: Sendable {
  /// In which order tasks go on that could go on at the same time.
  public struct Order: Hashable, Sendable {
    let isSeeded: Bool
    /// Who became ready first goes first.
    public static let arrival = Order(isSeeded: false)
    /// The seed draws lots: each seed tries another interleaving.
    public static let seeded = Order(isSeeded: true)
  }

  let loop: VirtualLoop
  /// The seed that decides everything.
  public let seed: UInt64

  /// - Parameters:
  ///   - seed: Of random numbers, ids and, where ``Order/seeded`` is chosen, of the order of tasks.
  ///   - wallNanoseconds: What the wall clock shows at the start; 2026-01-01T00:00:00Z where nothing is said.
  ///   - stepsMax: After so many steps of tasks the run ends with `.tooManySteps`: a loop that never waits would not end.
  public init(
    seed: UInt64, order: Order = .arrival, wallNanoseconds: Int64 = 1_767_225_600_000_000_000,
    stepsMax: Int = 50_000_000
  ) {
    self.seed = seed
    loop = VirtualLoop(seed: seed, isSeeded: order.isSeeded, wallNanoseconds: wallNanoseconds, stepsMax: stepsMax)
  }

  /// What the simulated code takes time, chance and tasks from.
  public var runtime: Runtime { Runtime(loop) }

  /// The virtual time; `uptime` begins at zero.
  public var now: Moment { loop.moment }

  /// A hash of all that has happened: steps, timers, random numbers, what was noted with ``note(_:)``, and everything in a cluster that
  /// is connected.
  public var traceHash: UInt64 {
    let network = loop.state.withLock { $0.network }
    let cluster = network?.state.withLock { $0.cluster.traceHash.value }
    return loop.state.withLock { state in
      var trace = state.trace
      if let cluster { trace.add(cluster) }
      return trace.value
    }
  }

  /// How many times a task went on, until now.
  public var steps: Int { loop.state.withLock { $0.steps } }

  /// Puts a text into the trace.
  public func note(_ text: String) { loop.state.withLock { $0.trace.add(text) } }

  /// Gives each `Scheduler` that takes ``runtime`` this transport in the place of HTTP.
  ///
  /// - Parameter make: Called once a scheduler. What it makes sleeps through `runtime`, as all simulated code does.
  public func connect(_ make: @escaping @Sendable (SchedulerConfiguration) -> any SchedulerTransport) {
    loop.state.withLock { $0.makeTransport = make }
  }

  /// Runs `body` to its end in virtual time. To be called once.
  ///
  /// When `body` has ended what it spawned is cancelled and given the chance to end.
  /// - Parameter limit: The virtual time that it may take.
  /// - Throws: ``FrameworkSimulationError`` where the contract was broken or the time is up, else what `body` throws.
  public func run<Success: Sendable>(
    upTo limit: Duration, _ body: @escaping @Sendable (Runtime) async throws -> Success
  ) async throws -> Success {
    let runtime = runtime
    return try await loop.run(upTo: limit) { try await body(runtime) }
  }

  /// Calls `action` when the virtual time has come; in order of their calls for equal times.
  ///
  /// It is for what the simulated code meets: a master that sends something, a fault.
  /// - Parameter action: Runs between the steps of tasks; it must not block.
  public func schedule(at uptime: Duration, _ action: @escaping @Sendable () -> Void) {
    loop.schedule(at: uptime, action)
  }

  /// Calls `action` once so much virtual time has passed.
  public func schedule(after delay: Duration, _ action: @escaping @Sendable () -> Void) {
    loop.schedule(at: loop.moment.uptime + delay, action)
  }

  /// Does what has its outcome from outside, on threads outside, while virtual time stands still.
  ///
  /// - Throws: What `operation` throws.
  public func external<Success: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Success
  ) async throws -> Success {
    try await loop.external(operation)
  }
}
