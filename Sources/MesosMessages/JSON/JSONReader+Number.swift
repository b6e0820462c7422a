/// A number of the text: a whole number below 2^64 exactly, any other as the nearest double.
struct JSONNumber {
  var isNegative = false
  /// Whether `magnitude` is the number without its sign.
  var isWhole = false
  var magnitude: UInt64 = 0
  /// The number without its sign where it is not whole.
  var fraction = 0.0

  @inline(__always)
  var double: Double {
    let value = isWhole ? Double(magnitude) : fraction
    return isNegative ? -value : value
  }

  /// The number without its fraction, or nil where it does not fit.
  @inline(__always)
  func integer<Value: FixedWidthInteger>() -> Value? {
    if isWhole {
      if !isNegative { return Value(exactly: magnitude) }
      return magnitude <= 1 << 63 ? Value(exactly: Int64(truncatingIfNeeded: 0 &- magnitude)) : nil
    }
    return Value(exactly: double.rounded(.towardZero))
  }
}

/// The parts of a number's text.
struct JSONNumberScan {
  var number = JSONNumber()
  /// Where the number ends.
  var end: UnsafeRawPointer

  enum Outcome { case number, malformed, tooLarge }
  var outcome = Outcome.malformed

  /// Reads a number with the grammar of Apache Mesos' parser: as JSON's, but zeros may lead and a side of the point may lack digits.
  @inline(__always)
  init(from start: UnsafeRawPointer, to limit: UnsafeRawPointer) {
    var place = start
    var magnitude: UInt64 = 0
    var byte: UInt8 = place < limit ? place.load(as: UInt8.self) : 0
    if byte == UInt8(ascii: "-") {
      number.isNegative = true
      place += 1
      byte = place < limit ? place.load(as: UInt8.self) : 0
    }
    let digits = place
    while byte &- 0x30 < 10, place - digits < 19 {
      magnitude = magnitude &* 10 &+ UInt64(byte &- 0x30)
      place += 1
      byte = place < limit ? place.load(as: UInt8.self) : 0
    }
    let whole = place - digits
    if whole > 0, byte &- 0x30 >= 10, byte != UInt8(ascii: "."), byte | 0x20 != UInt8(ascii: "e"),
      byte != UInt8(ascii: "-"), byte != UInt8(ascii: "+")
    {
      number.isWhole = true
      number.magnitude = magnitude
      outcome = .number
      end = place
      return
    }
    if byte == UInt8(ascii: "."), whole > 0, whole < 19 {
      // The common decimal: up to 19 digits in all.
      var point = place + 1
      byte = point < limit ? point.load(as: UInt8.self) : 0
      var decimals = 0
      while byte &- 0x30 < 10, whole &+ decimals < 19 {
        magnitude = magnitude &* 10 &+ UInt64(byte &- 0x30)
        decimals &+= 1
        point += 1
        byte = point < limit ? point.load(as: UInt8.self) : 0
      }
      if !JSONNumberScan.continues(byte) {
        number.fraction = JSONNumberScan.quotient(magnitude, tens: decimals)
        outcome = .number
        end = point
        return
      }
    }
    end = start
    scanRare(from: start, to: limit)
  }

  @inline(__always)
  private static func continues(_ byte: UInt8) -> Bool {
    byte &- 0x30 < 10 || byte == 0x2E || byte == 0x2B || byte == 0x2D || byte | 0x20 == 0x65
  }

  /// Numbers with exponents or many digits, and what is no number.
  @inline(never)
  private mutating func scanRare(from start: UnsafeRawPointer, to limit: UnsafeRawPointer) {
    var place = start
    while place < limit, JSONNumberScan.continues(place.load(as: UInt8.self)) { place += 1 }
    end = place
    let text = UnsafeRawBufferPointer(start: start, count: place - start)
    guard JSONNumberScan.isNumber(text) else { return }
    let digits = number.isNegative ? UnsafeRawBufferPointer(rebasing: text[1...]) : text
    if digits.allSatisfy({ $0 &- 0x30 < 10 }), let magnitude = UInt64(String(decoding: digits, as: UTF8.self)) {
      number.isWhole = true
      number.magnitude = magnitude
      outcome = .number
      return
    }
    guard let value = Double(JSONNumberScan.normalized(digits)), value.isFinite else {
      outcome = .tooLarge
      return
    }
    number.fraction = value
    outcome = .number
  }

  /// Sign, digits with at most one point, and an exponent.
  private static func isNumber(_ text: UnsafeRawBufferPointer) -> Bool {
    guard let first = text.first, first == UInt8(ascii: "-") || first &- 0x30 < 10 else { return false }
    var rest = text[...]
    if first == UInt8(ascii: "-") { rest = rest.dropFirst() }
    let digits = rest.prefix { $0 &- 0x30 < 10 || $0 == 0x2E }
    let points = digits.count { $0 == 0x2E }
    guard points <= 1, digits.count > points else { return false }
    rest = rest.dropFirst(digits.count)
    guard let exponent = rest.first else { return true }
    guard exponent | 0x20 == 0x65 else { return false }
    rest = rest.dropFirst()
    if let sign = rest.first, sign == 0x2B || sign == 0x2D { rest = rest.dropFirst() }
    return !rest.isEmpty && rest.allSatisfy { $0 &- 0x30 < 10 }
  }

  /// The text with digits on both sides of its point.
  private static func normalized(_ text: UnsafeRawBufferPointer) -> String {
    var bytes: [UInt8] = []
    for (index, byte) in text.enumerated() {
      if byte == 0x2E, index == 0 { bytes.append(0x30) }
      bytes.append(byte)
      if byte == 0x2E, index + 1 == text.count || text[index + 1] &- 0x30 >= 10 { bytes.append(0x30) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// `magnitude` / 10^`tens`, rounded to the nearest double, for `tens` up to 19.
  @inline(__always)
  static func quotient(_ magnitude: UInt64, tens: Int) -> Double {
    if magnitude < 1 << 53, tens <= 15 { return Double(magnitude) / Double(JSONBytes.powerOfTen(tens)) }
    return longQuotient(magnitude, tens: tens)
  }

  @inline(never)
  private static func longQuotient(_ magnitude: UInt64, tens: Int) -> Double {
    guard magnitude > 0 else { return 0 }
    let power = JSONBytes.powerOfTen(tens)
    let dividend = magnitude << magnitude.leadingZeroBitCount
    let divisor = power << power.leadingZeroBitCount
    // dividend * 2^63 / divisor has 63 or 64 bits; what the division leaves over only matters as a last bit.
    var (bits, rest) = divisor.dividingFullWidth((dividend >> 1, dividend << 63))
    if rest != 0 { bits |= 1 }
    let exponent = power.leadingZeroBitCount - magnitude.leadingZeroBitCount - 63
    return Double(bits) * Double(bitPattern: UInt64(1023 + exponent) << 52)
  }
}
