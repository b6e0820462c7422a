public import AgentLinkModel
public import MesosModel
import SwiftProtobuf

/// The agent's side of the link: says Hello on each exchange, resumes the session where the master still has it, and begins
/// anew where it has not.
///
/// A value: the shell feeds it what happened and performs what it answers. `started` begins a session; while no exchange is
/// open what is sent is kept, within ``LinkLimits``, for the next one.
public struct AgentSideSession: Sendable {
  public enum Event: Sendable {
    /// A request to the master began; its body is open for writing.
    case opened
    /// The exchange ended, for whatever reason.
    case closed
    case received(LinkDown)
    /// To be delivered to the master in order.
    case send(LinkUp.OneOf_Body)
    /// The core wants another session: nothing more of this one is delivered, in either direction.
    case end(message: String)
    case tick
  }

  public enum Directive: Equatable, Sendable {
    /// Write this record, framed as RecordIO, to the request's body.
    case write([UInt8])
    /// A session began: the core registers or re-registers.
    case established(masterID: String)
    /// The session before goes on.
    case resumed
    /// The session ended; nothing of it will be resumed.
    case lost(LinkError)
    /// For the core, in order and once.
    case deliver(LinkDown.OneOf_Body)
    /// End the exchange; the shell opens another after its back-off.
    case closeExchange(LinkError)
  }

  private enum State: Sendable {
    case closed
    case greeting(since: Duration)
    case open
  }

  /// Drawn at random at the start of the agent's process.
  private let name: String
  private var generation = 1
  private let softwareVersion: String
  private let limits: LinkLimits
  /// How long the master may take to say Welcome.
  private let welcomeTimeout: Duration
  private var session: LinkSession
  /// Whether a master has ever said Welcome to this generation.
  private var begun = false
  private var state = State.closed
  private var timers = LinkTimers(
    heartbeatInterval: .seconds(15), timeout: .seconds(75), lastWritten: .zero, lastHeard: .zero)
  private var agentID: String?

  public init(
    session name: String, agentID: AgentKey?, softwareVersion: String, limits: LinkLimits = LinkLimits(),
    welcomeTimeout: Duration = .seconds(15)
  ) {
    self.name = name
    self.agentID = agentID?.value
    self.softwareVersion = softwareVersion
    self.limits = limits
    self.welcomeTimeout = welcomeTimeout
    session = LinkSession(limits: limits)
  }

  /// The text that names the session on the wire.
  public var sessionName: String { generation == 1 ? name : "\(name).\(generation)" }

  /// Whether a session stands: an exchange is open and the master has said Welcome.
  public var isOpen: Bool { if case .open = state { true } else { false } }

  /// The moment by which ``Event/tick`` must be given, if any.
  public var nextDeadline: Duration? {
    switch state {
    case .closed: nil
    case .greeting(let since): since + welcomeTimeout
    case .open: timers.next
    }
  }

  public mutating func handle(_ event: Event, at now: Moment) -> [Directive] {
    do throws(LinkError) {
      switch event {
      case .opened: return try open(at: now)
      case .closed:
        state = .closed
        return []
      case .send(let body): return try send(body, at: now)
      case .received(let record): return try receive(record, at: now)
      case .end(let message): throw LinkError(code: .ended, message: message)
      case .tick: return try tick(at: now)
      }
    } catch {
      return fail(error)
    }
  }

  private mutating func open(at now: Moment) throws(LinkError) -> [Directive] {
    state = .greeting(since: now.uptime)
    let hello = LinkHello.with {
      $0.versionMin = LinkProtocol.versionMin
      $0.versionMax = LinkProtocol.version
      $0.session = sessionName
      $0.received = session.received
      if let agentID { $0.agentID = agentID }
      $0.softwareVersion = softwareVersion
    }
    return [.write(try LinkUp.with { $0.hello = hello }.encoded())]
  }

  private mutating func send(_ body: LinkUp.OneOf_Body, at now: Moment) throws(LinkError) -> [Directive] {
    // Before the first Welcome there is no session that it could belong to; the registration tells everything.
    guard begun else { return [] }
    let bytes = try LinkUp.with {
      $0.sequence = session.nextSequence
      $0.body = body
    }.encoded()
    try session.keep(bytes)
    return isOpen ? [write(bytes, at: now)] : []
  }

