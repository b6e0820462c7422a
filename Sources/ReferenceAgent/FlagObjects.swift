import MesosModel
import ServerFlags
import StreamingJSON

/// Flags whose values have an inner form.
enum FlagObjects {
  /// The members of a JSON object of strings, sorted by name.
  static func strings(_ json: String) throws(StreamingJSONError) -> [(name: String, value: String)] {
    let members = try LocatedJSONParser().parse(json, source: "the flag's value").object()
    var pairs: [(name: String, value: String)] = []
    for member in members { pairs.append((member.key, try member.value.string())) }
    return pairs.sorted { $0.name < $1.name }
  }

  /// `rack:r1;level:2.5;slots:[1-3]`: numbers are scalars, brackets ranges, anything else text; see `Attributes`.
  static func attributes(_ text: String) throws(ReferenceAgentError) -> [Attribute] {
    do {
      return try Attributes.parse(text).messages
    } catch {
      throw ReferenceAgentError(code: .badConfiguration, message: "--attributes: \(error.description.prefix(500))")
    }
  }
}
