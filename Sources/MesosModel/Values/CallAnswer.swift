/// Names one call that waits for its answer; given by the shell, handed back with the answer.
public struct CallToken: Hashable, Sendable {
  /// What tells the call from others that wait.
  public let number: UInt64

  /// The name of the call of this number.
  public init(_ number: UInt64) { self.number = number }
}

/// What the caller of a v1 call is told at once, over HTTP.
public enum CallAnswer: Hashable, Sendable {
  /// 202: what follows arrives as events.
  case accepted
  /// 200 with an empty body: the call took effect.
  case ok
  /// 200 with a stream of events; the connection named in the call stays open.
  case streaming
  /// An error status with a text for the person who reads it.
  case rejected(status: Int, text: String)
}
