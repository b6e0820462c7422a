import SwiftProtobuf

/// What an agent says about itself to frameworks: named values that mean nothing to the master, such as `rack:r1;level:2.5`.
///
/// A name may stand several times; then the first counts where one is asked for. The order is kept for printing and messages, and does
/// not matter for equality.
///
/// - Source: Apache Mesos, *Attributes & Resources*, "Attributes"; `src/common/attributes.cpp`.
public struct Attributes: Sendable {
  /// A name and its value.
  public struct Entry: Hashable, Sendable {
    /// The name, not empty.
    public let name: String
    /// The value, no set.
    public let value: TypedValue

    init(name: String, value: TypedValue) {
      self.name = name
      self.value = value
    }
  }

  /// The attributes in the order in which they were given.
  public private(set) var entries: [Entry]

  /// None.
  public init() { entries = [] }

  /// Reads the form of `--attributes`: entries apart by `;` or line feeds, each `name:value`; empty entries do not count.
  ///
  /// Spaces in a name count, those in a value do not. See ``TypedValue/parse(_:)`` for values; a colon in a value is text.
  ///
  /// - Throws: `ValueError` with the place in the text; code `.unsupportedType` for a set.
  /// - Complexity: O(*n* log *n*) in the size of the text.
  /// - Source: Apache Mesos, *Attributes & Resources*; `Attributes::parse` of `src/common/attributes.cpp`.
  public static func parse(_ text: String) throws(ValueError) -> Attributes {
    let bytes = Array(text.utf8)
    var attributes = Attributes()
    for part in bytes.split(whereSeparator: { $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: "\n") }) {
      guard
        let colon = part.firstIndex(of: UInt8(ascii: ":")), colon != part.startIndex, colon + 1 != part.endIndex
      else {
        throw ValueError(
          .malformedText, "Invalid attribute key:value pair '\(String(decoding: part, as: UTF8.self))'",
          offset: part.startIndex)
      }
      let name = String(decoding: part[..<colon], as: UTF8.self)
      let value = part[(colon + 1)...]
      let valueText = String(decoding: value, as: UTF8.self)
      let parsed: TypedValue
      do {
        parsed = try TypedValue.parse(value)
      } catch {
        throw ValueError(
          error.code, "Failed to parse attribute \(name) text \(valueText) error \(error.message)", offset: error.offset
        )
      }
      if case .set = parsed {
        throw ValueError(
          .unsupportedType, "Bad type for attribute \(name) text \(valueText) type SET: an attribute cannot be a set",
          offset: colon + 1)
      }
      attributes.entries.append(Entry(name: name, value: parsed))
    }
    return attributes
  }

  /// Reads messages.
  ///
  /// - Throws: `ValueError` that says which message: no name, no type, no value of the type, or a set (code `.unsupportedType`).
  /// - Source: Apache Mesos, `Attributes::isValid` of `src/common/attributes.cpp`.
  public init(_ messages: [Attribute]) throws(ValueError) {
    entries = []
    entries.reserveCapacity(messages.count)
    for (index, message) in messages.enumerated() {
      func invalid(_ code: ValueError.Code, _ reason: String) -> ValueError {
        ValueError(code, "Invalid attribute '\(message.name)': \(reason)", index: index)
      }
      guard !message.name.isEmpty else { throw invalid(.invalidMessage, "'name' must be set") }
      guard !message.hasType || message.type != .set else {
        throw invalid(.unsupportedType, "sets are not supported")
      }
      let value: TypedValue
      do {
        value = try TypedValue(
          .with {
            if message.hasType { $0.type = message.type }
            if message.hasScalar { $0.scalar = message.scalar }
            if message.hasRanges { $0.ranges = message.ranges }
            if message.hasText { $0.text = message.text }
          })
      } catch {
        throw invalid(error.code, error.message)
      }
      entries.append(Entry(name: message.name, value: value))
    }
  }

  /// Whether there are none.
  public var isEmpty: Bool { entries.isEmpty }

  /// The value of the first attribute of this name.
  public subscript(name: String) -> TypedValue? { entries.first { $0.name == name }?.value }

  /// The first number of this name, with all its decimals.
  public func scalar(_ name: String) -> Double? {
    for entry in entries where entry.name == name { if case .scalar(let value) = entry.value { return value } }
    return nil
  }

  /// The first ranges of this name.
  public func ranges(_ name: String) -> ResourceRanges? {
    for entry in entries where entry.name == name { if case .ranges(let value) = entry.value { return value } }
    return nil
  }

  /// The first text of this name.
  public func text(_ name: String) -> String? {
    for entry in entries where entry.name == name { if case .text(let value) = entry.value { return value } }
    return nil
  }

  /// Whether there is an attribute of this name and value.
  public func contains(_ entry: Entry) -> Bool { entries.contains(entry) }

  /// The attributes as messages, in order.
  public var messages: [Attribute] { entries.map(\.message) }

  /// The attributes in the form of `--attributes`, numbers with three decimals at most: `rack:r1;level:2.5;slots:[1-3, 7-9]`.
  public var text: String { entries.map { "\($0.name):\($0.value)" }.joined(separator: ";") }
}

