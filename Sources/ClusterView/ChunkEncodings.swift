import Synchronization

/// What the rows of one chunk are on the wire, one after the other: made once, however many readers ask and whichever snapshots they read.
///
/// It belongs to the rows as they are: a write to the chunk puts a new one in its place.
final class ChunkEncodings: Sendable {
  /// How the rows are written.
  enum Form: Hashable, Sendable {
    /// As a repeated field of this number.
    case protobuf(field: Int)
    /// As elements of an array, with a comma before each.
    case json
  }

  private struct State {
    var slices: [Form: [UInt8]] = [:]
    /// Bytes of the ledger's budget, which are given back.
    var reserved: (count: Int, ledger: EncodingLedger)?
  }

  private let state = Mutex(State())

  deinit {
    if let (count, ledger) = state.withLock({ $0.reserved }) { ledger.giveBack(count) }
  }

  /// Whether anything is kept.
  var isUsed: Bool { state.withLock { !$0.slices.isEmpty } }

  /// The rows in `form`. Readers that come at the same time wait for one of them to make it; JSON beyond the budget is made anew.
  func slice(_ form: Form, _ ledger: EncodingLedger, _ make: () -> [UInt8]) -> [UInt8] {
    state.withLock { state in
      if let slice = state.slices[form] { return slice }
      let slice = make()
      switch form {
      case .protobuf: state.slices[form] = slice
      case .json:
        guard ledger.reserve(slice.count) else { break }
        state.reserved = (slice.count, ledger)
        state.slices[form] = slice
      }
      return slice
    }
  }
}
