/// What to do about an error that ends a subscription for a reason.
public enum ErrorReaction: Hashable, Sendable {
  /// The scheduler ends with the error.
  case fail
  /// The id, tasks and operations are forgotten, and the framework subscribes as a new one.
  case subscribeAsNew
  /// It subscribes again as the same framework, after the wait of a failed attempt.
  case retry
}

/// What to do about each kind of error that ends a subscription; by itself every one ends the scheduler.
public struct ErrorPolicy: Hashable, Sendable {
  /// "Framework has been removed": it was torn down, or its failover timeout passed. `.retry` waits for an operator to forgive it.
  public var frameworkRemoved = ErrorReaction.fail
  /// "Framework failed over": another scheduler subscribed with this id. With `.retry` two schedulers of one id take it from each
  /// other for ever; it is for those whose supervisor makes sure that there is one.
  public var failedOver = ErrorReaction.fail
  /// Any other ERROR event, and a SUBSCRIBE that is refused with 400, 401 or 403.
  public var other = ErrorReaction.fail

  public init() {}

  /// The reaction to `error`.
  public func reaction(to error: SchedulerError) -> ErrorReaction {
    switch error.code {
    case .frameworkRemoved: frameworkRemoved
    case .failedOver: failedOver
    default: other
    }
  }
}
