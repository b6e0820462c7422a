import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A serial executor on a thread of its own: what runs on it waits for nothing but its own turn, however busy the shared pool is.
///
/// The thread lives until ``stop()``. What is given to the executor later runs too, on a thread made for it: nobody waits for ever for
/// an actor that has been stopped.
public final class ThreadExecutor: SerialExecutor, @unchecked Sendable {
  // Guarded by `lock`; `condition` says that they changed. A condition variable is not to be had from `Mutex`.
  private var jobs: [UnownedJob] = []
  private var isStopped = false
  private var hasThread = true
  private let name: String
  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  /// - Parameter name: Shown by tools that list threads; 15 bytes at most are kept.
  public init(name: String) {
    lock = .allocate(capacity: 1)
    condition = .allocate(capacity: 1)
    pthread_mutex_init(lock, nil)
    pthread_cond_init(condition, nil)
    self.name = name
    startThread()
  }

  private func startThread() {
    let loop = Loop(executor: self, name: name)
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Loop>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, Unmanaged.passRetained(loop).toOpaque())
    precondition(result == 0, "no thread for \(name): errno \(result)")
    pthread_detach(thread)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(lock)
    condition.deallocate()
    lock.deallocate()
  }

  /// Ends the thread once the waiting jobs have run.
  public func stop() {
    pthread_mutex_lock(lock)
    isStopped = true
    pthread_cond_signal(condition)
    pthread_mutex_unlock(lock)
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    pthread_mutex_lock(lock)
    jobs.append(job)
    let needsThread = !hasThread
    hasThread = true
    pthread_cond_signal(condition)
    pthread_mutex_unlock(lock)
    if needsThread { startThread() }
  }

  public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

  /// What the thread runs; it keeps the executor alive until it is stopped.
  private final class Loop {
    let executor: ThreadExecutor
    let name: String

    init(executor: ThreadExecutor, name: String) {
      self.executor = executor
      self.name = name
    }

    func run() {
      #if os(Linux)
        // The name is a courtesy to whoever looks; without it the thread works the same.
        if let file = fopen("/proc/thread-self/comm", "w") {
          fputs(String(name.prefix(15)), file)
          fclose(file)
        }
      #endif
      var batch: [UnownedJob] = []
      while true {
        pthread_mutex_lock(executor.lock)
        while executor.jobs.isEmpty && !executor.isStopped { pthread_cond_wait(executor.condition, executor.lock) }
        swap(&batch, &executor.jobs)
        if batch.isEmpty { executor.hasThread = false }
        pthread_mutex_unlock(executor.lock)
        if batch.isEmpty { return }
        for job in batch { job.runSynchronously(on: executor.asUnownedSerialExecutor()) }
        batch.removeAll(keepingCapacity: true)
      }
    }
  }
}
