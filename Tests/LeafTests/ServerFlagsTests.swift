import Foundation
import Testing

@testable import ServerFlags

@Suite struct FlagTextTests {
  // What a running Apache Mesos 1.11 showed for these values.
  @Test(arguments: [
    ("365days", "365days"), ("90mins", "90mins"), ("1500ms", "1500ms"), ("61secs", "61secs"),
    ("1.23456789secs", "1.23456789secs"), ("100000secs", "1.15740740740741days"), ("1500ns", "1500ns"),
    ("0.5secs", "500ms"), ("10days", "10days"), ("1us", "1us"), ("0ns", "0ns"), ("60secs", "1mins"),
    ("14days", "2weeks"),
    ("3600secs", "1hrs"), ("1weeks", "1weeks"),
  ])
  func `durations are read and written as in Apache Mesos`(given: String, shown: String) throws {
    #expect(FlagText.text(try FlagText.duration(given)) == shown)
    #expect(try FlagText.duration(given).components.seconds >= 0)
  }

  @Test(arguments: [
    ("5", "Invalid duration '5'"), ("xsecs", "Failed to convert '' to number"),
    ("-5secs", "Failed to convert '' to number"),
    ("", "Invalid duration ''"), ("1.2.3secs", "Failed to convert '1.2.3' to number"),
    (
      "5min",
      "Unknown duration unit 'min'; supported units are 'ns', 'us', 'ms', 'secs', 'mins', 'hrs', 'days', and 'weeks'"
    ), ("99999999999weeks", "Argument out of the range that a Duration can represent"),
  ])
  func `a malformed duration gets the words of Apache Mesos`(given: String, message: String) throws {
    #expect(try #require(throws: FlagText.Malformed.self) { try FlagText.duration(given) }.message == message)
  }

  @Test(arguments: [
    ("4KB", "4KB"), ("1500KB", "1500KB"), ("2048MB", "2GB"), ("0B", "0B"), ("1TB", "1TB"), ("1025B", "1025B"),
  ])
  func `sizes are read and written as in Apache Mesos`(given: String, shown: String) throws {
    #expect(FlagText.text(bytes: try FlagText.bytes(given)) == shown)
  }

  @Test(arguments: ["5", "MB", "1.5GB", "-1B", "1XB", "99999999999999999999B", "17000000TB"])
  func `a malformed size is refused`(given: String) {
    #expect(throws: FlagText.Malformed.self) { try FlagText.bytes(given) }
  }

  @Test(arguments: [
    (0.8, "0.8"), (0.1, "0.1"), (1.0, "1"), (1.15740740740740744, "1.15740740740741"), (-2.5, "-2.5"), (100, "100"),
    (0.999_999_999_999_999_9, "1"), (12345.678, "12345.678"),
  ])
  func `numbers are written with fifteen digits`(number: Double, text: String) {
    #expect(FlagText.text(number) == text)
  }
}

@Suite struct FlagParsingTests {
  private let table = FlagTable(
    program: "test", summary: "A server for tests.",
    definitions: [
      .init("help", .bool, default: "false", "Help."), .init("version", .bool, default: "false", "Version."),
      .init("work_dir", .path, isRequired: true, "Folder."), .init("quiet", .bool, default: "false", "Quiet."),
      .init("ping_timeout", .duration, default: "15secs", deprecatedNames: ["slave_ping_timeout"], "Ping."),
      .init("count", .int, default: "3", "Count."), .init("factor", .double, default: "0.8", "Factor."),
      .init("size", .bytes, default: "2GB", "Size."), .init("roles", .string, "Roles."),
      .init("token", .int, isSecret: true, "Secret."), .init("secret", .string, isSecret: true, "Secret."),
      .init("kind", .string, default: "a", support: .only(["a", "b"], otherwise: "only a and b are built"), "Kind."),
      .init("parts", .string, default: "x,y", support: .onlyListOf(["x", "y"], otherwise: "no more"), "Parts."),
      .init("later", .string, default: "d", support: .notYet("not built"), "Later."),
      .init("guard", .bool, default: "false", support: .refused("nothing guards yet"), "Guard."),
    ], refusedEnvironment: ["SSL_ENABLED": "no TLS yet"])

