import MesosModel

/// A row that knows its key.
protocol SlabRow: Sendable {
  associatedtype Key: Hashable & Sendable
  var key: Key { get }
}

/// Rows in the order of their first insertion, in chunks: what a snapshot keeps.
///
/// A copy retains the outer arrays alone. The first write after a copy was taken copies them and the one chunk it touches; further
/// writes to the same chunk are in place.
struct SlabRows<Row: SlabRow>: Sendable {
  /// Removed rows leave a hole.
  fileprivate(set) var chunks: [[Row?]] = []
  /// Of each chunk.
  fileprivate(set) var encodings: [ChunkEncodings] = []
  fileprivate(set) var count = 0

  /// Every row in order.
  var rows: some Sequence<Row> { chunks.lazy.flatMap { $0.lazy.compactMap { $0 } } }

  /// The chunk was written to: what it is on the wire is another's, or nobody's.
  fileprivate mutating func noteWrite(_ chunk: Int) {
    if !isKnownUniquelyReferenced(&encodings[chunk]) || encodings[chunk].isUsed { encodings[chunk] = ChunkEncodings() }
  }
}

/// The rows of one kind with an index by key.
struct Slab<Row: SlabRow>: Sendable {
  private(set) var rows = SlabRows<Row>()
  private let chunkSize: Int
  /// Where each key stands: the number of its place, counted from the first row ever.
  private var places = PlaceIndex<Row.Key>()
  /// Rows in each chunk.
  private var live: [Int] = []
  /// Chunks that were dropped from the front.
  private var dropped = 0

  init(chunkSize: Int) { self.chunkSize = chunkSize }

  func contains(_ key: Row.Key) -> Bool { places[key] != nil }

  subscript(key: Row.Key) -> Row? {
    guard let place = places[key] else { return nil }
    return rows.chunks[place / chunkSize - dropped][place % chunkSize]
  }

  /// Puts a row in the place of the one with its key, or at the end.
  mutating func put(_ row: Row) {
    let key = row.key
    // Most rows are new, so their keys are looked for once, with the place at the end at hand.
    let isFull = rows.chunks.last.map { $0.count == chunkSize } ?? true
    let end =
      isFull
      ? (rows.chunks.count + dropped) * chunkSize
      : (rows.chunks.count - 1 + dropped) * chunkSize + (rows.chunks.last?.count ?? 0)
    if let place = places.update(key, end) {
      _ = places.update(key, place)
      rows.chunks[place / chunkSize - dropped][place % chunkSize] = row
      rows.noteWrite(place / chunkSize - dropped)
      return
    }
    if isFull {
      let full = rows.chunks.count - 1
      var chunk: [Row?] = []
      chunk.reserveCapacity(chunkSize)
      rows.chunks.append(chunk)
      rows.encodings.append(ChunkEncodings())
      live.append(0)
      // The number of the place holds: chunks dropped from the front stay counted.
      if full >= 0, live[full] == 0 { release(full) }
    }
    let last = rows.chunks.count - 1
    rows.chunks[last].append(row)
    rows.noteWrite(last)
    live[last] += 1
    rows.count += 1
  }

  /// Changes a row in place, without moving it.
  ///
  /// - Returns: Whether there is such a row.
  mutating func update(_ key: Row.Key, _ body: (inout Row) -> Void) -> Bool {
    guard let place = places[key] else { return false }
    let (chunk, slot) = (place / chunkSize - dropped, place % chunkSize)
    // Taken out while it is changed, so that what it holds is not copied.
    guard var row = rows.chunks[chunk][slot] else { return false }
    rows.chunks[chunk][slot] = nil
    body(&row)
    rows.chunks[chunk][slot] = row
    rows.noteWrite(chunk)
    return true
  }

  /// Takes a row out.
  @discardableResult
  mutating func remove(_ key: Row.Key) -> Row? {
    guard let place = places.remove(key) else { return nil }
    let chunk = place / chunkSize - dropped
    let row = rows.chunks[chunk][place % chunkSize]
    rows.chunks[chunk][place % chunkSize] = nil
    rows.noteWrite(chunk)
    live[chunk] -= 1
    rows.count -= 1
    if live[chunk] == 0, chunk < rows.chunks.count - 1 { release(chunk) }
    if rows.chunks.count > 8, rows.count * 4 < rows.chunks.count * chunkSize { compact() }
    return row
  }

  /// Gives an empty chunk's memory back. The last chunk is never released: places count on its length.
  private mutating func release(_ chunk: Int) {
    rows.chunks[chunk] = []
    let leading = rows.chunks.firstIndex { !$0.isEmpty } ?? 0
    guard leading * 2 > rows.chunks.count else { return }
    rows.chunks.removeFirst(leading)
    rows.encodings.removeFirst(leading)
    live.removeFirst(leading)
    dropped += leading
  }

  /// Closes the holes; order stays.
  private mutating func compact() {
    let old = rows.rows
    self = Slab(chunkSize: chunkSize)
    for row in old { put(row) }
  }
}
