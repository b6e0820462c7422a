import Foundation

/// One figure.
struct Figure: Codable {
  enum Better: String, Codable { case higher, lower }
  var name: String
  var value: Double
  var unit: String
  var better: Better
  /// What the figure has to reach, where something asks for it.
  var floor: Double?
  /// What Apache Mesos published for the same workload, on its own machine, in the same unit.
  var published: Double?

  var meetsFloor: Bool? {
    floor.map { better == .higher ? value >= $0 : value <= $0 }
  }
}

/// An outcome that is not what it has to be: the figure beside it would be worth nothing.
struct WrongOutcome: Error, CustomStringConvertible {
  var description: String
}

/// A point that could not be measured.
struct Failure: Codable {
  var point: String
  var reason: String
}

/// What a run leaves behind.
struct Results: Codable {
  var figures: [Figure] = []
  var failures: [Failure] = []
}

func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
  if !condition { throw WrongOutcome(description: message()) }
}

/// Runs points, prints a line for each figure as it comes, and keeps all of them in a file.
struct Harness {
  let filter: String?
  /// Small sizes: whether everything still works, not how fast.
  let isSmoke: Bool
  /// Where the results go, after each point.
  let output: String?
  private(set) var results = Results()

  func wants(_ name: String) -> Bool { filter.map { name.contains($0) } ?? true }

  mutating func record(_ figure: Figure) {
    results.figures.append(figure)
    print(Self.line(figure))
  }

  /// Runs a point, which records figures. Where it fails, that is noted, and the points after it have their turn.
  mutating func point(_ name: String, _ work: (inout Harness) throws -> Void) {
    do { try work(&self) } catch { fail(name, error) }
    save()
  }

  /// The same for a point that waits.
  mutating func point(_ name: String, _ work: (inout Harness) async throws -> Void) async {
    do { try await work(&self) } catch { fail(name, error) }
    save()
  }

  private mutating func fail(_ point: String, _ error: any Error) {
    results.failures.append(Failure(point: point, reason: "\(error)"))
    print("\(point): FAILED: \(error)")
  }

  private mutating func save() {
    guard let output else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    do { try encoder.encode(results).write(to: URL(filePath: output), options: .atomic) } catch {
      guard !results.failures.contains(where: { $0.point == output }) else { return }
      fail(output, error)
    }
  }

  /// Measures `work` for at least `seconds` after one untimed run.
  ///
  /// - Parameter cleanUp: Follows each run and is not timed.
  /// - Returns: The median over the runs of the seconds of one run.
  static func seconds(
    atLeast seconds: Double = 1, runs: Int = 3, cleanUp: () throws -> Void = {}, _ work: () throws -> Void
  ) rethrows -> Double {
    try work()
    try cleanUp()
    var times: [Double] = []
    let begin = ContinuousClock.now
    repeat {
      let start = ContinuousClock.now
      try work()
      times.append((ContinuousClock.now - start).seconds)
      try cleanUp()
    } while times.count < runs || (ContinuousClock.now - begin).seconds < seconds
    times.sort()
    return times[times.count / 2]
  }

  static func line(_ figure: Figure) -> String {
    let value = figure.value >= 100 ? String(format: "%.0f", figure.value) : String(format: "%.3f", figure.value)
    var line =
      figure.name.padding(toLength: max(58, figure.name.count + 1), withPad: " ", startingAt: 0)
      + value.leftPadded(to: 12) + " " + figure.unit
    if let floor = figure.floor, let meets = figure.meetsFloor {
      line += "   (floor \(floor): \(meets ? "met" : "NOT met"))"
    }
    if let published = figure.published { line += "   (published \(String(format: "%g", published)) \(figure.unit))" }
    return line
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

extension String {
  func leftPadded(to width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
