public import AgentLinkModel
import HeapModule
public import MesosModel
import SwiftProtobuf

/// One HTTP exchange of an agent, numbered by the shell; never used twice in the life of a master's process.
public struct LinkExchange: Hashable, Comparable, Sendable {
  public let number: UInt64
  public init(number: UInt64) { self.number = number }
  public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// One session, numbered by ``LinkSessions`` from 1 on; it outlives its exchanges.
public struct LinkSessionID: Hashable, Comparable, Sendable {
  public let number: UInt64
  public init(number: UInt64) { self.number = number }
  public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// The master's side of the link: all sessions of all agents, and the exchanges that carry them.
///
/// An exchange begins with Hello. When the session that it names is here and can be resumed, the exchange carries it on (and an
/// older exchange of that session is closed); otherwise a session begins, and another session of the same agent ends. A
/// session without an exchange is kept for ``Configuration/resumeWindow``.
public struct LinkSessions: Sendable {
  public struct Configuration: Hashable, Sendable {
    public var masterID: String
    public var versions: ClosedRange<UInt32>
    public var heartbeatInterval: Duration
    /// Either side gives an exchange up after this long without a record.
    public var timeout: Duration
    /// How long an exchange may take to say Hello.
    public var helloTimeout: Duration
    /// How long a session without an exchange can be resumed.
    public var resumeWindow: Duration
    /// Sessions and exchanges that may be at once; a Hello beyond is refused.
    public var sessionsMax: Int
    public var limits: LinkLimits

    public init(
      masterID: String, versions: ClosedRange<UInt32> = LinkProtocol.versionMin...LinkProtocol.version,
      heartbeatInterval: Duration = .seconds(15), timeout: Duration = .seconds(75),
      helloTimeout: Duration = .seconds(10),
      resumeWindow: Duration = .seconds(15), sessionsMax: Int = 100_000, limits: LinkLimits = LinkLimits()
    ) {
      self.masterID = masterID
      self.versions = versions
      self.heartbeatInterval = heartbeatInterval
      self.timeout = timeout
      self.helloTimeout = helloTimeout
      self.resumeWindow = resumeWindow
      self.sessionsMax = sessionsMax
      self.limits = limits
    }
  }

  public enum Event: Sendable {
    /// A request with the right path and type came in; its response's body is open for writing.
    case opened(LinkExchange)
    case received(LinkExchange, LinkUp)
    /// A record could not be decoded or framed.
    case malformed(LinkExchange, message: String)
    /// The exchange ended, for whatever reason.
    case closed(LinkExchange)
    /// To be delivered to the agent in order; legal and ignored for a session that has ended.
    case send(LinkSessionID, LinkDown.OneOf_Body)
    /// The core is done with the session; what was sent before is written first.
    case end(LinkSessionID)
    case tick
  }

  public enum Directive: Equatable, Sendable {
    /// A session began; its Register or Reregister follows.
    case began(LinkSessionID, LinkHello)
    /// Write this record, framed as RecordIO, to the response's body.
    case write(LinkExchange, [UInt8])
    /// For the core, in order and once.
    case deliver(LinkSessionID, LinkUp.OneOf_Body)
    /// Something, if only a heartbeat, was heard.
    case heard(LinkSessionID)
    /// The session is over and will not be resumed.
    case ended(LinkSessionID, LinkError)
    /// End the exchange after what was written.
    case closeExchange(LinkExchange, LinkError)
  }

  private struct Session: Sendable {
    var name: String
    var agentID: String?
    var exchange: LinkExchange?
    var link: LinkSession
    var timers: LinkTimers
    /// When it is forgotten, if no exchange takes it up.
    var expires: Duration?
    /// The earliest entry in the heap of deadlines; later ones are stale.
    var scheduled: Duration?

    var deadline: Duration { exchange == nil ? expires ?? .zero : timers.next }

