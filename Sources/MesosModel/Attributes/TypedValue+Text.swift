extension TypedValue {
  /// Reads `2.5`, `[1-3, 7-9]`, `{a, b}` or any text; spaces do not count, not even inside a text.
  ///
  /// A number is a decimal one of finite size that is not negative; what else looks like one is text. What stands apart from the
  /// others between brackets may be apart by any of `[]-,` in ranges, by any of `{},` in sets. Ends of ranges may be hexadecimal.
  ///
  /// - Throws: `ValueError` with code `.malformedText` and the place: nothing but spaces, brackets that do not match, a bracket after
  ///   other text, a range without two numbers or that ends before it begins (which Apache Mesos lets pass), or a number too close to zero
  ///   to have all its digits.
  /// - Complexity: O(*n* log *n*) in the size of the text.
  /// - Source: Apache Mesos, `src/common/values.cpp`, `parse`.
  public static func parse(_ text: String) throws(ValueError) -> TypedValue {
    let bytes = Array(text.utf8)
    return try parse(bytes[...])
  }

  /// As ``parse(_:)``; places count from the first of the array that `text` is a part of.
  static func parse(_ text: ArraySlice<UInt8>) throws(ValueError) -> TypedValue {
    func malformed(_ message: String, _ offset: Int) -> ValueError {
      ValueError(.malformedText, message, offset: offset)
    }
    let compact = text.filter { $0 != UInt8(ascii: " ") }
    guard let first = compact.first else { throw malformed("Expecting non-empty string", text.startIndex) }
    for (open, close) in [("{", "}"), ("[", "]"), ("(", ")")] as [(UnicodeScalar, UnicodeScalar)] {
      if let offset = mismatch(UInt8(ascii: open), UInt8(ascii: close), in: text) {
        throw malformed("Mismatched brackets", offset)
      }
    }
    if first == UInt8(ascii: "[") { return .ranges(try ranges(text)) }
    if let offset = text.firstIndex(of: UInt8(ascii: "[")) { throw malformed("Unexpected '[' found", offset) }
    if first == UInt8(ascii: "{") {
      return .set(ResourceSet(tokens(text, apartBy: "{},\n").map { String(decoding: $0.bytes, as: UTF8.self) }))
    }
    if let offset = text.firstIndex(of: UInt8(ascii: "{")) { throw malformed("Unexpected '{' found", offset) }
    let word = String(decoding: compact, as: UTF8.self)
    guard let number = decimal(word), number.isFinite else { return .text(word) }
    guard !number.isSubnormal else { throw malformed("Subnormal values not supported", text.startIndex) }
    return number < 0 ? .text(word) : .scalar(number)
  }

  /// Where brackets stop to match: at one that closes nothing, or at the last one that is not closed.
  private static func mismatch(_ open: UInt8, _ close: UInt8, in text: ArraySlice<UInt8>) -> Int? {
    var depth = 0
    var last = text.startIndex
    for (offset, byte) in zip(text.indices, text) {
      if byte == open {
        depth += 1
        last = offset
      } else if byte == close {
        depth -= 1
        if depth < 0 { return offset }
      }
    }
    return depth == 0 ? nil : last
  }

  /// The runs of bytes between `separators`, without spaces, none of them empty, each with the place where it begins.
  private static func tokens(
    _ text: ArraySlice<UInt8>, apartBy separators: String
  ) -> [(bytes: [UInt8], offset: Int)] {
    let separators = Array(separators.utf8)
    var tokens: [(bytes: [UInt8], offset: Int)] = []
    var isInside = false
    for (offset, byte) in zip(text.indices, text) where byte != UInt8(ascii: " ") {
      if separators.contains(byte) {
        isInside = false
      } else if isInside {
        tokens[tokens.count - 1].bytes.append(byte)
      } else {
        isInside = true
        tokens.append(([byte], offset))
      }
    }
    return tokens
  }

  private static func ranges(_ text: ArraySlice<UInt8>) throws(ValueError) -> ResourceRanges {
    let tokens = tokens(text, apartBy: "[]-,\n")
    guard tokens.count.isMultiple(of: 2) else {
      throw ValueError(.malformedText, "Expecting one or more \"ranges\"", offset: tokens.last?.offset)
    }
    var intervals: [ResourceRanges.Interval] = []
    intervals.reserveCapacity(tokens.count / 2)
    for index in stride(from: 0, to: tokens.count, by: 2) {
      let (begin, end) = (try natural(tokens[index]), try natural(tokens[index + 1]))
      guard begin <= end else {
        throw ValueError(
          .malformedText, "Invalid ranges: begin > end in '\(begin)-\(end)'", offset: tokens[index].offset)
      }
      intervals.append(ResourceRanges.Interval(begin, end))
    }
    return ResourceRanges(intervals)
  }

  private static func natural(_ token: (bytes: [UInt8], offset: Int)) throws(ValueError) -> UInt64 {
    let word = String(decoding: token.bytes, as: UTF8.self)
    let isHexadecimal = word.hasPrefix("0x") || word.hasPrefix("0X")
    let digits = isHexadecimal ? word.dropFirst(2) : word[...]
    // A sign may stand before decimal digits alone.
    guard let number = UInt64(digits, radix: isHexadecimal ? 16 : 10), !isHexadecimal || digits.utf8.first != 0x2b
    else {
      throw ValueError(.malformedText, "Expecting non-negative integers in '\(word)'", offset: token.offset)
    }
    return number
  }

  /// The number when the word is nothing but a decimal one: no `inf`, no `nan`, no hexadecimal digits.
  private static func decimal(_ word: String) -> Double? {
    let isPlain = word.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "e"), UInt8(ascii: "E"):
        true
      default: false
      }
    }
    return isPlain ? Double(word) : nil
  }
}
