import ClusterView
import Logging
import MasterCore
import MesosAuthorization
import MesosHTTP
import MesosHTTPServer
import MesosModel
import MesosSecurity
import ServerPages
import StreamingJSON

/// The master's documents from before the v1 API, with the keys and the query parameters of Apache Mesos 1.11.
enum LegacyRoutes {
  static func all(gate: MasterGate, configuration: MasterConfiguration, logger: Logger) -> [Route] {
    func page(
      _ path: String,
      _ make:
        @escaping @Sendable (IncomingRequest, MasterServices, ClusterSnapshot, LegacyPage.Write) async throws -> Void
    ) -> Route {
      Route(MasterRoutes.both(path), methods: nil, realm: MasterRealm.readOnly) { request in
        let services = try gate.pass(request)
        let snapshot = services.snapshot(for: request)
        return try await LegacyPage.respond(to: request, isSmall: snapshot.rowCount <= 100) { write in
          try await make(request, services, snapshot, write)
        }
      }
    }
    /// What the v1 API answers to `type`, without what stands around it.
    func message(
      _ path: String, _ type: MasterCall.TypeEnum, realm: String = MasterRealm.readWrite,
      _ content: @escaping @Sendable (MasterResponse) -> [UInt8]
    ) -> Route {
      Route(MasterRoutes.both(path), methods: ["GET"], realm: realm) { request in
        let api = OperatorAPI(services: try gate.pass(request), bodyLimit: configuration.bodyLimit, logger: logger)
        let response = try await api.message(type, for: request)
        return try await LegacyPage.respond(to: request, isSmall: true) { try await $0(content(response)) }
      }
    }
    return [
      page("/state") { request, services, snapshot, write in
        let showsFlags = services.security.permits(.viewFlags, by: request.principal)
        try await StatePage.write(services, snapshot, showsFlags: showsFlags, to: write)
      },
      page("/state-summary") { _, services, snapshot, write in
        try await SummaryPage.write(services, snapshot, to: write)
      },
      page("/slaves") { request, _, snapshot, write in
        try await ListPages.agents(snapshot, only: request.queryValue("slave_id"), to: write)
      },
      page("/frameworks") { request, _, snapshot, write in
        try await ListPages.frameworks(snapshot, only: request.queryValue("framework_id"), to: write)
      },
      page("/tasks") { request, _, snapshot, write in
        try await ListPages.tasks(snapshot, ListPages.TaskQuery(request), to: write)
      },
      Route(MasterRoutes.both("/roles"), methods: nil, realm: MasterRealm.readOnly) { request in
        let snapshot = try gate.pass(request).snapshot(for: request)
        let quotas = snapshot.quotas.status
        return try await LegacyPage.respond(to: request, isSmall: true) {
          try await ListPages.roles(snapshot, quotas, to: $0)
        }
      },
      message("/weights", .getWeights) { response in
        var json = Array("[".utf8)
        for (index, weight) in response.getWeights.weightInfos.enumerated() {
          if index > 0 { json.append(UInt8(ascii: ",")) }
          json += weight.jsonBytes()
        }
        return json + Array("]".utf8)
      },
      message("/quota", .getQuota) { $0.getQuota.status.jsonBytes() },
      message("/maintenance/schedule", .getMaintenanceSchedule) { $0.getMaintenanceSchedule.schedule.jsonBytes() },
      message("/maintenance/status", .getMaintenanceStatus, realm: MasterRealm.readOnly) {
        $0.getMaintenanceStatus.status.jsonBytes()
      },
    ]
  }
}

extension ClusterSnapshot {
  /// Rows of all kinds.
  var rowCount: Int {
    agentCount + frameworkCount + completedFrameworkCount + executorCount + taskCount(.active)
      + taskCount(.unreachable) + taskCount(.completed)
  }
}