    mutating func receive(
      _ record: LinkUp, of id: LinkSessionID, _ limits: LinkLimits, at now: Moment
    ) throws(LinkError) -> [Directive] {
      timers.lastHeard = now.uptime
      var directives = [Directive.heard(id)]
      if record.hasAcknowledged { try link.acknowledged(through: record.acknowledged) }
      switch record.body {
      case nil, .heartbeat:
        break
      case .hello:
        throw LinkError(code: .outOfOrder, message: "The agent said Hello twice")
      case .some(let body):
        guard record.hasSequence else {
          throw LinkError(code: .malformed, message: "A record of the agent has no sequence number")
        }
        guard try link.admit(record.sequence) else { break }
        directives.append(.deliver(id, body))
        if timers.acknowledgeBy == nil { timers.acknowledgeBy = now.uptime + limits.acknowledgeDelay }
        if link.unannounced >= limits.acknowledgeEvery, let exchange {
          directives.append(try heartbeat(on: exchange, at: now))
        }
      }
      return directives
    }

    mutating func write(_ bytes: [UInt8], on exchange: LinkExchange, at now: Moment) -> Directive {
      timers.lastWritten = now.uptime
      timers.acknowledgeBy = nil
      link.announced()
      return .write(exchange, bytes + acknowledgement(link.received))
    }

    mutating func heartbeat(on exchange: LinkExchange, at now: Moment) throws(LinkError) -> Directive {
      write(try LinkDown.with { $0.heartbeat = LinkHeartbeat() }.encoded(), on: exchange, at: now)
    }
  }

  private enum Exchange: Sendable {
    case greeting(by: Duration)
    case carrying(LinkSessionID)
  }

  public let configuration: Configuration
  private var sessions: [LinkSessionID: Session] = [:]
  private var exchanges: [LinkExchange: Exchange] = [:]
  private var byName: [String: LinkSessionID] = [:]
  private var byAgent: [String: LinkSessionID] = [:]
  private var lastNumber: UInt64 = 0
  // A heap of deadlines that may be stale: an entry is checked against its session when it comes up.
  private var deadlines: Heap<Deadline> = []

  private struct Deadline: Comparable, Sendable {
    enum Subject: Hashable, Sendable { case session(LinkSessionID), exchange(LinkExchange) }
    var at: Duration
    var order: UInt64
    var subject: Subject
    static func < (left: Self, right: Self) -> Bool { (left.at, left.order) < (right.at, right.order) }
    static func == (left: Self, right: Self) -> Bool { left.at == right.at && left.order == right.order }
  }
  private var deadlineOrder: UInt64 = 0

  public init(configuration: Configuration) { self.configuration = configuration }

  /// Sessions, with and without an exchange.
  public var count: Int { sessions.count }

  /// The exchange that carries a session at present, if any.
  public func exchange(of session: LinkSessionID) -> LinkExchange? { sessions[session]?.exchange }

  /// The moment by which ``Event/tick`` must be given, if any; it may be too early, never too late.
  public var nextDeadline: Duration? { deadlines.min?.at }

  public mutating func handle(_ event: Event, at now: Moment) -> [Directive] {
    switch event {
    case .opened(let exchange):
      guard exchanges.count < configuration.sessionsMax else {
        let error = LinkError(code: .full, message: "The master serves \(exchanges.count) agents and takes no more")
        return refuse(exchange, error)
      }
      let by = now.uptime + configuration.helloTimeout
      exchanges[exchange] = .greeting(by: by)
      schedule(.exchange(exchange), at: by)
      return []
    case .received(let exchange, let record):
      return receive(record, on: exchange, at: now)
    case .malformed(let exchange, let message):
      return fail(exchange, LinkError(code: .malformed, message: message))
    case .closed(let exchange):
      detach(exchange, at: now)
      return []
    case .send(let id, let body):
      return send(body, to: id, at: now)
    case .end(let id):
      return end(id, LinkError(code: .ended, message: "The master ended the session"))
    case .tick:
      return tick(at: now)
    }
  }

  // MARK: Records up

  private mutating func receive(_ record: LinkUp, on exchange: LinkExchange, at now: Moment) -> [Directive] {
    guard let state = exchanges[exchange] else { return [] }  // closed by us; its last records are late
    switch state {
    case .greeting:
      guard case .hello(let hello)? = record.body else {
        return fail(exchange, LinkError(code: .outOfOrder, message: "The agent's first record is not Hello"))
      }
      return greet(hello, on: exchange, at: now)
    case .carrying(let id):
      do throws(LinkError) {
        return try receive(record, for: id, at: now)
      } catch {
        return end(id, error)
      }
    }
  }

