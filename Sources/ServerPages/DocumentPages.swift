import MesosHTTP
public import MesosHTTPServer
import ServerFlags
import ShellSupport
public import StreamingJSON

/// The small documents that both servers show.
public enum DocumentPages {
  /// One JSON object, filled by `fill`.
  public static func document(
    _ fill: (inout LegacyRecords) throws(StreamingJSONError) -> Void
  ) throws -> OutgoingResponse {
    var page = try LegacyRecords()
    try page.json.beginObject()
    try fill(&page)
    try page.json.endObject()
    return OutgoingResponse(headers: ["Content-Type": MediaType.json.name], body: .slices(try page.json.finish()))
  }

  /// `/version`.
  public static func version() throws -> OutgoingResponse {
    try document { page throws(StreamingJSONError) in
      try page.field("build_user", ServerVersion.builder)
      try page.field("version", ServerVersion.api)
    }
  }

  /// `/flags`.
  public static func flags(_ flags: [(name: String, value: String)]) throws -> OutgoingResponse {
    try document { page throws(StreamingJSONError) in try page.flags(flags) }
  }

  /// `/metrics/snapshot`; `timeout` is that of the query.
  ///
  /// - Throws: 400 for a timeout that is no duration.
  public static func metrics(
    timeout: String?, _ metrics: () async throws -> [(name: String, value: Double)]
  ) async throws -> OutgoingResponse {
    if let timeout {
      do {
        _ = try FlagText.duration(timeout)
      } catch {
        throw HTTPFailure.badRequest("Invalid timeout '\(timeout.prefix(100))': \(error.message).\n")
      }
    }
    let all = try await metrics()
    return try document { page throws(StreamingJSONError) in
      for metric in all { try page.field(metric.name, metric.value) }
    }
  }
}

extension LegacyRecords {
  /// The field `flags`.
  public mutating func flags(_ flags: [(name: String, value: String)]) throws(StreamingJSONError) {
    try json.key("flags")
    try json.beginObject()
    for flag in flags { try field(flag.name, flag.value) }
    try json.endObject()
  }
}
