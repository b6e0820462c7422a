import Logging
import MesosHTTP
import MesosHTTPServer
import SandboxFiles
import ServerPages
import ShellSupport
import StreamingJSON

/// Every path of the agent.
enum AgentRoutes {
  static func all(
    gate: ServicesGate<AgentServices>, files: FileTree, configuration: AgentConfiguration, verbosity: LogVerbosity,
    logger: Logger
  ) -> [Route] {
    [
      Route(both("/api/v1/executor")) { request in
        try await ExecutorAPI(
          agent: try gate.pass().agent, bodyLimit: configuration.bodyLimit,
          streamLimit: configuration.executorStreamLimit
        ).respond(to: request)
      },
      Route(both("/api/v1/resource_provider")) { request in
        try await ResourceProviderAPI(
          agent: try gate.pass().agent, bodyLimit: configuration.bodyLimit,
          streamLimit: configuration.executorStreamLimit
        ).respond(to: request)
      },
      Route(both("/api/v1")) { request in
        try await OperatorAPI(
          services: try gate.pass(), bodyLimit: configuration.bodyLimit, verbosity: verbosity, logger: logger
        ).respond(to: request)
      },
      Route(both("/health"), methods: ["GET"]) { _ in
        _ = try gate.pass()
        return OutgoingResponse(status: 200)
      },
      Route("/version", methods: nil) { try await LegacyPage.adapt(DocumentPages.version(), to: $0) },
      Route(both("/flags"), methods: ["GET"]) { request in
        try await LegacyPage.adapt(DocumentPages.flags(try gate.pass().flags), to: request)
      },
      Route(both("/state"), methods: nil) { request in
        let services = try gate.pass()
        return try await LegacyPage.respond(to: request, isSmall: false) { try await StatePage.write(services, to: $0) }
      },
      Route(both("/containers"), methods: nil) { request in
        let (services, id) = (try gate.pass(), request.queryValue("container_id"))
        return try await LegacyPage.respond(to: request, isSmall: true) {
          try await StatePage.containers(services, only: id, withStatus: true, to: $0)
        }
      },
      Route(["/monitor/statistics"] + both("/monitor/statistics"), methods: nil) { request in
        let services = try gate.pass()
        return try await LegacyPage.respond(to: request, isSmall: true) {
          try await StatePage.containers(services, only: nil, withStatus: false, to: $0)
        }
      },
      LoggingPage.route(verbosity),
      Route("/metrics", methods: ["GET"]) { _ in PrometheusText.respond(try await gate.pass().metrics()) },
      Route("/metrics/snapshot", methods: nil) { request in
        let page = try await DocumentPages.metrics(timeout: request.queryValue("timeout")) {
          try await gate.pass().metrics()
        }
        return try await LegacyPage.adapt(page, to: request)
      },
      Route("/files/debug", methods: nil) { _ in
        try DocumentPages.document { page throws(StreamingJSONError) in
          for attachment in files.attachments { try page.field(attachment.virtualPath, attachment.realPath) }
        }
      },
    ] + FilePages.routes(files)
  }

  /// The path and the same below `/slave(1)`.
  private static func both(_ path: String) -> [String] { [path, "/slave(1)" + path] }
}
