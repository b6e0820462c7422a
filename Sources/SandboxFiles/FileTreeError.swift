/// Why a file of the tree cannot be shown. Texts are those of Apache Mesos 1.11, where it has one.
public struct FileTreeError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    private enum Value {
      case notFound, inaccessible, isDirectory, notRegular, badRange, tooManyEntries, changed, failed
    }
    private let value: Value

    /// Nothing is attached there, or nothing has this name, or a link leads nowhere.
    public static let notFound = Code(value: .notFound)
    /// The path leads out of what is attached, through `..` or a link.
    public static let inaccessible = Code(value: .inaccessible)
    /// A folder cannot be read or downloaded.
    public static let isDirectory = Code(value: .isDirectory)
    /// Pipes, sockets and devices are never opened.
    public static let notRegular = Code(value: .notRegular)
    /// An offset or length is negative or no number.
    public static let badRange = Code(value: .badRange)
    /// The folder holds more than ``FileTree/entryCountMax`` entries.
    public static let tooManyEntries = Code(value: .tooManyEntries)
    /// The file became shorter while it was downloaded.
    public static let changed = Code(value: .changed)
    /// The system refused.
    public static let failed = Code(value: .failed)
  }

  public let code: Code
  /// One sentence, ended by a full stop; empty for ``Code/notFound``.
  public let message: String

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The status that `/files/…`, LIST_FILES and READ_FILE answer with: 400, 404 or 500.
  public var httpStatus: Int {
    switch code {
    case .notFound: 404
    case .failed, .changed: 500
    default: 400
    }
  }

  /// The text of that answer. A 404 has none, but for `/files/download`, which says `404 Not Found.`
  public var httpBody: String { message.isEmpty ? "" : message + "\n" }

  public var description: String { message.isEmpty ? "not found" : message }

  static let notFound = FileTreeError(.notFound, "")

  static func inaccessible(_ path: String) -> FileTreeError {
    FileTreeError(.inaccessible, "'\(path.prefix(1_000))' is inaccessible.")
  }
}
