import AgentLink
import AgentLinkModel
import MesosModel
import SwiftProtobuf

/// Both sides of one agent's link over a wire that keeps order and can break at any record.
struct LinkPair {
  var now = Moment(uptime: .zero, wallNanoseconds: 0)
  var agent: AgentSideSession
  var master: LinkSessions
  /// Records on their way, oldest first; lost when the exchange breaks.
  var up: [[UInt8]] = []
  var down: [[UInt8]] = []
  var exchange: LinkExchange?
  private var exchanges: UInt64 = 0

  /// What either core saw, in order.
  var delivered: [LinkUp.OneOf_Body] = []
  var deliveredToAgent: [LinkDown.OneOf_Body] = []
  var log: [String] = []
  var session: LinkSessionID?

  init(limits: LinkLimits = LinkLimits(), configuration: LinkSessions.Configuration? = nil) {
    agent = AgentSideSession(session: "s", agentID: nil, softwareVersion: "1.11.0", limits: limits)
    master = LinkSessions(configuration: configuration ?? LinkSessions.Configuration(masterID: "m", limits: limits))
  }

  mutating func connect() throws {
    exchanges += 1
    let opened = LinkExchange(number: exchanges)
    exchange = opened
    try perform(master.handle(.opened(opened), at: now))
    try perform(agent.handle(.opened, at: now))
  }

  /// The connection breaks; what is on its way is lost.
  mutating func cut() throws {
    guard let cut = exchange else { return }
    exchange = nil
    up = []
    down = []
    try perform(master.handle(.closed(cut), at: now))
    try perform(agent.handle(.closed, at: now))
  }

  mutating func send(_ body: LinkUp.OneOf_Body) throws { try perform(agent.handle(.send(body), at: now)) }

  mutating func send(_ body: LinkDown.OneOf_Body) throws {
    guard let session else { return }
    try perform(master.handle(.send(session, body), at: now))
  }

  mutating func advance(by duration: Duration) throws {
    now = now.advanced(by: duration)
    try perform(master.handle(.tick, at: now))
    try perform(agent.handle(.tick, at: now))
  }

  /// Moves one record up; `false` when there is none.
  mutating func moveUp() throws -> Bool {
    guard let exchange, !up.isEmpty else { return false }
    let record = try LinkProtocol.decodeUp(up.removeFirst())
    try perform(master.handle(.received(exchange, record), at: now))
    return true
  }

  mutating func moveDown() throws -> Bool {
    guard exchange != nil, !down.isEmpty else { return false }
    let record = try LinkProtocol.decodeDown(down.removeFirst())
    try perform(agent.handle(.received(record), at: now))
    return true
  }

  mutating func settle() throws {
    while true {
      let movedUp = try moveUp()
      let movedDown = try moveDown()
      guard movedUp || movedDown else { return }
    }
  }

  mutating func perform(_ directives: [AgentSideSession.Directive]) throws {
    for directive in directives {
      switch directive {
      case .write(let bytes): if exchange != nil { up.append(bytes) }
      case .established(let master): log.append("agent: established with \(master)")
      case .resumed: log.append("agent: resumed")
      case .lost(let error): log.append("agent: lost, \(error)")
      case .deliver(let body): deliveredToAgent.append(body)
      case .closeExchange(let error):
        log.append("agent: close, \(error)")
        try cut()
      }
    }
  }

  mutating func perform(_ directives: [LinkSessions.Directive]) throws {
    for directive in directives {
      switch directive {
      case .began(let id, let hello):
        session = id
        log.append("master: session \(id.number) of \(hello.session)")
      case .write(let written, let bytes): if written == exchange { down.append(bytes) }
      case .deliver(_, let body): delivered.append(body)
      case .heard: break
      case .ended(let id, let error): log.append("master: session \(id.number) ended, \(error)")
      case .closeExchange(let closed, let error):
        log.append("master: close \(closed.number), \(error)")
        if closed == exchange { try perform(settleDownThenCut()) }
      }
    }
  }

  private mutating func settleDownThenCut() throws -> [AgentSideSession.Directive] {
    while try moveDown() {}
    try cut()
    return []
  }
}

extension LinkUp.OneOf_Body {
  static func message(_ number: Int) -> Self {
    .executorMessage(
      .with {
        $0.frameworkID = "f"
        $0.executorID = "e"
        $0.data.append(UInt8(number))
      })
  }
}

extension LinkDown.OneOf_Body {
  static func kill(_ number: Int) -> Self {
    .killTask(
      .with {
        $0.frameworkID = "f"
        $0.taskID = "t\(number)"
      })
  }
}
