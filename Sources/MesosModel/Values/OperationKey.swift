/// The identifier of an operation on resources: a UUID, drawn by the master.
///
/// Frameworks name the operations that they want to hear of by an `OperationID`; this is what masters and agents tell all of them apart by.
public struct OperationKey: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The first eight bytes, the first of them in the highest bits.
  public let high: UInt64
  /// The last eight bytes.
  public let low: UInt64

  /// The identifier of these halves.
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// The identifier of 16 bytes as they are on the wire; nil for any other number of them.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 16 else { return nil }
    high = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    low = bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The identifier of 32 hexadecimal digits, with or without hyphens between them; nil for any other text.
  public init?(text: some StringProtocol) {
    var digits: [UInt64] = []
    for character in text.utf8 where character != UInt8(ascii: "-") {
      guard let digit = Character(UnicodeScalar(character)).hexDigitValue else { return nil }
      digits.append(UInt64(digit))
    }
    guard digits.count == 32 else { return nil }
    high = digits.prefix(16).reduce(0) { $0 << 4 | $1 }
    low = digits.dropFirst(16).reduce(0) { $0 << 4 | $1 }
  }

  /// The 16 bytes as they are on the wire.
  public var bytes: [UInt8] {
    [high, low].flatMap { half in
      stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: half >> $0) }
    }
  }

  /// The UUID as it is written, in lower case.
  public var description: String {
    let digits: [UInt8] = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for (index, byte) in bytes.enumerated() {
      if [4, 6, 8, 10].contains(index) { text.append(UInt8(ascii: "-")) }
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Orders by the bytes.
  public static func < (left: Self, right: Self) -> Bool { (left.high, left.low) < (right.high, right.low) }
}
