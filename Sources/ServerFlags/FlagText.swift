/// How flags write durations, sizes and numbers. Texts are those of Apache Mesos 1.11.
public enum FlagText {
  private static let durationUnits: [(name: String, nanoseconds: Int64)] = [
    ("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("secs", 1_000_000_000), ("mins", 60_000_000_000),
    ("hrs", 3_600_000_000_000), ("days", 86_400_000_000_000), ("weeks", 604_800_000_000_000),
  ]
  private static let byteUnits: [(name: String, bytes: UInt64)] = [
    ("B", 1), ("KB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30), ("TB", 1 << 40),
  ]

  /// Reads a duration such as `15secs`, `1.5hrs` or `500ms`.
  ///
  /// Units are `ns`, `us`, `ms`, `secs`, `mins`, `hrs`, `days` and `weeks`; the number is not negative and may have a fraction.
  ///
  /// - Returns: The duration in whole nanoseconds, at most 2^63 - 1 of them (292 years).
  /// - Throws: ``FlagText/Malformed`` with the words Apache Mesos uses.
  public static func duration(_ text: String) throws(Malformed) -> Duration {
    let (number, unit) = try split(text, kind: "duration")
    guard let scale = durationUnits.first(where: { $0.name == unit })?.nanoseconds else {
      throw Malformed(
        "Unknown duration unit '\(unit)'; supported units are 'ns', 'us', 'ms', 'secs', 'mins', 'hrs', 'days', and 'weeks'"
      )
    }
    // Whole numbers stay exact; a fraction is within the precision of a double.
    if let whole = Int64(number) {
      let (product, overflow) = whole.multipliedReportingOverflow(by: scale)
      if !overflow { return .nanoseconds(product) }
    }
    let nanoseconds = (try double(number) * Double(scale)).rounded(.towardZero)
    guard nanoseconds < 0x1p63 else { throw Malformed("Argument out of the range that a Duration can represent") }
    return .nanoseconds(Int64(nanoseconds))
  }

  /// Writes a duration in the largest unit that it reaches, or in the next smaller one where that makes it a whole number:
  /// `15secs`, `1500ms`, `365days`, `1.15740740740741days`.
  public static func text(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, carried) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    let nanoseconds = overflow || carried ? (seconds < 0 ? -Int64.max : Int64.max) : sum
    let size = nanoseconds.magnitude
    var index = durationUnits.lastIndex { size >= UInt64($0.nanoseconds) } ?? 0
    if index > 0, nanoseconds % durationUnits[index].nanoseconds != 0,
      nanoseconds % durationUnits[index - 1].nanoseconds == 0
    {
      index -= 1
    }
    let unit = durationUnits[index]
    if nanoseconds % unit.nanoseconds == 0 { return "\(nanoseconds / unit.nanoseconds)\(unit.name)" }
    return text(Double(nanoseconds) / Double(unit.nanoseconds)) + unit.name
  }

  /// Reads a size such as `10MB`. Units are `B`, `KB`, `MB`, `GB` and `TB`, each 1024 of the one before.
  public static func bytes(_ text: String) throws(Malformed) -> UInt64 {
    let (number, unit) = try split(text, kind: "bytes")
    guard let count = UInt64(number) else { throw Malformed("Invalid bytes '\(text)'") }
    guard let scale = byteUnits.first(where: { $0.name == unit })?.bytes else {
      throw Malformed("Unknown bytes unit '\(unit)'")
    }
    let (product, overflow) = count.multipliedReportingOverflow(by: scale)
    guard !overflow else { throw Malformed("'\(text)' is more than 2^64 bytes") }
    return product
  }

  /// Writes a size in the largest unit that makes it a whole number: `4KB`, `1500KB`, `2GB`.
  public static func text(bytes: UInt64) -> String {
    let unit = byteUnits.last { bytes >= $0.bytes && bytes % $0.bytes == 0 } ?? byteUnits[0]
    return "\(bytes / unit.bytes)\(unit.name)"
  }

  /// Reads `true`, `false`, `1` or `0`.
  public static func bool(_ text: String) throws(Malformed) -> Bool {
    switch text {
    case "true", "1": return true
    case "false", "0": return false
    default: throw Malformed("Expecting a boolean (e.g., true or false)")
    }
  }

  /// Reads a whole number.
  public static func int(_ text: String) throws(Malformed) -> Int {
    guard let value = Int(text) else { throw Malformed("Failed to convert into required type") }
    return value
  }

  /// Reads a finite number.
  public static func double(_ text: String) throws(Malformed) -> Double {
    guard let value = Double(text), value.isFinite else { throw Malformed("Failed to convert '\(text)' to number") }
    return value
  }

  /// Writes a number with at most 15 significant digits, without trailing zeros: `0.8`, `1`, `1.15740740740741`.
  public static func text(_ number: Double) -> String {
    guard number.isFinite, number != 0, abs(number) < 1e15, abs(number) >= 1e-4 else { return "\(number)" }
    // Fifteen digits in fixed point: split off the whole part, then as many decimals as are left.
    let whole = number.rounded(.towardZero)
    var decimals = 15
    var reach = abs(number)
    if reach < 1 {
      while reach < 0.1 {
        reach *= 10
        decimals += 1
      }
    } else {
      while reach >= 1 {
        reach /= 10
        decimals -= 1
      }
    }
    var scale: Double = 1
    for _ in 0..<decimals { scale *= 10 }
    var fraction = UInt64((abs(number - whole) * scale).rounded())
    var carried = abs(whole)
    if Double(fraction) >= scale {
      fraction = 0
      carried += 1
    }
    var digits = String(fraction)
    digits = String(repeating: "0", count: max(0, decimals - digits.count)) + digits
    while digits.last == "0" { digits.removeLast() }
    return (number < 0 ? "-" : "") + "\(UInt64(carried))" + (digits.isEmpty ? "" : "." + digits)
  }

  /// A text that is not of the kind asked for.
  public struct Malformed: Error, Hashable, Sendable {
    public let message: String
    init(_ message: String) { self.message = message }
  }

  private static func split(_ text: String, kind: String) throws(Malformed) -> (number: String, unit: String) {
    guard let index = text.firstIndex(where: { !("0"..."9").contains($0) && $0 != "." }) else {
      throw Malformed("Invalid \(kind) '\(text)'")
    }
    guard index > text.startIndex else { throw Malformed("Failed to convert '' to number") }
    return (String(text[..<index]), String(text[index...]))
  }
}
