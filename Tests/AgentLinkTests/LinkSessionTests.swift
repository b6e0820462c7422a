import AgentLink
import Testing

@Suite struct LinkSessionTests {
  @Test func `records are let through in order and once`() throws {
    var session = LinkSession()
    #expect(try session.admit(1))
    #expect(try session.admit(2))
    #expect(try !session.admit(2))
    #expect(try !session.admit(1))
    #expect(session.received == 2)
    #expect(throws: LinkError.self) { try session.admit(4) }
    #expect(session.received == 2)
    #expect(try session.admit(3))
  }

  @Test func `what is not acknowledged is kept in order`() throws {
    var session = LinkSession()
    for byte in 1...5 { try session.keep([UInt8(byte)]) }
    try session.acknowledged(through: 2)
    #expect(session.unacknowledged == [[3], [4], [5]])
    try session.acknowledged(through: 1)
    #expect(session.unacknowledgedCount == 3)
    #expect(session.canResume(from: 2))
    #expect(session.canResume(from: 4))
    #expect(!session.canResume(from: 1), "record 2 is gone")
    #expect(!session.canResume(from: 6), "record 6 was never sent")
    #expect { try session.acknowledged(through: 6) } throws: { ($0 as? LinkError)?.code == .outOfOrder }
  }

  @Test(arguments: [
    (LinkLimits(unacknowledgedMax: 3), 3, 1), (LinkLimits(unacknowledgedBytesMax: 10), 2, 5),
    (LinkLimits(unacknowledgedBytesMax: 10), 1, 50),
  ])
  func `a session that is not acknowledged overflows at its bound`(limits: LinkLimits, fits: Int, size: Int) throws {
    var session = LinkSession(limits: limits)
    for _ in 0..<fits { try session.keep([UInt8](repeating: 0, count: size)) }
    #expect { try session.keep([UInt8](repeating: 0, count: size)) } throws: { ($0 as? LinkError)?.code == .overflow }
    #expect(session.unacknowledgedCount == fits)
  }
}
