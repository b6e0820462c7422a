import AgentCore
import Logging
import MesosHTTP
import MesosHTTPServer
import MesosModel
import SandboxFiles
import ServerPages
import ShellSupport
import SwiftProtobuf

/// `/api/v1`: the calls of operators. Reads are answered from a copy of the core, on the reader's own thread.
struct OperatorAPI: Sendable {
  let services: AgentServices
  let bodyLimit: Int
  let verbosity: LogVerbosity
  let logger: Logger

  func respond(to request: IncomingRequest) async throws -> OutgoingResponse {
    let format = try Negotiation.requestFormat(
      .agentOperator, contentType: request.headers["Content-Type"],
      messageContentType: request.headers["Message-Content-Type"])
    let answer = try Negotiation.responseFormat(
      .agentOperator, accept: request.headers["Accept"], messageAccept: request.headers["Message-Accept"])
    guard case .message(let requestEncoding) = format else {
      throw HTTPFailure.notImplemented("Calls whose requests are streams are not built yet; see docs/compatibility.md")
    }
    let body = try await request.body.collect(upTo: bodyLimit)
    let call: AgentCall
    do {
      call = try requestEncoding.decode(AgentCall.self, from: body)
    } catch {
      throw error.failure(at: .agentOperator)
    }
    do { try CallValidation.validate(call) } catch {
      throw HTTPFailure.badRequest("Failed to validate agent::Call: " + error.message)
    }
    logger.debug("operator call", metadata: ["type": "\(call.type.wireName)"])
    guard case .message(let encoding) = answer else {
      throw Negotiation.streamingResponseNotSupported(call: call.type.wireName)
    }
    if call.type == .markResourceProviderGone {
      let id = call.markResourceProviderGone.resourceProviderID
      return try OutgoingResponse(await services.agent.markProviderGone(id, principal: nil))
    }
    if call.type == .setLoggingLevel {
      verbosity.set(call.setLoggingLevel.level, for: .nanoseconds(call.setLoggingLevel.duration.nanoseconds))
      return OutgoingResponse()
    }
    let response = try await respond(to: call)
    return .content(await Self.encode(response, encoding), encoding.mediaType)
  }

  @concurrent
  private static func encode(_ response: AgentResponse, _ encoding: MessageEncoding) async -> [UInt8] {
    encoding.encode(response)
  }

  private func respond(to call: AgentCall) async throws -> AgentResponse {
    var response = AgentResponse()
    switch call.type {
    case .getHealth:
      response.type = .getHealth
      response.getHealth.healthy = true
    case .getVersion:
      response.type = .getVersion
      response.getVersion.versionInfo = .ofThisServer
    case .getFlags:
      response.type = .getFlags
      response.getFlags.flags = services.flags.map { flag in
        .with {
          $0.name = flag.name
          $0.value = flag.value
        }
      }
    case .getMetrics:
      response.type = .getMetrics
      response.getMetrics.metrics = await services.metrics().map { metric in
        .with {
          $0.name = metric.name
          $0.value = metric.value
        }
      }
    case .getLoggingLevel:
      response.type = .getLoggingLevel
      response.getLoggingLevel.level = verbosity.level
    case .getState:
      response.type = .getState
      response.getState = await services.agent.snapshot().getState()
    case .getTasks:
      response.type = .getTasks
      response.getTasks = await services.agent.snapshot().getTasks()
    case .getExecutors:
      response.type = .getExecutors
      response.getExecutors = await services.agent.snapshot().getExecutors()
    case .getFrameworks:
      response.type = .getFrameworks
      response.getFrameworks = await services.agent.snapshot().getFrameworks()
    case .getAgent:
      response.type = .getAgent
      response.getAgent = await services.agent.snapshot().getAgent()
    case .getContainers:
      response.type = .getContainers
      let containers = await services.containers()
      // Apache Mesos leaves the list's message out where there is none.
      if !containers.containers.isEmpty { response.getContainers = containers }
    case .getOperations:
      response.type = .getOperations
      response.getOperations = await services.agent.snapshot().getOperations()
    case .getResourceProviders:
      response.type = .getResourceProviders
      response.getResourceProviders = await services.agent.snapshot().getResourceProviders()
    case .listFiles:
      response.type = .listFiles
      response.listFiles.fileInfos = try await FilePages.list(services.agent.files, call.listFiles.path)
    case .readFile:
      let read = call.readFile
      let slice = try await FilePages.read(
        services.agent.files, read.path, offset: Int64(clamping: read.offset),
        length: read.hasLength ? Int64(clamping: read.length) : nil)
      response.type = .readFile
      response.readFile.size = UInt64(clamping: slice.size)
      response.readFile.data = .init(slice.bytes)
    default:
      throw HTTPFailure.notImplemented("The call \(call.type.wireName) is not built yet; see docs/compatibility.md")
    }
    return response
  }
}
