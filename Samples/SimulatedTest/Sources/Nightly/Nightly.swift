public import SchedulerKit

/// A framework of somebody's: each night it works through the parts of a report, five at a time, and gives a part up that fails three times.
public struct Nightly: Sendable {
  public var parts: Int

  public init(parts: Int) { self.parts = parts }

  /// Runs until every part has finished or was given up.
  ///
  /// - Parameter runtime: The machine's in production; a test gives that of a simulation.
  /// - Returns: How many finished.
  public func run(_ configuration: SchedulerConfiguration, runtime: Runtime = .system) async throws -> Int {
    let batch = Demand.batch(
      "report", completions: parts, parallelism: 5, resources: ["cpus": 1, "mem": 256],
      command: .shell("report --part $DEMAND_SLOT"))
    return try await withDemand(configuration, [batch], runtime: runtime) { demand in
      try await demand.satisfied("report").finished
    }
  }
}
