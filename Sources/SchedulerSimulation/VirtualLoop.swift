import Dispatch
import Foundation
import MesosModel
import MesosRuntime
import Synchronization

/// The one thread that runs simulated tasks, and the time that they see.
final class VirtualLoop: TaskExecutor {
  let state: Mutex<State>
  let stepsMax: Int
  /// Rung when something happened outside that the thread may wait for.
  let doorbell = DispatchSemaphore(value: 0)
  /// Whether the thread itself is starting a task outside, on purpose.
  let isDoorOpen = Atomic<Bool>(false)

  init(seed: UInt64, isSeeded: Bool, wallNanoseconds: Int64, stepsMax: Int) {
    state = Mutex(State(seed: seed, isSeeded: isSeeded, wallNanoseconds: wallNanoseconds))
    self.stepsMax = stepsMax
  }

  /// Whether the caller is on the simulation's thread.
  var isInside: Bool { Trespass.loopOfThisThread === self }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let isInside = isInside
    state.withLock { state in
      // A task that comes when the run is over is left where it is: nothing of the run goes on after it.
      guard state.phase != .over else { return }
      if !isInside { state.fail(.resumedFromOutside) }
      state.ready.append(job)
    }
    if !isInside { doorbell.signal() }
  }

  func schedule(at uptime: Duration, _ action: @escaping @Sendable () -> Void) {
    state.withLock { state in
      _ = state.add(.action(action), at: max(uptime, state.uptime))
    }
  }

  /// A task that was made on this thread goes to the threads outside.
  func taskLeft() {
    guard !isDoorOpen.load(ordering: .relaxed), state.withLock({ $0.phase == .running && $0.failure == nil }) else {
      return
    }
    fail(.unstructuredTask(from: Task<Never, Never>.knownName))
  }

  /// The contract was broken by whatever runs now.
  func fail(_ error: FrameworkSimulationError) { state.withLock { $0.fail(error) } }

  func run<Success: Sendable>(
    upTo limit: Duration, _ body: @escaping @Sendable () async throws -> Success
  ) async throws -> Success {
    let begins = state.withLock { state in
      defer { if state.phase == .idle { state.phase = .running } }
      return state.phase == .idle
    }
    guard begins else { throw FrameworkSimulationError(.ended, "A simulation runs once; make another for another run") }
    Trespass.watch()
    let outcome = Outcome<Success>()
    await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        let thread = Thread {
          Trespass.enter(self)
          // unstructured: on this loop; driven to its end, and cancelled, by `drive`.
          let task = Task(name: "the simulation's body", executorPreference: self) {
            do { outcome.set(.success(try await body())) } catch { outcome.set(.failure(error)) }
          }
          self.drive(upTo: limit, isDone: { outcome.isSet }, cancel: { task.cancel() })
          Trespass.leave()
          continuation.resume()
        }
        thread.stackSize = 8 << 20
        thread.name = "simulation"
        thread.start()
      }
    } onCancel: {
      state.withLock { $0.isCancelled = true }
      doorbell.signal()
    }
    if let failure = state.withLock({ $0.failure }) { throw failure }
    guard let result = outcome.result else { throw CancellationError() }
    return try result.get()
  }
}

/// What came of the body, for the thread that asked for it.
private final class Outcome<Success: Sendable>: Sendable {
  private let value = Mutex<Result<Success, any Error>?>(nil)

  var isSet: Bool { value.withLock { $0 != nil } }
  var result: Result<Success, any Error>? { value.withLock { $0 } }
  func set(_ result: Result<Success, any Error>) { value.withLock { $0 = result } }
}
