/// Why a simulation of a framework's code could not go on.
public struct FrameworkSimulationError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    private enum Value { case unstructuredTask, outside, stalled, timeIsUp, tooManySteps, ended, violation }
    private let value: Value

    /// A `Task { }` or `Task.detached` left the simulation.
    public static let unstructuredTask = Code(value: .unstructuredTask)
    /// A thread that is not the simulation's used its runtime or resumed one of its tasks: a sleep in real time, the main actor, a
    /// library with threads of its own.
    public static let outside = Code(value: .outside)
    /// Every task waits, and nothing is due that any of them could wait for.
    public static let stalled = Code(value: .stalled)
    /// The virtual time that the run was given has passed.
    public static let timeIsUp = Code(value: .timeIsUp)
    /// Tasks went on more often than the run was given, or a task did not end when it should.
    public static let tooManySteps = Code(value: .tooManySteps)
    /// A checker of the simulated cluster found what must never be.
    public static let violation = Code(value: .violation)
    /// The simulation has ended, or runs already.
    public static let ended = Code(value: .ended)
  }

  /// What kind of reason.
  public let code: Code
  /// What happened, where, and what to do about it.
  public let message: String

  public var description: String { message }

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
