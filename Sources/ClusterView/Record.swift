import MesosModel
import SwiftProtobuf
import Synchronization

/// What records share: how much memory their JSON may take, and how often they were encoded.
final class EncodingLedger: Sendable {
  private let jsonBytesMax: Int
  private let jsonBytes = Atomic<Int>(0)
  private let jsonEncodings = Atomic<Int>(0)
  private let protobufEncodings = Atomic<Int>(0)
  private let eventEncodings = Atomic<Int>(0)

  init(jsonBytesMax: Int) { self.jsonBytesMax = jsonBytesMax }

  var statistics: ClusterView.EncodingStatistics {
    ClusterView.EncodingStatistics(
      jsonEncodings: jsonEncodings.load(ordering: .relaxed),
      protobufEncodings: protobufEncodings.load(ordering: .relaxed),
      jsonBytesKept: jsonBytes.load(ordering: .relaxed),
      eventEncodings: eventEncodings.load(ordering: .relaxed))
  }

  func countJSON() { jsonEncodings.add(1, ordering: .relaxed) }
  func countProtobuf() { protobufEncodings.add(1, ordering: .relaxed) }

  func countEvent() { eventEncodings.add(1, ordering: .relaxed) }

  /// Whether so many bytes may be kept; then they count until they are given back.
  func reserve(_ count: Int) -> Bool {
    if jsonBytes.add(count, ordering: .relaxed).newValue <= jsonBytesMax { return true }
    jsonBytes.subtract(count, ordering: .relaxed)
    return false
  }

  func giveBack(_ count: Int) { jsonBytes.subtract(count, ordering: .relaxed) }
}

/// What a record is made of.
protocol RecordContent: Sendable {
  associatedtype Key: Hashable & Sendable
  var key: Key { get }
  /// The message in parts that, one after the other, decode to it.
  func protobufParts(_ ledger: EncodingLedger) -> [[UInt8]]
  /// The message as one JSON object.
  func json(_ protobufParts: [[UInt8]]) -> [UInt8]
}

/// One version of one record, encoded at most once in each encoding (again only where the budget for JSON is used up).
///
/// Snapshots share records; a change makes a new one.
final class Record<Content: RecordContent>: SlabRow {
  let content: Content
  private let ledger: EncodingLedger
  private let kept = Mutex(Kept())

  private struct Kept {
    var parts: [[UInt8]]?
    var json: [UInt8]?
    var page: [UInt8]?
  }

  init(_ content: Content, _ ledger: EncodingLedger) {
    self.content = content
    self.ledger = ledger
  }

  deinit {
    let count = kept.withLock { ($0.json?.count ?? 0) + ($0.page?.count ?? 0) }
    if count > 0 { ledger.giveBack(count) }
  }

  var key: Content.Key { content.key }

  /// The message in the wire format of protobuf, in parts.
  var protobufParts: [[UInt8]] {
    kept.withLock { kept in
      if let parts = kept.parts { return parts }
      let parts = content.protobufParts(ledger)
      kept.parts = parts
      return parts
    }
  }

  /// The message as JSON. Readers that come at the same time wait for one encoding.
  var json: [UInt8] {
    let parts = protobufParts
    return kept.withLock { kept in
      if let json = kept.json { return json }
      let json = content.json(parts)
      ledger.countJSON()
      if ledger.reserve(json.count) { kept.json = json }
      return json
    }
  }
}

extension Record {
  /// The record as `make` writes it for a page, which is the same for all callers; kept as its JSON is.
  func page<Failure: Error>(_ make: (Content) throws(Failure) -> [UInt8]) throws(Failure) -> [UInt8] {
    try kept.withLock { kept throws(Failure) in
      if let page = kept.page { return page }
      let page = try make(content)
      if ledger.reserve(page.count) { kept.page = page }
      return page
    }
  }
}

/// Encodes what a record holds as a value.
func encode(_ message: some Message, _ ledger: EncodingLedger) -> [UInt8] {
  ledger.countProtobuf()
  // Partial encoding fails for a message of more than 2 GB alone.
  return (try? message.serializedBytes(partial: true)) ?? []
}

/// Decodes what a record keeps as bytes; `nil` when they are no such message, which its sender is to blame for.
func decode<M: Message>(_ parts: [[UInt8]], as type: M.Type) -> M? {
  var message = M()
  do {
    for part in parts { try message.merge(serializedBytes: part, partial: true) }
    return message
  } catch {
    return nil
  }
}
