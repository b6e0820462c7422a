#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A regular file, open for reading until the last reference to it goes.
public final class OpenFile: Sendable {
  /// The last name of its path.
  public let name: String
  /// Size in bytes when it was opened.
  public let size: Int64
  private let descriptor: Int32

  /// Takes ownership of `descriptor`.
  init(descriptor: Int32, name: String, size: Int64) {
    self.descriptor = descriptor
    self.name = name
    self.size = size
  }

  deinit { close(descriptor) }

  /// Reads from `offset` on; empty at or beyond ``size``.
  ///
  /// - Parameter lengthMax: Most bytes to return, more than none.
  /// - Returns: At least one byte while `offset` is below ``size``.
  /// - Throws: ``FileTreeError``: `.changed` when the file has become shorter than it was, `.failed`.
  public func bytes(at offset: Int64, lengthMax: Int) throws(FileTreeError) -> [UInt8] {
    let count = Int(min(Int64(lengthMax), size - offset))
    guard count > 0, offset >= 0 else { return [] }
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let got = pread(
          descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, off_t(offset) + off_t(filled))
        if got < 0, errno == EINTR { continue }
        if got < 0 { failure = errno }
        if got <= 0 { break }
        filled += got
      }
    }
    if failure != 0 { throw FileTreeError(failure, doing: "read", name) }
    if bytes.isEmpty { throw FileTreeError(.changed, "'\(name.prefix(200))' became shorter while it was read.") }
    return bytes
  }

  /// The type that `/files/download` gives, by the ending of the name; `application/octet-stream` for endings it does not know.
  public var mediaType: String {
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "application/octet-stream" }
    return Self.mediaTypes[name[name.index(after: dot)...].lowercased()] ?? "application/octet-stream"
  }

  private static let mediaTypes = [
    "css": "text/css", "csv": "text/csv", "gif": "image/gif", "gz": "application/gzip", "htm": "text/html",
    "html": "text/html",
    "ico": "image/x-icon", "jpeg": "image/jpeg", "jpg": "image/jpeg", "js": "text/javascript",
    "json": "application/json",
    "pdf": "application/pdf", "png": "image/png", "svg": "image/svg+xml", "txt": "text/plain", "xml": "text/xml",
    "zip": "application/zip",
  ]
}
