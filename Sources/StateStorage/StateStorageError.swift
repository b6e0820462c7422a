/// Why a storage could not do what it was asked.
public struct StateStorageError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    private enum Value {
      case locked, newerFormat, olderFormat, corrupt, foreign, full, readOnly, unavailable, ioFailed, closed
    }
    private let value: Value

    /// Another process, or another part of this one, has the storage open.
    public static let locked = Code(value: .locked)
    /// The storage or a record in it was written by a newer version.
    public static let newerFormat = Code(value: .newerFormat)
    /// A record is in a format that this version no longer reads.
    public static let olderFormat = Code(value: .olderFormat)
    /// The file is damaged: a checksum does not match, a record is missing, or its structure is broken.
    public static let corrupt = Code(value: .corrupt)
    /// The file is not one of ours.
    public static let foreign = Code(value: .foreign)
    /// The disk or the quota is full. Nothing of the batch was applied; it may be tried again.
    public static let full = Code(value: .full)
    /// The file or its folder may not be written.
    public static let readOnly = Code(value: .readOnly)
    /// The file cannot be opened or created.
    public static let unavailable = Code(value: .unavailable)
    /// Reading or writing failed in the system. What is on disk is unknown until the storage is opened again.
    public static let ioFailed = Code(value: .ioFailed)
    /// The storage was closed.
    public static let closed = Code(value: .closed)
  }

  public let code: Code
  /// Path of the file, or ``StateStorage/location`` of a storage without one.
  public let location: String
  /// What was wrong.
  public let message: String
  /// What an operator can do about it.
  public let remedy: String

  init(_ code: Code, location: String, _ message: String, remedy: String) {
    self.code = code
    self.location = location
    self.message = message
    self.remedy = remedy
  }

  public var description: String { "state in '\(location)': \(message). \(remedy)" }
}
