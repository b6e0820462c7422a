import AgentLink
import AgentLinkModel
import Logging
import MesosDiscovery
import MesosHTTP
import MesosHTTPClient
import MesosModel
import ShellSupport

/// Keeps an exchange with the master open: opens one, moves records both ways, and when it ends opens another after a back-off.
struct MasterLink: Sendable {
  let agent: AgentActor
  let client: MesosHTTPClient
  /// Where it is, or what finds it.
  let master: MasterSource
  let backoffFactor: Duration
  /// Records that may wait for the master to read them, beyond what the session keeps.
  let exchangeLimit = 100_000
  let logger: Logger

  private static let backoffMax = Duration.seconds(60)
  private static let redirectsMax = 5

  /// Runs until the task is cancelled.
  func run() async throws {
    switch master {
    case .listed(let masters): try await keep(masters)
    case .detected(let detector):
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await detector.run() }
        group.addTask { try await follow(detector.detections) }
        // A detector that gave up, or was shut down, says no more: the last leader stays.
        try await group.waitForAll()
      }
    }
  }

  /// Links with the leader, and with the next one as soon as another leads. That nobody leads, or nobody knows, ends no link.
  private func follow(_ detections: Changes<MasterDetection>) async throws {
    var leader: LeadingMaster?
    while true {
      try Task.checkCancellation()
      let present = leader
      leader = try await withThrowingTaskGroup(of: LeadingMaster?.self) { group in
        if let present {
          let address = present.address
          logger.info("the leading master is detected", metadata: ["master": "\(address)"])
          let endpoint = HTTPEndpoint(
            host: address.host, port: address.port, scheme: address.isSecure ? "https" : "http")
          group.addTask {
            try await keep([endpoint])
            return present
          }
        }
        group.addTask {
          for await detection in detections {
            if let master = detection.master, master != present { return master }
          }
          return nil
        }
        defer { group.cancelAll() }
        while let next = try await group.next() {
          if let next { return next }
          if present == nil { break }
        }
        try Task.checkCancellation()
        return present
      }
      if let leader, leader != present {
        // Not all agents at once.
        try await Task.sleep(for: min(backoffFactor, .seconds(1)) * Double.random(in: 0..<1))
      } else if leader == nil {
        throw ReferenceAgentError(code: .badConfiguration, message: "no leading master can be detected")
      }
    }
  }

  /// Keeps an exchange with one of the masters, which are tried in turn.
  private func keep(_ masters: [HTTPEndpoint]) async throws {
    var failures = 0
    var turn = 0
    while true {
      try Task.checkCancellation()
      let wasLinked = await attempt(masters[turn % masters.count])
      if wasLinked {
        failures = 0
      } else {
        failures += 1
        turn += 1
      }
      try await Task.sleep(for: Self.pause(after: failures, factor: backoffFactor))
    }
  }

  /// Random between nothing and a limit that doubles from the factor up to one minute.
  private static func pause(after failures: Int, factor: Duration) -> Duration {
    let limit = min(backoffMax, factor * (1 << min(failures, 10)))
    return limit * Double.random(in: 0..<1)
  }

  /// One exchange, redirects included, until it ends.
  ///
  /// - Returns: Whether a master said Welcome.
  private func attempt(_ master: HTTPEndpoint) async -> Bool {
    var endpoint = master
    for _ in 0...Self.redirectsMax {
      switch await exchange(with: endpoint) {
      case .ended(let wasLinked): return wasLinked
      case .redirected(let next): endpoint = next
      }
    }
    logger.warning("the masters redirect in a circle", metadata: ["master": "\(master)"])
    return false
  }

  private enum Outcome: Sendable {
    case ended(wasLinked: Bool)
    case redirected(HTTPEndpoint)
  }

  private func exchange(with endpoint: HTTPEndpoint) async -> Outcome {
    let exchange = AgentExchange(limit: exchangeLimit)
    await agent.opened(exchange)
    var outcome = Outcome.ended(wasLinked: false)
    do {
      let request = OutgoingRequest(
        endpoint, method: "POST", path: LinkProtocol.path,
        headers: ["Content-Type": LinkProtocol.mediaType, "Accept": LinkProtocol.mediaType])
      let response = try await client.duplex(
        request, outgoing: FramedRecords(mailbox: exchange.outgoing), headersDeadline: .seconds(15))
      if response.status == 200 {
        outcome = .ended(wasLinked: try await carry(response, exchange))
      } else {
        let answer = try await response.collect(upTo: 64 << 10)
        if let next = answer.redirect {
          outcome = .redirected(next)
        } else {
          logger.warning(
            "the master refuses the link",
            metadata: ["master": "\(endpoint)", "status": "\(answer.status)", "text": "\(answer.excerpt)"])
        }
      }
      response.cancel()
    } catch  where Task.isCancelled {
      // The loop sees it.
    } catch {
      logger.warning("no link with the master", metadata: ["master": "\(endpoint)", "error": "\(error)"])
    }
    await agent.closed(exchange)
    return outcome
  }

  /// Moves records down until the body or the exchange ends.
  private func carry(_ response: StreamingResponse, _ exchange: AgentExchange) async throws -> Bool {
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        var decoder = RecordIODecoder(maximumRecordSize: LinkProtocol.recordBytesMax)
        var wasLinked = false
        for try await chunk in response.body {
          decoder.append(chunk)
          var records: [LinkDown] = []
          while let bytes = try decoder.next() { records.append(try LinkProtocol.decodeDown(bytes)) }
          guard !records.isEmpty else { continue }
          await agent.received(records, on: exchange)
          if !wasLinked { wasLinked = await agent.isLinked }
        }
        return wasLinked
      }
      group.addTask {
        await exchange.waitForEnd()
        return await agent.isLinked
      }
      let first = try await group.next() ?? false
      response.cancel()
      exchange.end()
      group.cancelAll()
      while let other = try? await group.next() { if other { return true } }
      return first
    }
  }
}

/// Where an agent's master is.
enum MasterSource: Sendable {
  /// Tried in turn.
  case listed([HTTPEndpoint])
  case detected(any MasterDetector)
}

/// What a mailbox holds as RecordIO, as many records a chunk as wait.
struct FramedRecords: AsyncSequence, Sendable {
  typealias Element = [UInt8]
  typealias Failure = Never

  let mailbox: BoundedMailbox<[UInt8]>

  struct AsyncIterator: AsyncIteratorProtocol {
    let mailbox: BoundedMailbox<[UInt8]>

    mutating func next() async -> [UInt8]? { await next(isolation: nil) }

    mutating func next(isolation actor: isolated (any Actor)?) async -> [UInt8]? {
      guard let records = await mailbox.next(maximum: 256) else { return nil }
      var chunk: [UInt8] = []
      for record in records { RecordIOEncoder.encode(record, into: &chunk) }
      return chunk
    }
  }

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(mailbox: mailbox) }
}
