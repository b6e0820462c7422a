import Dispatch
import HeapModule
import MesosModel
import Synchronization

/// How the thread goes on: a task that is ready; else what comes from outside; else time.
extension VirtualLoop {
  /// Virtual time and steps that tasks are given to end in once they are cancelled.
  private static let endingTimeMax = Duration.seconds(3_600)
  private static let endingStepsMax = 1_000_000
  /// Real time that a task outside is given to show itself before a run is given up.
  private static let stallGrace = DispatchTimeInterval.seconds(2)
  private static let timeGrace = DispatchTimeInterval.milliseconds(200)

  func drive(upTo limit: Duration, isDone: () -> Bool, cancel: () -> Void) {
    while true {
      if state.withLock({ $0.steps }) > stepsMax { fail(.tooManySteps(stepsMax)) }
      let ends = state.withLock { isDone() || $0.failure != nil || $0.isCancelled }
      if ends { break }
      guard !goOn(upTo: limit) else { continue }
      let isStalled = state.withLock { $0.nextTimer() == nil }
      // Something may be under way outside that should not be: what it is says more than that nothing is left to do here.
      let grace = isStalled ? VirtualLoop.stallGrace : VirtualLoop.timeGrace
      if doorbell.wait(timeout: .now() + grace) == .success { continue }
      fail(isStalled ? .stalled : .timeIsUp(limit))
    }
    end(isDone, cancel)
  }

  /// Cancels what is left and lets it end.
  private func end(_ isDone: () -> Bool, _ cancel: () -> Void) {
    let (steps, uptime) = state.withLock { state in
      state.phase = .ending
      return (state.steps, state.uptime)
    }
    cancel()
    for cancel in state.withLock({ $0.spawned.sorted { $0.key < $1.key }.map(\.value) }) { cancel() }
    while true {
      let isOver = state.withLock { isDone() && $0.ready.isEmpty && $0.spawned.isEmpty && $0.externals.isEmpty }
      let stepsDone = state.withLock { $0.steps } - steps
      if !isOver, stepsDone < VirtualLoop.endingStepsMax, goOn(upTo: uptime + VirtualLoop.endingTimeMax) { continue }
      state.withLock { state in
        if !isOver { state.fail(.doesNotEnd) }
        state.phase = .over
      }
      return
    }
  }

  /// Does the next thing; false when there is nothing to do until `limit`.
  private func goOn(upTo limit: Duration) -> Bool {
    if step() { return true }
    if let work = state.withLock({ $0.externals.first }) {
      handOver(work)
      return true
    }
    return letTimePass(upTo: limit)
  }

  private func step() -> Bool {
    let job = state.withLock { state -> UnownedJob? in
      guard let job = state.nextReady() else { return nil }
      state.steps += 1
      return job
    }
    guard let job else { return false }
    job.runSynchronously(on: asUnownedTaskExecutor())
    return true
  }

  /// Waits for the oldest work outside, so that outcomes come in the order in which the work began.
  private func handOver(_ work: ExternalWork) {
    while true {
      if let resume = work.takeOutcome() {
        state.withLock { state in
          state.externals.removeFirst()
          state.trace.add("external")
        }
        return resume()
      }
      if state.withLock({ $0.isCancelled || $0.failure != nil }) { work.cancel() }
      doorbell.wait()
    }
  }

  private func letTimePass(upTo limit: Duration) -> Bool {
    enum Due { case sleeper(Sleeper), action(@Sendable () -> Void) }
    let due = state.withLock { state -> Due? in
      guard let timer = state.nextTimer(), timer.deadline <= limit else { return nil }
      state.timers.removeMin()
      state.uptime = timer.deadline
      state.trace.add(UInt64(bitPattern: timer.deadline.wholeNanoseconds))
      state.trace.add(timer.number)
      state.trace.add(UInt64(state.steps))
      switch timer.subject {
      case .sleeper: return state.sleepers.removeValue(forKey: timer.number).map { .sleeper($0) }
      case .action(let action): return .action(action)
      }
    }
    switch due {
    case nil: return false
    case .sleeper(let sleeper): sleeper.resume()
    case .action(let action): action()
    }
    return true
  }
}
