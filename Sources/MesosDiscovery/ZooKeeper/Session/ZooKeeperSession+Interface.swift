/// Numbers one connection; what arrives of an earlier one is told apart by it.
package struct ConnectionNumber: Hashable, Comparable, Sendable {
  package let number: UInt64
  package init(_ number: UInt64) { self.number = number }
  package static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// Numbers one request of the user.
package struct RequestToken: Hashable, Comparable, Sendable {
  package let number: UInt64
  package init(_ number: UInt64) { self.number = number }
  package static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// Numbers one watch of the user.
package struct WatchToken: Hashable, Comparable, Sendable {
  package let number: UInt64
  package init(_ number: UInt64) { self.number = number }
  package static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// The session with ZooKeeper as its user sees it.
public enum ZooKeeperState: Hashable, Sendable {
  /// There is no session yet, or no more after one that expired; servers are tried in turn.
  case connecting
  /// The session of this number lives, and a server answers.
  case connected(session: Int64)
  /// No server answers. The session still lives, as far as can be known from here.
  case suspended(session: Int64)
  /// The session is over, and its ephemeral nodes with it. Another one follows.
  case expired(session: Int64)
  /// The client has ended.
  case closed
}

extension ZooKeeperSession {
  package struct Configuration: Hashable, Sendable {
    /// How many servers there are to choose from.
    package var serverCount: Int
    /// Asked for; the server decides within its own bounds.
    package var sessionTimeout: Duration = .seconds(10)
    /// `user:password` of the scheme `digest`.
    package var credentials: [UInt8]?
    /// Requests that wait or are under way.
    package var requestsMax = 10_000
    /// How long a request may wait for a connection.
    package var requestTimeout: Duration = .seconds(30)
    /// What one record of the server may measure, in bytes.
    package var frameBytesMax = 4 << 20
    /// What one request may measure, in bytes: servers close the connection on more than 1 MiB.
    package var requestBytesMax = 1 << 20 - 1
    /// Paths of watches set again in one record, in bytes.
    package var watchesBytesMax = 128 << 10
    /// The longest wait after all servers were tried in vain, at first and at most.
    package var backoffInitial: Duration = .milliseconds(100)
    package var backoffMax: Duration = .seconds(2)
    /// How long the end of a session may take.
    package var closeTimeout: Duration = .seconds(1)

    package init(serverCount: Int) { self.serverCount = serverCount }
  }

  /// What happened.
  package enum Event: Hashable, Sendable {
    case start
    case connected(ConnectionNumber)
    case received(ConnectionNumber, [UInt8])
    /// It could not be opened, or it broke.
    case closed(ConnectionNumber, reason: String)
    /// Answered by one `.complete`; with a watch, and if that says success, also by one `.fire`.
    case request(RequestToken, ZooKeeperRequest, watch: WatchToken?)
    /// Nobody waits for it any more.
    case requestCancelled(RequestToken)
    case watchCancelled(WatchToken)
    /// Time has passed; at the latest at ``ZooKeeperSession/nextDeadline``.
    case tick
    /// End the session and then everything.
    case close
    /// Nobody performs directives any more after these.
    case abandoned
  }

  /// What must be done, in this order.
  package enum Directive: Hashable, Sendable {
    /// Connect to the server of this index, then say `.connected` or `.closed`.
    case connect(ConnectionNumber, server: Int, timeout: Duration)
    case send(ConnectionNumber, [UInt8])
    /// Send this as the last, then let the server close the connection, for as long as this at most. It is not to be closed at once: what
    /// was not read of it yet would make the network throw away what was not delivered yet.
    case part(ConnectionNumber, [UInt8], within: Duration)
    /// Nothing of it is wanted any more.
    case disconnect(ConnectionNumber, reason: String)
    case complete(RequestToken, Result<ZooKeeperReply, ZooKeeperError>)
    case fire(WatchToken, Result<ZooKeeperEvent, ZooKeeperError>)
    case show(ZooKeeperState)
    /// The end; nothing follows.
    case finished(ZooKeeperError?)
  }
}
