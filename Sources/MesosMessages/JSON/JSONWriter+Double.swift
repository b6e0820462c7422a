extension JSONWriter {
  /// Appends a double: its shortest decimal form that reads back as the same value, always with a fraction or an exponent.
  ///
  /// From 0.000001 to below 10^21 in plain decimal form, beyond as `1e-7` or `1.25e22`. JSON has no form for a value that is not
  /// finite: as in Apache Mesos it becomes a text, `"Infinity"`, which is refused where a number is read. (Apache Mesos writes
  /// `NaN` without quotes, which is no JSON.)
  public mutating func append(_ value: Double) {
    let magnitude = value.magnitude
    // Thousandths and whole numbers, which is what resources and most times are.
    if magnitude < 1e12 {
      // Not rounded(), which is a call of the C library.
      let thousandths = UInt64(magnitude * 1000 + 0.5)
      if Double(thousandths) / 1000 == magnitude {
        if value.sign == .minus { append(UInt8(ascii: "-")) }
        let (whole, fraction) = thousandths.quotientAndRemainder(dividingBy: 1000)
        append(whole)
        return appendThousandths(fraction)
      }
    }
    guard value.isFinite else {
      if value.isNaN { return append("\"NaN\"") }
      return append(value > 0 ? "\"Infinity\"" : "\"-Infinity\"")
    }
    if magnitude >= 1, magnitude < 1e15 { return appendMedium(value) }
    appendShortest(value)
  }

  /// Appends a double from 1 to below 10^15: of 15, 16 and 17 digits the first number of them that reads back as the value.
  ///
  /// The digits come from whole-number arithmetic: the value is `bits` / 2^`shift`, so it is exact before the one rounding.
  private mutating func appendMedium(_ value: Double) {
    let magnitude = value.magnitude
    let bits = UInt128(magnitude.significandBitPattern | 1 << 52)
    let shift = UInt64(52 - Int(magnitude.exponent))
    let wholeDigits = JSONBytes.digitCount(of: UInt64(magnitude))
    var decimals = 15 - wholeDigits
    var digits: UInt64 = 0
    for _ in 0..<3 {
      let scaled = bits * UInt128(JSONBytes.powerOfTen(decimals))
      digits = UInt64(truncatingIfNeeded: scaled >> shift)
      let rest = scaled & (1 << shift - 1)
      let half: UInt128 = 1 << (shift - 1)
      if rest > half || (rest == half && digits & 1 == 1) { digits &+= 1 }
      if JSONNumberScan.quotient(digits, tens: decimals) == magnitude { break }
      decimals += 1
    }
    while decimals > 1 {
      let (quotient, digit) = digits.quotientAndRemainder(dividingBy: 10)
      if digit != 0 { break }
      digits = quotient
      decimals -= 1
    }
    if value.sign == .minus { append(UInt8(ascii: "-")) }
    guard decimals > 0 else {
      append(digits)
      return append(".0")
    }
    let (whole, fraction) = digits.quotientAndRemainder(dividingBy: JSONBytes.powerOfTen(decimals))
    append(whole)
    append(UInt8(ascii: "."))
    for _ in JSONBytes.digitCount(of: fraction)..<max(decimals, JSONBytes.digitCount(of: fraction)) {
      append(UInt8(ascii: "0"))
    }
    append(fraction)
  }

  @inline(__always)
  private mutating func appendThousandths(_ fraction: UInt64) {
    append(UInt8(ascii: "."))
    let tenths = UInt8(truncatingIfNeeded: fraction / 100)
    let rest = UInt8(truncatingIfNeeded: fraction % 100)
    append(0x30 &+ tenths)
    if rest != 0 {
      append(0x30 &+ rest / 10)
      if rest % 10 != 0 { append(0x30 &+ rest % 10) }
    }
  }

  @inline(never)
  private mutating func appendShortest(_ value: Double) {
    // The standard library gives the digits; only where the point goes is ours.
    var digits = JSONDigits()
    var exponent = 0
    var pointSeen = false
    var fractionDigits = 0
    var text = value.magnitude.description.utf8.makeIterator()
    while let character = text.next() {
      switch character {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        digits.append(character)
        if pointSeen { fractionDigits += 1 }
      case UInt8(ascii: "."): pointSeen = true
      default:
        var written = 0
        var negative = false
        while let next = text.next() {
          if next == UInt8(ascii: "-") { negative = true }
          if (0x30...0x39).contains(next) { written = written * 10 + Int(next - 0x30) }
        }
        exponent = negative ? -written : written
      }
    }
    exponent -= fractionDigits
    exponent += digits.dropTrailingZeros()
    digits.dropLeadingZeros()
    if value.sign == .minus { append(UInt8(ascii: "-")) }
    // 10^(point - 1) <= magnitude < 10^point
    let point = digits.count + exponent
    switch point {
    case 1...21 where exponent >= 0:
      append(digits, from: 0, to: digits.count)
      for _ in 0..<exponent { append(UInt8(ascii: "0")) }
      append(".0")
    case 1...21:
      append(digits, from: 0, to: point)
      append(UInt8(ascii: "."))
      append(digits, from: point, to: digits.count)
    case -5...0:
      append("0.")
      for _ in 0..<(-point) { append(UInt8(ascii: "0")) }
      append(digits, from: 0, to: digits.count)
    default:
      append(digits, from: 0, to: 1)
      if digits.count > 1 {
        append(UInt8(ascii: "."))
        append(digits, from: 1, to: digits.count)
      }
      append(UInt8(ascii: "e"))
      append(Int64(point - 1))
    }
  }

  private mutating func append(_ digits: borrowing JSONDigits, from start: Int, to end: Int) {
    for index in start..<end { append(digits[index]) }
  }
}

/// The digits of one double: 17, or up to 22 with the zeros of a large whole number.
private struct JSONDigits {
  private var storage = [UInt8]()
  private var start = 0

  init() { storage.reserveCapacity(24) }

  var count: Int { storage.count - start }

  subscript(index: Int) -> UInt8 { storage[start + index] }

  mutating func append(_ digit: UInt8) { storage.append(digit) }

  mutating func dropLeadingZeros() {
    while count > 1, self[0] == UInt8(ascii: "0") { start += 1 }
  }

  /// Drops zeros at the end, but for the last digit, and returns how many.
  mutating func dropTrailingZeros() -> Int {
    var dropped = 0
    while storage.count > 1, storage.last == UInt8(ascii: "0") {
      storage.removeLast()
      dropped += 1
    }
    return dropped
  }
}
