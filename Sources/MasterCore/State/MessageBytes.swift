import MesosModel
import SwiftProtobuf

/// Bytes of messages, in the forms that messages and tables want them.
enum MessageBytes {
  /// `message` encoded; the same message gives the same bytes in every process. Missing required fields are left out.
  static func encoded(_ message: some Message) -> [UInt8] {
    var options = BinaryEncodingOptions()
    options.useDeterministicOrdering = true
    // What can fail is a missing required field, which `partial` allows, or a size beyond 2 GB.
    return (try? message.serializedBytes(partial: true, options: options)) ?? []
  }

  /// The same bytes in another container.
  static func copy<Source: SwiftProtobufContiguousBytes, Target: SwiftProtobufContiguousBytes>(
    _ bytes: Source
  ) -> Target {
    if let same = bytes as? Target { return same }
    return bytes.withUnsafeBytes { Target($0) }
  }

  /// Whether the bytes are a UUID of a known version.
  static func isUUID(_ bytes: some SwiftProtobufContiguousBytes) -> Bool {
    bytes.withUnsafeBytes { $0.count == 16 && (1...5).contains($0[6] >> 4) }
  }
}

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
