/// The framing of Mesos' streams: each record is its length in ASCII decimal digits, a line feed, and that many bytes.
///
/// Source: Mesos `docs/scheduler-http-api.md`, "RecordIO response format".
public enum RecordIO {
  /// What a record may measure at most unless told otherwise: 128 MiB, above the largest snapshot of a big cluster.
  public static let defaultMaximumRecordSize = 1 << 27
}

/// Frames payloads as records.
public struct RecordIOEncoder: Sendable {
  public init() {}

  /// Appends `payload` as one record to `output`.
  public static func encode(_ payload: [UInt8], into output: inout [UInt8]) {
    appendHeader(for: payload.count, to: &output)
    output.append(contentsOf: payload)
  }

  /// Returns `payload` as one record.
  public static func encode(_ payload: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    encode(payload, into: &output)
    return output
  }

  /// Returns what stands before a payload of `length` bytes: its digits and a line feed.
  ///
  /// - Precondition: `length` is not negative.
  public static func header(for length: Int) -> [UInt8] {
    var output: [UInt8] = []
    appendHeader(for: length, to: &output)
    return output
  }

  private static func appendHeader(for length: Int, to output: inout [UInt8]) {
    precondition(length >= 0, "a record of \(length) bytes")
    var divisor = 1
    while length / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      output.append(UInt8(ascii: "0") + UInt8(length / divisor % 10))
      divisor /= 10
    }
    output.append(UInt8(ascii: "\n"))
  }
}
