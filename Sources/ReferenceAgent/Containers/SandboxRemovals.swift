import AgentCore
import SandboxFiles
import ShellSupport
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Removes sandboxes that nobody needs any more when the ``SandboxSchedule`` says so, and measures the disk for it.
final class SandboxRemovals: Sendable {
  /// What was counted.
  struct Metrics: Hashable, Sendable {
    var pending = 0
    var succeeded = 0
    var failed = 0
  }

  private struct State {
    var schedule: SandboxSchedule
    var succeeded = 0
    var failed = 0
  }

  private let files: FileTree
  /// Any path of the disk that is measured, and how often that is done.
  private let disk: (path: String, interval: Duration)?
  private let timer = DeadlineTimer()
  private let start = ContinuousClock.now
  private let state: Mutex<State>

  init(delay: Duration, headroom: Double = 0, disk: (path: String, interval: Duration)? = nil, files: FileTree) {
    self.files = files
    self.disk = disk
    state = Mutex(State(schedule: SandboxSchedule(delay: delay, headroom: headroom)))
  }

  /// How many sandboxes wait.
  var count: Int { metrics.pending }

  var metrics: Metrics {
    state.withLock { Metrics(pending: $0.schedule.count, succeeded: $0.succeeded, failed: $0.failed) }
  }

  func add(_ directory: String) {
    state.withLock { state in
      state.schedule.add(directory, at: ContinuousClock.now - start)
      setTimer(state.schedule)
    }
  }

  private func setTimer(_ schedule: SandboxSchedule) { timer.set(schedule.nextDeadline.map { start + $0 }) }

  /// Removes what is due until the task is cancelled; what still waits then is kept.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.removeByAge() }
      if let disk { group.addTask { await self.removeByHeadroom(disk.path, every: disk.interval) } }
    }
  }

  @concurrent
  private func removeByAge() async {
    while true {
      do { try await timer.wait() } catch { return }
      remove { $0.takeDue(at: ContinuousClock.now - self.start) }
    }
  }

  @concurrent
  private func removeByHeadroom(_ path: String, every interval: Duration) async {
    while true {
      do { try await Task.sleep(for: interval) } catch { return }
      checkDisk(path)
    }
  }

  /// Measures the disk once and removes what must go for it.
  func checkDisk(_ path: String) {
    guard let used = Self.usage(of: path) else { return }
    remove { $0.takeDue(diskUsed: used, at: ContinuousClock.now - self.start) }
  }

  /// The part of the disk at `path` that is taken, in `0...1`, as `df` counts it.
  static func usage(of path: String) -> Double? {
    var status = statvfs()
    guard statvfs(path, &status) == 0, status.f_blocks > 0 else { return nil }
    let used = Double(status.f_blocks - status.f_bfree)
    let total = used + Double(status.f_bavail)
    return total > 0 ? used / total : nil
  }

  private func remove(_ take: (inout SandboxSchedule) -> [String]) {
    let directories = state.withLock { state in
      let due = take(&state.schedule)
      setTimer(state.schedule)
      return due
    }
    guard !directories.isEmpty else { return }
    // The tree names folders without links.
    let real = Set(directories.map(Self.resolved))
    for attachment in files.attachments where real.contains(attachment.realPath) {
      files.detach(attachment.virtualPath)
    }
    for directory in directories {
      Sandbox.remove(directory)
      let isGone = access(directory, F_OK) != 0
      state.withLock { if isGone { $0.succeeded += 1 } else { $0.failed += 1 } }
    }
  }

  private static func resolved(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
