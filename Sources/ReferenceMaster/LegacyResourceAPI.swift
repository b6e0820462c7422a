import MesosHTTP
import MesosHTTPServer
import MesosModel
import ServerPages
import SwiftProtobuf

/// `/reserve`, `/unreserve`, `/create-volumes` and `/destroy-volumes`, from before the v1 API: a form with `slaveId` and a JSON array.
///
/// - Source: Apache Mesos, *Reservation*, *Persistent Volumes*; `src/master/http.cpp`.
struct LegacyResourceAPI: Sendable {
  /// What the form asks for.
  enum Action: String, CaseIterable, Sendable {
    case reserve = "/reserve"
    case unreserve = "/unreserve"
    case createVolumes = "/create-volumes"
    case destroyVolumes = "/destroy-volumes"
  }

  let action: Action
  let services: MasterServices
  let bodyLimit: Int

  func respond(to request: IncomingRequest) async throws -> OutgoingResponse {
    let fields = try Self.form(try await request.body.collect(upTo: bodyLimit))
    guard let agent = fields["slaveId"] else { throw Self.missing("slaveId") }
    var call = MasterCall()
    switch action {
    case .reserve:
      call.type = .reserveResources
      let resources = try resources("resources", of: fields)
      let origin = fields["source"] == nil ? [] : try self.resources("source", of: fields)
      call.reserveResources = .with {
        $0.agentID.value = agent
        $0.source.append(contentsOf: origin)
        $0.resources = resources
      }
    case .unreserve:
      call.type = .unreserveResources
      call.unreserveResources.agentID.value = agent
      call.unreserveResources.resources = try resources("resources", of: fields)
    case .createVolumes:
      call.type = .createVolumes
      call.createVolumes.agentID.value = agent
      call.createVolumes.volumes = try resources("volumes", of: fields)
    case .destroyVolumes:
      call.type = .destroyVolumes
      call.destroyVolumes.agentID.value = agent
      call.destroyVolumes.volumes = try resources("volumes", of: fields)
    }
    return try OutgoingResponse(await services.master.call(call, principal: request.principal))
  }

  private static func missing(_ name: String) -> HTTPFailure {
    .badRequest("Missing '\(name)' query parameter in the request body")
  }

  /// The resources of a field, which are a JSON array.
  private func resources(_ name: String, of fields: [String: String]) throws -> [Resource] {
    guard let text = fields[name] else { throw Self.missing(name) }
    // Read as the member of a message that has such a list.
    let object = "{\"agent_id\":{\"value\":\"\"},\"resources\":\(text)}"
    do {
      return try MasterCall.UnreserveResources(jsonBytes: Array(object.utf8)).resources
    } catch {
      let verb = action == .reserve ? "Error parsing" : "Error in parsing"
      throw HTTPFailure.badRequest("\(verb) '\(name)' query parameter in the request body: \(error)")
    }
  }

  /// The fields of a form, the last of each name.
  private static func form(_ body: [UInt8]) throws -> [String: String] {
    var fields: [String: String] = [:]
    for part in String(decoding: body, as: UTF8.self).split(separator: "&") {
      let equals = part.firstIndex(of: "=") ?? part.endIndex
      guard let name = percentDecoded(part[..<equals], plusIsSpace: true),
        let value = percentDecoded(part[equals...].dropFirst(), plusIsSpace: true)
      else {
        throw HTTPFailure.badRequest("Unable to decode query string: Malformed % escape in the request body")
      }
      fields[name] = value
    }
    return fields
  }
}
