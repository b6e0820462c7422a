import MesosHTTP
public import MesosHTTPClient
public import MesosModel
public import SchedulerCore

/// Where an agent's API is.
public struct AgentEndpoint: Hashable, Sendable, CustomStringConvertible {
  public var host: String
  public var port: Int
  /// What stands before the paths of its API; `/slave(1)` on Apache Mesos, or nothing.
  public var path: String
  public var isSecure: Bool

  public init(host: String, port: Int, path: String = "", isSecure: Bool = false) {
    self.host = host
    self.port = port
    self.path = path
    self.isSecure = isSecure
  }

  /// The agent that an offer is of; `nil` when the offer has no usable address.
  public init?(_ offer: Offer) {
    guard offer.hasURL, offer.url.hasAddress, (1...65_535).contains(offer.url.address.port) else { return nil }
    let address = offer.url.address
    let host = address.hasIp ? address.ip : address.hostname
    guard !host.isEmpty else { return nil }
    self.init(
      host: host, port: Int(address.port), path: offer.url.hasPath ? offer.url.path : "",
      isSecure: offer.url.scheme == "https")
  }

  public var description: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}

/// The folder that a task's executor runs in.
public struct Sandbox: Hashable, Sendable {
  public var agent: AgentEndpoint
  public var frameworkID: FrameworkID
  public var executorID: String

  /// - Parameters:
  ///   - agent: The agent that the executor runs on.
  ///   - frameworkID: Whose task it is.
  ///   - executorID: The executor's id; that of a command task is the task's.
  public init(agent: AgentEndpoint, frameworkID: FrameworkID, executorID: String) {
    self.agent = agent
    self.frameworkID = frameworkID
    self.executorID = executorID
  }

  /// The name that agents give `file` of the executor's newest run.
  public func virtualPath(_ file: String) -> String {
    let folder = "/frameworks/\(frameworkID.value)/executors/\(executorID)/runs/latest"
    return file.isEmpty ? folder : "\(folder)/\(file)"
  }
}

/// Reads the sandboxes of tasks through their agents' API.
///
/// ``shutdown()`` must be called when it is done with; ``withTaskFiles(http:_:)`` does.
public final class TaskFiles: Sendable {
  private let client: MesosHTTPClient
  /// How long one answer may take.
  private let timeout: Duration

  /// - Parameters:
  ///   - timeout: How long one answer may take.
  ///   - http: How agents are spoken to: TLS, credentials, a proxy. Credentials go to every agent that is asked.
  public init(timeout: Duration = .seconds(30), http: HTTPClientConfiguration = HTTPClientConfiguration()) {
    self.timeout = timeout
    client = MesosHTTPClient(configuration: http)
  }

  public func shutdown() async {
    try? await client.shutdown()
  }

  /// The files of a sandbox, or of a folder in it; their paths are virtual ones.
  ///
  /// - Throws: `SchedulerError` with code `.files`, and the agent's status where it answered.
  public func list(_ folder: String = "", in sandbox: Sandbox) async throws(SchedulerError) -> [FileInfo] {
    var call = AgentCall()
    call.type = .listFiles
    call.listFiles.path = sandbox.virtualPath(folder)
    return try await send(call, to: sandbox.agent, about: call.listFiles.path).listFiles.fileInfos
  }

  /// A piece of a file.
  ///
  /// - Parameters:
  ///   - file: Its path below the sandbox.
  ///   - sandbox: Where it is.
  ///   - offset: Bytes from its start; 0 or more.
  ///   - length: Bytes at most, 1 or more; agents give 64 KiB or less at once.
  /// - Returns: The bytes, none at the end of the file, and the size that the file has now.
  /// - Throws: `SchedulerError` with code `.files`, and the agent's status where it answered.
  public func read(
    _ file: String, in sandbox: Sandbox, offset: Int = 0, length: Int = 64 * 1024
  ) async throws(SchedulerError) -> (bytes: [UInt8], size: Int) {
    guard offset >= 0, length > 0 else {
      throw SchedulerError(.files, "offset \(offset) or length \(length) out of range")
    }
    var call = AgentCall()
    call.type = .readFile
    call.readFile.path = sandbox.virtualPath(file)
    call.readFile.offset = UInt64(offset)
    call.readFile.length = UInt64(length)
    let answer = try await send(call, to: sandbox.agent, about: call.readFile.path).readFile
    let bytes = [UInt8](answer.data)
    guard bytes.count <= length else {
      throw SchedulerError(.files, "\(sandbox.agent) gave \(bytes.count) bytes where \(length) were asked for")
    }
    return (bytes, Int(clamping: answer.size))
  }

  /// A whole file, piece by piece.
  ///
  /// - Throws: `SchedulerError` with code `.files`; also when the file is larger than `limit` bytes.
  public func contents(of file: String, in sandbox: Sandbox, upTo limit: Int = 64 << 20) async throws(SchedulerError)
    -> [UInt8]
  {
    var whole: [UInt8] = []
    while true {
      let (bytes, size) = try await read(file, in: sandbox, offset: whole.count)
      guard size <= limit, whole.count + bytes.count <= limit else {
        throw SchedulerError(.files, "\(sandbox.virtualPath(file)) on \(sandbox.agent) has more than \(limit) bytes")
      }
      if bytes.isEmpty { return whole }
      whole += bytes
    }
  }

  private func send(
    _ call: AgentCall, to agent: AgentEndpoint, about path: String
  ) async throws(SchedulerError) -> AgentResponse {
    let endpoint = HTTPEndpoint(
      host: agent.host, port: agent.port, scheme: agent.isSecure ? "https" : "http", basePath: agent.path)
    let encoding = MessageEncoding.protobuf
    let response: ClientResponse
    do {
      response = try await client.call(
        .call(endpoint, path: "/api/v1", encoding: encoding, body: encoding.encode(call)), maximumBody: 16 << 20,
        deadline: timeout)
    } catch {
      throw SchedulerError(.files, "\(path) on \(agent): \(error.message)")
    }
    guard response.status == 200 else {
      throw SchedulerError(
        .files, "\(path) on \(agent): \(response.status) \(response.excerpt)", status: response.status)
    }
    do {
      return try encoding.decode(AgentResponse.self, from: response.body)
    } catch {
      throw SchedulerError(.files, "\(path) on \(agent): the answer is no AgentResponse: \(error.detail)")
    }
  }
}

/// Gives `body` a reader of sandboxes and ends it after.
///
/// - Parameters:
///   - http: As that of ``TaskFiles``.
///   - body: Reads; the reader is of no use after it.
public func withTaskFiles<Success>(
  http: HTTPClientConfiguration = HTTPClientConfiguration(), _ body: (TaskFiles) async throws -> Success
) async throws -> Success {
  let files = TaskFiles(http: http)
  do {
    let success = try await body(files)
    await files.shutdown()
    return success
  } catch {
    await files.shutdown()
    throw error
  }
}