  private func parse(
    _ arguments: String..., environment: [String: String] = [:], files: [String: String] = [:]
  ) throws(FlagError) -> ParsedFlags {
    try table.parse(arguments: ["--work_dir=/w"] + arguments, environment: environment) { path throws(FlagFileError) in
      guard let text = files[path] else { throw FlagFileError("No such file or directory") }
      return text
    }
  }

  @Test func `defaults hold when nothing is given`() throws {
    let flags = try parse()
    #expect(flags.string("work_dir") == "/w")
    #expect(!flags.bool("quiet"))
    #expect(flags.duration("ping_timeout") == .seconds(15))
    #expect(flags.int("count") == 3)
    #expect(flags.double("factor") == 0.8)
    #expect(flags.bytes("size") == 2 << 30)
    #expect(flags.stringIfSet("roles") == nil)
    #expect(flags.warnings.isEmpty)
    #expect(flags.given == ["work_dir"])
  }

  @Test func `values, booleans and the environment follow the rules of Apache Mesos`() throws {
    let flags = try parse(
      "--quiet", "--count=-4", "--roles=a=b,c", "--ping_timeout=1.5mins",
      environment: ["MESOS_COUNT": "9", "MESOS_SIZE": "10MB", "MESOS_UNKNOWN": "1", "MESOS_FACTOR": "1"])
    #expect(flags.bool("quiet"))
    #expect(flags.int("count") == -4)
    #expect(flags.string("roles") == "a=b,c")
    #expect(flags.duration("ping_timeout") == .seconds(90))
    #expect(flags.bytes("size") == 10 << 20)
    #expect(flags.double("factor") == 1)
    #expect(try parse("--no-quiet", environment: ["MESOS_QUIET": "1"]).bool("quiet") == false)
    #expect(try parse("--quiet=0", environment: ["MESOS_QUIET": "1"]).bool("quiet") == false)
    #expect(try parse("--roles=").string("roles") == "")
    #expect(try parse("--", "--nonsense").bool("quiet") == false)
  }

