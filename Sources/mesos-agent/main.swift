import Logging
import ReferenceAgent
import ServerFlags
import ServiceLifecycle
import ShellSupport
import UnixSignals

let parsed = CommandLineFlags.parsedOrExit(AgentFlags.table)
LoggingSetup.start(level: parsed.string("logging_level"), isQuiet: parsed.bool("quiet"))
let logger = Logger(label: "mesos-agent")
for warning in parsed.warnings { logger.warning("\(warning)") }

do {
  let agent = ReferenceAgent(configuration: try AgentConfiguration(parsed), logger: logger)
  let group = ServiceGroup(
    configuration: ServiceGroupConfiguration(
      services: [
        .init(
          service: agent, successTerminationBehavior: .gracefullyShutdownGroup,
          failureTerminationBehavior: .cancelGroup)
      ],
      gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
  try await group.run()
} catch {
  CommandLineFlags.fail("mesos-agent: \(error)")
}
