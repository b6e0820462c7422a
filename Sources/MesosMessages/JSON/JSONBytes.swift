/// Byte work that writer and reader share.
enum JSONBytes {
  /// Finds control characters, quotes and backslashes among eight bytes.
  ///
  /// - Returns: A word that is zero if there is none; otherwise its lowest bit that is set is the highest of the first such byte.
  @inline(__always)
  static func specials(in word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quotes = word ^ (ones &* 0x22)
    let slashes = word ^ (ones &* 0x5C)
    let found =
      ((word &- (ones &* 0x20)) & ~word) | ((quotes &- ones) & ~quotes) | ((slashes &- ones) & ~slashes)
    return found & (ones &* 0x80)
  }

  @inline(__always)
  static func isSpecial(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x22 || byte == 0x5C }

  /// Writes a number's digits and returns how many; at most 20.
  @inline(__always)
  static func writeDigits(of value: UInt64, to out: UnsafeMutableRawPointer) -> Int {
    if value < 10 {
      out.storeBytes(of: 0x30 &+ UInt8(truncatingIfNeeded: value), as: UInt8.self)
      return 1
    }
    return writeManyDigits(of: value, to: out)
  }

  @inline(never)
  private static func writeManyDigits(of value: UInt64, to out: UnsafeMutableRawPointer) -> Int {
    let length = digitCount(of: value)
    var rest = value
    var place = length
    while rest >= 100 {
      let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
      place &-= 2
      writePair(UInt32(truncatingIfNeeded: pair), to: out + place)
      rest = quotient
    }
    if place == 2 {
      writePair(UInt32(truncatingIfNeeded: rest), to: out)
    } else {
      out.storeBytes(of: 0x30 &+ UInt8(truncatingIfNeeded: rest), as: UInt8.self)
    }
    return length
  }

  /// Writes a number below 100 as two digits.
  @inline(__always)
  private static func writePair(_ pair: UInt32, to out: UnsafeMutableRawPointer) {
    let tens = pair / 10
    out.storeBytes(of: 0x30 &+ UInt8(truncatingIfNeeded: tens), as: UInt8.self)
    out.storeBytes(of: 0x30 &+ UInt8(truncatingIfNeeded: pair &- tens &* 10), toByteOffset: 1, as: UInt8.self)
  }

  /// How many decimal digits a number has; one for zero.
  static func digitCount(of value: UInt64) -> Int {
    var length = 1
    var rest = value
    while rest >= 10_000 {
      rest /= 10_000
      length &+= 4
    }
    if rest >= 1_000 { return length &+ 3 }
    if rest >= 100 { return length &+ 2 }
    if rest >= 10 { return length &+ 1 }
    return length
  }

  /// 10^0 … 10^19.
  @inline(__always)
  static func powerOfTen(_ exponent: Int) -> UInt64 { powersOfTen[exponent] }

  private static let powersOfTen: [UInt64] = {
    var powers: [UInt64] = [1]
    for _ in 1...19 { powers.append(powers[powers.count - 1] &* 10) }
    return powers
  }()

  // MARK: Base64

  private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

  /// Writes bytes in base64 with padding and returns how many characters that gave.
  static func writeBase64(of bytes: UnsafeRawBufferPointer, to out: UnsafeMutableRawPointer) -> Int {
    let letters = alphabet.utf8Start
    @inline(__always)
    func write(_ group: UInt32, at place: Int) {
      for index in 0..<4 {
        let letter = letters[Int(group >> UInt32(18 &- 6 &* index) & 0x3F)]
        out.storeBytes(of: letter, toByteOffset: place &+ index, as: UInt8.self)
      }
    }
    var place = 0
    var index = 0
    while bytes.count &- index >= 3 {
      write(UInt32(bytes[index]) << 16 | UInt32(bytes[index &+ 1]) << 8 | UInt32(bytes[index &+ 2]), at: place)
      index &+= 3
      place &+= 4
    }
    let left = bytes.count &- index
    guard left > 0 else { return place }
    write(UInt32(bytes[index]) << 16 | (left == 2 ? UInt32(bytes[index &+ 1]) << 8 : 0), at: place)
    out.storeBytes(of: UInt8(ascii: "="), toByteOffset: place &+ 3, as: UInt8.self)
    if left == 1 { out.storeBytes(of: UInt8(ascii: "="), toByteOffset: place &+ 2, as: UInt8.self) }
    return place &+ 4
  }

  /// Reads base64 as leniently as Apache Mesos does: padding may lack, white space is skipped, `=` ends it.
  ///
  /// - Parameter out: Room for three quarters of the text.
  /// - Returns: How many bytes that gave, or the first character that is none of the alphabet.
  static func readBase64(_ text: UnsafeRawBufferPointer, to out: UnsafeMutableRawPointer) -> Result<Int, Base64Fault> {
    var count = 0
    var bits: UInt32 = 0
    var held: UInt32 = 0
    for character in text {
      let value: UInt8
      switch character {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = character &- UInt8(ascii: "A")
      case UInt8(ascii: "a")...UInt8(ascii: "z"): value = character &- UInt8(ascii: "a") &+ 26
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = character &- UInt8(ascii: "0") &+ 52
      case UInt8(ascii: "+"): value = 62
      case UInt8(ascii: "/"): value = 63
      case UInt8(ascii: "="): return .success(count)
      case 0x20, 0x09...0x0D: continue
      default: return .failure(Base64Fault(character: character))
      }
      bits = bits << 6 | UInt32(value)
      held &+= 6
      if held >= 8 {
        held &-= 8
        out.storeBytes(of: UInt8(truncatingIfNeeded: bits >> held), toByteOffset: count, as: UInt8.self)
        count &+= 1
      }
    }
    return .success(count)
  }

  /// A character that is not of the alphabet.
  struct Base64Fault: Error { let character: UInt8 }
}
