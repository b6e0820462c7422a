/// The wire format of protobuf, as far as it takes to nest messages that are encoded already.
enum WireBytes {
  /// Appends the tag and the length of a message.
  static func appendHeader(field: Int, length: Int, to bytes: inout [UInt8]) {
    appendVarint(UInt64(field << 3 | 2), to: &bytes)
    appendVarint(UInt64(length), to: &bytes)
  }

  static func appendVarint(_ value: UInt64, to bytes: inout [UInt8]) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  /// How many bytes a number takes.
  static func varintCount(_ value: Int) -> Int {
    var count = 1
    var rest = UInt64(value) >> 7
    while rest > 0 {
      count += 1
      rest >>= 7
    }
    return count
  }

  static func headerCount(field: Int, length: Int) -> Int { varintCount(field << 3) + varintCount(length) }
}
