import AgentLink
import AgentLinkModel
import Foundation
import MesosHTTP

#if canImport(Glibc)
  import Glibc
#endif

/// Agents on the link from one thread of this process, each on a connection of its own: what they say is made before the clock runs,
/// so that next to nothing is spent here of the processors that the master shares.
///
/// They register again with what they run, answer with heartbeats, and do nothing that they are asked to. Once ``join()`` has returned, a
/// thread keeps them alive until ``leave()``.
final class LinkLoad: @unchecked Sendable {
  /// How long the parts of the joining took.
  struct Joining {
    /// From the first connection until each has its Welcome.
    var connected = 0.0
    /// From the first re-registration until each has its answer.
    var registered = 0.0
  }

  private struct Agent {
    var descriptor: Int32 = -1
    var isWelcome = false
    var isRegistered = false
    var stream = StreamReader(recordBytesMax: LinkProtocol.recordBytesMax)
    var received: UInt64 = 0
    /// What could not be written at once.
    var output: ArraySlice<UInt8> = []
  }

  // Used by one thread at a time: who joins, then the one that keeps the agents alive, which `leave()` waits for.
  private let port: Int
  /// Agents that wait for an answer: what is looked at while they join.
  private var waiting: [Int] = []
  private var agents: [Agent]
  private var records: [[UInt8]]
  private var welcome = 0
  private var registered = 0
  private let heartbeatPause = 5.0
  private var isLeaving = false
  private let ended = DispatchSemaphore(value: 0)
  private let lock = NSLock()

  /// - Parameter records: The re-registration of each agent, the first record after Hello; the first agent goes before the others.
  init(port: Int, records: [[UInt8]]) throws {
    self.port = port
    self.records = try records.map { Self.chunk(RecordIOEncoder.encode($0)) }
    agents = Array(repeating: Agent(), count: records.count)
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  deinit {
    for agent in agents where agent.descriptor >= 0 { close(agent.descriptor) }
  }

  /// Connects and registers all agents.
  func join() throws -> Joining {
    var joining = Joining()
    var start = ContinuousClock.now
    var next = 0
    // No more at a time than the master's queue of new connections holds.
    try run("connected", until: { self.welcome == self.agents.count }) {
      while next < self.agents.count, next - self.welcome < 512 {
        try self.open(next)
        next += 1
      }
    }
    joining.connected = (ContinuousClock.now - start).seconds
    start = ContinuousClock.now
    next = 1
    // Before the others, for its frameworks.
    try register(0)
    try run("registered", until: { self.registered == self.agents.count }) {
      guard self.agents[0].isRegistered else { return }
      while next < self.agents.count, next - self.registered < 512 {
        try self.register(next)
        next += 1
      }
    }
    joining.registered = (ContinuousClock.now - start).seconds
    records = []
    Thread.detachNewThread { [self] in
      var due = ContinuousClock.now + .seconds(heartbeatPause)
      while !lock.withLock({ isLeaving }) {
        usleep(100_000)
        guard ContinuousClock.now >= due else { continue }
        due += .seconds(heartbeatPause)
        // An agent that lost its connection is missing in what is measured afterwards.
        do {
          for agent in agents.indices {
            try read(agent)
            try heartbeat(agent)
          }
        } catch {
          print("agents: \(error)")
          break
        }
      }
      ended.signal()
    }
    return joining
  }

  /// Has the agents go without a word, as if their machines had lost power.
  func leave() {
    lock.withLock { isLeaving = true }
    ended.wait()
    for index in agents.indices where agents[index].descriptor >= 0 {
      close(agents[index].descriptor)
      agents[index].descriptor = -1
    }
  }

  private func run(_ what: String, until isDone: () -> Bool, _ step: () throws -> Void) throws {
    let end = ContinuousClock.now + .seconds(300)
    while !isDone() {
      try step()
      try wait(until: isDone)
      try require(ContinuousClock.now < end, "\(welcome) agents are welcome and \(registered) registered after 300 s")
    }
  }

  // MARK: Sockets

  private func open(_ index: Int) throws {
    let descriptor = try Loopback.connect(port: port, as: "agent \(index)")
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    agents[index].descriptor = descriptor
    waiting.append(index)
    let hello = LinkUp.with {
      $0.hello = .with {
        $0.versionMin = LinkProtocol.versionMin
        $0.versionMax = LinkProtocol.version
        $0.session = "load-\(getpid())-\(index)"
        $0.received = 0
        $0.softwareVersion = "bench"
      }
    }
    let head =
      "POST \(LinkProtocol.path) HTTP/1.1\r\nHost: bench\r\nContent-Type: \(LinkProtocol.mediaType)\r\n"
      + "Transfer-Encoding: chunked\r\n\r\n"
    try send(Array(head.utf8) + Self.chunk(RecordIOEncoder.encode(try LinkProtocol.encode(hello))), of: index)
  }

  private func register(_ index: Int) throws {
    waiting.append(index)
    try send(records[index], of: index)
    records[index] = []
  }

  private func heartbeat(_ index: Int) throws {
    let record = try LinkProtocol.encode(
      LinkUp.with {
        $0.heartbeat = LinkHeartbeat()
        $0.acknowledged = agents[index].received
      })
    try send(Self.chunk(RecordIOEncoder.encode(record)), of: index)
  }

  private static func chunk(_ bytes: [UInt8]) -> [UInt8] {
    Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8)
  }

  private func send(_ bytes: [UInt8], of index: Int) throws {
    agents[index].output += bytes
    try flush(index)
  }

  private func flush(_ index: Int) throws {
    while !agents[index].output.isEmpty {
      let count = agents[index].output.withUnsafeBytes { write(agents[index].descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EAGAIN { break }
      try require(count > 0, "agent \(index) lost its connection: errno \(errno)")
      agents[index].output = agents[index].output.dropFirst(count)
    }
  }

  /// Waits until some of the agents in question have heard of the master, and looks at those.
  private func wait(until isDone: () -> Bool) throws {
    guard !isDone() else { return }
    var events = waiting.map { index in
      let events = agents[index].output.isEmpty ? POLLIN : POLLIN | POLLOUT
      return pollfd(fd: agents[index].descriptor, events: Int16(events), revents: 0)
    }
    guard poll(&events, nfds_t(events.count), 1_000) > 0 else { return }
    var left: [Int] = []
    for (event, index) in zip(events, waiting) {
      let before = welcome + registered
      if Int32(event.revents) & POLLOUT != 0 { try flush(index) }
      if Int32(event.revents) & ~POLLOUT != 0 { try read(index) }
      if welcome + registered == before { left.append(index) }
    }
    waiting = left
  }

  // MARK: What the master says

  private func read(_ index: Int) throws {
    var records: [[UInt8]] = []
    try withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
      let count = recv(agents[index].descriptor, buffer.baseAddress, buffer.count, 0)
      if count < 0, errno == EAGAIN { return }
      try require(count > 0, "agent \(index) lost its connection")
      records = try agents[index].stream.take(buffer.prefix(count))
    }
    for bytes in records {
      let record = try LinkProtocol.decodeDown(bytes)
      if record.hasSequence { agents[index].received = record.sequence }
      switch record.body {
      case .welcome where !agents[index].isWelcome:
        agents[index].isWelcome = true
        welcome += 1
      case .registered where !agents[index].isRegistered:
        agents[index].isRegistered = true
        registered += 1
      case .refused(let refused): throw WrongOutcome(description: "agent \(index) is refused: \(refused.message)")
      default: break
      }
    }
  }
}