extension Attributes.Entry: CustomStringConvertible {
  /// The attribute as a message.
  public var message: Attribute {
    .with {
      let value = value.message
      $0.name = name
      $0.type = value.type
      if value.hasScalar { $0.scalar = value.scalar }
      if value.hasRanges { $0.ranges = value.ranges }
      if value.hasText { $0.text = value.text }
    }
  }

  /// The attribute as Apache Mesos prints it: `rack=r1`.
  public var description: String { "\(name)=\(value)" }
}

extension Attributes: Hashable {
  /// Whether both have as many attributes and each of one is among the other's, in whatever order.
  ///
  /// What is there several times is not counted, as in Apache Mesos: an agent whose attributes are equal to those before is the same
  /// agent.
  /// - Source: Apache Mesos, `Attributes::operator==` of `src/common/attributes.cpp`.
  public static func == (left: Attributes, right: Attributes) -> Bool {
    guard left.entries.count == right.entries.count else { return false }
    return left.entries == right.entries || Set(left.entries) == Set(right.entries)
  }

  /// Hashes what equality looks at.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(entries.count)
    hasher.combine(Set(entries))
  }
}

extension Attributes: CustomStringConvertible {
  /// The attributes one by one: `rack=r1; level=2.5`.
  public var description: String { entries.map(\.description).joined(separator: "; ") }
}

// MARK: Reconfiguration

extension Attributes {
  /// Checks that an agent of these attributes may come back with `current` under the policy `additive` of
  /// `--reconfiguration_policy`: all names are still there with the same type, numbers and texts are the same, ranges may have grown.
  ///
  /// - Throws: `ValueError` with code `.incompatible` that names the attribute, what it was and what it is.
  /// - Source: Apache Mesos, `src/slave/compatibility.cpp`, `additive`.
  public func checkAdditiveChange(to current: Attributes) throws(ValueError) {
    func refused(_ reason: String) -> ValueError {
      ValueError(.incompatible, "Configuration change not permitted under 'additive' policy: \(reason)")
    }
    for entry in entries {
      guard let now = current[entry.name] else { throw refused("Couldn't find attribute \(entry)") }
      switch (entry.value, now) {
      case (.ranges(let before), .ranges(let after)):
        guard after.contains(before) else {
          throw refused(
            "Previous value of ranges attribute '\(entry.name)' (\(before)) not included in current \(after)")
        }
      case (let before, let after):
        guard before.type == after.type else {
          throw refused(
            "Type of attribute '\(entry.name)' changed from \(before.typeName) to \(after.typeName)")
        }
        guard before == after else {
          throw refused(
            "Value of \(before.typeName.lowercased()) attribute '\(entry.name)' changed from \(before) to \(after)")
        }
      }
    }
  }
}

extension TypedValue {
  fileprivate var typeName: String {
    switch self {
    case .scalar: "SCALAR"
    case .ranges: "RANGES"
    case .set: "SET"
    case .text: "TEXT"
    }
  }
}
