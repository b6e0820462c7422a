/// One entry of a folder, as `/files/browse` and LIST_FILES show it.
public struct FileEntry: Hashable, Sendable {
  /// The folder's path as it was asked for, a slash, and the name.
  public var path: String
  public var linkCount: Int
  /// In bytes.
  public var size: Int64
  /// Time of the last change in whole seconds since 1970.
  public var modifiedSeconds: Int64
  /// Type and permission bits as `stat` gives them.
  public var mode: UInt32
  /// Name of the owner, or its number where it has no name.
  public var user: String
  /// Name of the group, or its number where it has no name.
  public var group: String

  public init(
    path: String, linkCount: Int, size: Int64, modifiedSeconds: Int64, mode: UInt32, user: String, group: String
  ) {
    self.path = path
    self.linkCount = linkCount
    self.size = size
    self.modifiedSeconds = modifiedSeconds
    self.mode = mode
    self.user = user
    self.group = group
  }

  /// Type and permissions as `ls -l` shows them, without set-id and sticky bits: `drwxr-xr-x`.
  public var modeText: String {
    let type =
      switch mode & 0o170000 {
      case 0o040000: "d"
      case 0o120000: "l"
      case 0o010000: "p"
      case 0o140000: "s"
      case 0o020000: "c"
      case 0o060000: "b"
      default: "-"
      }
    let letters = Array("rwxrwxrwx")
    return type + String((0..<9).map { mode & (0o400 >> UInt32($0)) != 0 ? letters[$0] : "-" })
  }
}

/// A part of a file, as `/files/read` and READ_FILE show it.
public struct FileSlice: Hashable, Sendable {
  /// Where `bytes` begin; the size of the file when no offset was given.
  public var offset: Int64
  /// Size of the whole file in bytes.
  public var size: Int64
  public var bytes: [UInt8]

  public init(offset: Int64, size: Int64, bytes: [UInt8]) {
    self.offset = offset
    self.size = size
    self.bytes = bytes
  }
}
