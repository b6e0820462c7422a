import ClusterView
import Logging
import MasterCore
import MesosHTTP
import MesosHTTPServer
import MesosModel
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
      Route(MasterRoutes.both(path), methods: nil) { request in
        let services = try gate.pass(request)
        let snapshot = services.view.snapshot()
        return try await LegacyPage.respond(to: request, isSmall: snapshot.rowCount <= 100) { write in
          try await make(request, services, snapshot, write)
        }
      }
    }
    /// What the v1 API answers to `type`, without what stands around it.
    func message(
      _ path: String, _ type: MasterCall.TypeEnum, _ content: @escaping @Sendable (MasterResponse) -> [UInt8]
    ) -> Route {
      Route(MasterRoutes.both(path), methods: ["GET"]) { request in
        let api = OperatorAPI(services: try gate.pass(request), bodyLimit: configuration.bodyLimit, logger: logger)
        let response = try await api.message(type)
        return try await LegacyPage.respond(to: request, isSmall: true) { try await $0(content(response)) }
      }
    }
    return [
      page("/state") { _, services, snapshot, write in try await StatePage.write(services, snapshot, to: write) },
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
      Route(MasterRoutes.both("/roles"), methods: nil) { request in
        let services = try gate.pass(request)
        let api = OperatorAPI(services: services, bodyLimit: configuration.bodyLimit, logger: logger)
        let quotas = try await api.message(.getQuota).getQuota.status
        let snapshot = services.view.snapshot()
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
      message("/maintenance/status", .getMaintenanceStatus) { $0.getMaintenanceStatus.status.jsonBytes() },
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