  private mutating func receive(
    _ record: LinkUp, for id: LinkSessionID, at now: Moment
  ) throws(LinkError) -> [Directive] {
    // In its place: a session that is taken out to be changed has all that it keeps copied.
    guard let place = sessions.index(forKey: id) else { return [] }
    let directives = try sessions.values[place].receive(record, of: id, configuration.limits, at: now)
    schedule(.session(id), at: sessions.values[place].deadline)
    return directives
  }

  private mutating func greet(_ hello: LinkHello, on exchange: LinkExchange, at now: Moment) -> [Directive] {
    guard hello.versionMin <= hello.versionMax,
      let version = LinkProtocol.negotiate(hello.versionMin...hello.versionMax, configuration.versions)
    else {
      let error = LinkError(
        code: .version,
        message:
          "The agent speaks versions \(hello.versionMin) to \(hello.versionMax) of the link and the master versions "
          + "\(configuration.versions.lowerBound) to \(configuration.versions.upperBound): upgrade the older of the two"
      )
      return refuse(exchange, error)
    }
    guard !hello.session.isEmpty, hello.session.utf8.count <= 256 else {
      return fail(exchange, LinkError(code: .malformed, message: "A session's name has 1 to 256 bytes"))
    }
    var directives: [Directive] = []
    if let id = byName[hello.session], var session = sessions[id] {
      if session.link.canResume(from: hello.received) {
        if let old = session.exchange {
          exchanges[old] = nil
          let error = LinkError(code: .ended, message: "Another exchange of the session took its place")
          directives.append(.closeExchange(old, error))
        }
        do throws(LinkError) {
          try session.link.acknowledged(through: hello.received)
          directives.append(
            .write(exchange, try welcome(version, resumed: true, received: session.link.received).encoded()))
        } catch {
          return directives + fail(exchange, error)
        }
        exchanges[exchange] = .carrying(id)
        session.exchange = exchange
        session.expires = nil
        session.timers = timers(at: now)
        directives.append(.heard(id))
        for bytes in session.link.unacknowledged { directives.append(session.write(bytes, on: exchange, at: now)) }
        sessions[id] = session
        schedule(.session(id), at: session.timers.next)
        return directives
      }
      directives += end(id, LinkError(code: .outOfOrder, message: "The agent's Hello does not fit the session"))
    }
    if hello.hasAgentID, let old = byAgent[hello.agentID] {
      directives += end(old, LinkError(code: .ended, message: "Another session of the agent took its place"))
    }
    guard sessions.count < configuration.sessionsMax else {
      let error = LinkError(code: .full, message: "The master holds \(sessions.count) sessions and takes no more")
      return directives + refuse(exchange, error)
    }
    do throws(LinkError) {
      directives.append(.write(exchange, try welcome(version, resumed: false, received: 0).encoded()))
    } catch {
      return directives + fail(exchange, error)
    }
    lastNumber += 1
    let id = LinkSessionID(number: lastNumber)
    let session = Session(
      name: hello.session, agentID: hello.hasAgentID ? hello.agentID : nil, exchange: exchange,
      link: LinkSession(limits: configuration.limits), timers: timers(at: now))
    sessions[id] = session
    exchanges[exchange] = .carrying(id)
    byName[hello.session] = id
    if let agentID = session.agentID { byAgent[agentID] = id }
    schedule(.session(id), at: session.timers.next)
    return directives + [.began(id, hello)]
  }

  private func welcome(_ version: UInt32, resumed: Bool, received: UInt64) -> LinkDown {
    LinkDown.with {
      $0.welcome = .with {
        $0.version = version
        $0.masterID = configuration.masterID
        $0.resumed = resumed
        $0.received = received
        $0.heartbeatIntervalSeconds = configuration.heartbeatInterval.inSeconds
        $0.timeoutSeconds = configuration.timeout.inSeconds
      }
    }
  }

  private func timers(at now: Moment) -> LinkTimers {
    LinkTimers(
      heartbeatInterval: configuration.heartbeatInterval, timeout: configuration.timeout, lastWritten: now.uptime,
      lastHeard: now.uptime)
  }

  // MARK: Records down

