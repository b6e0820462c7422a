/// Finds records in what a connection delivers, wherever it is cut.
package struct FrameDecoder: Hashable, Sendable {
  private var buffer: [UInt8] = []
  /// Bytes of the buffer that were handed out.
  private var head = 0
  private let frameBytesMax: Int

  /// - Parameter frameBytesMax: What one record may measure.
  package init(frameBytesMax: Int) { self.frameBytesMax = frameBytesMax }

  package mutating func append(_ bytes: some Collection<UInt8>) {
    if head > 0, head >= buffer.count / 2 {
      buffer.removeFirst(head)
      head = 0
    }
    buffer.append(contentsOf: bytes)
  }

  /// The next whole record; `nil` while it is not all there.
  ///
  /// - Throws: `ZooKeeperError` with code `.protocolViolation` for a length that cannot be; nothing can be read after it.
  package mutating func next() throws(ZooKeeperError) -> [UInt8]? {
    guard buffer.count - head >= 4 else { return nil }
    let length = buffer[head..<head + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    guard length <= frameBytesMax else {
      throw ZooKeeperError(
        .protocolViolation, "The server announces a record of \(length) bytes; \(frameBytesMax) are allowed")
    }
    let end = head + 4 + Int(length)
    guard buffer.count >= end else { return nil }
    defer { head = end }
    return Array(buffer[head + 4..<end])
  }
}
