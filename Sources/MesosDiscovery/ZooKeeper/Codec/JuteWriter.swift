/// Writes ZooKeeper's records: numbers big-endian, texts and bytes behind their length, lists behind their count.
///
/// - Source: ZooKeeper 3.8, `BinaryOutputArchive`.
struct JuteWriter {
  private(set) var bytes: [UInt8] = []

  mutating func int32(_ value: Int32) { append(UInt32(bitPattern: value)) }
  mutating func int64(_ value: Int64) { append(UInt64(bitPattern: value)) }
  mutating func bool(_ value: Bool) { bytes.append(value ? 1 : 0) }

  mutating func buffer(_ value: some Collection<UInt8>) {
    int32(Int32(clamping: value.count))
    bytes.append(contentsOf: value)
  }

  mutating func string(_ value: String) { buffer(value.utf8) }

  mutating func list<Element>(_ elements: [Element], _ write: (inout JuteWriter, Element) -> Void) {
    int32(Int32(clamping: elements.count))
    for element in elements { write(&self, element) }
  }

  /// The record behind its length, as it goes over the connection.
  var framed: [UInt8] {
    var frame = JuteWriter()
    frame.bytes.reserveCapacity(bytes.count + 4)
    frame.buffer(bytes)
    return frame.bytes
  }

  private mutating func append(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }
}
