import CLibcrypto
import Fetcher
import Glibc

/// Digests of files.
enum Digest {
  /// Reads the whole file and compares.
  ///
  /// - Throws: `FetcherError` with code `.checksumMismatch`.
  static func check(_ descriptor: Int32, _ checksum: FetchChecksum) throws(FetcherError) {
    let found = try hexadecimal(descriptor, checksum.algorithm)
    guard found == checksum.hexadecimal else {
      throw FetcherError(
        .checksumMismatch,
        "The content has the \(checksum.algorithm.rawValue) checksum \(found), where \(checksum.hexadecimal) is expected"
      )
    }
  }

  static func hexadecimal(
    _ descriptor: Int32, _ algorithm: FetchChecksum.Algorithm
  ) throws(FetcherError) -> String {
    guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw systemError(.unreadable, "read the file back") }
    guard let context = EVP_MD_CTX_new() else { throw failed }
    defer { EVP_MD_CTX_free(context) }
    guard EVP_DigestInit_ex(context, algorithm == .sha256 ? EVP_sha256() : EVP_sha512(), nil) == 1 else { throw failed }
    var buffer = [UInt8](repeating: 0, count: 256 * 1_024)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw systemError(.unreadable, "read the file back") }
      if count == 0 { break }
      guard EVP_DigestUpdate(context, buffer, count) == 1 else { throw failed }
    }
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var length: UInt32 = 0
    guard EVP_DigestFinal_ex(context, &digest, &length) == 1 else { throw failed }
    return digest.prefix(Int(length)).map { byte in
      let text = String(byte, radix: 16)
      return byte < 16 ? "0\(text)" : text
    }.joined()
  }

  private static let failed = FetcherError(.checksumMismatch, "The checksum cannot be computed")
}
