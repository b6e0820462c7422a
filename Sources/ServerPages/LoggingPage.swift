public import MesosHTTP
public import MesosHTTPServer
import ServerFlags
public import ShellSupport

/// `/logging/toggle`: tells the level of verbosity, or sets it for a while.
///
/// - Source: Apache Mesos `3rdparty/libprocess/src/logging.cpp`, `Logging::toggle`.
public enum LoggingPage {
  /// - Parameter authorize: Throws for a request that its sender may not make.
  public static func route(
    _ verbosity: LogVerbosity, realm: String? = nil,
    authorize: @escaping @Sendable (IncomingRequest) throws(HTTPFailure) -> Void = { _ throws(HTTPFailure) in }
  ) -> Route {
    Route("/logging/toggle", methods: nil, realm: realm) { request in
      try authorize(request)
      switch (request.queryValue("level"), request.queryValue("duration")) {
      case (nil, nil): return .text("\(verbosity.level)\n")
      case (_, nil): throw HTTPFailure.badRequest("Expecting 'duration=value' in query.\n")
      case (nil, _): throw HTTPFailure.badRequest("Expecting 'level=value' in query.\n")
      case (let level?, let duration?):
        verbosity.set(try self.level(level), for: try self.duration(duration))
        return OutgoingResponse()
      }
    }
  }

  private static func level(_ text: String) throws(HTTPFailure) -> UInt32 {
    guard let level = Int32(text) else {
      throw .badRequest("Failed to convert '\(text.prefix(100))' to number.\n")
    }
    guard level >= 0 else { throw .badRequest("Invalid level '\(level)'.\n") }
    return UInt32(level)
  }

  private static func duration(_ text: String) throws(HTTPFailure) -> Duration {
    do { return try FlagText.duration(text) } catch { throw .badRequest("\(error.message).\n") }
  }
}
