/// Why a stream of records cannot be read on.
public struct RecordIOError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    private enum Value { case emptyHeader, badHeaderByte, headerTooLong, recordTooLarge, truncated }
    private let value: Value
    /// A line feed stands where a length was expected.
    public static let emptyHeader = Code(value: .emptyHeader)
    /// A byte of the length is not a decimal digit.
    public static let badHeaderByte = Code(value: .badHeaderByte)
    /// The length has more digits than any record needs.
    public static let headerTooLong = Code(value: .headerTooLong)
    /// The length is above the limit.
    public static let recordTooLarge = Code(value: .recordTooLarge)
    /// The stream ended inside a record.
    public static let truncated = Code(value: .truncated)
  }

  public let code: Code
  /// How many bytes of the stream stand before the one at fault.
  public let offset: Int
  public let message: String

  public var description: String { "RecordIO at byte \(offset): \(message)" }
}