  private mutating func write(_ bytes: [UInt8], at now: Moment) -> Directive {
    timers.lastWritten = now.uptime
    timers.acknowledgeBy = nil
    session.announced()
    return .write(bytes + acknowledgement(session.received))
  }

  private mutating func receive(_ record: LinkDown, at now: Moment) throws(LinkError) -> [Directive] {
    guard let body = record.body else { return [] }  // a newer master's record, which its version rule allows to ignore
    switch (state, body) {
    case (.closed, _):
      return []
    case (.greeting, .welcome(let welcome)):
      return try welcomed(welcome, at: now)
    case (.greeting, .refused):
      return [.deliver(body)]
    case (.greeting, _):
      throw LinkError(code: .outOfOrder, message: "The master's first record is not Welcome")
    case (.open, .welcome):
      throw LinkError(code: .outOfOrder, message: "The master said Welcome twice")
    case (.open, _):
      timers.lastHeard = now.uptime
      if record.hasAcknowledged { try session.acknowledged(through: record.acknowledged) }
      if case .heartbeat = body { return [] }
      guard record.hasSequence else {
        throw LinkError(code: .malformed, message: "A record of the master has no sequence number")
      }
      guard try session.admit(record.sequence) else { return [] }
      if case .registered(let registered) = body { agentID = registered.agentID }
      var directives = [Directive.deliver(body)]
      timers.acknowledgeBy = timers.acknowledgeBy ?? now.uptime + limits.acknowledgeDelay
      if session.unannounced >= limits.acknowledgeEvery { directives.append(try heartbeat(at: now)) }
      return directives
    }
  }

  private mutating func welcomed(_ welcome: LinkWelcome, at now: Moment) throws(LinkError) -> [Directive] {
    guard welcome.version >= LinkProtocol.versionMin, welcome.version <= LinkProtocol.version else {
      throw LinkError(code: .version, message: "The master chose version \(welcome.version) of the link")
    }
    guard welcome.heartbeatIntervalSeconds > 0, welcome.timeoutSeconds > 0 else {
      throw LinkError(code: .malformed, message: "The master's Welcome has no heartbeat interval or timeout")
    }
    state = .open
    timers = LinkTimers(
      heartbeatInterval: .seconds(welcome.heartbeatIntervalSeconds), timeout: .seconds(welcome.timeoutSeconds),
      lastWritten: now.uptime, lastHeard: now.uptime)
    if welcome.resumed {
      guard begun, session.canResume(from: welcome.received) else {
        throw LinkError(code: .outOfOrder, message: "The master resumes a session that this agent does not have")
      }
      try session.acknowledged(through: welcome.received)
      return [.resumed] + session.unacknowledged.map { write($0, at: now) }
    }
    var directives: [Directive] = []
    if begun { directives.append(.lost(LinkError(code: .ended, message: "The master does not have the session"))) }
    session = LinkSession(limits: limits)
    begun = true
    return directives + [.established(masterID: welcome.masterID)]
  }

  private mutating func heartbeat(at now: Moment) throws(LinkError) -> Directive {
    write(try LinkUp.with { $0.heartbeat = LinkHeartbeat() }.encoded(), at: now)
  }

  private mutating func tick(at now: Moment) throws(LinkError) -> [Directive] {
    switch state {
    case .closed: return []
    case .greeting(let since):
      guard now.uptime >= since + welcomeTimeout else { return [] }
      throw LinkError(code: .silent, message: "The master did not say Welcome within \(welcomeTimeout)")
    case .open:
      guard now.uptime < timers.silentAt else {
        throw LinkError(code: .silent, message: "Nothing was heard of the master for \(timers.timeout)")
      }
      return now.uptime >= timers.heartbeatDue ? [try heartbeat(at: now)] : []
    }
  }

  /// The exchange ends after any error; the session too unless only silence broke it.
  private mutating func fail(_ error: LinkError) -> [Directive] {
    let wasClosed = if case .closed = state { true } else { false }
    state = .closed
    var directives: [Directive] = []
    if error.code != .silent, begun {
      session = LinkSession(limits: limits)
      begun = false
      generation += 1
      directives.append(.lost(error))
    }
    if !wasClosed { directives.append(.closeExchange(error)) }
    return directives
  }
}
