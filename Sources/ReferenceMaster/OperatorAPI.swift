import ClusterView
import Logging
import MasterCore
import MesosAuthorization
import MesosHTTP
import MesosHTTPServer
import MesosModel
import MesosSecurity
import ServerPages
import ShellSupport
import SwiftProtobuf

/// `/api/v1`: the calls of operators. Reads are answered from the view, on the reader's own thread.
struct OperatorAPI: Sendable {
  let services: MasterServices
  let bodyLimit: Int
  let logger: Logger

  func respond(to request: IncomingRequest) async throws -> OutgoingResponse {
    let call = try await request.call(MasterCall.self, at: .masterOperator, upTo: bodyLimit)
    do { try CallValidation.validate(call) } catch {
      throw HTTPFailure.badRequest("Failed to validate master::Call: " + error.message)
    }
    logger.debug("operator call", metadata: ["type": "\(call.type.wireName)"])
    let encoding = try Negotiation.responseFormat(.masterOperator, accept: request.headers["Accept"]).encoding
    guard call.type != .subscribe else {
      return try EventStream(services: services, logger: logger).respond(to: request, encoding: encoding)
    }
    return try await answer(call, of: request, encoding: encoding)
  }

  /// The answer to a read without parameters, as a message.
  func message(_ type: MasterCall.TypeEnum, for request: IncomingRequest) async throws -> MasterResponse {
    let response = try await answer(.with { $0.type = type }, of: request, encoding: .protobuf)
    switch response.body {
    case .bytes(let bytes): return try MasterResponse(serializedBytes: bytes, partial: true)
    case .slices(let slices): return try MasterResponse(serializedBytes: slices.flatMap(\.self), partial: true)
    case .none, .stream: return MasterResponse()
    }
  }

  private func answer(
    _ call: MasterCall, of request: IncomingRequest, encoding: MessageEncoding
  ) async throws -> OutgoingResponse {
    let security = services.security
    func give(_ query: ClusterQuery) async -> OutgoingResponse {
      let answer = await services.view.answer(
        query, encoding: encoding, visibility: security.visibility(of: request.principal))
      return OutgoingResponse(headers: ["Content-Type": encoding.contentType], body: .slices(answer.slices))
    }
    func give(_ type: MasterResponse.TypeEnum, _ fill: (inout MasterResponse) -> Void = { _ in }) -> OutgoingResponse {
      var response = MasterResponse()
      response.type = type
      fill(&response)
      return .content(encoding.encode(response), encoding.mediaType)
    }
    switch call.type {
    case .getState: return await give(.getState)
    case .getAgents: return await give(.getAgents)
    case .getFrameworks: return await give(.getFrameworks)
    case .getTasks: return await give(.getTasks)
    case .getExecutors: return await give(.getExecutors)
    case .getRoles: return await give(.getRoles)
    case .getHealth: return give(.getHealth) { $0.getHealth.healthy = true }
    case .getVersion: return give(.getVersion) { $0.getVersion.versionInfo = .ofThisServer }
    case .getFlags:
      try security.require(.viewFlags, of: request)
      return give(.getFlags) { response in
        response.getFlags.flags = services.flags.map { flag in
          .with {
            $0.name = flag.name
            $0.value = flag.value
          }
        }
      }
    case .getMetrics:
      let metrics = await services.metrics()
      return give(.getMetrics) { response in
        response.getMetrics.metrics = metrics.map { metric in
          .with {
            $0.name = metric.name
            $0.value = metric.value
          }
        }
      }
    case .getLoggingLevel: return give(.getLoggingLevel) { $0.getLoggingLevel.level = services.verbosity.level }
    case .setLoggingLevel:
      try security.require(.setLogLevel, of: request)
      let wanted = call.setLoggingLevel
      services.verbosity.set(wanted.level, for: .nanoseconds(wanted.duration.nanoseconds))
      return OutgoingResponse()
    case .getMaster:
      return give(.getMaster) {
        $0.getMaster.masterInfo = services.info
        $0.getMaster.startTime = services.startTime
        $0.getMaster.electedTime = services.startTime
      }
    case .getOperations:
      let operations = Array(services.snapshot(for: request).operationMessages)
      return give(.getOperations) { response in
        response.getOperations = .init()
        if !operations.isEmpty { response.getOperations.operations = operations }
      }
    case .getMaintenanceStatus:
      guard security.permits(.getMaintenanceStatus, by: request.principal) else {
        return give(.getMaintenanceStatus) { $0.getMaintenanceStatus.status = .init() }
      }
      return give(.getMaintenanceStatus) {
        $0.getMaintenanceStatus.status = services.view.snapshot().maintenanceStatus
      }
    case .getMaintenanceSchedule:
      guard security.permits(.getMaintenanceSchedule, by: request.principal) else {
        return give(.getMaintenanceSchedule) { $0.getMaintenanceSchedule.schedule = .init() }
      }
      return give(.getMaintenanceSchedule) {
        $0.getMaintenanceSchedule.schedule = services.view.snapshot().maintenance.schedule
      }
    case .getQuota:
      var status = services.view.snapshot().quotas.status
      status.infos.removeAll { !security.permits(.getQuota, by: request.principal, on: $0.role) }
      status.configs.removeAll { !security.permits(.getQuota, by: request.principal, on: $0.role) }
      return give(.getQuota) { $0.getQuota.status = status }
    case .getWeights:
      let weights = services.snapshot(for: request).weights.sorted { $0.key < $1.key }
      return give(.getWeights) { response in
        guard !weights.isEmpty else { return }
        response.getWeights.weightInfos = weights.map { role, weight in
          .with {
            $0.role = role
            $0.weight = weight
          }
        }
      }
    // The master keeps no files that operators could read.
    case .listFiles, .readFile: throw HTTPFailure(status: 404, text: "")
    default:
      return try OutgoingResponse(await services.master.call(call, principal: request.principal))
    }
  }
}
