import MesosModel
import ServerFlags
import StreamingJSON
import SwiftProtobuf

/// Flags whose values have an inner form.
enum FlagObjects {
  /// The members of a JSON object of strings, sorted by name.
  static func strings(_ json: String) throws(StreamingJSONError) -> [(name: String, value: String)] {
    let members = try LocatedJSONParser().parse(json, source: "the flag's value").object()
    var pairs: [(name: String, value: String)] = []
    for member in members { pairs.append((member.key, try member.value.string())) }
    return pairs.sorted { $0.name < $1.name }
  }

  /// `rack:r1;level:2.5;slots:[1-3]`: numbers are scalars, brackets ranges, anything else text.
  ///
  /// - Source: Apache Mesos, *Attributes & Resources*, whose text form has no sets for attributes.
  static func attributes(_ text: String) throws(ReferenceAgentError) -> [Attribute] {
    var attributes: [Attribute] = []
    for part in text.split(whereSeparator: { $0 == ";" || $0 == "\n" }) {
      guard let colon = part.firstIndex(of: ":"), colon != part.startIndex else {
        throw ReferenceAgentError(
          code: .badConfiguration, message: "--attributes has '\(part.prefix(100))': expecting NAME:VALUE")
      }
      var attribute = Attribute()
      attribute.name = trimmed(part[..<colon])
      let value = trimmed(part[part.index(after: colon)...])
      if value.hasPrefix("[") {
        guard let ranges = ranges(value) else {
          throw ReferenceAgentError(
            code: .badConfiguration, message: "--attributes has '\(part.prefix(100))': expecting [FIRST-LAST, …]")
        }
        attribute.type = .ranges
        attribute.ranges.range = ranges
      } else if value.hasPrefix("{") {
        throw ReferenceAgentError(
          code: .badConfiguration, message: "--attributes has '\(part.prefix(100))': attributes cannot be sets")
      } else if let number = Double(value), number.isFinite {
        attribute.type = .scalar
        attribute.scalar.value = number
      } else {
        attribute.type = .text
        attribute.text.value = value
      }
      attributes.append(attribute)
    }
    return attributes
  }

  private static func ranges(_ text: String) -> [MesosValue.Range]? {
    guard text.hasSuffix("]") else { return nil }
    var ranges: [MesosValue.Range] = []
    for part in text.dropFirst().dropLast().split(separator: ",") {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { UInt64(trimmed($0)) }
      guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last else { return nil }
      ranges.append(
        .with {
          $0.begin = first
          $0.end = last
        })
    }
    return ranges
  }

  private static func trimmed(_ text: Substring) -> String {
    String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
