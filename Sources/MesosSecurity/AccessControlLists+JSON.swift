public import MesosAuthorization
import StreamingJSON

extension AccessControlLists {
  /// Reads the rules that `--acls` gives, in the JSON of Apache Mesos.
  ///
  /// - Parameters:
  ///   - bytes: The document.
  ///   - source: Where it is from, for errors.
  /// - Throws: ``SecurityError`` with the place of what is wrong. A list or a member that is not known is wrong, too: Apache Mesos passes
  ///   over it, and a rule that was misspelt then guards nothing.
  public init(json bytes: some Sequence<UInt8>, source: String) throws(SecurityError) {
    do {
      let document = try LocatedJSONParser().parse(bytes, source: source)
      var lists = AccessControlLists()
      for (name, value) in try document.object() {
        guard name != "permissive" else {
          lists.isPermissive = try value.bool()
          continue
        }
        guard let list = AccessControlList(rawValue: name) else {
          throw value.error("'\(name.prefix(100))' is no list of rules")
        }
        let rules = try value.array().map { rule throws(StreamingJSONError) in try Self.rule(rule, list) }
        do { try lists.set(list, to: rules) } catch { throw value.error(error.message) }
      }
      self = lists
    } catch let error as StreamingJSONError {
      throw SecurityError(.badRules, "\(error)")
    } catch {
      throw SecurityError(.badRules, "\(source): \(error)")
    }
  }

  private static func rule(_ tree: JSONTree, _ list: AccessControlList) throws(StreamingJSONError) -> Rule {
    for (name, value) in try tree.object() where name != "principals" && name != list.objectsName {
      throw value.error("'\(name.prefix(100))' is no member of a rule of '\(list.rawValue)'")
    }
    return Rule(try entity(tree.member("principals")), try entity(tree.member(list.objectsName)))
  }

  private static func entity(_ tree: JSONTree) throws(StreamingJSONError) -> Entity {
    for (name, value) in try tree.object() where name != "type" && name != "values" {
      throw value.error("'\(name.prefix(100))' is no member of an entity: it has 'type' and 'values'")
    }
    switch try tree["type"]?.string() ?? "SOME" {
    case "ANY": return .any
    case "NONE": return .none
    case "SOME":
      var values: [String] = []
      for value in try tree["values"]?.array() ?? [] { values.append(try value.string()) }
      return .some(values)
    case let type: throw tree.error("'\(type.prefix(100))' is no type of an entity: there are SOME, ANY and NONE")
    }
  }
}
