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
    /// Most changes that wait for one subscriber.
    public var subscriberBufferMax: Int

    public init(rowsPerChunk: Int = 256, jsonBytesMax: Int = 512 << 20, subscriberBufferMax: Int = 10_000) {
      self.rowsPerChunk = max(1, rowsPerChunk)
      self.jsonBytesMax = jsonBytesMax
      self.subscriberBufferMax = max(1, subscriberBufferMax)
    }
  }

  /// How often records were encoded, for tests and metrics.
  public struct EncodingStatistics: Hashable, Sendable {
    public var jsonEncodings: Int
    /// Records that come encoded are not counted.
    public var protobufEncodings: Int
    public var jsonBytesKept: Int
  }

  private struct State {
    var cluster: ClusterState
    var answers: [AnswerKey: ClusterAnswer] = [:]
    var subscribers: [UInt64: AsyncThrowingStream<Change, any Error>.Continuation] = [:]
    var subscriptions: UInt64 = 0
  }

  private struct AnswerKey: Hashable {
    var query: ClusterQuery
    var encoding: MessageEncoding
  }

  public let configuration: Configuration
  private let ledger: EncodingLedger
  private let state: Mutex<State>

  public init(configuration: Configuration = Configuration()) {
    self.configuration = configuration
    ledger = EncodingLedger(jsonBytesMax: configuration.jsonBytesMax)
    state = Mutex(State(cluster: ClusterState(chunkSize: configuration.rowsPerChunk, ledger: ledger)))
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
    let (stale, subscribers) = state.withLock { state in
      state.cluster.fold(change)
      let stale = state.answers
      state.answers = [:]
      return (stale, state.subscribers)
    }
    // Outside the lock: freeing bodies takes time, and a stream that ends calls back.
    _ = consume stale
    for (number, subscriber) in subscribers {
      switch subscriber.yield(change) {
      case .enqueued: break
      case .dropped: drop(number, ClusterViewError.fellBehind(sequence: change.sequence))
      case .terminated: drop(number, nil)
      @unknown default: break
      }
    }
  }

  /// The state as it is now; later changes do not touch it.
  public func snapshot() -> ClusterSnapshot { state.withLock { ClusterSnapshot($0.cluster) } }

  /// Answers a read of the operator API from the state as it is now.
  ///
  /// Runs on the concurrent executor, or the task executor that the caller prefers, and yields between chunks.
  @concurrent
  public func answer(_ query: ClusterQuery, encoding: MessageEncoding) async -> ClusterAnswer {
    let key = AnswerKey(query: query, encoding: encoding)
    let (known, snapshot) = state.withLock { ($0.answers[key], ClusterSnapshot($0.cluster)) }
    if let known { return known }
    let answer = await snapshot.answer(query, encoding: encoding)
    return state.withLock { state in
      guard state.cluster.sequence == answer.sequence else { return answer }
      // Another reader may have been faster: then share its body.
      if let other = state.answers[key] { return other }
      state.answers[key] = answer
      return answer
    }
  }

  /// The state as it is now and every change after it.
  ///
  /// A reader that lets more than `bufferLimit` changes wait is dropped: its stream ends with ``ClusterViewError/fellBehind(sequence:)`` after
  /// those changes that did fit.
  ///
  /// - Parameter bufferLimit: At most the configuration's `subscriberBufferMax`.
  public func subscribe(bufferLimit: Int? = nil) -> ChangeSubscription {
    let limit = min(max(1, bufferLimit ?? configuration.subscriberBufferMax), configuration.subscriberBufferMax)
    let (changes, continuation) = AsyncThrowingStream.makeStream(
      of: Change.self, throwing: (any Error).self, bufferingPolicy: .bufferingOldest(limit))
    let (number, snapshot) = state.withLock { state in
      state.subscriptions += 1
      state.subscribers[state.subscriptions] = continuation
      return (state.subscriptions, ClusterSnapshot(state.cluster))
    }
    continuation.onTermination = { [weak self] _ in
      _ = self?.state.withLock { $0.subscribers.removeValue(forKey: number) }
    }
    return ChangeSubscription(snapshot: snapshot, changes: changes)
  }

  /// How many subscribers there are.
  public var subscriberCount: Int { state.withLock { $0.subscribers.count } }

  private func drop(_ number: UInt64, _ error: ClusterViewError?) {
    let subscriber = state.withLock { $0.subscribers.removeValue(forKey: number) }
    subscriber?.finish(throwing: error)
  }
}

/// A state and the changes that follow it.
public struct ChangeSubscription: Sendable {
  public let snapshot: ClusterSnapshot
  /// In order, without a gap after `snapshot.sequence`. Ends by itself only with an error.
  public let changes: AsyncThrowingStream<Change, any Error>
}

/// Why a subscription ended.
public enum ClusterViewError: Error, Hashable, Sendable {
  /// The reader was slower than the cluster; `sequence` is the first change it did not get.
  case fellBehind(sequence: UInt64)
}
