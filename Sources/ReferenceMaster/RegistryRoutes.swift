import MesosHTTP
import MesosHTTPServer
import MesosModel
import ServerPages
import SwiftProtobuf

/// The endpoints of before the v1 API that change what the registry keeps; each does what a call of operators does.
///
/// - Source: Apache Mesos 1.11, `master/http.cpp`, `master/quota_handler.cpp`, `master/weights_handler.cpp`.
enum RegistryRoutes {
  static func all(gate: MasterGate, bodyLimit: Int) -> [Route] {
    func both(_ path: String) -> [String] { [path, "/master" + path] }
    @Sendable func change(
      _ request: IncomingRequest, _ make: @Sendable ([UInt8]) throws -> MasterCall
    ) async throws -> OutgoingResponse {
      let services = try gate.pass(request)
      let call = try make(try await request.body.collect(upTo: bodyLimit))
      return try OutgoingResponse(await services.master.call(call, principal: request.principal))
    }
    let routes = [
      Route(both("/quota"), methods: ["POST"]) { request in try await change(request, setQuota) },
      Route(both("/quota"), methods: ["DELETE"]) { request in
        throw HTTPFailure.badRequest(
          "Failed to parse remove quota request for path '\(path(of: request))': expected 3 tokens, found 2 tokens")
      },
      Route(prefix: "/quota/", methods: ["DELETE"]) { request in
        try await change(request) { _ in try removeQuota(request) }
      },
      Route(prefix: "/master/quota/", methods: ["DELETE"]) { request in
        try await change(request) { _ in try removeQuota(request) }
      },
      Route(both("/weights"), methods: ["PUT"]) { request in try await change(request, updateWeights) },
      Route(both("/maintenance/schedule"), methods: ["POST"]) { request in
        try await change(request, updateSchedule)
      },
      Route(both("/machine/down"), methods: ["POST"]) { request in
        try await change(request) { body in
          try .with {
            $0.type = .startMaintenance
            $0.startMaintenance.machines = try machines(body)
          }
        }
      },
      Route(both("/machine/up"), methods: ["POST"]) { request in
        try await change(request) { body in
          try .with {
            $0.type = .stopMaintenance
            $0.stopMaintenance.machines = try machines(body)
          }
        }
      },
    ]
    return routes.map { $0.inRealm(MasterRealm.readWrite) }
  }

  /// As Apache Mesos names it: its process answers for the path without one.
  private static func path(of request: IncomingRequest) -> String {
    request.path.hasPrefix("/master/") ? request.path : "/master" + request.path
  }

  // MARK: Bodies

  @Sendable private static func setQuota(_ body: [UInt8]) throws -> MasterCall {
    let request: QuotaRequest
    do { request = try QuotaRequest(jsonBytes: body) } catch {
      let what = error.code == .syntax ? "parse" : "validate"
      throw HTTPFailure.badRequest("Failed to \(what) set quota request JSON '\(quoted(body))': \(error)")
    }
    return .with {
      $0.type = .setQuota
      $0.setQuota.quotaRequest = request
    }
  }

  @Sendable private static func removeQuota(_ request: IncomingRequest) throws -> MasterCall {
    guard !request.pathRemainder.isEmpty else {
      throw HTTPFailure.badRequest(
        "Failed to parse remove quota request for path '\(path(of: request))': expected 3 tokens, found 2 tokens")
    }
    return .with {
      $0.type = .removeQuota
      $0.removeQuota.role = request.pathRemainder
    }
  }

  @Sendable private static func updateWeights(_ body: [UInt8]) throws -> MasterCall {
    let infos: [WeightInfo]
    do { infos = try list(MasterCall.UpdateWeights.self, "weight_infos", body).weightInfos } catch {
      throw HTTPFailure.badRequest("Failed to parse update weights request JSON '\(quoted(body))': \(error)")
    }
    for info in infos where !info.hasRole && !info.hasWeight || !info.hasWeight {
      throw HTTPFailure.badRequest(
        "Failed to convert weights JSON array to protobuf '\(quoted(body))': Missing required fields: weight")
    }
    return .with {
      $0.type = .updateWeights
      $0.updateWeights.weightInfos = infos
    }
  }

  @Sendable private static func updateSchedule(_ body: [UInt8]) throws -> MasterCall {
    let schedule: MaintenanceSchedule
    do { schedule = try MaintenanceSchedule(jsonBytes: body) } catch { throw HTTPFailure.badRequest("\(error)") }
    guard schedule.windows.allSatisfy(\.hasUnavailability) else {
      throw HTTPFailure.badRequest("Missing required fields: windows.unavailability")
    }
    return .with {
      $0.type = .updateMaintenanceSchedule
      $0.updateMaintenanceSchedule.schedule = schedule
    }
  }

  @Sendable private static func machines(_ body: [UInt8]) throws -> [MachineID] {
    do { return try list(MasterCall.StartMaintenance.self, "machines", body).machines } catch {
      throw HTTPFailure.badRequest("\(error)")
    }
  }

  /// An array alone is the field of a message.
  private static func list<M: JSONMessage>(
    _ type: M.Type, _ field: String, _ body: [UInt8]
  ) throws(JSONMessageError) -> M {
    try M(jsonBytes: Array("{\"\(field)\":".utf8) + body + [UInt8(ascii: "}")])
  }

  private static func quoted(_ body: [UInt8]) -> String { String(decoding: body.prefix(1_000), as: UTF8.self) }
}
