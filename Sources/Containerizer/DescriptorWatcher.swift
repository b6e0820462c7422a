import CProcessLaunch
import Glibc
import Synchronization

/// Lets tasks wait for descriptors to become readable, on one thread that sleeps in the kernel and ends with the object.
public final class DescriptorWatcher: Sendable {
  private let core: Core

  /// - Throws: ``ContainerizerError`` with code `.isolation` when the kernel refuses a descriptor or the thread.
  public init() throws(ContainerizerError) {
    core = try Core()
    try core.begin()
  }

  deinit { core.end() }

  /// Returns when the descriptor is readable; one task may wait for it at a time, and it stays open meanwhile.
  ///
  /// - Throws: ``ContainerizerError`` with code `.isolation`, also when the waiting task is cancelled.
  func readable(_ descriptor: Int32) async throws(ContainerizerError) {
    let core = core
    let token = core.nextToken()
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { core.add(descriptor, token, $0) }
    } onCancel: {
      core.cancel(token)
    }
    try result.get()
  }

  private final class Core: Sendable {
    typealias Continuation = CheckedContinuation<Result<Void, ContainerizerError>, Never>
    private struct State {
      var lastToken: UInt64 = 0
      var waiting: [UInt64: (descriptor: Int32, continuation: Continuation)] = [:]
      var cancelled: Set<UInt64> = []
    }

    private let set: Int32
    private let wake: Int32
    private let state = Mutex(State())

    init() throws(ContainerizerError) {
      set = swift_mesos_watch_create()
      wake = swift_mesos_watch_event()
      guard set >= 0, wake >= 0, swift_mesos_watch_add(set, wake, 0) == 0 else {
        throw ContainerizerError(.isolation, "Cannot watch descriptors", errno: errno)
      }
    }

    deinit {
      close(set)
      close(wake)
    }

    func begin() throws(ContainerizerError) {
      var attributes = pthread_attr_t()
      pthread_attr_init(&attributes)
      defer { pthread_attr_destroy(&attributes) }
      pthread_attr_setstacksize(&attributes, 256 << 10)
      var thread = pthread_t()
      let box = Unmanaged.passRetained(self)
      let code = pthread_create(
        &thread, &attributes,
        { argument in
          if let argument { Unmanaged<Core>.fromOpaque(argument).takeRetainedValue().run() }
          return nil
        }, box.toOpaque())
      guard code == 0 else {
        box.release()
        throw ContainerizerError(.isolation, "Cannot start a thread", errno: code)
      }
      pthread_detach(thread)
    }

    func end() {
      var one: UInt64 = 1
      _ = write(wake, &one, 8)
    }

    func nextToken() -> UInt64 {
      state.withLock {
        $0.lastToken += 1
        return $0.lastToken
      }
    }

    func add(_ descriptor: Int32, _ token: UInt64, _ continuation: Continuation) {
      let failure: ContainerizerError? = state.withLock { state in
        guard state.cancelled.remove(token) == nil else {
          return ContainerizerError(.isolation, "Nobody waits any more")
        }
        guard swift_mesos_watch_add(set, descriptor, token) == 0 else {
          return ContainerizerError(.isolation, "Cannot watch a descriptor", errno: errno)
        }
        state.waiting[token] = (descriptor, continuation)
        return nil
      }
      if let failure { continuation.resume(returning: .failure(failure)) }
    }

    func cancel(_ token: UInt64) {
      let waiter = state.withLock { state in
        let waiter = state.waiting.removeValue(forKey: token)
        if let waiter { swift_mesos_watch_remove(set, waiter.descriptor) } else { state.cancelled.insert(token) }
        return waiter
      }
      waiter?.continuation.resume(returning: .failure(ContainerizerError(.isolation, "Nobody waits any more")))
    }

    private func run() {
      var tokens = [UInt64](repeating: 0, count: 64)
      while true {
        let count = swift_mesos_watch_wait(set, &tokens, Int32(tokens.count))
        if count < 0, errno != EINTR { return }
        for token in tokens.prefix(Int(max(0, count))) {
          if token == 0 { return }
          let waiter = state.withLock { state in
            let waiter = state.waiting.removeValue(forKey: token)
            if let waiter { swift_mesos_watch_remove(set, waiter.descriptor) }
            return waiter
          }
          waiter?.continuation.resume(returning: .success(()))
        }
      }
    }
  }
}

/// A descriptor on which the kernel tells that something happened in a cgroup.
final class KernelNotice: Sendable {
  let descriptor: Int32

  /// An event of version 1: a file that has some, and the file to ask for them.
  init(eventOf file: String, control: String) throws(ContainerizerError) {
    let event = swift_mesos_watch_event()
    guard event >= 0 else { throw ContainerizerError(.cgroup, "Cannot make an event", errno: errno) }
    let source = open(file, O_RDONLY | O_CLOEXEC)
    guard source >= 0 else {
      let number = errno
      close(event)
      throw ContainerizerError(.cgroup, "Cannot open \(file)", errno: number)
    }
    defer { close(source) }
    do {
      try SystemCgroupFiles().write("\(event) \(source)", to: control)
    } catch {
      close(event)
      throw error
    }
    descriptor = event
  }

  /// Changes of a file of version 2.
  init(changesOf file: String) throws(ContainerizerError) {
    let notice = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
    guard notice >= 0 else { throw ContainerizerError(.cgroup, "Cannot watch files", errno: errno) }
    guard inotify_add_watch(notice, file, UInt32(IN_MODIFY)) >= 0 else {
      let number = errno
      close(notice)
      throw ContainerizerError(.cgroup, "Cannot watch \(file)", errno: number)
    }
    descriptor = notice
  }

  deinit { close(descriptor) }

  /// Takes what is there, so that the descriptor is not readable any more.
  func take() {
    var bytes = [UInt8](repeating: 0, count: 4_096)
    _ = read(descriptor, &bytes, bytes.count)
  }
}
