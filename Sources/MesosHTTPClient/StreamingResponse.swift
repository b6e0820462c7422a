public import MesosHTTP

/// An answer whose body arrives over time.
///
/// The exchange goes on until the body ends, ``cancel()`` is called, or the last copy of the response is dropped.
public struct StreamingResponse: Sendable {
  public let status: Int
  public let headers: HeaderFields
  public let body: StreamingBody

  /// Ends the exchange: the connection is closed, and who reads the body gets an error with code `.cancelled`.
  public func cancel() { body.exchange.cancel() }

  /// The body as records; ends with an error when it ends inside one.
  public func records(maximumRecordSize: Int = RecordIO.defaultMaximumRecordSize) -> RecordStream {
    RecordStream(body: body, maximumRecordSize: maximumRecordSize)
  }

  /// Returns the whole body, for answers that turn out not to be streams.
  ///
  /// - Throws: `HTTPClientError` with code `.bodyTooLarge` above `limit` bytes.
  public func collect(upTo limit: Int) async throws(HTTPClientError) -> ClientResponse {
    var whole: [UInt8] = []
    var iterator = body.makeAsyncIterator()
    while let chunk = try await iterator.next() {
      guard chunk.count <= limit - whole.count else {
        cancel()
        throw HTTPClientError(code: .bodyTooLarge, message: "the answer's body is larger than \(limit) bytes")
      }
      whole += chunk
    }
    return ClientResponse(status: status, headers: headers, body: whole)
  }
}

/// The chunks of a streaming answer, as the network cut them. It can be read once; reading slowly holds the server back.
public struct StreamingBody: AsyncSequence, Sendable {
  public typealias Element = [UInt8]
  public typealias Failure = HTTPClientError

  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let exchange: Exchange

    public mutating func next() async throws(HTTPClientError) -> [UInt8]? { try await exchange.handoff.next().get() }

    public mutating func next(isolation actor: isolated (any Actor)?) async throws(HTTPClientError) -> [UInt8]? {
      try await exchange.handoff.next().get()
    }
  }

  let exchange: Exchange

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(exchange: exchange) }
}

/// The records of a streaming answer, read no faster than they are taken.
public struct RecordStream: AsyncSequence, Sendable {
  public typealias Element = [UInt8]
  public typealias Failure = HTTPClientError

  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate var body: StreamingBody.AsyncIterator
    fileprivate var decoder: RecordIODecoder

    public mutating func next() async throws(HTTPClientError) -> [UInt8]? { try await next(isolation: nil) }

    public mutating func next(isolation actor: isolated (any Actor)?) async throws(HTTPClientError) -> [UInt8]? {
      while true {
        do {
          if let record = try decoder.next() { return record }
        } catch {
          throw HTTPClientError(code: .badRecord, message: "\(error)")
        }
        guard let chunk = try await body.next() else {
          do {
            try decoder.finish()
          } catch {
            throw HTTPClientError(code: .cut, message: "\(error)")
          }
          return nil
        }
        decoder.append(chunk)
      }
    }
  }

  let body: StreamingBody
  let maximumRecordSize: Int

  public func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(body: body.makeAsyncIterator(), decoder: RecordIODecoder(maximumRecordSize: maximumRecordSize))
  }
}

/// One exchange in progress: the task that receives it, ended with its owner.
final class Exchange: Sendable {
  let handoff: Handoff
  private let task: Task<Void, Never>

  init(handoff: Handoff, task: Task<Void, Never>) {
    self.handoff = handoff
    self.task = task
  }

  deinit { cancel() }

  func cancel() {
    handoff.abandon(.cancelled)
    task.cancel()
  }
}
