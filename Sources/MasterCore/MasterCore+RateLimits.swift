import DequeModule
public import MesosModel
import SwiftProtobuf

/// How many calls a second frameworks may make, by their principal.
///
/// - Source: Apache Mesos, *Framework Rate Limiting*. There it is for schedulers of the v0 API alone; here for those of the v1 API.
public struct CallRates: Hashable, Sendable {
  /// One limit.
  public struct Limit: Hashable, Sendable {
    /// The time between two calls.
    public var interval: Duration
    /// Calls that may wait for their turn; further ones are refused.
    public var capacity: Int

    /// - Parameters:
    ///   - interval: The time between two calls.
    ///   - capacity: Calls that may wait.
    public init(interval: Duration, capacity: Int) {
      self.interval = interval
      self.capacity = capacity
    }
  }

  /// By principal; nil for one that is not limited.
  public var limits: [String: Limit?]
  /// What all others share, frameworks without a principal among them; nil for no limit.
  public var others: Limit?

  /// Calls that may wait at most where no capacity is given.
  public static let capacityMax = 100_000

  /// No limits.
  public init() {
    limits = [:]
    others = nil
  }

  /// The limits of `--rate_limits`.
  ///
  /// - Throws: `ValidationError` for a rate that is not positive, and a principal that is named twice.
  public init(_ message: RateLimits) throws(ValidationError) {
    self.init()
    func limit(_ qps: Double, _ capacity: UInt64?) throws(ValidationError) -> Limit {
      guard qps > 0, qps.isFinite, 1 / qps <= 1e9 else {
        throw ValidationError(
          .invalidValue, "Invalid qps: \(qps). It must be a positive number, and no less than one call in 10^9 seconds")
      }
      return Limit(
        interval: .seconds(1 / qps), capacity: min(capacity.map { Int(clamping: $0) } ?? .max, Self.capacityMax))
    }
    for entry in message.limits {
      guard limits[entry.principal] == nil else {
        throw ValidationError(.duplicate, "Duplicate principal \(entry.principal) found in RateLimits")
      }
      limits[entry.principal] =
        entry.hasQps ? .some(try limit(entry.qps, entry.hasCapacity ? entry.capacity : nil)) : .some(nil)
    }
    if message.hasAggregateDefaultQps {
      others = try limit(
        message.aggregateDefaultQps, message.hasAggregateDefaultCapacity ? message.aggregateDefaultCapacity : nil)
    }
  }
}

// Calls of frameworks wait for their turn where their number is limited.
extension MasterCore {
  /// Calls that wait, and when the next may be made.
  struct Throttle: Sendable {
    var next: Duration = .zero
    var waiting: Deque<(call: SchedulerCall, streamID: String?, principal: Principal?, token: CallToken)> = []
  }

  /// Whose calls are limited together: those of a principal, or of all that have no limit of their own.
  private func throttleKey(of framework: FrameworkKey) -> (key: String?, limit: CallRates.Limit)? {
    guard let framework = frameworks[framework] else { return nil }
    let name = framework.info.hasPrincipal ? framework.info.principal : nil
    if let name, let own = configuration.callRates.limits[name] { return own.map { (name, $0) } }
    return configuration.callRates.others.map { (nil, $0) }
  }

  /// Makes the call, or has it wait for its turn; one too many is refused.
  mutating func throttled(
    _ call: SchedulerCall, streamID: String?, principal: Principal?, token: CallToken, at now: Moment
  ) {
    guard let (key, limit) = throttleKey(of: call.frameworkID.key) else {
      return answer(token, perform(call, streamID: streamID, principal: principal, at: now))
    }
    // Whoever is refused does not use up what others may do.
    if let refused = refusal(of: call, streamID: streamID, principal: principal) { return answer(token, refused) }
    var throttle = throttles[key] ?? Throttle()
    defer { throttles[key] = throttle }
    if throttle.waiting.isEmpty, throttle.next <= now.uptime {
      throttle.next = now.uptime + limit.interval
      return answer(token, perform(call, at: now))
    }
    guard throttle.waiting.count < limit.capacity else {
      return answer(
        token,
        .rejected(
          status: 429, text: "Message \(call.type.wireName) dropped: capacity(\(limit.capacity)) exceeded"))
    }
    throttle.waiting.append((call, streamID, principal, token))
    if throttle.waiting.count == 1 { deadlines.insert(.throttle(key), at: throttle.next) }
  }

  /// The oldest of the calls that wait has its turn.
  mutating func releaseThrottled(_ key: String?, at now: Moment) {
    guard let next = throttles[key]?.waiting.popFirst() else { return }
    let limit = key.map { configuration.callRates.limits[$0] ?? nil } ?? configuration.callRates.others
    throttles[key]?.next = now.uptime + (limit?.interval ?? .zero)
    if throttles[key]?.waiting.isEmpty == false, let at = throttles[key]?.next {
      deadlines.insert(.throttle(key), at: at)
    }
    answer(next.token, perform(next.call, streamID: next.streamID, principal: next.principal, at: now))
  }
}
