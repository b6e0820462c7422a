import MesosHTTP
import MesosHTTPClient
public import MesosModel
import MesosRuntime
import SwiftProtobuf
import Synchronization

/// The size of a terminal, in characters.
public struct TerminalSize: Hashable, Sendable {
  public var columns: UInt32
  public var rows: UInt32

  public init(columns: UInt32, rows: UInt32) {
    self.columns = columns
    self.rows = rows
  }

  var message: TTYInfo {
    var info = TTYInfo()
    info.windowSize.columns = columns
    info.windowSize.rows = rows
    return info
  }
}

/// A process in a container: what it writes, what is written to it, and how it ends.
///
/// ``AgentClient/withSession(in:command:container:terminal:_:)`` launches one, ``AgentClient/withAttachment(to:_:)`` takes one that runs.
public final class ContainerSession: Sendable {
  /// What the process writes to one of its streams, in chunks as they came. It can be read once, by one task.
  public struct Output: AsyncSequence, Sendable {
    public typealias Element = [UInt8]
    public typealias Failure = OperatorError

    fileprivate let pipe: BytePipe

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(pipe: pipe) }

    /// Drops what comes on this stream from now on.
    public func discard() { pipe.discard() }

    public struct AsyncIterator: AsyncIteratorProtocol {
      fileprivate let pipe: BytePipe

      public mutating func next() async throws(OperatorError) -> [UInt8]? { try await pipe.next() }

