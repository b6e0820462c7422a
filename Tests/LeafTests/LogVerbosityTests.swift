import Logging
import ShellSupport
import Synchronization
import Testing

struct LogVerbosityTests {
  /// Keeps the levels of what is logged, with a least level as of any server.
  private struct Recorder: LogHandler {
    let levels: Levels
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    final class Levels: Sendable {
      let all = Mutex<[Logger.Level]>([])
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { levels.all.withLock { $0.append(event.level) } }
  }

  /// A clock that a test moves.
  private final class Clock: Sendable {
    private let present = Mutex(ContinuousClock.now)
    var now: ContinuousClock.Instant { present.withLock { $0 } }
    func pass(_ duration: Duration) { present.withLock { $0 += duration } }
  }

  @Test(
    arguments: [
      (0, [.info, .error]), (1, [.debug, .info, .error]), (2, [.trace, .debug, .info, .error]),
      (3, [.trace, .debug, .info, .error]), (.max, [.trace, .debug, .info, .error]),
    ] as [(UInt32, [Logger.Level])])
  func `a level lets more through, for every copy of the logger and for as long as it was set`(
    level: UInt32, expected: [Logger.Level]
  ) {
    let (clock, levels) = (Clock(), Recorder.Levels())
    let verbosity = LogVerbosity(now: { clock.now })
    var logger = verbosity.governing(Logger(label: "test") { _ in Recorder(levels: levels) })
    logger[metadataKey: "a"] = "b"
    #expect(logger[metadataKey: "a"] == "b")
    func heard() -> [Logger.Level] {
      levels.all.withLock { $0 = [] }
      for level in [Logger.Level.trace, .debug, .info, .error] { logger.log(level: level, "x") }
      return levels.all.withLock { $0 }
    }
    #expect(heard() == [.info, .error])
    verbosity.set(level, for: .seconds(10))
    #expect(verbosity.level == level)
    #expect(heard() == expected)
    clock.pass(.milliseconds(9_999))
    #expect(heard() == expected)
    clock.pass(.milliseconds(1))
    #expect(verbosity.level == 0)
    #expect(heard() == [.info, .error])
  }

  @Test func `a later level takes the place of an earlier one, and its time`() {
    let clock = Clock()
    let verbosity = LogVerbosity(now: { clock.now })
    verbosity.set(3, for: .seconds(10))
    verbosity.set(1, for: .seconds(20))
    clock.pass(.seconds(15))
    #expect(verbosity.level == 1)
    verbosity.set(0, for: .seconds(10))
    #expect(verbosity.level == 0)
    verbosity.set(2, for: .seconds(-1))
    #expect(verbosity.level == 0, "that time is over")
  }
}
