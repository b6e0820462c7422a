/// Byte work that writer and reader share.
enum JSONBytes {
  /// Whether one of eight bytes is a control character, a quote or a backslash.
  @inline(__always)
  static func hasSpecial(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quotes = word ^ (ones &* 0x22)
    let slashes = word ^ (ones &* 0x5C)
    let found =
      ((word &- (ones &* 0x20)) & ~word) | ((quotes &- ones) & ~quotes) | ((slashes &- ones) & ~slashes)
    return found & (ones &* 0x80) != 0
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
  static func writeManyDigits(of value: UInt64, to out: UnsafeMutableRawPointer) -> Int {
    let length = digitCount(of: value)
    var rest = value
    var place = length
    while place > 0 {
      place &-= 1
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      out.storeBytes(of: 0x30 &+ UInt8(truncatingIfNeeded: digit), toByteOffset: place, as: UInt8.self)
      rest = quotient
    }
    return length
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
    let pad = UInt8(ascii: "=")
    var place = 0
    func put(_ byte: UInt8) {
      out.storeBytes(of: byte, toByteOffset: place, as: UInt8.self)
      place &+= 1
    }
    var index = 0
    while index < bytes.count {
      let left = bytes.count &- index
      let first = Int(bytes[index])
      let second = left > 1 ? Int(bytes[index &+ 1]) : 0
      let third = left > 2 ? Int(bytes[index &+ 2]) : 0
      put(letters[first >> 2])
      put(letters[(first & 0x03) << 4 | second >> 4])
      put(left > 1 ? letters[(second & 0x0F) << 2 | third >> 6] : pad)
      put(left > 2 ? letters[third & 0x3F] : pad)
      index &+= 3
    }
    return place
  }

  /// Reads base64 as leniently as Apache Mesos does: padding may lack, white space is skipped, `=` ends it.
  ///
  /// - Returns: The bytes, or the first character that is none of the alphabet.
  static func readBase64(_ text: UnsafeRawBufferPointer) -> Result<[UInt8], Base64Fault> {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3 + 3)
    var bits: UInt32 = 0
    var held = 0
    for character in text {
      let value: UInt8
      switch character {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = character &- UInt8(ascii: "A")
      case UInt8(ascii: "a")...UInt8(ascii: "z"): value = character &- UInt8(ascii: "a") &+ 26
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = character &- UInt8(ascii: "0") &+ 52
      case UInt8(ascii: "+"): value = 62
      case UInt8(ascii: "/"): value = 63
      case UInt8(ascii: "="): return .success(bytes)
      case 0x20, 0x09...0x0D: continue
      default: return .failure(Base64Fault(character: character))
      }
      bits = bits << 6 | UInt32(value)
      held += 6
      if held >= 8 {
        held -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
      }
    }
    return .success(bytes)
  }

  /// A character that is not of the alphabet.
  struct Base64Fault: Error { let character: UInt8 }
}
