/// The header of a request or answer: names in any case, order and repetition kept.
public struct HeaderFields: Sendable, Hashable, ExpressibleByDictionaryLiteral, Sequence {
  public struct Field: Sendable, Hashable {
    public var name: String
    public var value: String

    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  public private(set) var fields: [Field] = []

  public init() {}

  public init(_ fields: some Sequence<(String, String)>) {
    self.fields = fields.map { Field(name: $0.0, value: $0.1) }
  }

  public init(dictionaryLiteral elements: (String, String)...) { self.init(elements) }

  public func makeIterator() -> Array<Field>.Iterator { fields.makeIterator() }

  /// All values of `name`, in order.
  public func values(_ name: String) -> [String] {
    fields.filter { sameName($0.name, name) }.map(\.value)
  }

  /// The values of `name` as one list separated by commas, or `nil` where there is none.
  public subscript(name: String) -> String? {
    var result: String?
    for field in fields where sameName(field.name, name) {
      result = result.map { $0 + ", " + field.value } ?? field.value
    }
    return result
  }

  public mutating func append(name: String, value: String) { fields.append(Field(name: name, value: value)) }

  /// Puts `value` in the place of all values of `name`.
  public mutating func set(name: String, value: String) {
    remove(name: name)
    append(name: name, value: value)
  }

  public mutating func remove(name: String) { fields.removeAll { sameName($0.name, name) } }
}

/// Compares two header names: ASCII letters alike in both cases.
private func sameName(_ left: String, _ right: String) -> Bool {
  guard left.utf8.count == right.utf8.count else { return false }
  for (a, b) in zip(left.utf8, right.utf8) where a != b {
    guard lowercased(a) == lowercased(b) else { return false }
  }
  return true
}

private func lowercased(_ byte: UInt8) -> UInt8 {
  (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
}
