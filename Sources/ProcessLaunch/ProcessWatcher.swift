import CProcessLaunch
import Glibc
import Synchronization

/// Tells tasks when processes end, from one thread that sleeps in the kernel.
///
/// It watches children and processes that are not (those of an earlier run of the program) alike; only of a child can
/// the status be known. The thread ends with the object.
public final class ProcessWatcher: Sendable {
  private let loop: WatchLoop

  /// - Parameter maximumWatched: How many processes can be waited for at once; each takes an open descriptor.
  /// - Throws: ``ProcessLaunchError`` of stage `.watch` when the kernel refuses a descriptor or the thread.
  public init(maximumWatched: Int = 8192) throws(ProcessLaunchError) {
    loop = try WatchLoop(maximumWatched: maximumWatched)
    try loop.start()
  }

  deinit { loop.stop() }

  /// Waits until a process has ended, takes its status if it is a child, and returns how it ended.
  ///
  /// A child's status is there once: all who wait when it ends get it, later callers get `.unknown`.
  ///
  /// - Throws: ``ProcessLaunchError`` of stage `.cancelled` when the calling task is cancelled, of stage `.watch` when
  ///   too many are waited for.
  public func exitStatus(of process: LaunchedProcess) async throws(ProcessLaunchError) -> ProcessExit {
    try await wait(for: process, takingStatus: true)
  }

  /// Waits until a process has ended and leaves its status, if it is a child, to be taken.
  public func end(of process: LaunchedProcess) async throws(ProcessLaunchError) {
    _ = try await wait(for: process, takingStatus: false)
  }

  private func wait(
    for process: LaunchedProcess, takingStatus: Bool
  ) async throws(ProcessLaunchError) -> ProcessExit {
    let waiter = loop.makeWaiter()
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        loop.add(continuation, as: waiter, for: process, takingStatus: takingStatus)
      }
    } onCancel: {
      loop.cancel(waiter)
    }
    return try result.get()
  }
}

private final class WatchLoop: Sendable {
  typealias Continuation = CheckedContinuation<Result<ProcessExit, ProcessLaunchError>, Never>

  private struct Entry {
    var process: LaunchedProcess
    var descriptor: Int32
    var waiters: [(id: UInt64, continuation: Continuation)]
    var takesStatus: Bool
  }

  private struct State {
    var entries: [UInt64: Entry] = [:]
    var tokens: [LaunchedProcess: UInt64] = [:]
    var cancelledEarly: Set<UInt64> = []
    var pending: Set<UInt64> = []
    var lastNumber: UInt64 = 0
    var stopped = false

    mutating func number() -> UInt64 {
      lastNumber += 1
      return lastNumber
    }
  }

  private let state = Mutex(State())
  private let maximumWatched: Int
  private let events: Int32
  private let wakeUp: Int32

  init(maximumWatched: Int) throws(ProcessLaunchError) {
    self.maximumWatched = maximumWatched
    let events = swift_mesos_watch_create()
    guard events >= 0 else { throw ProcessLaunchError(stage: .watch, code: errno, subject: "epoll") }
    let wakeUp = swift_mesos_watch_event()
    guard wakeUp >= 0, swift_mesos_watch_add(events, wakeUp, 0) == 0 else {
      let code = errno
      close(events)
      if wakeUp >= 0 { close(wakeUp) }
      throw ProcessLaunchError(stage: .watch, code: code, subject: "eventfd")
    }
    self.events = events
    self.wakeUp = wakeUp
  }

  deinit {
    close(events)
    close(wakeUp)
  }

