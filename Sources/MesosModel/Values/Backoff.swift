/// How long to wait before the next attempt: doubling up to a limit, with chance so that many clients do not come at once.
public struct Backoff: Hashable, Sendable {
  /// The longest wait after the first failure.
  public var initial: Duration
  /// The longest wait of all.
  public var limit: Duration

  /// One second to one minute where nothing is said.
  public init(initial: Duration = .seconds(1), limit: Duration = .seconds(60)) {
    self.initial = initial
    self.limit = limit
  }

  /// Returns a wait between half of the bound and the bound, which is `initial` doubled for each failure after the first, at most `limit`.
  ///
  /// - Parameters:
  ///   - failures: Failed attempts in a row; 1 or more.
  ///   - rng: Draws the wait.
  public func delay(after failures: Int, using rng: inout some RandomNumberGenerator) -> Duration {
    var bound = max(initial, .milliseconds(1))
    var left = max(0, failures - 1)
    while left > 0, bound < limit {
      bound = bound * 2
      left -= 1
    }
    let nanoseconds = max(0, min(bound, limit).wholeNanoseconds)
    return .nanoseconds(nanoseconds - Int64.random(in: 0...(nanoseconds / 2), using: &rng))
  }
}
