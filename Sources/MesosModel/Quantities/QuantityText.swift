/// What quantities and limits have in common when they are read.
enum QuantityText {
  /// Reads `name:number` pairs apart by `;`, in the order of the text; empty pairs are passed over.
  ///
  /// - Parameters:
  ///   - text: The text.
  ///   - kind: What the numbers are called in errors: `quantity` or `limit`.
  /// - Throws: `ResourceError` with code `.malformedText` and the offset of what is wrong.
  static func parse(
    _ text: String, as kind: String
  ) throws(ResourceError) -> [(name: String, amount: Scalar, offset: Int)] {
    var pairs: [(name: String, amount: Scalar, offset: Int)] = []
    for token in text.utf8.split(separator: UInt8(ascii: ";")) {
      let parts = token.split(separator: UInt8(ascii: ":"))
      func offset(of place: Substring.UTF8View) -> Int {
        text.utf8.distance(from: text.startIndex, to: place.startIndex)
      }
      guard parts.count == 2 else {
        throw ResourceError(
          .malformedText, "Failed to parse '\(Substring(token))': missing or extra ':'", offset: offset(of: token))
      }
      let name = trimmed(parts[0])
      func malformed(_ problem: String) -> ResourceError {
        ResourceError(
          .malformedText, "Failed to parse '\(Substring(parts[1]))' to \(kind): \(problem)",
          offset: offset(of: parts[1]))
      }
      guard !name.isEmpty else { throw malformed("missing resource name") }
      guard !name.utf8.contains(where: { $0 == UInt8(ascii: "(") || $0 == UInt8(ascii: ")") }) else {
        throw malformed("'\(name)' names a role, and roles are not allowed")
      }
      let compact = String(Substring(parts[1])).filter { $0 != " " }
      guard !compact.isEmpty else { throw malformed("Expecting non-empty string") }
      guard let value = Double(compact), value.isFinite, !value.isSubnormal else {
        throw malformed("only scalar values are allowed")
      }
      guard value >= 0 else { throw malformed("negative values are not allowed") }
      guard let amount = amount(value) else { throw malformed("the value is too large") }
      pairs.append((name, amount, offset(of: parts[1])))
    }
    return pairs
  }

  /// Why a number from a message is no amount, in the words of Apache Mesos; nil when it is one.
  /// - Source: Apache Mesos, `common/validation.cpp`, `validateInputScalarValue`.
  static func problem(of value: Double) -> String? {
    if value.isInfinite { return "Infinite values not supported" }
    if value.isNaN { return "NaN not supported" }
    if value.isSubnormal { return "Subnormal values not supported" }
    if value < 0 { return "Negative values not supported" }
    return nil
  }

  /// The largest amount that is taken: an exabyte in megabytes, the larger of the two bounds that Apache Mesos sets on quotas.
  static let valueMax: Double = 1_099_511_627_776

  /// The amount nearest to a number that is not negative; nil above ``valueMax`` and for a number that is none.
  static func amount(_ value: Double) -> Scalar? {
    guard value.magnitude <= valueMax else { return nil }
    return Scalar(thousandths: Int64((value * 1000).rounded(.toNearestOrAwayFromZero)))
  }

  private static func trimmed(_ bytes: Substring.UTF8View) -> String {
    func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || (0x09...0x0d).contains(byte) }
    guard let first = bytes.firstIndex(where: { !isBlank($0) }), let last = bytes.lastIndex(where: { !isBlank($0) })
    else {
      return ""
    }
    return String(Substring(bytes[first...last]))
  }
}
