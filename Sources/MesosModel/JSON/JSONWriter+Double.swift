extension JSONWriter {
  /// Appends a double: its shortest decimal form that reads back as the same value, always with a fraction or an exponent.
  ///
  /// From 0.000001 up to 10^21 in plain decimal form, beyond as `1e-7` or `1.25e22`. A value that is not finite has no form in JSON
  /// and is written as `null`.
  public mutating func append(_ value: Double) {
    let magnitude = value.magnitude
    // Thousandths and whole numbers, which is what resources and most times are.
    if magnitude < 1e12 {
      let thousandths = (magnitude * 1000).rounded()
      if thousandths / 1000 == magnitude {
        if value.sign == .minus { append(UInt8(ascii: "-")) }
        let (whole, fraction) = UInt64(thousandths).quotientAndRemainder(dividingBy: 1000)
        append(whole)
        return appendThousandths(fraction)
      }
    }
    guard value.isFinite else { return append("null") }
    appendShortest(value)
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
