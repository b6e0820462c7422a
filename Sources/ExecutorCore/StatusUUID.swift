import SwiftProtobuf

/// The identifiers of status updates: sixteen bytes, random but for the marks of a version 4 UUID.
enum StatusUUID {
  static func make<Bytes: SwiftProtobufContiguousBytes>(using rng: inout some RandomNumberGenerator) -> Bytes {
    var bytes: [UInt8] = []
    for _ in 0..<2 {
      let word = rng.next()
      for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> (8 * UInt64(shift)))) }
    }
    bytes[6] = bytes[6] & 0x0f | 0x40
    bytes[8] = bytes[8] & 0x3f | 0x80
    return Bytes(bytes)
  }

  static func bytes(_ field: some SwiftProtobufContiguousBytes) -> [UInt8] { field.withUnsafeBytes { Array($0) } }

  static func field<Bytes: SwiftProtobufContiguousBytes>(_ bytes: [UInt8]) -> Bytes { Bytes(bytes) }
}
