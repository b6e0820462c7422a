/// CRC-64/XZ: reflected, polynomial 0x42F0E1EBA9EA3693, initial value and final mask all ones. `123456789` gives
/// `995DC9BBDF1939FA`.
///
/// It finds accidental damage (every burst of up to 64 bits); it is no protection against somebody who edits the file on purpose.
/// Source: ECMA-182, annex B; the parameters are those of the CRC RevEng catalogue.
struct CRC64 {
  private var state: UInt64 = .max

  private static let table: [UInt64] = (0..<256).map { byte in
    (0..<8).reduce(UInt64(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xC96C_5795_D787_0F42 : value >> 1 }
  }

  mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { state = Self.table[Int(UInt8(truncatingIfNeeded: state) ^ byte)] ^ state >> 8 }
  }

  mutating func add(_ number: UInt64) {
    for shift in stride(from: 0, to: 64, by: 8) {
      add(CollectionOfOne(UInt8(truncatingIfNeeded: number >> UInt64(shift))))
    }
  }

  var value: UInt64 { ~state }
}

extension StoredRecord {
  /// The checksum kept beside the record: over its key, format version and bytes, each length included.
  var checksum: UInt64 {
    var crc = CRC64()
    crc.add(UInt64(key.utf8.count))
    crc.add(key.utf8)
    crc.add(UInt64(bitPattern: Int64(formatVersion)))
    crc.add(UInt64(bytes.count))
    crc.add(bytes)
    return crc.value
  }
}
