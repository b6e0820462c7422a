import AgentLink
import AgentLinkModel
import MesosModel
import MesosTestKit
import SwiftProtobuf
import Testing

@Suite struct LinkSessionsTests {
  @Test func `hello begins a session and records flow both ways`() throws {
    var link = LinkPair()
    try link.connect()
    try link.settle()
    #expect(link.log == ["master: session 1 of s", "agent: established with m"])
    try link.send(.message(1))
    try link.send(.kill(1))
    try link.send(.message(2))
    try link.settle()
    #expect(link.delivered == [.message(1), .message(2)])
    #expect(link.deliveredToAgent == [.kill(1)])
  }

  @Test func `a session goes on after its connection broke and nothing is lost or doubled`() throws {
    var link = LinkPair()
    try link.connect()
    try link.settle()
    try link.send(.message(1))
    try link.send(.kill(1))
    try link.cut()
    try link.send(.message(2))
    try link.send(.kill(2))
    try link.connect()
    try link.settle()
    #expect(link.log.last == "agent: resumed")
    #expect(link.delivered == [.message(1), .message(2)])
    #expect(link.deliveredToAgent == [.kill(1), .kill(2)])
  }

  @Test func `an agent ends its session, and nothing that was on its way in it arrives`() throws {
    var link = LinkPair()
    try link.connect()
    try link.settle()
    try link.send(.kill(1))
    try link.perform(link.agent.handle(.end(message: "enough"), at: link.now))
    try link.send(.kill(2))
    try link.connect()
    try link.settle()
    try link.send(.kill(3))
    try link.settle()
    #expect(
      link.log.dropFirst(2) == [
        "agent: lost, enough", "agent: close, enough", "master: session 2 of s.2", "agent: established with m",
      ])
    #expect(link.deliveredToAgent == [.kill(3)])
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func `records arrive in order and once however often the connection breaks`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var link = LinkPair()
    try link.connect()
    try link.settle()
    var sentUp: [LinkUp.OneOf_Body] = []
    var sentDown: [LinkDown.OneOf_Body] = []
    for step in 0..<200 {
      switch random.next() % 10 {
      case 0...2:
        sentUp.append(.message(step))
        try link.send(.message(step))
      case 3...5:
        sentDown.append(.kill(step))
        try link.send(.kill(step))
      case 6: _ = try link.moveUp()
      case 7: _ = try link.moveDown()
      case 8: try link.advance(by: .milliseconds(Int(random.next() % 600)))
      default:
        try link.cut()
        try link.connect()
      }
    }
    try link.cut()
    try link.connect()
    try link.settle()
    #expect(link.delivered == sentUp, "seed \(seed)")
    #expect(link.deliveredToAgent == sentDown, "seed \(seed)")
    #expect(link.log.filter { $0.hasPrefix("master: session") }.count == 1, "seed \(seed)")
  }

  @Test func `acknowledgements come by heartbeat when there is nothing else to say`() throws {
    var link = LinkPair(limits: LinkLimits(unacknowledgedMax: 2))
    try link.connect()
    try link.settle()
    for round in 1...20 {
      try link.send(.message(round))
      try link.send(.kill(round))
      try link.settle()
      try link.advance(by: .seconds(1))
      try link.settle()
    }
    #expect(link.delivered.count == 20)
    #expect(link.log.count == 2, "no overflow: \(link.log)")
  }

  @Test func `an idle link lives on heartbeats and dies of silence`() throws {
    var link = LinkPair()
    try link.connect()
    try link.settle()
    for _ in 0..<20 {
      try link.advance(by: .seconds(15))
      try link.settle()
    }
    #expect(link.exchange != nil)
    let agentDeadline = try #require(link.agent.nextDeadline)
    #expect(agentDeadline == link.now.uptime + .seconds(15))
    link.now = link.now.advanced(by: .seconds(75))
    try link.perform(link.agent.handle(.tick, at: link.now))
    #expect(link.exchange == nil)
    #expect(link.log.last?.hasPrefix("agent: close, Nothing was heard of the master") == true)
    #expect(!link.log.contains { $0.hasPrefix("agent: lost") }, "the session may be resumed")
  }

  @Test func `a session that nobody resumes ends and the next hello begins another`() throws {
    var link = LinkPair()
    try link.connect()
    try link.settle()
    try link.send(.message(1))
    try link.cut()
    try link.advance(by: .seconds(14))
    #expect(link.master.count == 1)
    try link.advance(by: .seconds(1))
    #expect(link.master.count == 0)
    try link.connect()
    try link.settle()
    #expect(
      link.log == [
        "master: session 1 of s", "agent: established with m",
        "master: session 1 ended, The agent did not resume the session in time", "master: session 2 of s",
        "agent: lost, The master does not have the session", "agent: established with m",
      ])
    #expect(link.delivered.isEmpty, "what belonged to the old session is told by the registration")
  }

  @Test func `a new process of an agent ends the session of the one before`() throws {
    var link = LinkPair()
    try link.connect()
    try link.settle()
    try link.send(.registered(.with { $0.agentID = "a" }))
    try link.settle()
    try link.cut()
    link.agent = AgentSideSession(session: "other", agentID: "a", softwareVersion: "1")
    try link.connect()
    try link.settle()
    #expect(
      link.log.suffix(3) == [
        "master: session 1 ended, Another session of the agent took its place", "master: session 2 of other",
        "agent: established with m",
      ])
  }

  @Test func `a second exchange of a session takes the place of the first`() throws {
    var link = LinkPair()
    try link.connect()
    try link.settle()
    let first = try #require(link.exchange)
    // The agent noticed the break, the master has not yet.
    try link.connect()
    try link.settle()
    #expect(link.log.contains("master: close \(first.number), Another exchange of the session took its place"))
    try link.perform(link.master.handle(.closed(first), at: link.now))
    try link.send(.message(1))
    try link.settle()
    #expect(link.delivered == [.message(1)])
  }

  @Test func `a side that keeps too much ends the session and begins another under another name`() throws {
    var link = LinkPair(limits: LinkLimits(unacknowledgedMax: 3))
    try link.connect()
    try link.settle()
    try link.cut()
    for number in 1...4 { try link.send(.message(number)) }
    #expect(link.log.last?.hasPrefix("agent: lost, The other side has not acknowledged 3 records") == true)
    #expect(link.agent.sessionName == "s.2")
    try link.connect()
    try link.settle()
    #expect(link.log.last == "agent: established with m")
    try link.send(.message(9))
    try link.settle()
    #expect(link.delivered == [.message(9)])
  }

  @Test func `versions without overlap are refused with a text that names both`() throws {
    var link = LinkPair(configuration: LinkSessions.Configuration(masterID: "m", versions: 7...8))
    try link.connect()
    try link.settle()
    #expect(link.exchange == nil)
    guard case .refused(let refused)? = link.deliveredToAgent.first else {
      Issue.record("no refusal: \(link.deliveredToAgent)")
      return
    }
    #expect(refused.message.contains("versions 1 to 1"))
    #expect(refused.message.contains("versions 7 to 8"))
  }

  @Test(
    arguments: [(1...1, 1...2, 1), (2...3, 1...2, 2), (3...4, 1...2, nil), (1...5, 4...9, 5)]
      as [(
        ClosedRange<UInt32>, ClosedRange<UInt32>, UInt32?
      )])
  func `the newest common version is chosen`(theirs: ClosedRange<UInt32>, ours: ClosedRange<UInt32>, chosen: UInt32?) {
    #expect(LinkProtocol.negotiate(theirs, ours) == chosen)
  }

  @Test(arguments: ["gap", "no number", "hello twice", "false acknowledgement"])
  func `an agent that breaks the protocol loses its session`(fault: String) throws {
    var link = LinkPair()
    try link.connect()
    try link.settle()
    let record = LinkUp.with {
      switch fault {
      case "gap":
        $0.sequence = 2
        $0.body = .message(1)
      case "no number": $0.body = .message(1)
      case "hello twice": $0.hello = LinkHello()
      default:
        $0.acknowledged = 5
        $0.heartbeat = LinkHeartbeat()
      }
    }
    let exchange = try #require(link.exchange)
    try link.perform(link.master.handle(.received(exchange, record), at: link.now))
    #expect(link.master.count == 0)
    #expect(link.delivered.isEmpty)
    #expect(link.log.contains { $0.hasPrefix("master: session 1 ended") })
  }

  @Test func `an exchange that never says hello is closed`() throws {
    var master = LinkSessions(configuration: LinkSessions.Configuration(masterID: "m"))
    let exchange = LinkExchange(number: 1)
    let start = Moment(uptime: .zero, wallNanoseconds: 0)
    #expect(master.handle(.opened(exchange), at: start).isEmpty)
    #expect(master.nextDeadline == .seconds(10))
    let directives = master.handle(.tick, at: start.advanced(by: .seconds(10)))
    guard case .closeExchange(exchange, let error)? = directives.first else {
      Issue.record("\(directives)")
      return
    }
    #expect(error.code == .silent)
  }

  @Test func `sessions are bounded`() throws {
    var master = LinkSessions(configuration: LinkSessions.Configuration(masterID: "m", sessionsMax: 2))
    let start = Moment(uptime: .zero, wallNanoseconds: 0)
    for number in 1...2 {
      #expect(master.handle(.opened(LinkExchange(number: UInt64(number))), at: start).isEmpty)
    }
    guard case .closeExchange(_, let error)? = master.handle(.opened(LinkExchange(number: 3)), at: start).first else {
      Issue.record("a third exchange was taken")
      return
    }
    #expect(error.code == .full)
  }
}
