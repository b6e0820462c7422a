import Dispatch
import MesosModel
import MesosRuntime
import MesosTestKit
import Synchronization

/// What simulated code sees of the loop.
extension VirtualLoop: RuntimeProvider {
  var moment: Moment { state.withLock { $0.now } }

  var now: Moment {
    if !isInside { outside("now") }
    return moment
  }

  func random() -> UInt64 {
    if !isInside { outside("random numbers and ids") }
    return state.withLock { state in
      let number = state.generator.next()
      state.trace.add(number)
      return number
    }
  }

  func sleep(until uptime: Duration) async throws {
    guard isInside else { throw outside("sleep") }
    let number = state.withLock { state -> UInt64? in
      uptime <= state.uptime ? nil : state.add(.sleeper, at: uptime)
    }
    guard let number else { return try Task.checkCancellation() }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (sleeper: Sleeper) in
        if Task.isCancelled { return sleeper.resume(throwing: CancellationError()) }
        state.withLock { $0.sleepers[number] = sleeper }
      }
    } onCancel: {
      state.withLock { $0.sleepers.removeValue(forKey: number) }?.resume(throwing: CancellationError())
    }
  }

  func spawn<Success: Sendable>(
    _ name: String, _ operation: @escaping @Sendable () async throws -> Success
  ) -> Task<Success, any Error> {
    if !isInside { outside("spawn") }
    let number = state.withLock { state in
      state.lastSpawn += 1
      state.trace.add(name)
      return state.lastSpawn
    }
    // unstructured: owned by the caller; cancelled at the end of the run at the latest.
    let task = Task(name: name, executorPreference: self) {
      defer { self.state.withLock { _ = $0.spawned.removeValue(forKey: number) } }
      return try await operation()
    }
    state.withLock { state in
      if state.phase != .over { state.spawned[number] = { task.cancel() } }
    }
    return task
  }

  func external<Success: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Success
  ) async throws -> Success {
    guard isInside else { throw outside("external") }
    let work = ExternalWork()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        state.withLock { $0.externals.append(work) }
        isDoorOpen.store(true, ordering: .relaxed)
        defer { isDoorOpen.store(false, ordering: .relaxed) }
        // unstructured: the loop waits for it; cancelled with its caller.
        let task = Task.detached(name: "external") {
          let result: Result<Success, any Error>
          do { result = .success(try await operation()) } catch { result = .failure(error) }
          work.done { continuation.resume(with: result) }
          self.doorbell.signal()
        }
        work.began { task.cancel() }
      }
    } onCancel: {
      work.cancel()
    }
  }

  @discardableResult
  private func outside(_ what: String) -> FrameworkSimulationError {
    let error = FrameworkSimulationError.usedFromOutside(what, by: Task<Never, Never>.knownName)
    state.withLock { state in
      if state.phase == .running { state.fail(error) }
    }
    return state.withLock { $0.phase == .over } ? .over : error
  }
}
