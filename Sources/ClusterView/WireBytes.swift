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

extension WireBytes {
  /// One field of a message.
  private enum Value {
    case varint
    case fixed32
    case fixed64(UInt64)
    case delimited(ArraySlice<UInt8>)
  }

  /// The content of the last field with this number that has a length; `nil` where there is none, or the bytes are no message.
  static func last(field: Int, in bytes: [UInt8]) -> ArraySlice<UInt8>? {
    var found: ArraySlice<UInt8>?
    let isWhole = scan(bytes[...]) { number, value in
      if number == field, case .delimited(let content) = value { found = content }
      return true
    }
    return isWhole ? found : nil
  }

  /// The content of the first field with this number that has a length.
  static func first(field: Int, in bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    var found: ArraySlice<UInt8>?
    _ = scan(bytes) { number, value in
      if number == field, case .delimited(let content) = value { found = content }
      return found == nil
    }
    return found
  }

  /// The value of the first field with this number that has eight bytes.
  static func fixed64(field: Int, in bytes: ArraySlice<UInt8>) -> UInt64? {
    var found: UInt64?
    _ = scan(bytes) { number, value in
      if number == field, case .fixed64(let bits) = value { found = bits }
      return found == nil
    }
    return found
  }

  /// Gives the fields of a message one by one for as long as `body` wants them.
  ///
  /// - Returns: Whether the bytes are fields up to their end.
  private static func scan(_ bytes: ArraySlice<UInt8>, _ body: (Int, Value) -> Bool) -> Bool {
    var index = bytes.startIndex
    func varint() -> UInt64? {
      var value: UInt64 = 0
      var shift: UInt64 = 0
      while index < bytes.endIndex, shift < 64 {
        let byte = bytes[index]
        index += 1
        value |= UInt64(byte & 0x7f) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
      return nil
    }
    while index < bytes.endIndex {
      guard let tag = varint(), let number = Int(exactly: tag >> 3) else { return false }
      let value: Value
      switch tag & 7 {
      case 0:
        guard varint() != nil else { return false }
        value = .varint
      case 1:
        guard bytes.endIndex - index >= 8 else { return false }
        let bits = bytes[index..<index + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        value = .fixed64(bits)
        index += 8
      case 2:
        guard let length = varint(), length <= UInt64(bytes.endIndex - index) else { return false }
        value = .delimited(bytes[index..<index + Int(length)])
        index += Int(length)
      case 5:
        guard bytes.endIndex - index >= 4 else { return false }
        value = .fixed32
        index += 4
      default: return false
      }
      if !body(number, value) { return true }
    }
    return true
  }
}
