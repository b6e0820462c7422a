#if os(Linux)
  import Runtime
#endif

/// The texts: what happened, where, and what to write in its place.
extension FrameworkSimulationError {
  static let resumedFromOutside = FrameworkSimulationError(
    .outside,
    "A thread outside resumed a task of the simulation, so that chance decides when it goes on: sleep with runtime.sleep in the place "
      + "of Task.sleep and clocks, put what waits for something outside into runtime.external { }, and use actors in the place of "
      + "the main actor")

  static let stalled = FrameworkSimulationError(
    .stalled,
    "Every task waits, and nothing is due that one could wait for: is a continuation never resumed, a stream never finished? Does one "
      + "wait for something outside without runtime.external { }, or sleep without runtime.sleep?")

  static let doesNotEnd = FrameworkSimulationError(
    .tooManySteps,
    "Tasks of the simulation go on although they were cancelled: let them heed their cancellation, in loops too")

  static let over = FrameworkSimulationError(
    .ended, "The simulation has ended: nothing of it may be kept for later")

  static func tooManySteps(_ count: Int) -> FrameworkSimulationError {
    FrameworkSimulationError(
      .tooManySteps, "Tasks went on \(count) times and are not done: does a loop never wait? (stepsMax allows more)")
  }

  static func timeIsUp(_ limit: Duration) -> FrameworkSimulationError {
    FrameworkSimulationError(.timeIsUp, "The simulated code is not done after \(limit) of virtual time")
  }

  static func usedFromOutside(_ what: String, by task: String?) -> FrameworkSimulationError {
    FrameworkSimulationError(
      .outside,
      "\(task.map { "The task '\($0)'" } ?? "A task") outside the simulation used its runtime (\(what)): start tasks with "
        + "runtime.spawn, a task group or async let, so that they run inside")
  }

  /// A task went to the threads outside; it is asked for on the thread that sent it there.
  static func unstructuredTask(from task: String?) -> FrameworkSimulationError {
    let culprit = (task.map { " in the task '\($0)'" } ?? "") + (caller().map { " at \($0)" } ?? "")
    return FrameworkSimulationError(
      .unstructuredTask,
      "A Task { } or Task.detached\(culprit) leaves the simulation: use runtime.spawn, a task group or async let in its place"
    )
  }

  /// The line of the user's code that is under way, where it can be told. It takes a second or more: the image's whole line table is
  /// read, once a failing run.
  private static func caller() -> String? {
    #if os(Linux)
      guard let symbols = try? Backtrace.capture(limit: 16).symbolicated(options: .showSourceLocations) else {
        return nil
      }
      for frame in symbols.frames {
        guard let symbol = frame.symbol, let place = symbol.sourceLocation, place.line > 0,
          !symbol.rawName.contains("19SchedulerSimulation"), !place.path.hasPrefix("<"), !place.path.hasPrefix("/<")
        else { continue }
        return "\(place.path.split(separator: "/").last ?? ""):\(place.line)"
      }
    #endif
    return nil
  }
}

extension Task where Success == Never, Failure == Never {
  /// The name of the task that runs, where the system can tell.
  static var knownName: String? {
    if #available(macOS 26.0, iOS 26.0, watchOS 26.0, tvOS 26.0, visionOS 26.0, *) { Task.name } else { nil }
  }
}
