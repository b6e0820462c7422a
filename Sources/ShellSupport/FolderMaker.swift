#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A folder that could not be made, and why.
public struct FolderError: Error, Hashable, Sendable, CustomStringConvertible {
  public let path: String
  public let errno: Int32

  public init(path: String, errno: Int32) {
    self.path = path
    self.errno = errno
  }

  public var description: String { "cannot make the folder \(path): \(String(cString: strerror(errno)))" }
}

/// Makes folders with their parents.
public enum FolderMaker {
  /// Makes `path` and every parent that is missing, with mode 0755; one that exists is left as it is.
  ///
  /// - Throws: `FolderError` naming the one that could not be made.
  public static func make(_ path: String) throws(FolderError) {
    var made = path.hasPrefix("/") ? "" : "."
    for component in path.split(separator: "/") {
      made += "/" + component
      if mkdir(made, 0o755) == 0 { continue }
      let error = errno
      var status = stat()
      guard error == EEXIST, stat(made, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
        throw FolderError(path: made, errno: error)
      }
    }
  }
}
