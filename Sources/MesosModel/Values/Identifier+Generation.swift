extension Identifier where Subject == Subjects.Agent {
  /// `<master>-S0`, `<master>-S1`, …: the next agent of a master that has named `number` before it.
  public init(master: String, number: some BinaryInteger) { self.init("\(master)-S\(number)") }
}

extension Identifier where Subject == Subjects.Framework {
  /// `<master>-0000`, `<master>-0001`, …: the next framework of a master that has named `number` before it; of four digits at least.
  public init(master: String, number: some BinaryInteger) {
    let digits = String(number)
    self.init("\(master)-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits)
  }
}

extension Identifier where Subject == Subjects.Offer {
  /// `<master>-O0`, `<master>-O1`, …: the next offer of a master that has made `number` before it.
  public init(master: String, number: some BinaryInteger) { self.init("\(master)-O\(number)") }
}

extension Identifier where Subject == Subjects.Container {
  /// A random UUID (RFC 4122, version 4) in lower case, as agents name the containers of executors and tasks.
  ///
  /// - Parameter generator: Where chance comes from: equal numbers give equal identifiers.
  public init(using generator: inout some RandomNumberGenerator) {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(36)
    var word: UInt64 = 0
    for index in 0..<16 {
      word = index % 8 == 0 ? generator.next() : word << 8
      var byte = UInt8(truncatingIfNeeded: word >> 56)
      if index == 6 { byte = byte & 0x0f | 0x40 }
      if index == 8 { byte = byte & 0x3f | 0x80 }
      if [4, 6, 8, 10].contains(index) { text.append(UInt8(ascii: "-")) }
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    self.init(String(decoding: text, as: UTF8.self))
  }
}
