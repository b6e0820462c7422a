/// Why a document cannot be written, or a text is no document.
public struct StreamingJSONError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    private enum Value {
      case outOfPlace, notANumber, tooDeep, outOfMemory, malformed, tooLarge, duplicateKey, unexpectedType, missingKey
    }
    private let value: Value

    /// The writer was asked for something that cannot come here, such as a value where a key belongs.
    public static let outOfPlace = Code(value: .outOfPlace)
    /// Infinities and NaN have no JSON.
    public static let notANumber = Code(value: .notANumber)
    /// Arrays and objects are nested deeper than the limit.
    public static let tooDeep = Code(value: .tooDeep)
    /// yajl could not get memory.
    public static let outOfMemory = Code(value: .outOfMemory)
    /// The text is not JSON.
    public static let malformed = Code(value: .malformed)
    /// The text or the number of its values is beyond the limit.
    public static let tooLarge = Code(value: .tooLarge)
    /// An object has the same key twice.
    public static let duplicateKey = Code(value: .duplicateKey)
    /// A value is of another type than it has to be.
    public static let unexpectedType = Code(value: .unexpectedType)
    /// An object lacks a key that it has to have.
    public static let missingKey = Code(value: .missingKey)
  }

  public let code: Code
  public let message: String
  /// Where in the text; `nil` for errors of the writer.
  public let place: JSONPlace?

  init(_ code: Code, _ message: String, at place: JSONPlace? = nil) {
    self.code = code
    self.message = message
    self.place = place
  }

  /// `NAME:LINE:COLUMN: message`, and beneath it the line with a mark, where there is a place.
  public var description: String {
    guard let place else { return message }
    return "\(place.source):\(place.line):\(place.column): \(message)\n  \(place.excerpt)\n  "
      + String(repeating: " ", count: place.mark) + "^"
  }
}

/// A place in a text that an operator wrote.
public struct JSONPlace: Hashable, Sendable {
  /// Name of the text, such as a file's path.
  public let source: String
  /// From 1.
  public let line: Int
  /// In characters, from 1.
  public let column: Int
  /// The line, or the part of it around the column.
  public let excerpt: String
  /// Characters of `excerpt` before the place.
  public let mark: Int
}
