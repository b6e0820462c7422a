import SwiftProtobuf

/// Writes single fields in the wire format of protobuf.
struct FieldWriter {
  private(set) var bytes: [UInt8] = []

  mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  mutating func enumeration(_ value: some Enum, field: UInt64) {
    varint(field << 3)
    varint(UInt64(bitPattern: Int64(value.rawValue)))
  }

  mutating func delimited(_ value: [UInt8], field: UInt64) {
    varint(field << 3 | 2)
    varint(UInt64(value.count))
    bytes += value
  }
}
