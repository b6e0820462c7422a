/// Reads ZooKeeper's records. Nothing in the bytes makes it read beyond them or reserve more than they hold.
///
/// - Source: ZooKeeper 3.8, `BinaryInputArchive`.
struct JuteReader {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var remaining: Int { bytes.count - position }

  mutating func int32() throws(ZooKeeperError) -> Int32 { Int32(bitPattern: try number(UInt32.self)) }
  mutating func int64() throws(ZooKeeperError) -> Int64 { Int64(bitPattern: try number(UInt64.self)) }

  mutating func bool() throws(ZooKeeperError) -> Bool { try take(1).first != 0 }

  /// Bytes behind their length; a length of -1 stands for none, which reads as empty.
  mutating func buffer() throws(ZooKeeperError) -> [UInt8] {
    let count = try int32()
    guard count >= -1 else { throw violation("a length of \(count)") }
    return Array(try take(Int(max(0, count))))
  }

  mutating func string() throws(ZooKeeperError) -> String {
    guard let text = String(validating: try buffer(), as: UTF8.self) else {
      throw violation("a text that is not UTF-8")
    }
    return text
  }

  /// Elements behind their count; -1 stands for none. Each takes four bytes or more.
  mutating func list<Element>(
    _ read: (inout JuteReader) throws(ZooKeeperError) -> Element
  ) throws(ZooKeeperError) -> [Element] {
    let count = try int32()
    guard count >= -1, Int(count) <= remaining / 4 else { throw violation("a list of \(count) elements") }
    var elements: [Element] = []
    for _ in 0..<max(0, count) { elements.append(try read(&self)) }
    return elements
  }

  private mutating func number<Number: FixedWidthInteger>(_: Number.Type) throws(ZooKeeperError) -> Number {
    try take(MemoryLayout<Number>.size).reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
  }

  private mutating func take(_ count: Int) throws(ZooKeeperError) -> ArraySlice<UInt8> {
    guard count <= remaining else { throw violation("\(count) bytes where \(remaining) are left") }
    defer { position += count }
    return bytes[position..<position + count]
  }

  private func violation(_ what: String) -> ZooKeeperError {
    ZooKeeperError(.protocolViolation, "The server's record has \(what) at byte \(position)")
  }
}
