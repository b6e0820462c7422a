/// Why a call was not taken, or why a scheduler ended.
public struct SchedulerError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    private enum Value {
      case notConnected, queueFull, tooManyTasks, tooManyOperations, offerNotHeld, refused, notSent, outcomeUnknown,
        timedOut, stopped
      case frameworkRemoved, failedOver, masterError, unauthorized, frameworkIDNotSaved, invalidAddress,
        invalidConfiguration
      case invalidCall, protocolViolation, files, detectionFailed
    }
    private let value: Value
    /// There is no subscription, and calls are not queued by choice.
    public static let notConnected = Code(value: .notConnected)
    /// The bound of waiting calls is reached.
    public static let queueFull = Code(value: .queueFull)
    /// The bound of known tasks is reached.
    public static let tooManyTasks = Code(value: .tooManyTasks)
    /// The bound of known operations is reached.
    public static let tooManyOperations = Code(value: .tooManyOperations)
    /// The offer was used, rescinded, or belongs to an earlier subscription.
    public static let offerNotHeld = Code(value: .offerNotHeld)
    /// The master answered with an error; see ``SchedulerError/status``.
    public static let refused = Code(value: .refused)
    /// The call did not reach the master.
    public static let notSent = Code(value: .notSent)
    /// The call left, and no answer came: it may have taken effect or not.
    public static let outcomeUnknown = Code(value: .outcomeUnknown)
    /// It waited longer than allowed.
    public static let timedOut = Code(value: .timedOut)
    /// The scheduler is stopped or is being stopped.
    public static let stopped = Code(value: .stopped)
    /// The master says "Framework has been removed": the id was torn down or its failover timeout passed.
    public static let frameworkRemoved = Code(value: .frameworkRemoved)
    /// The master says "Framework failed over": another scheduler subscribed with this id.
    public static let failedOver = Code(value: .failedOver)
    /// Another ERROR event; the message is the master's.
    public static let masterError = Code(value: .masterError)
    /// The master does not accept who we are (401 or 403).
    public static let unauthorized = Code(value: .unauthorized)
    /// The framework id could not be stored.
    public static let frameworkIDNotSaved = Code(value: .frameworkIDNotSaved)
    public static let invalidAddress = Code(value: .invalidAddress)
    public static let invalidConfiguration = Code(value: .invalidConfiguration)
    /// The call misses what its type asks for.
    public static let invalidCall = Code(value: .invalidCall)
    /// What came from the master breaks the protocol.
    public static let protocolViolation = Code(value: .protocolViolation)
    /// The detector of the leading master gave up.
    public static let detectionFailed = Code(value: .detectionFailed)
    /// A file of a sandbox could not be listed or read.
    public static let files = Code(value: .files)
  }

  public let code: Code
  public let message: String
  /// The HTTP status of an answer that refused.
  public let status: Int?

  /// What a text of another machine may measure in an error, in bytes.
  public static let foreignTextMax = 500

  /// The beginning of a text of another machine: a letter may have any number of accents, so bytes are counted.
  static func excerpt(_ text: String) -> String {
    text.utf8.count <= foreignTextMax ? text : String(decoding: text.utf8.prefix(foreignTextMax), as: UTF8.self)
  }

  public init(_ code: Code, _ message: String, status: Int? = nil) {
    self.code = code
    self.message = message
    self.status = status
  }

  public var description: String { message }

  /// The meaning of an ERROR event.
  ///
  /// - Source: the texts of Apache Mesos 1.11, `master/master.cpp`.
  public init(masterError text: String) {
    let text = SchedulerError.excerpt(text)
    switch text {
    case "Framework has been removed":
      self.init(
        .frameworkRemoved,
        "\(text): the framework was torn down, or its failover timeout passed; its id cannot be used again")
    case "Framework failed over":
      self.init(.failedOver, "\(text): another scheduler subscribed with this framework's id")
    default:
      self.init(.masterError, text)
    }
  }
}
