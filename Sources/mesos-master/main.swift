import Logging
import ReferenceMaster
import ServerFlags
import ServiceLifecycle
import ShellSupport
import UnixSignals

let parsed = CommandLineFlags.parsedOrExit(MasterFlags.table)
LoggingSetup.start(level: parsed.string("logging_level"), isQuiet: parsed.bool("quiet"))
let logger = Logger(label: "mesos-master")
for warning in parsed.warnings { logger.warning("\(warning)") }

do {
  let master = ReferenceMaster(configuration: try MasterConfiguration(parsed), logger: logger)
  let group = ServiceGroup(
    configuration: ServiceGroupConfiguration(
      services: [
        .init(
          service: master, successTerminationBehavior: .gracefullyShutdownGroup,
          failureTerminationBehavior: .cancelGroup)
      ],
      gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
  try await group.run()
} catch {
  CommandLineFlags.fail("mesos-master: \(error)")
}
