public import SwiftProtobuf

/// A duration as the object of its fields, which is how Apache Mesos writes and reads it, rather than the text `"1.5s"` of the JSON
/// mapping of Protocol Buffers.
extension Google_Protobuf_Duration: JSONMessage {
  /// Appends `{"seconds":…,"nanos":…}`; what is zero is left out.
  public func encodeJSON(into writer: inout JSONWriter) {
    let start = writer.count
    if seconds != 0 { writer.field(",\"seconds\":", seconds) }
    if nanos != 0 { writer.field(",\"nanos\":", nanos) }
    writer.closeObject(since: start)
  }

  /// Reads an object with `seconds` and `nanos`; what is absent is zero.
  public mutating func readJSON(from reader: inout JSONReader) {
    var cursor = reader.object()
    while let key = reader.nextKey(&cursor) {
      if key.count == 7, key == "seconds" {
        seconds = reader.int64("seconds") ?? 0
      } else if key.count == 5, key == "nanos" {
        nanos = reader.int32("nanos") ?? 0
      } else {
        reader.skipValue()
      }
    }
  }
}
