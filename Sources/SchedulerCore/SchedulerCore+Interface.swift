public import MesosModel

/// Numbers one attempt at a stream; what arrives of an earlier one is told apart by it.
public struct StreamNumber: Hashable, Comparable, Sendable {
  public let number: UInt64
  public init(_ number: UInt64) { self.number = number }
  public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// Numbers one sending of a call.
public struct SendNumber: Hashable, Comparable, Sendable {
  public let number: UInt64
  public init(_ number: UInt64) { self.number = number }
  public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// Numbers one update given to the user.
public struct DeliveryNumber: Hashable, Comparable, Sendable {
  public let number: UInt64
  public init(_ number: UInt64) { self.number = number }
  public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// The head of the answer to a SUBSCRIBE.
public struct StreamHead: Hashable, Sendable {
  public var status: Int
  /// `Mesos-Stream-Id`.
  public var streamID: String?
  public var location: String?
  /// The start of the body of an answer that is no stream.
  public var text: String

  public init(status: Int, streamID: String? = nil, location: String? = nil, text: String = "") {
    self.status = status
    self.streamID = streamID
    self.location = location
    self.text = text
  }
}

/// How a call ended, as far as its sender can tell.
public enum CallOutcome: Hashable, Sendable {
  case answered(status: Int, text: String, location: String?)
  /// Not a byte of it reached a master: nobody listens, the name is unknown.
  case notSent(String)
  /// It was sent, or may have been, and no answer came.
  case unknown(String)
}

/// What becomes of a framework when its scheduler stops.
public enum StopMode: Hashable, Sendable {
  /// The stream is closed; tasks run on for the failover timeout, and a scheduler with the same id takes over.
  case keepFramework
  /// TEARDOWN: the tasks are killed and the id is spent.
  case tearDown
}

extension SchedulerCore {
  /// What happened.
  public enum Event: Hashable, Sendable {
    /// Begin, as the framework of this id where one was stored.
    case start(FrameworkID?)
    /// The answer to SUBSCRIBE began.
    case streamOpened(StreamNumber, StreamHead)
    case record(StreamNumber, SchedulerEvent)
    /// A record that is no event.
    case badRecord(StreamNumber, String)
    /// What comes is no stream of records, or not in the encoding that was asked for: nothing more is read.
    case streamMalformed(StreamNumber, reason: String)
    case frameworkIDSaved(StreamNumber)
    case frameworkIDNotSaved(StreamNumber, String)
    /// The user is behind: nothing is read from the stream until `readingResumed`.
    case readingPaused(StreamNumber)
    case readingResumed(StreamNumber)
    /// The stream could not be opened, ended or broke off.
    case streamEnded(StreamNumber, reason: String)
    /// The stream could not be opened, and not a byte of the SUBSCRIBE left: it cannot reach a master late.
    case streamRefused(StreamNumber, reason: String)
    /// What is to be done about the error of `.decide`.
    case decided(ErrorReaction)
    /// The user makes a call; answered by one `.complete`.
    case call(SchedulerCall, CallToken)
    /// The user does not wait for it any more; one that was not sent is left out.
    case callCancelled(CallToken)
    case callEnded(SendNumber, CallOutcome)
    /// The user is done with an update.
    case handled(DeliveryNumber)
    /// The detector says where the leading master is, or that there is none.
    case masterDetected(MasterAddress?)
    /// Something keeps the detector from seeing more; what it said last still holds.
    case detectionTroubled(String)
    /// The detector gave up.
    case detectionEnded(String)
    /// Time has passed; at the latest at ``SchedulerCore/nextDeadline``.
    case tick
    case stop(StopMode)
    /// Nobody performs directives any more: what waits is told, nothing else happens.
    case abandoned
  }

  /// What must be done, in this order.
  public enum Directive: Hashable, Sendable {
    /// POST this SUBSCRIBE, answer by `.streamOpened` and its records.
    case openStream(StreamNumber, MasterAddress, SchedulerCall)
    /// Nothing of it is wanted any more.
    case closeStream(StreamNumber)
    /// Make the id durable, then say `.frameworkIDSaved`; read no record before.
    case saveFrameworkID(StreamNumber, FrameworkID)
    /// The id is spent.
    case forgetFrameworkID
    /// POST this call with the stream id, answer by one `.callEnded`.
    case send(SendNumber, MasterAddress, streamID: String, SchedulerCall)
    /// Nobody waits for this call any more: its connection is not wanted, its end need not be told.
    case cancelSend(SendNumber)
    /// Ask the user what to do about this error, then say `.decided`; for ``Configuration/asksAboutErrors``.
    case decide(SchedulerError, proposed: ErrorReaction)
    case deliver(DeliveryNumber, SchedulerUpdate)
    /// The outcome of a user's call; `nil` when the master took it.
    case complete(CallToken, SchedulerError?)
    /// The end; nothing follows.
    case finished(SchedulerError?)
  }
}
