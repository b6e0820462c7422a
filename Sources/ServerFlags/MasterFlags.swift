/// The flags of `mesos-master`: those of Apache Mesos 1.11, with its defaults.
public enum MasterFlags {
  /// The rows as a table to parse with.
  public static let table = FlagTable(
    program: "mesos-master",
    summary: "The master: admits agents and frameworks, offers resources, and keeps the state of the cluster.",
    definitions: definitions, refusedEnvironment: SharedFlags.refusedEnvironment)

  private static let security = SharedFlags.noSecurityYet
  private static let noLog = "the replicated log is not built yet"
  private static let builtIn = "this version has no other"

  /// One row a flag.
  public static let definitions: [FlagDefinition] =
    SharedFlags.definitions + [
      // Identity
      .init("port", .int, default: "5050", "Port to listen on; 0 takes a free one."),
      .init("cluster", .string, "Name of the cluster, shown to people."),
      .init(
        "require_agent_domain", .bool, default: "false",
        "Refuses agents without a domain."),
      .init(
        "webui_dir", .path, default: "/usr/share/mesos/webui", support: .notYet("there is no web interface yet"),
        "Folder with the files of the web interface."),
      .init("work_dir", .path, isRequired: true, "Folder for what the master must know after a restart."),
      .init("root_submissions", .bool, default: "true", "Whether frameworks may run as root."),
      // High availability and registry
      .init(
        "zk", .string,
        "Where masters elect their leader: zk://user:password@host1:port1,host2:port2/path. Without it this one leads."),
      .init(
        "quorum", .int, support: .notYet("the registry is local to each master: " + noLog), "Replicas that must agree."),
      .init(
        "registry", .string, default: "sqlite",
        support: .only(["sqlite", "in_memory"], otherwise: "registries are sqlite and in_memory; " + noLog),
        "Where the registry is kept: sqlite (a file in work_dir) or in_memory (lost at a restart)."),
      .init(
        "registry_strict", .bool, default: "false", support: .notYet("it never had an effect in Apache Mesos either"),
        "Acts on the registry's word alone."),
      .init(
        "registry_fetch_timeout", .duration, default: "1mins", support: .notYet("the registry is local"),
        "How long fetching the registry may take."),
      .init(
        "registry_store_timeout", .duration, default: "20secs", support: .notYet("the registry is local"),
        "How long storing the registry may take."),
      .init(
        "registry_gc_interval", .duration, default: "15mins",
        "Time between two removals of old unreachable and gone agents from the registry."),
      .init(
        "registry_max_agent_age", .duration, default: "2weeks", "How long unreachable and gone agents are kept."),
      .init(
        "registry_max_agent_count", .int, default: "102400",
        "How many unreachable agents are kept, and how many gone ones; the oldest beyond that are forgotten at once."),
      .init(
        "log_auto_initialize", .bool, default: "true", support: .notYet(noLog),
        "Starts an empty replicated log by itself."),
      .init(
        "master_contender", .string, support: .refused(SharedFlags.noModules),
        "Name of the module that stands for election as leading master."),
      // Agents
      .init(
        "agent_ping_timeout", .duration, default: "15secs", deprecatedNames: ["slave_ping_timeout"],
        "Time within which an agent must answer a ping."),
      .init(
        "max_agent_ping_timeouts", .int, default: "5", deprecatedNames: ["max_slave_ping_timeouts"],
        "Pings in a row that an agent may miss before it is unreachable."),
      .init(
        "agent_reregister_timeout", .duration, default: "10mins", deprecatedNames: ["slave_reregister_timeout"],
        "Time that agents have to come back after a new master leads, before they are unreachable."),
      .init(
        "agent_removal_rate_limit", .string, deprecatedNames: ["slave_removal_rate_limit"],
        "Most agents marked unreachable in a time, such as 1/10mins."),
      .init(
        "recovery_agent_removal_limit", .string, default: "100%", deprecatedNames: ["recovery_slave_removal_limit"],
        "Most of the agents that may be removed after a fail-over, in percent."),
      .init(
        "whitelist", .path, support: .refused("offers cannot be limited to listed agents yet"),
        "File with the agents whose resources are offered."),
      .init(
        "max_executors_per_agent", .int, support: .notYet("it only concerns a network isolator"),
        "Most executors on one agent."),
      // Allocation
      .init(
        "allocator", .string, default: "hierarchical", deprecatedNames: [],
        support: .only(["hierarchical", "HierarchicalDRF"], otherwise: builtIn), "Name of the allocator."),
      .init("allocation_interval", .duration, default: "1secs", "Time between two allocations of everything."),
      .init(
        "allocator_agent_recovery_factor", .double, default: "0.8",
        "Part of the known agents that must be back after a fail-over before offers begin."),
      .init(
        "allocator_recovery_timeout", .duration, default: "10mins",
        "Longest wait for that part of the agents."),
      .init(
        "role_sorter", .string, default: "drf",
        support: .only(["drf", "random"], otherwise: builtIn),
        "How resources are shared between roles."),
      .init(
        "framework_sorter", .string, default: "drf",
        support: .only(["drf", "random"], otherwise: builtIn),
        "How resources are shared between the frameworks of a role."),
      .init(
        "fair_sharing_excluded_resource_names", .string,
        "Resources that do not count in fair sharing, separated by commas."),
      .init(
        "filter_gpu_resources", .bool, default: "true",
        "Keeps agents with GPUs for frameworks with the GPU_RESOURCES capability."),
      .init(
        "min_allocatable_resources", .string, default: "cpus:0.01|mem:32",
        "What an offer must hold at least: any of these, separated by `|`."),
      .init("offer_timeout", .duration, "Time after which an unanswered offer is rescinded; without it, never."),
      .init("roles", .string, "Roles that may be used, separated by commas; without it, any role."),
      .init("weights", .string, "Weights of roles, such as role=weight,role=weight."),
      .init(
        "offer_constraints_re2_max_mem", .bytes, default: "4KB",
        "Most memory for one regular expression of an offer constraint."),
      .init(
        "offer_constraints_re2_max_program_size", .int, default: "100",
        "Largest program of one regular expression of an offer constraint."),
      // Security
      .init("acls", .string, "Who may do what, as JSON."),
      .init(
        "authenticate_http_readonly", .bool, default: "false",
        "Answers requests that only read to authenticated callers only."),
      .init(
        "authenticate_http_readwrite", .bool, default: "false",
        "Answers requests that change something to authenticated callers only."),
      .init(
        "authenticators", .string, default: "crammd5", support: .refused(security),
        "How frameworks and agents authenticate."),
      .init(
        "authorizers", .string, default: "local", support: .only(["local"], otherwise: SharedFlags.noModules),
        "Who decides what is allowed."),
      .init(
        "authenticate_agents", .bool, default: "false", deprecatedNames: ["authenticate_slaves"],
        support: .refused(security),
        "Admits authenticated agents only."),
      .init(
        "authenticate_frameworks", .bool, default: "false", deprecatedNames: ["authenticate"],
        support: .refused("the old protocol is not spoken; give --authenticate_http_frameworks"),
        "Admits authenticated frameworks only."),
      .init(
        "authenticate_http_frameworks", .bool, default: "false",
        "Admits authenticated frameworks only, for those on the HTTP API."),
      .init(
        "authentication_v0_timeout", .duration, default: "15secs", support: .notYet("the old protocol is not spoken"),
        "How long an authentication of the old protocol may take."),
      .init("credentials", .path, isSecret: true, "File with principals and secrets, as JSON."),
      .init(
        "http_authenticators", .string, default: "basic", support: .only(["basic"], otherwise: SharedFlags.noModules),
        "How callers of the HTTP API authenticate."),
      .init(
        "http_framework_authenticators", .string, support: .only(["basic"], otherwise: SharedFlags.noModules),
        "How frameworks on the HTTP API authenticate."),
      .init(
        "rate_limits", .string, "Most calls of frameworks a second by principal, and how many may wait, as JSON."),
      // History and observability
      .init("max_completed_frameworks", .int, default: "50", "Completed frameworks that are remembered."),
      .init(
        "max_completed_tasks_per_framework", .int, default: "1000", "Completed tasks that are remembered, by framework."
      ),
      .init(
        "max_unreachable_tasks_per_framework", .int, default: "1000",
        "Unreachable tasks that are remembered, by framework."),
      .init(
        "max_operator_event_stream_subscribers", .int, default: "1000",
        "Most subscribers to the operator event stream; beyond it the oldest is closed."),
      .init(
        "publish_per_framework_metrics", .bool, default: "true",
        "Whether metrics by framework are published."),
    ]
}