      public mutating func next(isolation actor: isolated (any Actor)?) async throws(OperatorError) -> [UInt8]? {
        try await pipe.next()
      }
    }
  }

  /// The container's id, with its parents.
  public let container: ContainerID
  private let agent: AgentClient
  private let output: BytePipe
  private let errors: BytePipe
  private let input: BytePipe
  private let skipped = Mutex(0)

  init(container: ContainerID, agent: AgentClient) {
    self.container = container
    self.agent = agent
    let limit = agent.configuration.containerBufferBytesMax
    output = BytePipe(bytesMax: limit)
    errors = BytePipe(bytesMax: limit)
    input = BytePipe(bytesMax: limit)
  }

  /// Standard output; all that is written, where there is a terminal.
  ///
  /// Both streams come over one connection: when one's buffer is full, the other waits, too. Who wants but one discards the other.
  public var stdout: Output { Output(pipe: output) }

  /// Standard error; nothing where there is a terminal.
  public var stderr: Output { Output(pipe: errors) }

  /// Records of the agent that were of no known kind.
  public var skippedRecords: Int { skipped.withLock { $0 } }

  // MARK: Input

  /// Writes to the process' standard input; waits while the agent takes nothing and the buffer is full.
  ///
  /// - Throws: `OperatorError`: why the agent does not take input, `.ended` after ``closeInput()``.
  public func write(_ bytes: [UInt8]) async throws(OperatorError) {
    // An empty piece would be the end.
    guard !bytes.isEmpty else { return }
    try await input.push(record(stdin: bytes))
  }

  /// Ends the process' standard input.
  public func closeInput() async throws(OperatorError) {
    try await input.push(record(stdin: []))
    input.finish(.success(()))
  }

  /// Tells the terminal its new size.
  public func resize(to size: TerminalSize) async throws(OperatorError) {
    var io = ProcessIO()
    io.type = .control
    io.control.type = .ttyInfo
    io.control.ttyInfo = size.message
    try await input.push(record(io))
  }

  // MARK: The end

  /// Waits for the container's end.
  ///
  /// - Throws: `OperatorError`; code `.notFound` for a container that the agent does not know any more.
  public func exit(timeout: Duration? = nil) async throws(OperatorError) -> ContainerExit {
    ContainerExit(try await agent.waitContainer(container, timeout: timeout))
  }

  // MARK: Pumps

  fileprivate func readOutput(_ response: StreamingResponse, _ name: String) async {
    let configuration = agent.configuration
    let watch = HeartbeatWatch(limit: nil, runtime: configuration.runtime) { response.cancel() }
    defer { watch.end() }
    var records = response.records(maximumRecordSize: configuration.recordBytesMax).makeAsyncIterator()
    do throws(OperatorError) {
      while true {
        watch.arm()
        let record: [UInt8]?
        do {
          record = try await records.next(isolation: nil)
        } catch {
          throw watch.hasFired
            ? OperatorError(.silent, "\(name) to \(agent.endpoint): nothing came for too many heartbeats")
            : OperatorError(error, call: name, endpoint: agent.endpoint)
        }
        watch.disarm()
        guard let record else { break }
        try await take(record, name, watch)
      }
      finishOutput(.success(()))
    } catch {
      finishOutput(.failure(error))
    }
    response.cancel()
  }

  private func take(_ record: [UInt8], _ name: String, _ watch: HeartbeatWatch) async throws(OperatorError) {
    let io: ProcessIO
    do {
      io = try agent.configuration.encoding.decode(ProcessIO.self, from: record)
    } catch {
      throw OperatorError(
        .undecodable, "\(name) to \(agent.endpoint): a record cannot be read: \(error.detail.prefix(500))")
    }
    switch (io.type, io.data.type, io.control.type) {
    case (.data, .stdout, _): try await push([UInt8](io.data.data), to: output)
    case (.data, .stderr, _): try await push([UInt8](io.data.data), to: errors)
    case (.control, _, .heartbeat):
      let nanoseconds = io.control.heartbeat.interval.nanoseconds
      if nanoseconds > 0, nanoseconds <= 24 * 3_600_000_000_000 {
        watch.setLimit(.nanoseconds(nanoseconds) * max(1, agent.configuration.missedHeartbeatsMax))
      }
    case (.control, _, .ttyInfo): break
    default: skipped.withLock { $0 += 1 }
    }
  }

  private func push(_ bytes: [UInt8], to pipe: BytePipe) async throws(OperatorError) {
    if !bytes.isEmpty { try await pipe.push(bytes) }
  }

  private func finishOutput(_ end: Result<Void, OperatorError>) {
    output.finish(end)
    errors.finish(end)
  }

  /// Sends the input once there is some, until it ends.
  fileprivate func sendInput() async {
    let name = "ATTACH_CONTAINER_INPUT"
    do {
      guard let first = try await input.next() else { return }
      hasInput.withLock { $0 = true }
      var call = AgentCall()
      call.type = .attachContainerInput
      call.attachContainerInput.type = .containerID
      call.attachContainerInput.containerID = container
      let records = InputRecords(pipe: input, first: [framed(call), first])
      let response = try await agent.connection.send(name, records: records, to: agent.endpoint)
      guard (200..<300).contains(response.status) else {
        return input.finish(.failure(await agent.connection.refusal(response, name, agent.endpoint)))
      }
      response.cancel()
      input.finish(.failure(OperatorError(.ended, "\(name) to \(agent.endpoint): the agent takes no more input")))
    } catch {
      input.finish(.failure(error))
    }
  }

  /// Says from time to time that the input lives, once it does.
  fileprivate func beat() async {
    let interval = agent.configuration.inputHeartbeat
    var io = ProcessIO()
    io.type = .control
    io.control.type = .heartbeat
    io.control.heartbeat.interval.nanoseconds = interval.wholeNanoseconds
    let record = record(io)
    do {
      while true {
        try await agent.runtime.sleep(for: interval)
        if hasInput.withLock({ $0 }) { try await input.push(record) }
      }
    } catch {
      // The input or the session is over.
    }
  }

  private let hasInput = Mutex(false)

  fileprivate func end(_ error: OperatorError) {
    finishOutput(.failure(error))
    input.finish(.failure(error))
  }

  private func record(stdin bytes: [UInt8]) -> [UInt8] {
    var io = ProcessIO()
    io.type = .data
    io.data.type = .stdin
    io.data.data = MessageBytes.copy(bytes)
    return record(io)
  }

  private func record(_ io: ProcessIO) -> [UInt8] {
    var call = AgentCall()
    call.type = .attachContainerInput
    call.attachContainerInput.type = .processIo
    call.attachContainerInput.processIo = io
    return framed(call)
  }

  private func framed(_ call: AgentCall) -> [UInt8] {
    RecordIOEncoder.encode(agent.configuration.encoding.encode(call))
  }
}

