import HummingbirdCore
public import MesosHTTP
import NIOCore
import NIOHTTP1
import Synchronization

/// A request's body, as it arrives.
///
/// It can be read once, by one task at a time. Reading is what makes more of it come: a handler that does not read holds the client
/// back. The sequence throws `HTTPFailure`: 408 when the body takes too long, 400 when it ends or breaks before it is whole.
public struct IncomingBody: AsyncSequence, Sendable {
  public typealias Element = [UInt8]
  public typealias Failure = HTTPFailure

  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let reader: BodyReader

    public mutating func next() async throws(HTTPFailure) -> [UInt8]? { try await reader.next() }

    public mutating func next(isolation actor: isolated (any Actor)?) async throws(HTTPFailure) -> [UInt8]? {
      try await reader.next()
    }
  }

  private let reader: BodyReader
  /// What `Content-Length` says.
  public let declaredLength: Int?

  init(_ body: RequestBody, declaredLength: Int?, request: Int, monitor: ConnectionMonitor) {
    self.reader = BodyReader(body, request: request, monitor: monitor)
    self.declaredLength = declaredLength
  }

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(reader: reader) }

  /// Returns the whole body.
  ///
  /// - Throws: `HTTPFailure`: 413 for a body above `limit` bytes, whose rest is not read; 408 and 400 as the sequence does.
  public func collect(upTo limit: Int) async throws(HTTPFailure) -> [UInt8] {
    if let declaredLength, declaredLength > limit { throw .bodyTooLarge(limit: limit) }
    var whole: [UInt8] = []
    while let chunk = try await reader.next() {
      guard chunk.count <= limit - whole.count else { throw .bodyTooLarge(limit: limit) }
      if whole.isEmpty {
        whole = chunk
      } else {
        whole.append(contentsOf: chunk)
      }
    }
    return whole
  }
}

/// The one reader of a body.
private final class BodyReader: Sendable {
  private enum State {
    case unread(RequestBody)
    case idle(RequestBody.AsyncIterator)
    case reading
    case ended
    case failed(HTTPFailure)
  }

  /// Lets the server's iterator, which is a handle to shared storage, cross from task to task; the state `reading` keeps it to one.
  private struct Handle: @unchecked Sendable {
    var state: State
  }

  private let request: Int
  private let monitor: ConnectionMonitor
  private let handle: Mutex<Handle>

  init(_ body: RequestBody, request: Int, monitor: ConnectionMonitor) {
    self.request = request
    self.monitor = monitor
    self.handle = Mutex(Handle(state: .unread(body)))
  }

  func next() async throws(HTTPFailure) -> [UInt8]? {
    let taken = handle.withLock { handle in
      let taken = handle
      switch taken.state {
      case .unread, .idle: handle.state = .reading
      case .reading, .ended, .failed: break
      }
      return taken
    }
    var iterator: RequestBody.AsyncIterator
    switch taken.state {
    case .unread(let body): iterator = body.makeAsyncIterator()
    case .idle(let idle): iterator = idle
    case .ended: return nil
    case .failed(let failure): throw failure
    case .reading: throw .internalError("The request's body is being read by two tasks")
    }
    let buffer: ByteBuffer?
    do {
      buffer = try await iterator.next()
    } catch {
      let failure = Self.failure(for: error)
      settle(.failed(failure))
      throw failure
    }
    guard let buffer else {
      // The end of the connection, and of this task, look like the end of the body.
      guard monitor.hasReceived(request: request) else {
        settle(.failed(.bodyCut))
        throw .bodyCut
      }
      settle(.ended)
      return nil
    }
    settle(.idle(iterator))
    return Array(buffer.readableBytesView)
  }

  private func settle(_ state: sending State) {
    let settled = Handle(state: state)
    handle.withLock { $0 = settled }
  }

  private static func failure(for error: any Error) -> HTTPFailure {
    switch error {
    case ConnectionFault.bodyTimeout: .bodyTimeout
    case let failure as HTTPFailure: failure
    default: .bodyCut
    }
  }
}
