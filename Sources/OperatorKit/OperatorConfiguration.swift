public import Logging
public import MesosHTTP
public import MesosHTTPClient
public import MesosRuntime

/// How the clients of operators speak to servers, and how much they take.
public struct OperatorConfiguration: Sendable {
  /// The encoding of calls and answers.
  public var encoding = MessageEncoding.protobuf
  /// How long one answer may take, the connection included.
  public var callTimeout: Duration = .seconds(60)
  /// What one answer may measure, in bytes.
  public var answerBytesMax = 1 << 28
  /// What one record of a stream may measure, in bytes; the first of an event stream holds the whole state.
  public var recordBytesMax = RecordIO.defaultMaximumRecordSize
  /// Redirects that one call follows to the leading master.
  public var redirectsMax = 5
  /// Heartbeats that a stream may miss before it counts as dead.
  public var missedHeartbeatsMax = 5
  /// The heartbeat of an event stream that names none.
  public var defaultHeartbeat: Duration = .seconds(15)
  /// How often a stream of input to a container says that it lives.
  public var inputHeartbeat: Duration = .seconds(30)
  /// Bytes of a container's output, and of what is written to it, that wait; beyond that the writer waits.
  public var containerBufferBytesMax = 1 << 20
  /// The path of the operator API.
  public var path = "/api/v1"
  /// Sent with each request.
  public var headers: HeaderFields = [:]
  /// How connections are made.
  public var http = HTTPClientConfiguration()
  /// Where time, chance and ids come from.
  public var runtime = Runtime.system
  /// Told at `debug` of what goes wrong and of streams that begin and end, at `trace` of each call. Nothing is
  /// logged where it is not set.
  public var logger = Logger(label: "mesos.operator") { _ in SwiftLogNoOpLogHandler() }

  public init() {}
}
