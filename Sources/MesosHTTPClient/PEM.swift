#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Certificates or a private key in PEM, in a file or in memory. What it holds is not part of its description.
public struct PEM: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  private enum Place { case file(String), bytes([UInt8]) }
  private let place: Place

  /// A file, read when the settings that name it are made.
  public static func file(_ path: String) -> PEM { PEM(place: .file(path)) }
  /// The PEM text itself.
  public static func bytes(_ bytes: [UInt8]) -> PEM { PEM(place: .bytes(bytes)) }

  public var description: String {
    switch place {
    case .file(let path): path
    case .bytes(let bytes): "PEM of \(bytes.count) bytes"
    }
  }

  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }

  /// What a file of certificates or keys may measure, in bytes.
  static let bytesMax = 16 << 20

  func read() throws(HTTPClientError) -> [UInt8] {
    switch place {
    case .bytes(let bytes): return bytes
    case .file(let path):
      do {
        return try readFile(path, upTo: PEM.bytesMax)
      } catch {
        throw HTTPClientError(code: .invalidConfiguration, message: "TLS: \(error)")
      }
    }
  }
}

/// Why a file could not be read.
struct FileFailure: Error, CustomStringConvertible {
  let description: String
}

/// Returns the bytes of a file.
func readFile(_ path: String, upTo limit: Int) throws(FileFailure) -> [UInt8] {
  func failure(_ error: Int32) -> FileFailure {
    FileFailure(description: "cannot read \(path): \(String(cString: strerror(error)))")
  }
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw failure(errno) }
  defer { close(descriptor) }
  var whole: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 16 * 1024)
  while true {
    let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    if count < 0, errno == EINTR { continue }
    guard count >= 0 else { throw failure(errno) }
    if count == 0 { return whole }
    guard whole.count + count <= limit else {
      throw FileFailure(description: "cannot read \(path): it has more than \(limit) bytes")
    }
    whole += chunk[..<count]
  }
}
