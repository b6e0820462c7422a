import AgentLink
import Logging
import MesosHTTP
import MesosHTTPServer
import MesosModel
import SandboxFiles
import ServerPages
import ShellSupport

/// Every path of the master.
enum MasterRoutes {
  static func all(gate: MasterGate, configuration: MasterConfiguration, logger: Logger) -> [Route] {
    [
      Route(both("/api/v1/scheduler")) { request in
        try await SchedulerAPI(
          master: try gate.pass(request).master, bodyLimit: configuration.bodyLimit,
          streamLimit: configuration.schedulerStreamLimit, makeStreamID: makeStreamID, logger: logger
        ).respond(to: request)
      },
      Route(both("/api/v1")) { request in
        try await OperatorAPI(services: try gate.pass(request), bodyLimit: configuration.bodyLimit).respond(to: request)
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
      Route("/version", methods: nil) { _ in try DocumentPages.version() },
      Route(both("/flags"), methods: ["GET"]) { request in
        if !gate.isStandby { _ = try gate.pass(request) }
        return try DocumentPages.flags(configuration.flags)
      },
      Route(both("/state"), methods: nil) { request in
        let services = try gate.pass(request)
        return .stream(.json) { stream in
          try await StatePage.write(services) { try await stream.write($0) }
        }
      },
      Route("/metrics/snapshot", methods: nil) { request in
        try await DocumentPages.metrics(timeout: request.queryValue("timeout")) {
          gate.isStandby ? [("master/elected", 0)] : try await gate.pass(request).master.metrics()
        }
      },
      Route(both("/redirect"), methods: nil) { _ in try gate.leader() },
      // The master keeps no files yet; the endpoints say so in their own words.
    ] + FilePages.routes(FileTree()) + RegistryRoutes.all(gate: gate, bodyLimit: configuration.bodyLimit)
  }

  /// The path and the same below `/master`.
  private static func both(_ path: String) -> [String] { [path, "/master" + path] }

  @Sendable private static func makeStreamID() -> String {
    var generator = SystemRandomNumberGenerator()
    return UUIDText.random(using: &generator)
  }
}