  func start() throws(ProcessLaunchError) {
    // The thread must not be the one that takes a signal meant for the program.
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var thread = pthread_t()
    let box = Unmanaged.passRetained(self)
    let code = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<WatchLoop>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, box.toOpaque())
    guard code == 0 else {
      box.release()
      throw ProcessLaunchError(stage: .watch, code: code, subject: "thread")
    }
    pthread_detach(thread)
  }

  func stop() {
    state.withLock { $0.stopped = true }
    var one: UInt64 = 1
    _ = uninterrupted { write(wakeUp, &one, 8) }
  }

  func makeWaiter() -> UInt64 {
    state.withLock { state in
      let id = state.number()
      state.pending.insert(id)
      return id
    }
  }

  func add(_ continuation: Continuation, as waiter: UInt64, for process: LaunchedProcess, takingStatus: Bool) {
    let immediate = state.withLock { state -> Result<ProcessExit, ProcessLaunchError>? in
      state.pending.remove(waiter)
      if state.cancelledEarly.remove(waiter) != nil {
        return .failure(ProcessLaunchError(stage: .cancelled, code: 0, subject: "\(process)"))
      }
      if let token = state.tokens[process] {
        state.entries[token]?.waiters.append((waiter, continuation))
        if takingStatus { state.entries[token]?.takesStatus = true }
        return nil
      }
      guard state.entries.count < maximumWatched else {
        return .failure(ProcessLaunchError(stage: .watch, code: EAGAIN, subject: "\(maximumWatched) processes already"))
      }
      let descriptor = swift_mesos_pidfd_open(process.pid)
      if descriptor < 0 {
        let code = errno
        if code == ESRCH || code == EINVAL { return .success(.unknown) }
        return .failure(ProcessLaunchError(stage: .watch, code: code, subject: "\(process)"))
      }
      guard ProcessEntry(pid: process.pid)?.process == process else {
        close(descriptor)
        return .success(.unknown)
      }
      let token = state.number()
      guard swift_mesos_watch_add(events, descriptor, token) == 0 else {
        let code = errno
        close(descriptor)
        return .failure(ProcessLaunchError(stage: .watch, code: code, subject: "\(process)"))
      }
      state.tokens[process] = token
      state.entries[token] = Entry(
        process: process, descriptor: descriptor, waiters: [(waiter, continuation)], takesStatus: takingStatus)
      return nil
    }
    if let immediate { continuation.resume(returning: immediate) }
  }

  func cancel(_ waiter: UInt64) {
    let found = state.withLock { state -> (Continuation, LaunchedProcess)? in
      if state.pending.contains(waiter) {
        state.cancelledEarly.insert(waiter)
        return nil
      }
      for (token, entry) in state.entries {
        guard let index = entry.waiters.firstIndex(where: { $0.id == waiter }) else { continue }
        let continuation = entry.waiters[index].continuation
        state.entries[token]?.waiters.remove(at: index)
        if entry.waiters.count == 1 { forget(token, in: &state) }
        return (continuation, entry.process)
      }
      return nil
    }
    if let (continuation, process) = found {
      continuation.resume(
        returning: .failure(ProcessLaunchError(stage: .cancelled, code: 0, subject: "\(process)")))
    }
  }

  private func forget(_ token: UInt64, in state: inout State) {
    guard let entry = state.entries.removeValue(forKey: token) else { return }
    state.tokens[entry.process] = nil
    _ = swift_mesos_watch_remove(events, entry.descriptor)
    close(entry.descriptor)
  }

  private func run() {
    var ready = [UInt64](repeating: 0, count: 64)
    while !state.withLock({ $0.stopped }) {
      let count = swift_mesos_watch_wait(events, &ready, Int32(ready.count))
      for token in ready.prefix(max(0, Int(count))) where token != 0 { ended(token) }
    }
    let left = state.withLock { state in
      let entries = state.entries.values.map { $0 }
      for entry in entries { close(entry.descriptor) }
      state.entries = [:]
      state.tokens = [:]
      return entries
    }
    for entry in left {
      for waiter in entry.waiters {
        waiter.continuation.resume(
          returning: .failure(ProcessLaunchError(stage: .cancelled, code: 0, subject: "\(entry.process)")))
      }
    }
  }

  private func ended(_ token: UInt64) {
    let finished = state.withLock { state -> ([Continuation], ProcessExit)? in
      guard let entry = state.entries[token] else { return nil }
      let status: ProcessExit
      if entry.takesStatus {
        guard let taken = reapStatus(entry.descriptor) else { return nil }
        status = taken
      } else {
        status = .unknown
      }
      forget(token, in: &state)
      return (entry.waiters.map(\.continuation), status)
    }
    guard let (continuations, status) = finished else { return }
    for continuation in continuations { continuation.resume(returning: .success(status)) }
  }
}
