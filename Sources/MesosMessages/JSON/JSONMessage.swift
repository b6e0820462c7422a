public import SwiftProtobuf

/// A message with the JSON of Apache Mesos, which is not the JSON mapping of Protocol Buffers.
///
/// Field names are written as they are declared, enumeration values by name, bytes in base64, 64-bit integers as numbers, doubles
/// always with a fraction or an exponent. Fields with a declared default are written even when unset, unless deprecated; a few
/// lists are written even when empty (`Protos/facts/json-empty-lists.tsv`). Fields come in the order of their declaration.
///
/// Read are the same forms and some more: numbers and Booleans in quotes, one element for a list of it, `null` for unset. Unknown
/// fields are skipped, an unknown enumeration name leaves the field unset, of equal keys the last one counts.
///
/// - Source: `stout/protobuf.hpp` and `stout/jsonify.hpp` of Apache Mesos 1.11, as observed on a running one.
public protocol JSONMessage: SwiftProtobuf.Message {
  /// Appends the message as one JSON object.
  func encodeJSON(into writer: inout JSONWriter)

  /// Reads one JSON object into a message without fields; faults are noted in the reader.
  ///
  /// This is what is generated for each message. Callers want `decodeJSON(from:)` or `init(jsonBytes:)`.
  mutating func readJSON(from reader: inout JSONReader)
}

extension JSONMessage {
  /// The message as a JSON object.
  public func jsonBytes() -> [UInt8] {
    var writer = JSONWriter()
    encodeJSON(into: &writer)
    return writer.finish()
  }

  /// Reads the JSON object at the reader's position; the fields of it replace those of the message.
  ///
  /// - Throws: `JSONMessageError`; its `path` is empty unless the reader tracks paths.
  public mutating func decodeJSON(from reader: inout JSONReader) throws(JSONMessageError) {
    var message = Self()
    message.readJSON(from: &reader)
    if let failure = reader.failure { throw failure }
    if reader.lacksRequired, !message.isInitialized { throw reader.missingRequiredError() }
    self = message
  }

  /// Reads a whole document.
  ///
  /// - Throws: `JSONMessageError` with offset and path.
  public init(jsonBytes bytes: UnsafeRawBufferPointer) throws(JSONMessageError) {
    self.init()
    var reader = JSONReader(bytes)
    readJSON(from: &reader)
    reader.expectEnd()
    guard reader.failure != nil || (reader.lacksRequired && !isInitialized) else { return }
    throw Self.diagnose(bytes)
  }

  /// Reads a whole document.
  ///
  /// - Throws: `JSONMessageError` with offset and path.
  public init(jsonBytes bytes: [UInt8]) throws(JSONMessageError) {
    self = try bytes.withUnsafeBufferPointer { (buffer) throws(JSONMessageError) in
      try Self(jsonBytes: UnsafeRawBufferPointer(buffer))
    }
  }

  /// Reads a whole document; offsets in errors count from the slice's start.
  ///
  /// - Throws: `JSONMessageError` with offset and path.
  public init(jsonBytes bytes: ArraySlice<UInt8>) throws(JSONMessageError) {
    self = try bytes.withUnsafeBufferPointer { (buffer) throws(JSONMessageError) in
      try Self(jsonBytes: UnsafeRawBufferPointer(buffer))
    }
  }

  /// Reads a whole document.
  ///
  /// - Throws: `JSONMessageError` with offset and path.
  public init(jsonBytes bytes: Span<UInt8>) throws(JSONMessageError) {
    self = try bytes.withUnsafeBytes { (buffer) throws(JSONMessageError) in try Self(jsonBytes: buffer) }
  }

  /// Reads a refused document again, slower, to say all that can be said about it.
  ///
  /// Apache Mesos parses the whole text before it looks at the fields, so a fault of the text wins over an earlier one of a field.
  private static func diagnose(_ bytes: UnsafeRawBufferPointer) -> JSONMessageError {
    var syntax = JSONReader(bytes)
    syntax.skipValue()
    syntax.expectEnd()
    if let failure = syntax.failure { return failure }
    var reader = JSONReader(bytes, tracksPath: true)
    var message = Self()
    message.readJSON(from: &reader)
    return reader.failure ?? reader.missingRequiredError()
  }
}

/// An enumeration whose values are written by name.
protocol JSONEnum {
  /// The name with its quotes.
  var jsonName: StaticString { get }

  /// The value of that name, if there is one.
  init?(jsonName: JSONText)
}
