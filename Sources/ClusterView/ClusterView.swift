public import MasterCore
public import MesosHTTP
import Synchronization

/// The cluster as readers see it, outside the master's actor: reads never stop the master, whatever their size.
///
/// The master's changes, numbered without a gap, are folded into rows that keep their encoded bytes. A snapshot costs a few reference
/// counts; an answer is put together from the rows' bytes, chunk by chunk, on the reader's own thread. A record is encoded once in
/// each encoding however many read it; equal reads of an unchanged cluster share one body.
public final class ClusterView: Sendable {
  public struct Configuration: Hashable, Sendable {
    /// Rows of a chunk: what the first write after a snapshot copies, and what becomes one slice of an answer.
    public var rowsPerChunk: Int
    /// Most bytes of JSON that rows keep; beyond it they encode again for each answer.
    public var jsonBytesMax: Int
    /// Most events that are kept for readers that are behind and for those that resume; as many extensions besides.
    public var eventsMax: Int
    /// Most bytes that these events can take, and as many for the extensions.
    public var eventBytesMax: Int
    /// Most readers of events; beyond it the oldest is closed.
    public var eventReadersMax: Int
    /// Whether there are readers that may not see everything: then each event notes what decides about that.
    public var hasFilteredReaders = false

    public init(
      rowsPerChunk: Int = 256, jsonBytesMax: Int = 512 << 20, eventsMax: Int = 50_000, eventBytesMax: Int = 128 << 20,
      eventReadersMax: Int = 1_000
    ) {
      self.rowsPerChunk = max(1, rowsPerChunk)
      self.jsonBytesMax = jsonBytesMax
      self.eventsMax = max(1, eventsMax)
      self.eventBytesMax = max(1, eventBytesMax)
      self.eventReadersMax = max(1, eventReadersMax)
    }
  }

  /// How often records were encoded, for tests and metrics.
  public struct EncodingStatistics: Hashable, Sendable {
    public var jsonEncodings: Int
    /// Records that come encoded are not counted.
    public var protobufEncodings: Int
    public var jsonBytesKept: Int
    /// Events of the stream.
    public var eventEncodings: Int
  }

  struct State {
    var cluster: ClusterState
    var answers: [AnswerKey: ClusterAnswer] = [:]
    var log: EventLog
    var readers: [UInt64: EventReader] = [:]
    var lastReader: UInt64 = 0
    /// Readers that wait for events, and those that wait for extensions, too.
    var waiting: [UInt64] = []
    var waitingExtended: [UInt64] = []
  }

  struct AnswerKey: Hashable {
    var query: ClusterQuery
    var encoding: MessageEncoding
    /// Whether it is the snapshot in SUBSCRIBED, without what stands around it.
    var isContent = false
    /// Whose; `nil` for who sees everything.
    var visibility: Visibility?
  }

  /// Most answers for readers with a sight of their own that are kept.
  private static let filteredAnswersMax = 32

  public let configuration: Configuration
  private let ledger: EncodingLedger
  let state: Mutex<State>

  public init(configuration: Configuration = Configuration()) {
    self.configuration = configuration
    ledger = EncodingLedger(jsonBytesMax: configuration.jsonBytesMax)
    state = Mutex(
      State(
        cluster: ClusterState(chunkSize: configuration.rowsPerChunk, ledger: ledger),
        log: EventLog(countMax: configuration.eventsMax, costMax: configuration.eventBytesMax)))
  }

  /// Number of the last change that was folded; 0 before the first.
  public var sequence: UInt64 { state.withLock { $0.cluster.sequence } }

  /// Changes that named a row that is not there. Above zero, the view or the core has a defect.
  public var unmatchedChanges: Int { state.withLock { $0.cluster.unmatchedChanges } }

  public var statistics: EncodingStatistics { ledger.statistics }

  /// Takes the next change. Called by the one owner of the change log, in order.
  ///
  /// - Precondition: `change.sequence` is one more than ``sequence``.
  public func fold(_ change: Change) {
    let (stale, reader) = state.withLock { state in
      let before = state.cluster.before(change)
      let subject = configuration.hasFilteredReaders ? state.cluster.subject(of: change) : nil
      state.cluster.fold(change)
      let stale = state.answers
      state.answers = [:]
      guard let kind = state.cluster.event(change, before) else { return (stale, EventReader.Waiting()) }
      state.log.append(ClusterEvent(sequence: change.sequence, kind: kind, subject: subject, ledger: ledger))
      return (stale, state.wakeOne(isExtension: kind.isExtension))
    }
    // Outside the lock: freeing bodies takes time.
    _ = consume stale
    reader.resume()
  }

  /// The state as it is now; later changes do not touch it.
  public func snapshot() -> ClusterSnapshot { state.withLock { ClusterSnapshot($0.cluster) } }

  /// Answers a read of the operator API from the state as it is now.
  ///
  /// Runs on the concurrent executor, or the task executor that the caller prefers, and yields between chunks.
  ///
  /// - Parameter visibility: What the reader may see; `nil` for everything.
  @concurrent
  public func answer(
    _ query: ClusterQuery, encoding: MessageEncoding, visibility: Visibility? = nil
  ) async -> ClusterAnswer {
    await shared(
      AnswerKey(query: query, encoding: encoding, visibility: visibility), of: snapshot().filtered(by: visibility)
    ) {
      await $0.answer(query, encoding: encoding)
    }
  }

  /// The answer for `key`, made by `make` from `snapshot` unless a reader before did that.
  func shared(
    _ key: AnswerKey, of snapshot: ClusterSnapshot, _ make: (ClusterSnapshot) async -> ClusterAnswer
  ) async -> ClusterAnswer {
    let known = state.withLock { $0.answers[key] }
    if let known, known.sequence == snapshot.sequence { return known }
    let answer = await make(snapshot)
    return state.withLock { state in
      guard state.cluster.sequence == answer.sequence else { return answer }
      // Another reader may have been faster: then share its body.
      if let other = state.answers[key] { return other }
      if key.visibility != nil, state.answers.keys.count(where: { $0.visibility != nil }) >= Self.filteredAnswersMax {
        return answer
      }
      state.answers[key] = answer
      return answer
    }
  }
}

/// Why a reader of events gets no more.
public enum ClusterViewError: Error, Hashable, Sendable {
  /// The reader was slower than the cluster; `sequence` is the last change that it got everything up to.
  case fellBehind(sequence: UInt64)
}
