import MesosHTTP
import MesosTestKit
import Testing

@Suite struct RecordIOTests {
  static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  static func decodeAll(_ pieces: [[UInt8]], maximum: Int = 1 << 20) throws(RecordIOError) -> (
    records: [[UInt8]], decoder: RecordIODecoder
  ) {
    var decoder = RecordIODecoder(maximumRecordSize: maximum)
    var records: [[UInt8]] = []
    for piece in pieces {
      decoder.append(piece)
      while let record = try decoder.next() { records.append(record) }
    }
    return (records, decoder)
  }

  static func error(_ text: String, maximum: Int = 1 << 20) -> RecordIOError? {
    do {
      let (_, decoder) = try decodeAll([bytes(text)], maximum: maximum)
      try decoder.finish()
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: [(0, "0\n"), (5, "5\n"), (10, "10\n"), (128, "128\n"), (1_000_000, "1000000\n")])
  func `a header is the length in decimal digits and a line feed`(length: Int, text: String) {
    #expect(RecordIOEncoder.header(for: length) == Self.bytes(text))
  }

  @Test func `the example of the Mesos documentation decodes`() throws {
    let text =
      "128\n{\"type\": \"SUBSCRIBED\",\"subscribed\": {\"framework_id\": {\"value\":\"12220-3440-12532-2345\"},\"heartbeat_interval_seconds\":15.0}"
    let stream = text + String(repeating: " ", count: 128 - (text.utf8.count - 4)) + "20\n{\"type\":\"HEARTBEAT\"}"
    let (records, decoder) = try Self.decodeAll([Self.bytes(stream)])
    #expect(records.map(\.count) == [128, 20])
    #expect(records.last == Self.bytes("{\"type\":\"HEARTBEAT\"}"))
    #expect(decoder.isAtRecordBoundary)
  }

  @Test func `a decoder survives every split point`() throws {
    let payloads = [0, 1, 9, 10, 11, 0, 99, 100, 101].map { size in
      (0..<size).map { UInt8(truncatingIfNeeded: $0 * 7 + size) }
    }
    var stream: [UInt8] = []
    for payload in payloads { RecordIOEncoder.encode(payload, into: &stream) }
    for split in 0...stream.count {
      let (records, decoder) = try Self.decodeAll([Array(stream[..<split]), Array(stream[split...])])
      #expect(records == payloads, "split at \(split)")
      #expect(decoder.isAtRecordBoundary)
    }
    for size in 1...13 {
      let pieces = stride(from: 0, to: stream.count, by: size).map { Array(stream[$0..<min($0 + size, stream.count)]) }
      let (records, decoder) = try Self.decodeAll(pieces)
      #expect(records == payloads, "pieces of \(size)")
      #expect(decoder.bufferedByteCount == 0)
    }
  }

  @Test func `all ways to append give the same`() throws {
    let stream = Self.bytes("3\nabc0\n")
    var slices = RecordIODecoder()
    slices.append(stream[0..<2])
    slices.append(stream[2...])
    var buffers = RecordIODecoder()
    stream.withUnsafeBytes { buffers.append($0) }
    var sequences = RecordIODecoder()
    sequences.append(stream.lazy.map { $0 })
    for var decoder in [slices, buffers, sequences] {
      #expect(try decoder.next() == Self.bytes("abc"))
      #expect(try decoder.next() == [])
      #expect(try decoder.next() == nil)
    }
  }

  @Test(arguments: [
    ("\n", RecordIOError.Code.emptyHeader, 0),
    ("x", .badHeaderByte, 0),
    ("-1\n", .badHeaderByte, 0),
    ("+1\n", .badHeaderByte, 0),
    (" 1\n", .badHeaderByte, 0),
    ("12 \n", .badHeaderByte, 2),
    ("1\r\n", .badHeaderByte, 1),
    ("0x10\n", .badHeaderByte, 1),
    ("1\nax", .badHeaderByte, 3),
    ("2\nab\n", .emptyHeader, 4),
    ("000000000000000000000", .headerTooLong, 20),
    ("1025\n", .recordTooLarge, 3),
    ("99999999999999999999\n", .recordTooLarge, 3),
    ("{\"type\":\"HEARTBEAT\"}", .badHeaderByte, 0),
    ("5\nabc", .truncated, 5),
    ("5", .truncated, 1),
    ("5\n", .truncated, 2),
    ("1\na3\nab", .truncated, 7),
  ])
  func `garbage is an error that says where`(text: String, code: RecordIOError.Code, offset: Int) {
    let error = Self.error(text, maximum: 1_024)
    #expect(error?.code == code)
    #expect(error?.offset == offset)
  }

  @Test func `offsets count from the start of the stream in any pieces`() {
    var decoder = RecordIODecoder()
    var thrown: RecordIOError?
    for byte in Self.bytes("3\nabc10\n0123456789?") {
      decoder.append([byte])
      do {
        while try decoder.next() != nil {}
      } catch {
        thrown = error
      }
    }
    #expect(thrown?.offset == 18)
    #expect(thrown?.code == .badHeaderByte)
  }

  @Test func `a record of just the limit passes and leading zeros do not matter`() throws {
    let (records, _) = try Self.decodeAll([Self.bytes("0004\nabcd4\nefgh")], maximum: 4)
    #expect(records == [Self.bytes("abcd"), Self.bytes("efgh")])
    #expect(Self.error("5\nabcde", maximum: 4)?.code == .recordTooLarge)
  }

  @Test func `a decoder that failed stays failed and holds nothing`() {
    var decoder = RecordIODecoder()
    decoder.append(Self.bytes("?"))
    #expect(throws: RecordIOError.self) { try decoder.next() }
    decoder.append(Self.bytes("3\nabc"))
    #expect(decoder.bufferedByteCount == 0)
    #expect(throws: RecordIOError.self) { try decoder.next() }
    #expect(throws: RecordIOError.self) { try decoder.finish() }
    #expect(!decoder.isAtRecordBoundary)
  }

  @Test func `what stands before a broken record is delivered first`() throws {
    var decoder = RecordIODecoder()
    decoder.append(Self.bytes("1\na1\nb?"))
    #expect(try decoder.next() == Self.bytes("a"))
    #expect(try decoder.next() == Self.bytes("b"))
    #expect(throws: RecordIOError.self) { try decoder.next() }
  }

  @Test(arguments: Seeds.few(4))
  func `random records in random pieces come back`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for _ in 0..<50 {
      let payloads = (0..<Int.random(in: 0...20, using: &random)).map { _ in
        (0..<Int.random(in: 0...(Bool.random(using: &random) ? 5 : 3_000), using: &random)).map { _ in
          UInt8.random(in: 0...255, using: &random)
        }
      }
      let stream = payloads.flatMap { RecordIOEncoder.encode($0) }
      var pieces: [[UInt8]] = []
      var position = 0
      while position < stream.count {
        let size = Int.random(in: 1...700, using: &random)
        pieces.append(Array(stream[position..<min(position + size, stream.count)]))
        position += size
      }
      let (records, decoder) = try Self.decodeAll(pieces)
      #expect(records == payloads)
      #expect(decoder.isAtRecordBoundary)
    }
  }

  @Test(arguments: Seeds.few(4))
  func `random bytes never trap and never yield a record above the limit`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let alphabet = Self.bytes("0123456789\n\n01a")
    for _ in 0..<2_000 {
      var decoder = RecordIODecoder(maximumRecordSize: 50)
      do {
        for _ in 0..<5 {
          decoder.append(
            (0..<Int.random(in: 0...40, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 })
          while let record = try decoder.next() { #expect(record.count <= 50) }
        }
        #expect(decoder.bufferedByteCount <= 90)
      } catch {
        #expect(error.offset <= 200)
      }
    }
  }
}
