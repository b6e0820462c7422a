import SwiftProtobuf

/// Bytes in the container that a message wants them in.
enum MessageBytes {
  /// The same bytes in another container.
  static func copy<Source: SwiftProtobufContiguousBytes, Target: SwiftProtobufContiguousBytes>(
    _ bytes: Source
  ) -> Target {
    if let same = bytes as? Target { return same }
    return bytes.withUnsafeBytes { Target($0) }
  }
}
