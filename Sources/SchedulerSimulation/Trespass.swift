#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Sees tasks that leave a simulation: `Task { }` and `Task.detached` hand their task to the global executor, and the Swift runtime calls
/// this hook first, on the thread that does it.
///
/// The hook is a variable of the runtime and no API: where it is missing (a runtime that is linked statically) a task that left
/// is noticed when it comes back or uses the runtime, as one is that sleeps in real time.
enum Trespass {
  private typealias Enqueue = @convention(thin) (UnownedJob) -> Void
  private typealias Hook = @convention(thin) (UnownedJob, Enqueue) -> Void

  /// The simulation whose thread this is.
  static var loopOfThisThread: VirtualLoop? {
    pthread_getspecific(key).map { Unmanaged<VirtualLoop>.fromOpaque($0).takeUnretainedValue() }
  }

  /// This thread is `loop`'s, until ``leave()``.
  static func enter(_ loop: VirtualLoop) { pthread_setspecific(key, Unmanaged.passUnretained(loop).toOpaque()) }
  static func leave() { pthread_setspecific(key, nil) }

  /// Looks for tasks that leave, from the first call on.
  static func watch() { _ = isWatching }

  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    let result = pthread_key_create(&key, nil)
    precondition(result == 0, "no thread-local storage: errno \(result)")
    return key
  }()

  // Written once, by `isWatching`, before the hook is set. What another part of the process had set is called after ours.
  nonisolated(unsafe) private static var before: Hook?

  /// Whether the hook was found and set.
  private static let isWatching: Bool = {
    guard let address = dlsym(dlopen(nil, RTLD_LAZY), "swift_task_enqueueGlobal_hook") else { return false }
    let hook = address.assumingMemoryBound(to: Hook?.self)
    before = hook.pointee
    hook.pointee = { job, original in
      Trespass.loopOfThisThread?.taskLeft()
      if let before = Trespass.before { before(job, original) } else { original(job) }
    }
    return true
  }()
}