/// The records of an input, those that came before it was opened first.
private struct InputRecords: AsyncSequence, Sendable {
  typealias Element = [UInt8]
  typealias Failure = Never

  let pipe: BytePipe
  let first: [[UInt8]]

  func makeAsyncIterator() -> AsyncIterator { AsyncIterator(pipe: pipe, first: first[...]) }

  struct AsyncIterator: AsyncIteratorProtocol {
    let pipe: BytePipe
    var first: ArraySlice<[UInt8]>

    mutating func next() async -> [UInt8]? { await next(isolation: nil) }

    mutating func next(isolation actor: isolated (any Actor)?) async -> [UInt8]? {
      if let record = first.popFirst() { return record }
      // Why it ended is told where it is written to.
      return (try? await pipe.next()) ?? nil
    }
  }
}

extension AgentClient {
  /// Runs a command in a container inside `parent` while `body` does; the container ends with it.
  ///
  /// - Parameters:
  ///   - parent: A container that runs on this agent.
  ///   - command: What runs in the nested one.
  ///   - container: What the nested container is like; its parent's file system and namespaces where it says nothing.
  ///   - terminal: The size of a terminal for the process; `nil` runs it without one.
  ///   - body: Reads what the process writes, writes what it reads, and waits for its end if it wants to know it.
  /// - Throws: `OperatorError` where the agent refuses, and what `body` throws.
  public func withSession<Success>(
    in parent: ContainerID, command: CommandInfo, container: ContainerInfo? = nil, terminal: TerminalSize? = nil,
    _ body: (ContainerSession) async throws -> Success
  ) async throws -> Success {
    var id = ContainerID()
    id.value = runtime.makeID()
    id.parent = parent
    var call = AgentCall()
    call.type = .launchNestedContainerSession
    call.launchNestedContainerSession.containerID = id
    call.launchNestedContainerSession.command = command
    if let container { call.launchNestedContainerSession.container = container }
    if let terminal {
      if !call.launchNestedContainerSession.container.hasType {
        call.launchNestedContainerSession.container.type = .mesos
      }
      call.launchNestedContainerSession.container.ttyInfo = terminal.message
    }
    return try await run(call, ContainerSession(container: id, agent: self), body)
  }

  /// Takes part in what the process of a running container reads and writes while `body` runs; the container goes on after it.
  ///
  /// Several may be attached at once: each reads what is written from then on.
  /// - Throws: `OperatorError` where the agent refuses, as it does for a container that was launched without this in mind; what `body`
  ///   throws.
  public func withAttachment<Success>(
    to container: ContainerID, _ body: (ContainerSession) async throws -> Success
  ) async throws -> Success {
    var call = AgentCall()
    call.type = .attachContainerOutput
    call.attachContainerOutput.containerID = container
    return try await run(call, ContainerSession(container: container, agent: self), body)
  }

  private func run<Success>(
    _ call: AgentCall, _ session: ContainerSession, _ body: (ContainerSession) async throws -> Success
  ) async throws -> Success {
    let name = call.type.wireName
    let response = try await connection.open(
      name, body: configuration.encoding.encode(call), to: endpoint, asRecords: true)
    guard response.status == 200 else { throw await connection.refusal(response, name, endpoint) }
    guard connection.isType(response.headers["Content-Type"], .recordio),
      connection.isEncoding(response.headers["Message-Content-Type"])
    else {
      response.cancel()
      throw OperatorError(
        .undecodable,
        "\(name) to \(endpoint): the answer is of type '\(response.headers["Content-Type"]?.prefix(200) ?? "")'")
    }
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await session.readOutput(response, name) }
      group.addTask { await session.sendInput() }
      group.addTask { await session.beat() }
      defer {
        session.end(OperatorError(.cancelled, "The session is over"))
        response.cancel()
        group.cancelAll()
      }
      return try await body(session)
    }
  }
}
