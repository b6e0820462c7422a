import Glibc
import Synchronization

/// A process that is all set up and stands before its program, until it gets leave to execute it.
///
/// So the identity of a process can be written down before the process does anything: should the launching program die first, by
/// whatever signal, the process ends without having executed anything.
///
/// Each takes a thread, stopped in the kernel, and two descriptors until ``release()`` or ``abandon()``. A value that goes away
/// without either abandons its process.
public final class HeldProcess: Sendable {
  private enum State { case held, released, abandoned }

  /// The process: its number and start time stay the same when it executes its program.
  public let process: LaunchedProcess
  private let launch: HeldLaunch
  private let socket: Int32
  private let state = Mutex(State.held)

  /// Starts the process and returns when it stands before its program.
  ///
  /// - Throws: ``ProcessLaunchError`` with the stage that failed and the error number; then no child is left.
  public init(_ request: LaunchRequest) throws(ProcessLaunchError) {
    let prepared = try PreparedLaunch(request)
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      throw ProcessLaunchError(stage: .hold, code: errno, subject: "socket pair")
    }
    launch = HeldLaunch(prepared, childEnd: ends[1])
    socket = ends[0]
    do throws(ProcessLaunchError) {
      try launch.begin()
      var pid: Int32 = 0
      let count = uninterrupted { recv(ends[0], &pid, MemoryLayout<Int32>.size, Int32(MSG_WAITALL)) }
      guard count == MemoryLayout<Int32>.size else {
        // Nobody says that it is ready: it failed before.
        _ = try launch.result().get()
        throw ProcessLaunchError(stage: .hold, code: EIO, subject: "socket")
      }
      guard let entry = ProcessEntry(pid: pid) else {
        throw ProcessLaunchError(stage: .processTable, code: ESRCH, subject: "process \(pid)")
      }
      process = entry.process
    } catch {
      // A child that stands there ends with this, and the thread takes its status.
      close(ends[0])
      throw error
    }
  }

  deinit { close(socket) }

  /// Lets the process execute its program, and returns when it has.
  ///
  /// The process may have been killed meanwhile; its status tells. From then on it is like one of ``launch(_:)``: it stays in
  /// the process table until its status is taken.
  ///
  /// - Throws: ``ProcessLaunchError`` with stage `.execute` when the program could not be executed, with `.hold` after
  ///   ``abandon()`` or ``release()``; then no child is left.
  public func release() throws(ProcessLaunchError) {
    let isHeld = state.withLock { state in
      guard state == .held else { return false }
      state = .released
      return true
    }
    guard isHeld else { throw ProcessLaunchError(stage: .hold, code: EALREADY, subject: "\(process)") }
    var leave: UInt8 = 1
    _ = uninterrupted { send(socket, &leave, 1, Int32(MSG_NOSIGNAL)) }
    waitForThread()
    _ = try launch.result().get()
  }

  /// Kills the process before it has executed anything, and takes its status; does nothing when it was released or abandoned before.
  public func abandon() {
    let isHeld = state.withLock { state in
      guard state == .held else { return false }
      state = .abandoned
      return true
    }
    guard isHeld else { return }
    // Its number is its own: nobody else takes its status.
    kill(process.pid, SIGKILL)
    waitForThread()
    var status: Int32 = 0
    _ = uninterrupted { waitpid(process.pid, &status, 0) }
  }

  /// Returns when the process has executed its program, or is gone, and the thread knows.
  private func waitForThread() {
    var byte: UInt8 = 0
    while uninterrupted({ recv(socket, &byte, 1, 0) }) > 0 {}
  }
}

/// One start, made by a thread of its own, which is stopped for as long as the child is held back.
///
/// The thread holds the object, so this must not hold the end of the socket whose closing sets the child free.
private final class HeldLaunch: Sendable {
  private let request: PreparedLaunch
  /// The child's end; the thread closes its copy when the child has gone on or is gone, which is how others see that it has.
  private let childEnd: Int32
  private let outcome = Mutex<Result<Int32, ProcessLaunchError>?>(nil)

  init(_ request: PreparedLaunch, childEnd: Int32) {
    self.request = request
    self.childEnd = childEnd
  }

  /// Begins the start; `childEnd` is this object's from now on.
  func begin() throws(ProcessLaunchError) {
    // The thread must not be the one that takes a signal meant for the program.
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, 256 << 10)
    var thread = pthread_t()
    let box = Unmanaged.passRetained(self)
    let code = pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument else { return nil }
        Unmanaged<HeldLaunch>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, box.toOpaque())
    guard code == 0 else {
      box.release()
      close(childEnd)
      throw ProcessLaunchError(stage: .hold, code: code, subject: "thread")
    }
    pthread_detach(thread)
  }

  private func run() {
    let result = Result { () throws(ProcessLaunchError) in try request.start(hold: childEnd) }
    outcome.withLock { $0 = result }
    close(childEnd)
  }

  /// What the thread came to, once the other end of the socket has been read to its end.
  func result() -> Result<Int32, ProcessLaunchError> {
    outcome.withLock { $0 } ?? .failure(ProcessLaunchError(stage: .hold, code: EIO, subject: "socket"))
  }
}
