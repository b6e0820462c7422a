/// Which checkers watch a simulation.
public struct CheckerSet: OptionSet, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: Int

  public init(rawValue: Int) { self.rawValue = rawValue }

  /// On every agent, what its tasks and executors use and what is offered of it are together no more than it has.
  public static let conservation = CheckerSet(rawValue: 1)
  /// A task ends once: no second, other end is told to its framework or stands in the master's state.
  public static let terminalStates = CheckerSet(rawValue: 2)
  /// An update that an executor was told is safe stays on the agent's disk until its framework has acknowledged it, and a framework that
  /// acknowledged an update was told it.
  public static let updates = CheckerSet(rawValue: 4)
  /// No offer takes a role beyond the limits of its quota or of those above it.
  public static let quotaLimits = CheckerSet(rawValue: 8)
  /// Nothing that depends on a write of the registry or of an agent's disk leaves before the write is durable.
  public static let durability = CheckerSet(rawValue: 16)
  /// The change log, folded, is the master's state.
  public static let changes = CheckerSet(rawValue: 32)
  /// The cores' own invariants hold.
  public static let invariants = CheckerSet(rawValue: 64)
  /// A core that asks for time gets on; after healing, all that can end does.
  public static let progress = CheckerSet(rawValue: 128)

  /// What an operator was told has taken effect does, also after a failover: nothing of an agent that is deactivated or of a machine that
  /// is down is offered, an agent that is gone stays away, quotas, weights and schedules are kept.
  public static let operators = CheckerSet(rawValue: 256)

  /// All of them.
  public static let all: CheckerSet = [
    .conservation, .terminalStates, .updates, .quotaLimits, .durability, .changes, .invariants, .progress, .operators,
  ]

  /// The names of the members, joined.
  public var description: String {
    let names: [(CheckerSet, String)] = [
      (.conservation, "conservation"), (.terminalStates, "terminal states"), (.updates, "updates"),
      (.quotaLimits, "quota limits"), (.durability, "durability"), (.changes, "changes"), (.invariants, "invariants"),
      (.progress, "progress"), (.operators, "operators"),
    ]
    return names.filter { contains($0.0) }.map(\.1).joined(separator: ", ")
  }
}

/// Something that must not be, as a checker found it.
public struct Violation: Error, Hashable, Sendable, CustomStringConvertible {
  /// The simulation's seed.
  public let seed: UInt64
  /// When, since the start.
  public let at: Duration
  /// After how many steps.
  public let step: Int
  /// The checker that found it.
  public let checker: CheckerSet
  /// What is wrong.
  public let text: String

  /// One line that says how to see it again.
  public var description: String { "seed \(seed), \(at), step \(step), \(checker): \(text)" }
}
