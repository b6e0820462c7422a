import Synchronization

/// Lines that tasks leave, in the order in which they do.
final class Notes: Sendable {
  private let state = Mutex<[String]>([])
  var lines: [String] { state.withLock { $0 } }
  func add(_ line: String) { state.withLock { $0.append(line) } }
}
