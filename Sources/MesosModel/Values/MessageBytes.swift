package import SwiftProtobuf

/// Bytes of messages, in the forms that messages and tables want them.
package enum MessageBytes {
  /// `message` encoded; the same message gives the same bytes in every process. Missing required fields are left out.
  package static func encoded(_ message: some Message) -> [UInt8] {
    var options = BinaryEncodingOptions()
    options.useDeterministicOrdering = true
    // What can fail is a missing required field, which `partial` allows, or a size beyond 2 GB.
    return (try? message.serializedBytes(partial: true, options: options)) ?? []
  }

  /// The same bytes in another container.
  package static func copy<Source: SwiftProtobufContiguousBytes, Target: SwiftProtobufContiguousBytes>(
    _ bytes: Source
  ) -> Target {
    if let same = bytes as? Target { return same }
    return bytes.withUnsafeBytes { Target($0) }
  }

  /// Whether both hold the same bytes.
  package static func areEqual(
    _ left: some SwiftProtobufContiguousBytes, _ right: some SwiftProtobufContiguousBytes
  ) -> Bool {
    left.withUnsafeBytes { left in right.withUnsafeBytes { right in left.elementsEqual(right) } }
  }

  /// Whether the bytes are a UUID of a known version.
  package static func isUUID(_ bytes: some SwiftProtobufContiguousBytes) -> Bool {
    bytes.withUnsafeBytes { $0.count == 16 && (1...5).contains($0[6] >> 4) }
  }
}
