public import MesosHTTP
import Synchronization

/// What one reader of events gets, in order and without a gap.
///
/// It ends when the last reference goes, when the view closes it because of newer readers, or when it is too slow.
public final class ClusterEvents: Sendable {
  public enum Signal: Sendable {
    /// At least one.
    case events([ClusterEvent])
    /// ``ClusterEvents/requestHeartbeat()`` was called.
    case heartbeat
  }

  /// The state before the first event; `nil` for a reader that resumed, and once it was taken.
  public var snapshot: ClusterSnapshot? { first.withLock { $0 } }
  private let first: Mutex<ClusterSnapshot?>
  /// Whether it gets extensions.
  public let isExtended: Bool
  /// What the reader may see; `nil` for everything.
  private let visibility: Visibility?
  private let number: UInt64
  private let view: ClusterView

  fileprivate init(
    snapshot: ClusterSnapshot?, isExtended: Bool, visibility: Visibility?, number: UInt64, view: ClusterView
  ) {
    self.visibility = visibility
    first = Mutex(snapshot)
    self.isExtended = isExtended
    self.number = number
    self.view = view
  }

  deinit { view.leave(number) }

  /// The state before the first event, for who writes it: a reader that stays for long does not keep it.
  public func takeSnapshot() -> ClusterSnapshot? {
    first.withLock { first in
      defer { first = nil }
      return first
    }
  }

  /// Waits for what comes next; one task at a time may.
  ///
  /// - Parameter maximum: Most events at once.
  /// - Returns: `nil` when the view closed this reader, or the task is cancelled.
  /// - Throws: ``ClusterViewError/fellBehind(sequence:)`` once, then it is closed.
  public func next(maximum: Int = 64) async throws(ClusterViewError) -> Signal? {
    while true {
      switch view.poll(number, maximum: maximum) {
      case .signal(let signal):
        guard let seen = seen(of: signal) else { continue }
        return seen
      case .closed: return nil
      case .fellBehind(let sequence): throw .fellBehind(sequence: sequence)
      case .nothing: break
      }
      await view.wait(number)
      if Task.isCancelled { return nil }
    }
  }

  /// What is there already, without waiting; `nil` for nothing.
  ///
  /// - Throws: As ``next(maximum:)``.
  public func available(maximum: Int = 64) throws(ClusterViewError) -> Signal? {
    while true {
      switch view.poll(number, maximum: maximum) {
      case .signal(let signal):
        guard let seen = seen(of: signal) else { continue }
        return seen
      case .closed, .nothing: return nil
      case .fellBehind(let sequence): throw .fellBehind(sequence: sequence)
      }
    }
  }

  /// What of it the reader may see; `nil` for nothing.
  private func seen(of signal: Signal) -> Signal? {
    guard let visibility, case .events(let events) = signal else { return signal }
    let seen = events.compactMap { $0.seen(with: visibility) }
    return seen.isEmpty ? nil : .events(seen)
  }

  /// Makes ``next(maximum:)`` give a heartbeat before further events.
  public func requestHeartbeat() { view.requestHeartbeat(number) }
}

/// Where a reader is in the log.
struct EventReader {
  /// Everything up to this change was given.
  var position: UInt64
  var isExtended: Bool
  var isHeartbeatDue = false
  var continuation: CheckedContinuation<Void, Never>?

  /// Readers to be woken.
  struct Waiting {
    var continuations: [CheckedContinuation<Void, Never>] = []

    func resume() {
      for continuation in continuations { continuation.resume() }
    }
  }

  enum Poll {
    case signal(ClusterEvents.Signal)
    case nothing
    case closed
    case fellBehind(UInt64)
  }
}

extension ClusterView {
  /// The state as it is now and every event after it.
  ///
  /// - Parameters:
  ///   - sequence: Resume after this change, without a snapshot, where the log still has everything that follows.
  ///   - isExtended: With extensions.
  ///   - visibility: What the reader may see; `nil` for everything.
  /// - Precondition: There is no visibility, or ``Configuration/hasFilteredReaders`` is set.
  public func events(
    after sequence: UInt64? = nil, isExtended: Bool = false, visibility: Visibility? = nil
  ) -> ClusterEvents {
    precondition(visibility == nil || configuration.hasFilteredReaders, "events do not note who may see them")
    let (number, snapshot, closed): (UInt64, ClusterSnapshot?, EventReader.Waiting) = state.withLock { state in
      var closed = EventReader.Waiting()
      while state.readers.count >= configuration.eventReadersMax, let oldest = state.readers.keys.min() {
        closed.continuations += state.take(oldest).continuations
        state.readers[oldest] = nil
      }
      state.lastReader += 1
      var position = state.cluster.sequence
      var snapshot: ClusterSnapshot?
      if let sequence, sequence <= position, state.log.reaches(sequence, isExtended: isExtended) {
        position = sequence
      } else {
        snapshot = ClusterSnapshot(state.cluster)
      }
      state.readers[state.lastReader] = EventReader(position: position, isExtended: isExtended)
      return (state.lastReader, snapshot, closed)
    }
    closed.resume()
    return ClusterEvents(
      snapshot: snapshot?.filtered(by: visibility), isExtended: isExtended, visibility: visibility, number: number,
      view: self)
  }