  private mutating func send(_ body: LinkDown.OneOf_Body, to id: LinkSessionID, at now: Moment) -> [Directive] {
    guard let place = sessions.index(forKey: id) else { return [] }
    if case .registered(let registered) = body, sessions.values[place].agentID != registered.agentID {
      if let old = sessions.values[place].agentID, byAgent[old] == id { byAgent[old] = nil }
      sessions.values[place].agentID = registered.agentID
      byAgent[registered.agentID] = id
    }
    do throws(LinkError) {
      let bytes = try LinkDown.with {
        $0.sequence = sessions.values[place].link.nextSequence
        $0.body = body
      }.encoded()
      try sessions.values[place].link.keep(bytes)
      guard let exchange = sessions.values[place].exchange else { return [] }
      return [sessions.values[place].write(bytes, on: exchange, at: now)]
    } catch {
      return end(id, error)
    }
  }

  // MARK: Ends

  /// Tells the agent that it cannot be served, and why, in the one record that may stand in Welcome's place.
  private mutating func refuse(_ exchange: LinkExchange, _ error: LinkError) -> [Directive] {
    exchanges[exchange] = nil
    guard error.code == .version, let bytes = try? LinkDown.with({ $0.refused.message = error.message }).encoded()
    else {
      return [.closeExchange(exchange, error)]
    }
    return [.write(exchange, bytes), .closeExchange(exchange, error)]
  }

  private mutating func fail(_ exchange: LinkExchange, _ error: LinkError) -> [Directive] {
    guard let state = exchanges[exchange] else { return [] }
    if case .carrying(let id) = state { return end(id, error) }
    exchanges[exchange] = nil
    return [.closeExchange(exchange, error)]
  }

  private mutating func detach(_ exchange: LinkExchange, at now: Moment) {
    guard let state = exchanges.removeValue(forKey: exchange), case .carrying(let id) = state,
      sessions[id]?.exchange == exchange
    else { return }
    let expires = now.uptime + configuration.resumeWindow
    sessions[id]?.exchange = nil
    sessions[id]?.expires = expires
    schedule(.session(id), at: expires)
  }

  private mutating func end(_ id: LinkSessionID, _ error: LinkError) -> [Directive] {
    guard let session = sessions.removeValue(forKey: id) else { return [] }
    if byName[session.name] == id { byName[session.name] = nil }
    if let agentID = session.agentID, byAgent[agentID] == id { byAgent[agentID] = nil }
    var directives = [Directive.ended(id, error)]
    if let exchange = session.exchange {
      exchanges[exchange] = nil
      directives.append(.closeExchange(exchange, error))
    }
    return directives
  }

  // MARK: Time

  private mutating func schedule(_ subject: Deadline.Subject, at: Duration) {
    if case .session(let id) = subject {
      if let scheduled = sessions[id]?.scheduled, scheduled <= at { return }
      sessions[id]?.scheduled = at
    }
    deadlineOrder += 1
    deadlines.insert(Deadline(at: at, order: deadlineOrder, subject: subject))
  }

  private mutating func tick(at now: Moment) -> [Directive] {
    var directives: [Directive] = []
    while let first = deadlines.min, first.at <= now.uptime {
      deadlines.removeMin()
      switch first.subject {
      case .exchange(let exchange):
        guard case .greeting(let by)? = exchanges[exchange], by <= now.uptime else { continue }
        directives += fail(exchange, LinkError(code: .silent, message: "The agent did not say Hello"))
      case .session(let id):
        guard sessions[id]?.scheduled == first.at else { continue }
        sessions[id]?.scheduled = nil
        directives += tick(id, at: now)
      }
    }
    return directives
  }

  private mutating func tick(_ id: LinkSessionID, at now: Moment) -> [Directive] {
    guard let place = sessions.index(forKey: id) else { return [] }
    let deadline = sessions.values[place].deadline
    guard deadline <= now.uptime else {
      schedule(.session(id), at: deadline)
      return []
    }
    guard let exchange = sessions.values[place].exchange else {
      return end(id, LinkError(code: .silent, message: "The agent did not resume the session in time"))
    }
    if now.uptime >= sessions.values[place].timers.silentAt {
      return end(id, LinkError(code: .silent, message: "Nothing was heard of the agent for \(configuration.timeout)"))
    }
    do throws(LinkError) {
      let directive = try sessions.values[place].heartbeat(on: exchange, at: now)
      schedule(.session(id), at: sessions.values[place].timers.next)
      return [directive]
    } catch {
      return end(id, error)
    }
  }
}
