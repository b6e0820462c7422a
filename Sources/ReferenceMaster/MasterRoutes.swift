import AgentLink
import Logging
import MesosAuthorization
import MesosHTTP
import MesosHTTPServer
import MesosModel
import MesosSecurity
import SandboxFiles
import ServerPages
import ShellSupport

/// Every path of the master.
enum MasterRoutes {
  static func all(
    gate: MasterGate, configuration: MasterConfiguration, verbosity: LogVerbosity, logger: Logger
  ) -> [Route] {
    let security = configuration.security
    return [
      Route(both("/api/v1/scheduler"), realm: MasterRealm.scheduler) { request in
        try await SchedulerAPI(
          master: try gate.pass(request).master, bodyLimit: configuration.bodyLimit,
          streamLimit: configuration.schedulerStreamLimit, makeStreamID: makeStreamID, logger: logger
        ).respond(to: request)
      },
      Route(both("/api/v1"), realm: MasterRealm.readWrite) { request in
        try await OperatorAPI(
          services: try gate.pass(request), bodyLimit: configuration.bodyLimit, logger: logger
        ).respond(to: request)
      },
      Route(LinkProtocol.path) { request in
        try await AgentLinkAPI(
          master: try gate.pass(request).master, exchangeLimit: configuration.exchangeLimit, logger: logger
        ).respond(to: request)
      },
      Route(both("/health"), methods: ["GET"]) { request in
        if !gate.isStandby { _ = try gate.pass(request) }
        return OutgoingResponse(status: 200)
      },
      Route("/version", methods: nil) { try await LegacyPage.adapt(DocumentPages.version(), to: $0) },
      Route(both("/flags"), methods: ["GET"], realm: MasterRealm.readOnly) { request in
        if !gate.isStandby { _ = try gate.pass(request) }
        try security.require(.viewFlags, of: request)
        return try await LegacyPage.adapt(DocumentPages.flags(configuration.flags), to: request)
      },
      Route("/metrics/snapshot", methods: nil, realm: MasterRealm.readOnly) { request in
        try security.require(.getEndpoint, of: request, on: "/metrics/snapshot")
        let page = try await DocumentPages.metrics(timeout: request.queryValue("timeout")) {
          gate.isStandby ? [("master/elected", 0)] : try await gate.pass(request).metrics()
        }
        return try await LegacyPage.adapt(page, to: request)
      },
      Route("/metrics", methods: ["GET"], realm: MasterRealm.readOnly) { request in
        // They are the same.
        try security.require(.getEndpoint, of: request, on: "/metrics/snapshot")
        return PrometheusText.respond(
          gate.isStandby ? [("master/elected", 0)] : await (try gate.pass(request)).metrics())
      },
      Route(both("/explain"), methods: ["GET"], realm: MasterRealm.readOnly) { request in
        try await ExplainPage.respond(to: request, try gate.pass(request))
      },
      Route(both("/redirect"), methods: nil) { _ in try gate.leader() },
      LoggingPage.route(verbosity, realm: MasterRealm.readWrite) { request throws(HTTPFailure) in
        try security.require(.getEndpoint, of: request, on: "/logging/toggle")
      },
      // The master keeps no files yet; the endpoints say so in their own words.
    ] + LegacyRoutes.all(gate: gate, configuration: configuration, logger: logger)
      + FilePages.routes(FileTree()).map { $0.inRealm(MasterRealm.readOnly) }
      + resourceRoutes(gate: gate, configuration: configuration)
      + RegistryRoutes.all(gate: gate, bodyLimit: configuration.bodyLimit)
  }

  private static func resourceRoutes(gate: MasterGate, configuration: MasterConfiguration) -> [Route] {
    LegacyResourceAPI.Action.allCases.map { action in
      Route(both(action.rawValue), methods: ["POST"], realm: MasterRealm.readWrite) { request in
        try await LegacyResourceAPI(
          action: action, services: try gate.pass(request), bodyLimit: configuration.bodyLimit
        ).respond(to: request)
      }
    }
  }

  /// The path and the same below `/master`.
  static func both(_ path: String) -> [String] { [path, "/master" + path] }

  @Sendable private static func makeStreamID() -> String {
    var generator = SystemRandomNumberGenerator()
    return UUIDText.random(using: &generator)
  }
}
