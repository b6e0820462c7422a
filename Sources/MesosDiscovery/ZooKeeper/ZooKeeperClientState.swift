import DequeModule
import MesosModel
import MesosRuntime
import NIOCore

/// What a client's lock guards: the session, and everything its directives were put into and nobody has taken yet.
struct ZooKeeperClientState: Sendable {
  typealias Waiter = CheckedContinuation<Void, Never>

  /// What the running client must do.
  enum Work: Sendable {
    case connect(ConnectionNumber, server: Int, timeout: Duration)
    case finished(ZooKeeperError?)
  }

  /// Who goes on once the lock is free.
  enum Wake: Sendable {
    case waiter(Waiter)
    case worker(CheckedContinuation<Work, Never>, Work)
    case caller(CheckedContinuation<ZooKeeperReply, any Error>, Result<ZooKeeperReply, ZooKeeperError>)
    case watcher(CheckedContinuation<ZooKeeperEvent, any Error>, Result<ZooKeeperEvent, ZooKeeperError>)

    func perform() {
      switch self {
      case .waiter(let waiter): waiter.resume()
      case .worker(let worker, let work): worker.resume(returning: work)
      case .caller(let caller, let result): caller.resume(with: result)
      case .watcher(let watcher, let result): watcher.resume(with: result)
      }
    }
  }

  enum Watch: Sendable {
    case set
    case awaited(CheckedContinuation<ZooKeeperEvent, any Error>)
    case fired(Result<ZooKeeperEvent, ZooKeeperError>)
  }

  private var session: ZooKeeperSession
  private var rng: RuntimeGenerator
  private var hasBegun = false
  private var lastToken: UInt64 = 0

  private var work: Deque<Work> = []
  var workWaiter: CheckedContinuation<Work, Never>?
  var callers: [RequestToken: CheckedContinuation<ZooKeeperReply, any Error>] = [:]
  var watches: [WatchToken: Watch] = [:]
  private var channels: [ConnectionNumber: any Channel] = [:]
  /// Connections that were given up before they were open.
  private var unwanted: Set<ConnectionNumber> = []

  /// The deadline that the timer sleeps until; `nil` for none.
  private var armed: Duration?
  var timerWaiter: Waiter?
  /// Why the last connection ended.
  var lastFailure: String?

  init(session: ZooKeeperSession, rng: RuntimeGenerator) {
    self.session = session
    self.rng = rng
  }

  /// False when it began before.
  mutating func begin() -> Bool {
    defer { hasBegun = true }
    return !hasBegun
  }

  mutating func nextToken() -> UInt64 {
    lastToken += 1
    return lastToken
  }

  /// Whether the session wants to be told the time before the timer wakes up.
  var isLate: Bool { session.nextDeadline.map { $0 < armed ?? .seconds(Int64.max) } ?? false }

  mutating func arm() -> Duration? {
    armed = session.nextDeadline
    return armed
  }

  mutating func takeWork() -> Work? { work.popFirst() }

  /// - Returns: Whether the connection is still wanted.
  mutating func attach(_ channel: any Channel, _ connection: ConnectionNumber) -> Bool {
    guard !unwanted.contains(connection) else { return false }
    channels[connection] = channel
    return true
  }

  mutating func detach(_ connection: ConnectionNumber) {
    channels[connection] = nil
    unwanted.remove(connection)
  }

  /// Performs what can be performed under the lock, in order: writes and closes are only handed to the connection's event loop.
  mutating func handle(
    _ event: ZooKeeperSession.Event, at now: Duration, telling states: Broadcast<ZooKeeperState>
  ) -> [Wake] {
    var wakes: [Wake] = []
    if case .closed(_, let reason) = event { lastFailure = reason }
    for directive in session.handle(event, at: now, using: &rng) {
      switch directive {
      case .connect(let connection, let server, let timeout):
        put(.connect(connection, server: server, timeout: timeout), &wakes)
      case .send(let connection, let frame):
        guard let channel = channels[connection] else { break }
        channel.eventLoop.execute { channel.writeAndFlush(ByteBuffer(bytes: frame), promise: nil) }
      case .part(let connection, let frame, let limit):
        guard let channel = channels.removeValue(forKey: connection) else { break }
        channel.eventLoop.execute {
          channel.writeAndFlush(ByteBuffer(bytes: frame), promise: nil)
          channel.close(mode: .output, promise: nil)
          channel.eventLoop.scheduleTask(in: .nanoseconds(limit.wholeNanoseconds)) {
            channel.close(promise: nil)
          }
        }
      case .disconnect(let connection, let reason):
        lastFailure = reason
        if let channel = channels.removeValue(forKey: connection) {
          channel.eventLoop.execute { channel.close(promise: nil) }
        } else {
          unwanted.insert(connection)
        }
      case .complete(let token, let result):
        if let caller = callers.removeValue(forKey: token) { wakes.append(.caller(caller, result)) }
      case .fire(let token, let result):
        switch watches[token] {
        case .awaited(let watcher):
          watches[token] = .fired(result)
          wakes.append(.watcher(watcher, result))
        case .set: watches[token] = .fired(result)
        case .fired, nil: break
        }
      case .show(let state): states.send(state)
      case .finished(let error): put(.finished(error), &wakes)
      }
    }
    if isLate, let waiter = timerWaiter {
      timerWaiter = nil
      wakes.append(.waiter(waiter))
    }
    return wakes
  }

  private mutating func put(_ new: Work, _ wakes: inout [Wake]) {
    if let worker = workWaiter {
      workWaiter = nil
      wakes.append(.worker(worker, new))
    } else {
      work.append(new)
    }
  }
}
