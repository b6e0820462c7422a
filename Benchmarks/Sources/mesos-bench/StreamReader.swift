import Foundation
import MesosHTTP

/// The records of a chunked answer as its bytes come: HTTP's head, chunks, RecordIO.
struct StreamReader {
  /// The status line and fields, once they are complete.
  private(set) var head: String?
  private var input: [UInt8] = []
  private var records: RecordIODecoder

  init(recordBytesMax: Int = 64 << 20) { records = RecordIODecoder(maximumRecordSize: recordBytesMax) }

  /// Takes in what came and gives the records that it completes.
  ///
  /// - Throws: `WrongOutcome` for an answer other than 200.
  mutating func take(_ bytes: some Sequence<UInt8>) throws -> [[UInt8]] {
    input.append(contentsOf: bytes)
    if head == nil {
      guard let end = input.firstRange(of: Array("\r\n\r\n".utf8)) else { return [] }
      let text = String(decoding: input[..<end.lowerBound], as: UTF8.self)
      try require(text.hasPrefix("HTTP/1.1 200"), text)
      input.removeSubrange(..<end.upperBound)
      head = text
    }
    var position = 0
    while let end = input[position...].firstRange(of: Array("\r\n".utf8)),
      let size = Int(String(decoding: input[position..<end.lowerBound], as: UTF8.self), radix: 16),
      input.count >= end.upperBound + size + 2
    {
      records.append(input[end.upperBound..<end.upperBound + size])
      position = end.upperBound + size + 2
    }
    input.removeSubrange(..<position)
    var complete: [[UInt8]] = []
    while let record = try records.next() { complete.append(record) }
    return complete
  }
}
