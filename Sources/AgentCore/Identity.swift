/// Draws identifiers; every event stirs in chance from outside, so equal seeds and events give equal identifiers.
struct IdentitySource: Sendable {
  private var state: (UInt64, UInt64) = (0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b)

  mutating func stir(_ words: (UInt64, UInt64)) {
    state.0 ^= words.0
    state.1 ^= words.1
  }

  private mutating func next() -> UInt64 {
    // SplitMix64 on either word.
    func mix(_ word: UInt64) -> UInt64 {
      var mixed = word
      mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
      return mixed ^ (mixed >> 31)
    }
    state.0 &+= 0x9e37_79b9_7f4a_7c15
    state.1 &+= 0xd1b5_4a32_d192_ed03
    return mix(state.0) ^ mix(mix(state.1))
  }

  /// The 16 bytes of a random UUID, RFC 4122 version 4.
  mutating func uuid() -> [UInt8] {
    var bytes: [UInt8] = []
    for word in [next(), next()] {
      for shift in stride(from: 56, through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
      }
    }
    bytes[6] = bytes[6] & 0x0f | 0x40
    bytes[8] = bytes[8] & 0x3f | 0x80
    return bytes
  }

  /// A random UUID as text.
  mutating func uuidText() -> String {
    let digits: [Character] = Array("0123456789abcdef")
    var text = ""
    for (index, byte) in uuid().enumerated() {
      if [4, 6, 8, 10].contains(index) { text.append("-") }
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return text
  }
}

extension Duration {
  /// As Apache Mesos writes durations: a number and the largest unit of which there is one (`5secs`, `1.5mins`, `15mins`).
  var mesosText: String {
    let units: [(String, Int64)] = [
      ("weeks", 604_800_000_000_000), ("days", 86_400_000_000_000), ("hrs", 3_600_000_000_000),
      ("mins", 60_000_000_000), ("secs", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000),
    ]
    let nanoseconds = wholeNanosecondsOfSelf
    for (name, size) in units where nanoseconds.magnitude >= size.magnitude {
      guard nanoseconds % size != 0 else { return "\(nanoseconds / size)\(name)" }
      return "\(Double(nanoseconds) / Double(size))\(name)"
    }
    return "\(nanoseconds)ns"
  }

  private var wholeNanosecondsOfSelf: Int64 {
    let (seconds, attoseconds) = components
    return seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000
  }
}
