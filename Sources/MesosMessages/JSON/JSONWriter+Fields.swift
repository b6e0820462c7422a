import Foundation

// What the generated encoders are made of. `key` is the comma, the name in quotes and the colon.
extension JSONWriter {
  @inline(__always)
  mutating func field(_ key: StaticString, _ value: String) {
    append(key)
    append(string: value)
  }

  @inline(__always)
  mutating func field(_ key: StaticString, _ value: Bool) {
    append(key)
    append(value)
  }

  @inline(__always)
  mutating func field(_ key: StaticString, _ value: Int32) {
    append(key)
    append(Int64(value))
  }

  @inline(__always)
  mutating func field(_ key: StaticString, _ value: Int64) {
    append(key)
    append(value)
  }

  @inline(__always)
  mutating func field(_ key: StaticString, _ value: UInt32) {
    append(key)
    append(UInt64(value))
  }

  @inline(__always)
  mutating func field(_ key: StaticString, _ value: UInt64) {
    append(key)
    append(value)
  }

  @inline(__always)
  mutating func field(_ key: StaticString, _ value: Double) {
    append(key)
    append(value)
  }

  mutating func field(_ key: StaticString, _ value: Data) {
    append(key)
    value.withUnsafeBytes { append(base64: $0) }
  }

  @inline(__always)
  mutating func field(_ key: StaticString, _ value: some JSONEnum) {
    append(key)
    append(value.jsonName)
  }

  @inline(__always)
  mutating func field(_ key: StaticString, _ value: some JSONMessage) {
    append(key)
    value.encodeJSON(into: &self)
  }

  @inline(__always)
  mutating func list(_ key: StaticString, _ values: [some JSONMessage]) {
    append(key)
    let start = count
    // In place: a loop over the array itself would copy each message, and with it count each of its parts.
    values.withUnsafeBufferPointer { elements in
      guard var element = elements.baseAddress else { return }
      let end = element + elements.count
      while element < end {
        append(UInt8(ascii: ","))
        element.pointee.encodeJSON(into: &self)
        element += 1
      }
    }
    closeArray(since: start)
  }

  @inline(__always)
  mutating func list(_ key: StaticString, _ values: [some JSONEnum]) {
    append(key)
    let start = count
    for value in values {
      append(UInt8(ascii: ","))
      append(value.jsonName)
    }
    closeArray(since: start)
  }

  mutating func list(_ key: StaticString, _ values: [String]) {
    append(key)
    let start = count
    for value in values {
      append(UInt8(ascii: ","))
      append(string: value)
    }
    closeArray(since: start)
  }

  mutating func list(_ key: StaticString, _ values: [UInt32]) {
    append(key)
    let start = count
    for value in values {
      append(UInt8(ascii: ","))
      append(UInt64(value))
    }
    closeArray(since: start)
  }

  /// Members in the order of their keys, so that equal messages give equal text.
  mutating func map(_ key: StaticString, _ values: [String: some JSONMessage]) {
    append(key)
    let start = count
    for (name, value) in values.sorted(by: { $0.key < $1.key }) {
      append(UInt8(ascii: ","))
      append(string: name)
      append(UInt8(ascii: ":"))
      value.encodeJSON(into: &self)
    }
    closeObject(since: start)
  }

  mutating func map(_ key: StaticString, _ values: [String: String]) {
    append(key)
    let start = count
    for (name, value) in values.sorted(by: { $0.key < $1.key }) {
      append(UInt8(ascii: ","))
      append(string: name)
      append(UInt8(ascii: ":"))
      append(string: value)
    }
    closeObject(since: start)
  }
}
