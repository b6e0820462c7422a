import AgentLink
import AgentLinkModel
import MesosHTTP
import MesosHTTPClient
import ShellSupport

/// One attempt to speak with the master: what is to be written, and a word when it must end.
final class LoadExchange: Sendable {
  let outgoing = BoundedMailbox<[UInt8]>(limit: 10_000)
  private let ending = BoundedMailbox<Void>(limit: 1)

  func end() {
    outgoing.finish()
    ending.finish()
  }

  /// Returns when the exchange must end.
  func waitForEnd() async { _ = await ending.next() }
}

/// Keeps one agent's exchange with the master open until the agent has ended.
struct LoadLink: Sendable {
  let agent: LoadAgent
  let client: MesosHTTPClient
  let masters: [HTTPEndpoint]
  let backoffFactor: Duration

  func run() async throws {
    var failures = 0
    var turn = 0
    while await !agent.hasEnded {
      try Task.checkCancellation()
      let wasLinked = await exchange(with: masters[turn % masters.count])
      if await agent.hasEnded { return }
      failures = wasLinked ? 0 : failures + 1
      if !wasLinked { turn += 1 }
      let limit = min(.seconds(60), backoffFactor * (1 << min(failures, 10)))
      await pause(for: limit * Double.random(in: 0..<1))
    }
  }

  /// Returns after `duration`, or when the agent ends.
  private func pause(for duration: Duration) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await Task.sleep(for: duration) }
      group.addTask { _ = await agent.ending.next() }
      await group.next()
      group.cancelAll()
    }
  }

  /// One exchange, and what a standby master redirects it to, until it ends.
  private func exchange(with master: HTTPEndpoint) async -> Bool {
    var endpoint = master
    for _ in 0..<5 {
      let exchange = LoadExchange()
      await agent.opened(exchange)
      let outcome = try? await carry(exchange, endpoint)
      await agent.closed(exchange)
      switch outcome {
      case .redirected(let next): endpoint = next
      case .ended(let wasLinked): return wasLinked
      case nil: return false
      }
    }
    return false
  }

  private enum Outcome: Sendable {
    case ended(wasLinked: Bool)
    case redirected(HTTPEndpoint)
  }

  private func carry(_ exchange: LoadExchange, _ endpoint: HTTPEndpoint) async throws -> Outcome {
    let request = OutgoingRequest(
      endpoint, method: "POST", path: LinkProtocol.path,
      headers: ["Content-Type": LinkProtocol.mediaType, "Accept": LinkProtocol.mediaType])
    let response = try await client.duplex(
      request, outgoing: LoadRecords(mailbox: exchange.outgoing), headersDeadline: .seconds(30))
    defer { response.cancel() }
    guard response.status == 200 else {
      let answer = try await response.collect(upTo: 64 << 10)
      return answer.redirect.map { .redirected($0) } ?? .ended(wasLinked: false)
    }
    return try await withThrowingTaskGroup(of: Bool.self) { group in
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
      defer { group.cancelAll() }
      return .ended(wasLinked: try await group.next() ?? false)
    }
  }
}

/// What a mailbox holds as RecordIO, as many records a chunk as wait.
struct LoadRecords: AsyncSequence, Sendable {
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