  @Test func `a file stands for its content, and for a path flag for itself`() throws {
    let flags = try table.parse(arguments: [
      "--work_dir=file:///data", "--count=file:///count", "--roles=file:///roles",
    ]) {
      path throws(FlagFileError) in path == "/count" ? "12\n" : "a,b\n"
    }
    #expect(flags.string("work_dir") == "/data")
    #expect(flags.int("count") == 12)
    #expect(flags.string("roles") == "a,b")
    let error = try #require(throws: FlagError.self) { try parse("--roles=file:///none") }
    #expect(error.code == .unreadableFile)
    #expect(
      error.message
        == "Failed to load flag 'roles': Failed to load value 'file:///none': Error reading file '/none': No such file or directory"
    )
  }

  @Test func `files are read from the disk`() throws {
    let folder = try TemporaryFolder()
    try folder.write("7\n", to: "count")
    #expect(try table.parse(arguments: ["--work_dir=/w", "--count=file://" + folder.file("count")]).int("count") == 7)
    for path in [folder.path, folder.file("none")] {
      #expect(throws: FlagError.self) { try table.parse(arguments: ["--work_dir=/w", "--count=file://" + path]) }
    }
  }

  @Test(arguments: [
    ("--nonsense=1", FlagError.Code.unknown, "Failed to load unknown flag 'nonsense'"),
    ("--count", .notBoolean, "Failed to load non-boolean flag 'count': Missing value"),
    ("--no-count", .notBoolean, "Failed to load non-boolean flag 'count' via 'no-count'"),
    ("--no-quiet=true", .malformed, "Failed to load boolean flag 'quiet' via 'no-quiet' with a value"),
    (
      "--quiet=yes", .malformed,
      "Failed to load flag 'quiet': Failed to load value 'yes': Expecting a boolean (e.g., true or false)"
    ),
    (
      "--count=abc", .malformed,
      "Failed to load flag 'count': Failed to load value 'abc': Failed to convert into required type"
    ),
    ("--work_dir=/again", .duplicate, "Flag 'work_dir' is given twice"),
    ("stray", .unexpectedArgument, "Unexpected argument 'stray'"),
    ("-h", .unexpectedArgument, "Unexpected argument '-h'"),
    ("--kind=c", .unsupported, "only a and b are built"), ("--parts=x,z", .unsupported, "'z' cannot be used: no more"),
    ("--guard", .unsupported, "nothing guards yet"),
  ])
  func `bad flags are refused with a clear text`(argument: String, code: FlagError.Code, text: String) throws {
    let error = try #require(throws: FlagError.self) { try parse(argument) }
    #expect(error.code == code)
    #expect(error.message.contains(text), "\(error.message)")
  }

  @Test(arguments: [
    ("--quite", "quiet"), ("--ping-timeout=1secs", "ping_timeout"), ("--workdir=/x", "work_dir"),
    ("--no-qiet", "quiet"),
  ])
  func `an unknown flag suggests the known one`(argument: String, suggestion: String) throws {
    let error = try #require(throws: FlagError.self) { try parse(argument) }
    #expect(error.suggestions.first == suggestion)
    #expect(error.message.contains("Did you mean '\(suggestion)'"))
  }

  @Test func `a required flag that is missing is named`() throws {
    let error = try #require(throws: FlagError.self) { try table.parse(arguments: []) }
    #expect(error.code == .missing)
    #expect(error.message == "Flag 'work_dir' is required, but it was not provided")
    #expect(try table.parse(arguments: ["--help"]).wantsHelp)
    #expect(try table.parse(arguments: ["--version"]).wantsVersion)
  }

  @Test func `flags without effect and old names are warned of`() throws {
    let flags = try parse("--later=x", "--slave_ping_timeout=20secs")
    #expect(flags.duration("ping_timeout") == .seconds(20))
    #expect(
      flags.warnings == [
        "Flag 'later' has no effect: not built", "'slave_ping_timeout' is an old name: use 'ping_timeout'",
      ])
    #expect(try parse("--later=d", "--no-guard", "--kind=b", "--parts=y").warnings.isEmpty)
    #expect(try parse(environment: ["MESOS_SLAVE_PING_TIMEOUT": "1secs"]).warnings.count == 1)
    #expect(throws: FlagError.self) { try parse("--ping_timeout=1secs", "--slave_ping_timeout=1secs") }
  }

  @Test func `what somebody relies on for safety is never ignored`() throws {
    #expect(throws: FlagError.self) { try parse(environment: ["MESOS_GUARD": "true"]) }
    let error = try #require(throws: FlagError.self) { try parse(environment: ["SSL_ENABLED": "true"]) }
    #expect(error.code == .unsupported)
    #expect(try parse(environment: ["SSL_ENABLED": "false"]).warnings.isEmpty)
  }

  @Test func `secrets never show`() throws {
    let flags = try parse("--secret=hunter2")
    #expect(flags.rendered.first { $0.name == "secret" }?.value == "<redacted>")
    #expect(flags.string("secret") == "hunter2")
    let error = try #require(throws: FlagError.self) { try parse("--token=hunter2") }
    #expect(!error.message.contains("hunter2"))
  }

  @Test func `a value found at the start is shown`() throws {
    var flags = try parse()
    flags.resolve("roles", to: .string("found"))
    #expect(flags.rendered.first { $0.name == "roles" }?.value == "found")
    #expect(flags.rendered.map(\.name) == flags.rendered.map(\.name).sorted())
  }

  @Test func `the help names every flag in lines that fit`() {
    for table in [table, MasterFlags.table, AgentFlags.table] {
      let lines = table.helpText.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(lines.allSatisfy { $0.count <= 110 })
      for definition in table.definitions {
        #expect(table.helpText.contains("--" + (definition.kind == .bool ? "[no-]" : "") + definition.name))
        #expect(table.markdown.contains("| `--\(definition.name)` |"))
      }
    }
    #expect(FlagsDocument.markdown.contains("## mesos-agent"))
  }
}

