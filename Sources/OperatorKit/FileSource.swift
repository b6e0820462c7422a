public import MesosModel
public import MesosRuntime

/// A server whose files can be read by their virtual paths: a master's logs, an agent's logs and sandboxes.
public protocol FileSource: Sendable {
  /// Where time comes from while a file is followed.
  var runtime: Runtime { get }
  /// The entries of a folder; their paths are virtual ones.
  func entries(of folder: String) async throws(OperatorError) -> [FileInfo]
  /// A piece of a file.
  ///
  /// - Parameters:
  ///   - file: Its virtual path.
  ///   - offset: Bytes from its start.
  ///   - length: Bytes at most, 1 or more; servers give a few pages at once whatever is asked for.
  func read(_ file: String, offset: UInt64, length: Int) async throws(OperatorError) -> FilePiece
}

/// A piece of a file.
public struct FilePiece: Hashable, Sendable {
  /// What is asked for at once where nothing else is said: what Apache Mesos gives at most.
  public static let usualBytes = 64 * 1024

  /// Where in the file it begins.
  public var offset: UInt64
  /// None at the end of the file, and behind it.
  public var bytes: [UInt8]
  /// What the file measures now.
  public var fileSize: UInt64

  public init(offset: UInt64, bytes: [UInt8], fileSize: UInt64) {
    self.offset = offset
    self.bytes = bytes
    self.fileSize = fileSize
  }
}

extension MasterClient: FileSource {
  public var runtime: Runtime { configuration.runtime }

  public func entries(of folder: String) async throws(OperatorError) -> [FileInfo] {
    try await listFiles(folder).fileInfos
  }

  public func read(
    _ file: String, offset: UInt64 = 0, length: Int = FilePiece.usualBytes
  ) async throws(OperatorError) -> FilePiece {
    let answer = try await readFile(file, offset: offset, length: try checkedLength(length))
    return try piece([UInt8](answer.data), of: file, offset: offset, length: length, size: answer.size)
  }
}

extension AgentClient: FileSource {
  public var runtime: Runtime { configuration.runtime }

  public func entries(of folder: String) async throws(OperatorError) -> [FileInfo] {
    try await listFiles(folder).fileInfos
  }

  public func read(
    _ file: String, offset: UInt64 = 0, length: Int = FilePiece.usualBytes
  ) async throws(OperatorError) -> FilePiece {
    let answer = try await readFile(file, offset: offset, length: try checkedLength(length))
    return try piece([UInt8](answer.data), of: file, offset: offset, length: length, size: answer.size)
  }
}

private func checkedLength(_ length: Int) throws(OperatorError) -> UInt64 {
  guard length > 0 else { throw OperatorError(.invalidRequest, "A length of \(length) bytes cannot be read") }
  return UInt64(length)
}

private func piece(
  _ bytes: [UInt8], of file: String, offset: UInt64, length: Int, size: UInt64
) throws(OperatorError) -> FilePiece {
  guard bytes.count <= length else {
    throw OperatorError(.wrongAnswer, "\(file): \(bytes.count) bytes came where \(length) were asked for")
  }
  return FilePiece(offset: offset, bytes: bytes, fileSize: size)
}

extension FileSource {
  /// Reads a file from its start to the end that it has when that is reached, piece by piece.
  ///
  /// - Parameters:
  ///   - file: Its virtual path.
  ///   - limit: Bytes at most.
  ///   - take: Is given each piece in order; the next is read when it returns.
  /// - Returns: How many bytes there were.
  /// - Throws: `OperatorError` of a read, code `.tooLarge` for a file above the limit; what `take` throws.
  @discardableResult
  public func download(
    _ file: String, upTo limit: UInt64 = .max, take: ([UInt8]) async throws -> Void
  ) async throws -> UInt64 {
    var offset: UInt64 = 0
    while true {
      let piece = try await read(file, offset: offset, length: FilePiece.usualBytes)
      guard piece.fileSize <= limit, UInt64(piece.bytes.count) <= limit - offset else {
        throw OperatorError(.tooLarge, "\(file) has more than \(limit) bytes")
      }
      if piece.bytes.isEmpty { return offset }
      try await take(piece.bytes)
      offset += UInt64(piece.bytes.count)
    }
  }

  /// Returns a whole file.
  ///
  /// - Throws: `OperatorError`; code `.tooLarge` for a file of more than `limit` bytes.
  public func contents(of file: String, upTo limit: Int = 64 << 20) async throws(OperatorError) -> [UInt8] {
    var whole: [UInt8] = []
    do {
      try await download(file, upTo: UInt64(max(0, limit))) { whole += $0 }
    } catch let error as OperatorError {
      throw error
    } catch {
      throw OperatorError(.ended, "\(file): \(error)")
    }
    return whole
  }
}
