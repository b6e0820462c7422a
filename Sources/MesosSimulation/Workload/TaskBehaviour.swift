import MesosModel

/// What a simulated task does once its command runs.
///
/// It travels in `TaskInfo.data`, so it reaches the executor on whatever way the task takes.
public struct TaskBehaviour: Hashable, Sendable {
  /// How a task ends that ends by itself.
  public enum Ending: Hashable, Sendable {
    /// The command exits with this status; 0 is TASK_FINISHED, all others are TASK_FAILED.
    case exits(code: Int32)
    /// It has grown beyond its memory: the kernel kills the whole container, its executor with it.
    case outgrowsContainer
  }

  /// How long the command runs by itself; `nil` for one that lives on until it is killed.
  public var duration: Duration?
  public var ending: Ending
  /// Whether SIGTERM leaves it unmoved, so that only SIGKILL ends it.
  public var ignoresTermination: Bool

  /// A behaviour with each choice named.
  public init(duration: Duration?, ending: Ending = .exits(code: 0), ignoresTermination: Bool = false) {
    self.duration = duration
    self.ending = ending
    self.ignoresTermination = ignoresTermination
  }

  /// Runs this long and finishes.
  public static func runs(for duration: Duration) -> Self { Self(duration: duration) }
  /// Runs this long and fails with status 1.
  public static func fails(after duration: Duration) -> Self { Self(duration: duration, ending: .exits(code: 1)) }
  /// Grows until, after this long, the kernel kills its container.
  public static func grows(for duration: Duration) -> Self { Self(duration: duration, ending: .outgrowsContainer) }
  /// Runs until it is killed.
  public static let livesOn = Self(duration: nil)

  /// The same, unmoved by SIGTERM.
  public var ignoringTermination: Self {
    var behaviour = self
    behaviour.ignoresTermination = true
    return behaviour
  }

  /// The behaviour as `TaskInfo.data` carries it.
  public var encoded: [UInt8] {
    let ending: String
    switch self.ending {
    case .exits(let code): ending = "exits \(code)"
    case .outgrowsContainer: ending = "outgrows 0"
    }
    let nanoseconds = duration.map { String($0.wholeNanoseconds) } ?? "-"
    return Array("\(nanoseconds) \(ending) \(ignoresTermination ? 1 : 0)".utf8)
  }

  /// Reads what ``encoded`` gives; `nil` for other bytes.
  public init?(encoded bytes: some Sequence<UInt8>) {
    let words = String(decoding: Array(bytes.prefix(100)), as: UTF8.self).split(separator: " ")
    guard words.count == 4, let code = Int32(words[2]) else { return nil }
    let nanoseconds = Int64(words[0])
    guard nanoseconds != nil || words[0] == "-" else { return nil }
    switch words[1] {
    case "exits": ending = .exits(code: code)
    case "outgrows": ending = .outgrowsContainer
    default: return nil
    }
    duration = nanoseconds.map { .nanoseconds($0) }
    ignoresTermination = words[3] == "1"
  }
}
