public import MesosModel
public import SchedulerCore

/// A connection that a scheduler outside the simulated cluster holds to its master.
public struct OutsideConnection: Hashable, Comparable, Sendable {
  let number: ConnectionNumber

  public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// Something that reached a scheduler outside, on one of its connections.
public enum OutsideArrival: Sendable {
  /// The answer to a SUBSCRIBE began.
  case head(OutsideConnection, StreamHead)
  /// An event of a stream.
  case event(OutsideConnection, SchedulerEvent)
  /// The answer to a call; its connection is over.
  case answer(OutsideConnection, status: Int, text: String)
  /// The connection ended; `isRefused` where nobody listened, so that nothing of it was taken.
  case ended(OutsideConnection, reason: String, isRefused: Bool)
}