  /// How many readers of events there are.
  public var eventReaderCount: Int { state.withLock { $0.readers.count } }

  /// How many events are kept, and how many bytes they can take.
  public var eventLogSize: (count: Int, bytes: Int) { state.withLock { ($0.log.count, $0.log.cost) } }

  /// The payload of the SUBSCRIBED event for a reader that began with `snapshot`. Readers of the same state share its body.
  @concurrent
  public func subscribed(
    to snapshot: ClusterSnapshot, encoding: MessageEncoding, heartbeatSeconds: Double, isExtended: Bool
  ) async -> ClusterAnswer {
    let content = await shared(
      AnswerKey(
        query: .getState, encoding: encoding, isContent: true, visibility: snapshot.sight?.visibility), of: snapshot
    ) {
      await $0.content(.getState, encoding: encoding)
    }
    return snapshot.subscribed(content, encoding, heartbeatSeconds: heartbeatSeconds, isExtended: isExtended)
  }

  fileprivate func leave(_ number: UInt64) {
    state.withLock { state in
      // Nobody waits in it any more: waiting holds a reference.
      _ = state.readers.removeValue(forKey: number)
    }
  }

  fileprivate func poll(_ number: UInt64, maximum: Int) -> EventReader.Poll {
    state.withLock { state in
      guard var reader = state.readers[number] else { return .closed }
      guard state.log.reaches(reader.position, isExtended: reader.isExtended) else {
        state.readers[number] = nil
        return .fellBehind(reader.position)
      }
      if reader.isHeartbeatDue {
        state.readers[number]?.isHeartbeatDue = false
        return .signal(.heartbeat)
      }
      let events = state.log.events(
        after: reader.position, isExtended: reader.isExtended, maximum: max(1, maximum))
      guard let last = events.last else {
        // What it does not get does not make it fall behind.
        state.readers[number]?.position = state.cluster.sequence
        return .nothing
      }
      reader.position = last.sequence
      state.readers[number] = reader
      return .signal(.events(events))
    }
  }

  /// Returns when there may be something for the reader.
  fileprivate func wait(_ number: UInt64) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isReady = state.withLock { state in
          guard let reader = state.readers[number], !reader.isHeartbeatDue, !Task.isCancelled,
            !state.log.hasEvents(after: reader.position, isExtended: reader.isExtended)
          else { return true }
          state.readers[number]?.continuation = continuation
          if reader.isExtended { state.waitingExtended.append(number) } else { state.waiting.append(number) }
          return false
        }
        if isReady { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.take(number) }.resume()
    }
    // The master wakes one reader, and that one the others, so that many readers cost the master nothing.
    state.withLock { state in
      guard let reader = state.readers[number] else { return state.takeAll() }
      let hasEvents = state.log.hasEvents(after: reader.position, isExtended: reader.isExtended)
      return hasEvents ? state.takeAll(isExtended: reader.isExtended) : EventReader.Waiting()
    }.resume()
  }

  fileprivate func requestHeartbeat(_ number: UInt64) {
    state.withLock { state in
      state.readers[number]?.isHeartbeatDue = true
      return state.take(number)
    }.resume()
  }
}

extension ClusterView.State {
  /// One of the readers that wait for such an event, of each kind of reader.
  mutating func wakeOne(isExtension: Bool) -> EventReader.Waiting {
    var waiting = EventReader.Waiting()
    while waiting.continuations.isEmpty, let number = waitingExtended.popLast() {
      waiting.continuations += takeContinuation(number)
    }
    guard !isExtension else { return waiting }
    let count = waiting.continuations.count
    while waiting.continuations.count == count, let number = self.waiting.popLast() {
      waiting.continuations += takeContinuation(number)
    }
    return waiting
  }

  /// All that wait, of one kind of reader.
  mutating func takeAll(isExtended: Bool) -> EventReader.Waiting {
    let numbers = isExtended ? waitingExtended : waiting
    if isExtended { waitingExtended = [] } else { waiting = [] }
    return EventReader.Waiting(continuations: numbers.flatMap { takeContinuation($0) })
  }

  mutating func takeAll() -> EventReader.Waiting {
    EventReader.Waiting(
      continuations: takeAll(isExtended: false).continuations + takeAll(isExtended: true).continuations)
  }

  /// The reader itself, if it waits.
  mutating func take(_ number: UInt64) -> EventReader.Waiting {
    let continuations = takeContinuation(number)
    if !continuations.isEmpty {
      waiting.removeAll { $0 == number }
      waitingExtended.removeAll { $0 == number }
    }
    return EventReader.Waiting(continuations: continuations)
  }

  private mutating func takeContinuation(_ number: UInt64) -> [CheckedContinuation<Void, Never>] {
    guard let continuation = readers[number]?.continuation else { return [] }
    readers[number]?.continuation = nil
    return [continuation]
  }
}