@Suite struct ServerFlagTableTests {
  /// What GET_FLAGS of Apache Mesos 1.11 showed, but for what its start gave or the machine decided.
  private static let master = """
    agent_ping_timeout=15secs agent_reregister_timeout=10mins allocation_interval=1secs allocator=hierarchical \
    allocator_agent_recovery_factor=0.8 allocator_recovery_timeout=10mins authenticate_agents=false authenticate_frameworks=false \
    authenticate_http_frameworks=false authenticate_http_readonly=false authenticate_http_readwrite=false \
    authentication_v0_timeout=15secs authenticators=crammd5 authorizers=local filter_gpu_resources=true framework_sorter=drf help=false \
    hostname_lookup=true http_authenticators=basic initialize_driver_logging=true log_auto_initialize=true logbufsecs=0 \
    logging_level=INFO max_agent_ping_timeouts=5 max_completed_frameworks=50 max_completed_tasks_per_framework=1000 \
    max_operator_event_stream_subscribers=1000 max_unreachable_tasks_per_framework=1000 memory_profiling=false \
    min_allocatable_resources=cpus:0.01|mem:32 offer_constraints_re2_max_mem=4KB offer_constraints_re2_max_program_size=100 port=5050 \
    publish_per_framework_metrics=true quiet=false recovery_agent_removal_limit=100% registry_fetch_timeout=1mins \
    registry_gc_interval=15mins registry_max_agent_age=2weeks registry_max_agent_count=102400 registry_store_timeout=20secs \
    registry_strict=false require_agent_domain=false role_sorter=drf root_submissions=true version=false \
    webui_dir=/usr/share/mesos/webui zk_session_timeout=10secs
    """
  private static let agent = """
    appc_simple_discovery_uri_prefix=http:// appc_store_dir=/tmp/mesos/store/appc authenticate_http_executors=false \
    authenticate_http_readonly=false authenticate_http_readwrite=false authenticatee=crammd5 authentication_backoff_factor=1secs \
    authentication_timeout_max=1mins authentication_timeout_min=5secs authorizer=local cgroups_cpu_enable_pids_and_tids_count=false \
    cgroups_destroy_timeout=1mins cgroups_enable_cfs=false cgroups_hierarchy=/sys/fs/cgroup cgroups_limit_swap=false cgroups_root=mesos \
    container_disk_watch_interval=15secs containerizers=mesos default_role=* disallow_sharing_agent_ipc_namespace=false \
    disallow_sharing_agent_pid_namespace=false disk_watch_interval=1mins docker=docker docker_ignore_runtime=false \
    docker_kill_orphans=true docker_registry=https://registry-1.docker.io docker_remove_delay=6hrs docker_socket=/var/run/docker.sock \
    docker_stop_timeout=0ns docker_store_dir=/tmp/mesos/store/docker \
    docker_volume_checkpoint_dir=/var/run/mesos/isolators/docker/volume docker_volume_chown=false enforce_container_disk_quota=false \
    executor_registration_timeout=1mins executor_reregistration_timeout=2secs executor_shutdown_grace_period=5secs \
    fetcher_cache_size=2GB fetcher_stall_timeout=1mins frameworks_home= gc_delay=1weeks gc_disk_headroom=0.1 \
    gc_non_executor_container_sandboxes=false help=false hostname_lookup=true http_command_executor=false \
    http_executor_domain_sockets=false http_heartbeat_interval=30secs initialize_driver_logging=true isolation=posix/cpu,posix/mem \
    launcher=posix logbufsecs=0 logging_level=INFO max_completed_executors_per_framework=150 memory_profiling=false \
    network_cni_metrics=true network_cni_root_dir_persist=false oversubscribed_resources_interval=15secs perf_duration=10secs \
    perf_interval=1mins port=5051 qos_correction_interval_min=0ns quiet=false reconfiguration_policy=equal recover=reconnect \
    recovery_timeout=15mins registration_backoff_factor=1secs revocable_cpu_low_priority=true sandbox_directory=/mnt/mesos/sandbox \
    strict=true switch_user=true systemd_enable_support=false systemd_runtime_directory=/run/systemd/system version=false \
    zk_session_timeout=10secs
    """

