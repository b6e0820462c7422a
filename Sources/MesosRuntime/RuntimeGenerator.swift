/// Random numbers of a ``Runtime``: good ones in production, equal ones for equal seeds in a simulation.
public struct RuntimeGenerator: RandomNumberGenerator, Sendable {
  private let provider: any RuntimeProvider

  init(provider: any RuntimeProvider) { self.provider = provider }

  /// The next number; all copies draw from one sequence.
  public mutating func next() -> UInt64 { provider.random() }
}

/// A UUID of version 4 as text.
///
/// - Source: RFC 9562, section 5.4.
func randomUUID(using generator: inout some RandomNumberGenerator) -> String {
  let high = generator.next() & ~0xf000 | 0x4000
  let low = generator.next() & ~(0xc000 << 48) | (0x8000 << 48)
  let digits = [high, low].map { number in
    let text = String(number, radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
  }
  let all = Array(digits.joined())
  return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(all[$0]) }.joined(separator: "-")
}
