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
  static func all(gate: ServicesGate<MasterServices>, configuration: MasterConfiguration, logger: Logger) -> [Route] {
    [
      Route(both("/api/v1/scheduler")) { request in
        try await SchedulerAPI(
          master: try gate.pass().master, bodyLimit: configuration.bodyLimit,
          streamLimit: configuration.schedulerStreamLimit, makeStreamID: makeStreamID, logger: logger
        ).respond(to: request)
      },
      Route(both("/api/v1")) { request in
        try await OperatorAPI(services: try gate.pass(), bodyLimit: configuration.bodyLimit).respond(to: request)
      },
      Route(LinkProtocol.path) { request in
        try await AgentLinkAPI(
          master: try gate.pass().master, exchangeLimit: configuration.exchangeLimit, logger: logger
        ).respond(to: request)
      },
      Route(both("/health"), methods: ["GET"]) { _ in
        _ = try gate.pass()
        return OutgoingResponse(status: 200)
      },
      Route("/version", methods: nil) { _ in try DocumentPages.version() },
      Route(both("/flags"), methods: ["GET"]) { _ in try DocumentPages.flags(try gate.pass().flags) },
      Route(both("/state"), methods: nil) { _ in
        let services = try gate.pass()
        return .stream(.json) { stream in
          try await StatePage.write(services) { try await stream.write($0) }
        }
      },
      Route("/metrics/snapshot", methods: nil) { request in
        try await DocumentPages.metrics(timeout: request.queryValue("timeout")) {
          try await gate.pass().master.metrics()
        }
      },
      Route(both("/redirect"), methods: nil) { _ in
        let info = try gate.pass().info
        return OutgoingResponse(status: 307, headers: ["Location": "//\(info.hostname):\(info.port)"])
      },
      // The master keeps no files yet; the endpoints say so in their own words.
    ] + FilePages.routes(FileTree())
  }

  /// The path and the same below `/master`.
  private static func both(_ path: String) -> [String] { [path, "/master" + path] }

  @Sendable private static func makeStreamID() -> String {
    var generator = SystemRandomNumberGenerator()
    return UUIDText.random(using: &generator)
  }
}