  private func expected(_ text: String) -> [String: String] {
    Dictionary(
      uniqueKeysWithValues: text.split(separator: " ").map {
        let parts = $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), String(parts[1]))
      })
  }

  @Test func `the master's defaults are those of Apache Mesos`() throws {
    let flags = try MasterFlags.table.parse(arguments: ["--work_dir=/w"])
    #expect(flags.warnings.isEmpty)
    var shown = Dictionary(uniqueKeysWithValues: flags.rendered.map { ($0.name, $0.value) })
    #expect(shown.removeValue(forKey: "work_dir") == "/w")
    #expect(shown.removeValue(forKey: "registry") == "sqlite")
    #expect(shown == expected(Self.master))
  }

  @Test func `the agent's defaults are those of Apache Mesos`() throws {
    let flags = try AgentFlags.table.parse(arguments: ["--work_dir=/w", "--master=127.0.0.1:5050"])
    #expect(flags.warnings.isEmpty)
    var shown = Dictionary(uniqueKeysWithValues: flags.rendered.map { ($0.name, $0.value) })
    #expect(shown.removeValue(forKey: "work_dir") == "/w")
    #expect(shown.removeValue(forKey: "master") == "127.0.0.1:5050")
    #expect(shown.removeValue(forKey: "runtime_dir") == "/var/run/mesos")
    #expect(shown.removeValue(forKey: "fetcher_cache_dir") == "/tmp/mesos/fetch")
    #expect(shown == expected(Self.agent))
  }

  @Test func `the credentials of a ZooKeeper address are not shown`() throws {
    let master = try MasterFlags.table.parse(arguments: ["--work_dir=/w", "--zk=zk://user:se@cret@h1,h2:2181/mesos"])
    #expect(master.string("zk") == "zk://user:se@cret@h1,h2:2181/mesos")
    #expect(master.rendered.first { $0.name == "zk" }?.value == "zk://<redacted>@h1,h2:2181/mesos")
    let agent = try AgentFlags.table.parse(arguments: ["--work_dir=/w", "--master=zk://h1,h2:2181/mesos"])
    #expect(agent.rendered.first { $0.name == "master" }?.value == "zk://h1,h2:2181/mesos")
    // Known, without effect while the registry is each master's own.
    #expect(try MasterFlags.table.parse(arguments: ["--work_dir=/w", "--quorum=2"]).warnings.count == 1)
  }

  @Test(arguments: [
    ["--authorizers=other"], ["--http_authenticators=kerberos"], ["--authenticate_agents"],
    ["--authenticate_frameworks"], ["--registry=replicated_log"], ["--authenticators=other"], ["--firewall_rules={}"],
  ])
  func `a master does not start without the safety that was asked for`(arguments: [String]) throws {
    let error = try #require(throws: FlagError.self) {
      try MasterFlags.table.parse(arguments: ["--work_dir=/w"] + arguments)
    }
    #expect(error.code == .unsupported)
  }

  @Test(arguments: [
    ["--isolation=cgroups/cpu"], ["--containerizers=docker,mesos"], ["--launcher=linux"], ["--credential=/c"],
    ["--seccomp_profile_name=p"], ["--authenticate_http_executors"], ["--modules={}"],
  ])
  func `an agent does not start without the safety that was asked for`(arguments: [String]) throws {
    let error = try #require(throws: FlagError.self) {
      try AgentFlags.table.parse(arguments: ["--work_dir=/w", "--master=h:1"] + arguments)
    }
    #expect(error.code == .unsupported)
  }

  @Test func `every default is a value of its flag`() throws {
    for table in [MasterFlags.table, AgentFlags.table] {
      let flags = try table.parse(arguments: ["--help"])
      for definition in table.definitions where definition.defaultText != nil && definition.name != "help" {
        #expect(flags.values[definition.name]?.text == definition.defaultText, "\(definition.name)")
      }
    }
  }
}
