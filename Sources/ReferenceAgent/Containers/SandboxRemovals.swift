import DequeModule
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

/// Sandboxes that nobody needs any more, each to be removed when a delay that is the same for all is over: so the list is in order,
/// and one timer is enough.
final class SandboxRemovals: Sendable {
  private struct Removal {
    var deadline: ContinuousClock.Instant
    var directory: String
  }

  private let delay: Duration
  private let files: FileTree
  private let timer = DeadlineTimer()
  private let waiting = Mutex<Deque<Removal>>([])

  init(delay: Duration, files: FileTree) {
    self.delay = delay
    self.files = files
  }

  /// How many sandboxes wait.
  var count: Int { waiting.withLock { $0.count } }

  func add(_ directory: String) {
    waiting.withLock { waiting in
      waiting.append(Removal(deadline: .now + delay, directory: directory))
      if waiting.count == 1 { timer.set(waiting[0].deadline) }
    }
  }

  /// Removes what is due until the task is cancelled; what still waits then is kept.
  @concurrent
  func run() async {
    while true {
      do { try await timer.wait() } catch { return }
      remove(takeDue())
    }
  }

  private func takeDue() -> [String] {
    waiting.withLock { waiting in
      let now = ContinuousClock.now
      var due: [String] = []
      while let first = waiting.first {
        guard first.deadline <= now else {
          timer.set(first.deadline)
          break
        }
        due.append(first.directory)
        waiting.removeFirst()
      }
      return due
    }
  }

  private func remove(_ directories: [String]) {
    // The tree names folders without links.
    let real = Set(directories.map(Self.resolved))
    for attachment in files.attachments where real.contains(attachment.realPath) {
      files.detach(attachment.virtualPath)
    }
    for directory in directories { Sandbox.remove(directory) }
  }

  private static func resolved(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
