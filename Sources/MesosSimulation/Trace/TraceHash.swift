/// A running hash of everything that happened in a simulation, in order; equal in every process for equal seeds and scripts.
///
/// - Note: It tells runs apart; it is no protection against somebody who wants two runs to look alike.
public struct TraceHash: Hashable, Sendable, CustomStringConvertible {
  /// The hash so far.
  public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  /// The hash of nothing.
  public init() {}

  /// Sixteen hexadecimal digits.
  public var description: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  mutating func add(_ word: UInt64) {
    value = (value ^ word) &* 0x9e37_79b9_7f4a_7c15
    value ^= value >> 29
  }

  /// Adds bytes and how many they are.
  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    let rest = bytes.count & 7
    let whole = bytes.count - rest
    var offset = 0
    while offset < whole {
      add(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
      offset += 8
    }
    // Seven bytes at most, and the length above them.
    var last = UInt64(truncatingIfNeeded: bytes.count) << 56
    for place in 0..<rest { last |= UInt64(bytes[whole + place]) << UInt64(8 * place) }
    add(last)
  }

  mutating func add(_ bytes: some Sequence<UInt8>) {
    guard bytes.withContiguousStorageIfAvailable({ add(UnsafeRawBufferPointer($0)) }) == nil else { return }
    Array(bytes).withUnsafeBytes { add($0) }
  }

  mutating func add(_ text: String) {
    var text = text
    text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
  }
}
