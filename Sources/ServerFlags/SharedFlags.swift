/// Rows that both servers have.
enum SharedFlags {
  static let noSecurityYet = "authentication of this kind is not built yet"
  static let noModules = "modules are not built yet"

  static let definitions: [FlagDefinition] = [
    .init("help", .bool, default: "false", "Prints this help and exits."),
    .init("version", .bool, default: "false", "Prints the version and exits."),
    .init("ip", .string, "Address to listen on. Without it the server listens on loopback only."),
    .init("advertise_ip", .string, "Address that others reach this server at, where it is not the one it listens on."),
    .init("advertise_port", .int, "Port that others reach this server at, where it is not the one it listens on."),
    .init("hostname", .string, "Name that this server gives for itself; without it, the name of its address."),
    .init(
      "hostname_lookup", .bool, default: "true", "Whether to look the address up for a name when no hostname is given."),
    .init("quiet", .bool, default: "false", "Logs nothing to stderr."),
    .init(
      "logging_level", .string, default: "INFO",
      support: .only(["INFO", "WARNING", "ERROR"], otherwise: "levels are INFO, WARNING and ERROR"),
      "Least level of messages that are logged: INFO, WARNING or ERROR."),
    .init("log_dir", .path, support: .notYet("messages go to stderr only"), "Folder for log files."),
    .init(
      "logbufsecs", .int, default: "0", support: .notYet("messages are never held back"),
      "Seconds to hold messages back."),
    .init(
      "initialize_driver_logging", .bool, default: "true",
      support: .notYet("there are no scheduler or executor drivers"),
      "Whether scheduler and executor drivers start logging."),
    .init(
      "external_log_file", .path, support: .notYet("log files are not served"),
      "File with this server's log, served by /files and in the web interface."),
    .init(
      "memory_profiling", .bool, default: "false", support: .notYet("there is no heap profiler"),
      "Offers heap profiles."),
    .init("modules", .string, support: .refused(noModules), "Modules to load, as JSON."),
    .init("modules_dir", .path, support: .refused(noModules), "Folder with files that list modules to load."),
    .init("hooks", .string, support: .refused(noModules), "Names of hook modules, separated by commas."),
    .init(
      "firewall_rules", .string, support: .refused("endpoints cannot be disabled yet"),
      "Endpoints that are disabled, as JSON."),
    .init(
      "domain", .string,
      "Region and zone of this machine, as JSON."),
    .init(
      "zk_session_timeout", .duration, default: "10secs",
      "How long a ZooKeeper session outlives its connection: the time until a master that died is replaced."),
    .init(
      "master_detector", .string, support: .refused(noModules), "Name of the module that finds the leading master."),
    .init(
      "ip_discovery_command", .path, support: .notYet("give --ip"), "Program that prints the address to listen on."),
  ]

  static let refusedEnvironment = [
    "LIBPROCESS_SSL_ENABLED": "TLS is not built yet, and connections would not be encrypted",
    "SSL_ENABLED": "TLS is not built yet, and connections would not be encrypted",
  ]
}
