#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

enum SecretFile {
  private static let sizeMax = 16 << 20

  /// - Returns: What is in the file, and whether everybody may read, write or execute it.
  static func read(_ path: String) throws(SecurityError) -> (bytes: [UInt8], isOpen: Bool) {
    guard let file = fopen(path, "re") else { throw failure(path) }
    defer { fclose(file) }
    var status = stat()
    let isOpen = fstat(fileno(file), &status) == 0 && status.st_mode & S_IRWXO != 0
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
      let count = fread(&chunk, 1, chunk.count, file)
      bytes += chunk.prefix(count)
      guard bytes.count <= sizeMax else {
        throw SecurityError(.badCredentials, "Credentials file '\(path)' is larger than \(sizeMax) bytes")
      }
      if count < chunk.count {
        guard ferror(file) == 0 else { throw failure(path) }
        return (bytes, isOpen)
      }
    }
  }

  private static func failure(_ path: String) -> SecurityError {
    SecurityError(.badCredentials, "Failed to read credentials file '\(path)': \(String(cString: strerror(errno)))")
  }
}
