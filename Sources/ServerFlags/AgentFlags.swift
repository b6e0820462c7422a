/// The flags of `mesos-agent`: those of Apache Mesos 1.11, with its defaults.
public enum AgentFlags {
  /// The rows as a table to parse with.
  public static let table = FlagTable(
    program: "mesos-agent",
    summary: "The agent: offers the resources of its machine through a master, and runs executors and tasks on it.",
    definitions: definitions, refusedEnvironment: SharedFlags.refusedEnvironment)

  private static let security = SharedFlags.noSecurityYet
  private static let noDocker = "Docker containers are not built yet"
  private static let noImages = "container images are not built yet"
  private static let noCgroups = "cgroups isolation is not built yet"
  private static let noNetwork = "network isolation is not built yet"
  private static let noOversubscription = "oversubscription is not built yet"
  private static let noCSI = "storage by CSI is not built yet"
  private static let notIsolated = "tasks would not be confined as asked for"

  /// One row a flag.
  public static let definitions: [FlagDefinition] =
    SharedFlags.definitions + identity + containers + cgroups + images + docker + disk + network + executors + recovery
    + securityRows + storage

  private static let identity: [FlagDefinition] = [
    .init(
      "master", .string, isRequired: true,
      "Where the master is: host:port, or zk://user:password@host1:port1,host2:port2/path."),
    .init("port", .int, default: "5051", "Port to listen on; 0 takes a free one."),
    .init("ip6", .string, support: .notYet("IPv6 is not built yet"), "IPv6 address of this machine."),
    .init(
      "ip6_discovery_command", .path, support: .notYet("IPv6 is not built yet"), "Program that prints the IPv6 address."
    ),
    .init("attributes", .string, "Attributes of this machine, such as rack:r1;level:2.5."),
    .init("resources", .string, "Resources to offer, such as cpus:4;mem:4096, or JSON; what is not given is detected."),
    .init("default_role", .string, default: "*", "Role of the resources that name none."),
    .init(
      "work_dir", .path, isRequired: true, "Folder for sandboxes and for what the agent must know after a restart."),
    .init(
      "runtime_dir", .path, default: "/var/run/mesos", support: .notYet("run-time files are in work_dir"),
      "Folder for what a restart of the machine may lose."),
    .init("launcher_dir", .path, "Folder with the programs that the agent starts; without it, the agent's own."),
    .init(
      "sandbox_directory", .path, default: "/mnt/mesos/sandbox", support: .notYet(noImages),
      "Where a container with an image sees its sandbox."),
  ]

  private static let containers: [FlagDefinition] = [
    .init(
      "containerizers", .string, default: "mesos", support: .only(["mesos"], otherwise: noDocker),
      "Kinds of containers, separated by commas."),
    .init(
      "isolation", .string, default: "posix/cpu,posix/mem",
      support: .onlyListOf(["posix/cpu", "posix/mem"], otherwise: notIsolated),
      "How containers are isolated, separated by commas."),
    .init(
      "launcher", .string, default: "posix",
      support: .only(["posix"], otherwise: "the linux launcher is not built yet"),
      "How containers are started."),
    .init(
      "agent_features", .string, support: .notYet("every feature is on"), "Capabilities that the agent uses, as JSON."),
    .init(
      "agent_subsystems", .string, deprecatedNames: ["slave_subsystems"], support: .notYet(noCgroups),
      "cgroups subsystems to put the agent itself in."),
    .init(
      "default_container_info", .string, support: .refused(notIsolated),
      "Container of executors that name none, as JSON."),
    .init("default_container_dns", .string, support: .notYet(noNetwork), "DNS of containers by network, as JSON."),
    .init("default_container_shm_size", .bytes, support: .notYet(noImages), "Size of a container's own /dev/shm."),
    .init(
      "disallow_sharing_agent_ipc_namespace", .bool, default: "false", support: .refused(notIsolated),
      "Refuses containers that share the agent's IPC namespace."),
    .init(
      "disallow_sharing_agent_pid_namespace", .bool, default: "false", support: .refused(notIsolated),
      "Refuses containers that share the agent's pid namespace."),
    .init("effective_capabilities", .string, support: .refused(notIsolated), "Capabilities that tasks have, as JSON."),
    .init(
      "bounding_capabilities", .string, support: .refused(notIsolated), "Capabilities that tasks may gain, as JSON."),
    .init("seccomp_config_dir", .path, support: .refused(notIsolated), "Folder with seccomp profiles."),
    .init(
      "seccomp_profile_name", .string, support: .refused(notIsolated), "Seccomp profile of containers that name none."),
    .init("allowed_devices", .string, support: .refused(notIsolated), "Devices that containers may use, as JSON."),
    .init(
      "nvidia_gpu_devices", .string, support: .notYet("GPUs are not offered specially"),
      "GPUs to offer, separated by commas."),
    .init(
      "host_path_volume_force_creation", .string, support: .notYet("host volumes are not built yet"),
      "Paths under which missing host volumes are created, separated by colons."),
    .init("switch_user", .bool, default: "true", "Runs tasks as the user of their framework or command."),
    .init(
      "volume_gid_range", .string, support: .notYet("shared volumes are not built yet"),
      "Groups for volumes shared by users."),
    .init(
      "systemd_enable_support", .bool, default: "false", support: .notYet("the agent does not speak with systemd"),
      "Keeps executors alive over a restart of the agent's systemd unit."),
    .init(
      "systemd_runtime_directory", .path, default: "/run/systemd/system",
      support: .notYet("the agent does not speak with systemd"), "Folder of systemd units at run time."),
    .init(
      "container_logger", .string, support: .refused(SharedFlags.noModules), "Module that takes what containers print."),
    .init(
      "http_command_executor", .bool, default: "false",
      support: .notYet("the command executor speaks the HTTP API always"),
      "Has the command executor speak the HTTP API."),
  ]

  private static let cgroups: [FlagDefinition] = [
    .init(
      "cgroups_hierarchy", .path, default: "/sys/fs/cgroup", support: .notYet(noCgroups), "Where cgroups are mounted."),
    .init(
      "cgroups_root", .string, default: "mesos", support: .notYet(noCgroups),
      "cgroup under which the agent makes its own."),
    .init("cgroups_enable_cfs", .bool, default: "false", support: .refused(noCgroups), "Limits tasks to their cpus."),
    .init(
      "cgroups_limit_swap", .bool, default: "false", support: .refused(noCgroups), "Limits memory and swap together."),
    .init(
      "cgroups_destroy_timeout", .duration, default: "1mins", support: .notYet(noCgroups),
      "How long destroying a cgroup may take."),
    .init(
      "cgroups_cpu_enable_pids_and_tids_count", .bool, default: "false", support: .notYet(noCgroups),
      "Counts processes and threads of containers."),
    .init(
      "cgroups_net_cls_primary_handle", .string, support: .notYet(noCgroups), "Primary handle of the net_cls subsystem."
    ),
    .init(
      "cgroups_net_cls_secondary_handles", .string, support: .notYet(noCgroups),
      "Secondary handles of the net_cls subsystem."),
    .init(
      "revocable_cpu_low_priority", .bool, default: "true", support: .notYet(noOversubscription),
      "Runs containers on revocable cpus with low priority."),
    .init("perf_events", .string, support: .notYet(noCgroups), "Performance counters to sample, separated by commas."),
    .init("perf_interval", .duration, default: "1mins", support: .notYet(noCgroups), "Time between two samples."),
    .init("perf_duration", .duration, default: "10secs", support: .notYet(noCgroups), "Length of a sample."),
  ]

  private static let images: [FlagDefinition] = [
    .init("image_providers", .string, support: .refused(noImages), "Kinds of container images, separated by commas."),
    .init(
      "image_provisioner_backend", .string, support: .notYet(noImages), "How a root file system is made from layers."),
    .init("image_gc_config", .string, support: .notYet(noImages), "When unused image layers are removed, as JSON."),
    .init(
      "docker_registry", .string, default: "https://registry-1.docker.io", support: .notYet(noImages),
      "Where images come from."),
    .init(
      "docker_store_dir", .path, default: "/tmp/mesos/store/docker", support: .notYet(noImages),
      "Folder for Docker images."),
    .init(
      "docker_config", .string, isSecret: true, support: .refused(noImages),
      "Docker's configuration with credentials, as JSON."),
    .init(
      "docker_ignore_runtime", .bool, default: "false", support: .notYet(noImages),
      "Ignores an image's run-time settings."),
    .init(
      "docker_volume_checkpoint_dir", .path, default: "/var/run/mesos/isolators/docker/volume",
      support: .notYet(noDocker),
      "Folder for what is known about Docker volumes."),
    .init(
      "docker_volume_chown", .bool, default: "false", support: .notYet(noDocker),
      "Gives Docker volumes to the task's user."),
    .init(
      "appc_store_dir", .path, default: "/tmp/mesos/store/appc", support: .notYet(noImages), "Folder for Appc images."),
    .init(
      "appc_simple_discovery_uri_prefix", .string, default: "http://", support: .notYet(noImages),
      "Where Appc images come from."),
  ]

  private static let docker: [FlagDefinition] = [
    .init("docker", .path, default: "docker", support: .notYet(noDocker), "The docker program."),
    .init("docker_socket", .path, default: "/var/run/docker.sock", support: .notYet(noDocker), "Docker's socket."),
    .init(
      "docker_remove_delay", .duration, default: "6hrs", support: .notYet(noDocker),
      "When stopped containers are removed."),
    .init(
      "docker_stop_timeout", .duration, default: "0ns", support: .notYet(noDocker),
      "Time between stopping and killing a container."),
    .init(
      "docker_kill_orphans", .bool, default: "true", support: .notYet(noDocker),
      "Kills containers that no executor owns."),
    .init("docker_mesos_image", .string, support: .refused(noDocker), "Image in which the agent itself runs."),
  ]

  private static let disk: [FlagDefinition] = [
    .init(
      "enforce_container_disk_quota", .bool, default: "false", support: .refused("disk quotas are not built yet"),
      "Kills containers that use more disk than they have."),
    .init(
      "container_disk_watch_interval", .duration, default: "15secs", support: .notYet("disk quotas are not built yet"),
      "Time between two looks at a container's use of disk."),
    .init(
      "disk_watch_interval", .duration, default: "1mins",
      "Time between two looks at the disk."),
    .init(
      "gc_delay", .duration, default: "1weeks",
      "How long old sandboxes are kept at most."),
    .init(
      "gc_disk_headroom", .double, default: "0.1",
      "Part of the disk to keep free."),
    .init(
      "gc_non_executor_container_sandboxes", .bool, default: "false",
      support: .notYet("there are no such containers yet"),
      "Removes sandboxes of nested and standalone containers as well."),
    .init(
      "xfs_project_range", .string, support: .notYet("disk quotas are not built yet"), "Project ids for quotas on XFS."),
    .init(
      "xfs_kill_containers", .bool, support: .refused("disk quotas are not built yet"),
      "Kills containers over their XFS quota."),
    .init("xfs_quota_headroom", .bytes, support: .notYet("disk quotas are not built yet"), "Room above the XFS quota."),
  ]

  private static let network: [FlagDefinition] = [
    .init(
      "network_cni_config_dir", .string, support: .refused(noNetwork), "Folders with CNI networks, separated by colons."
    ),
    .init(
      "network_cni_plugins_dir", .string, support: .refused(noNetwork), "Folders with CNI plugins, separated by colons."
    ),
    .init(
      "network_cni_root_dir_persist", .bool, default: "false", support: .notYet(noNetwork),
      "Keeps CNI state over a reboot."),
    .init("network_cni_metrics", .bool, default: "true", support: .notYet(noNetwork), "Publishes metrics of CNI."),
    .init(
      "enforce_container_ports", .bool, support: .refused("ports are not enforced yet"),
      "Kills containers that use others' ports."),
    .init(
      "container_ports_watch_interval", .duration, support: .notYet("ports are not enforced yet"),
      "Time between two looks at ports."),
    .init(
      "container_ports_isolated_range", .string, support: .refused("ports are not enforced yet"),
      "Ports that are enforced."),
    .init(
      "check_agent_port_range_only", .bool, support: .notYet("ports are not enforced yet"),
      "Enforces only the agent's own ports."),
    .init("ephemeral_ports_per_container", .int, support: .notYet(noNetwork), "Ephemeral ports of a container."),
    .init("eth0_name", .string, support: .notYet(noNetwork), "The public network interface."),
    .init("lo_name", .string, support: .notYet(noNetwork), "The loopback network interface."),
    .init(
      "egress_rate_limit_per_container", .string, support: .refused(noNetwork),
      "Limit of a container's outgoing traffic."),
    .init("egress_rate_per_cpu", .string, support: .refused(noNetwork), "Limit of outgoing traffic, by cpu."),
    .init("minimum_egress_rate_limit", .string, support: .notYet(noNetwork), "Least limit of outgoing traffic."),
    .init("maximum_egress_rate_limit", .string, support: .notYet(noNetwork), "Greatest limit of outgoing traffic."),
    .init("egress_ceil_limit", .string, support: .notYet(noNetwork), "Ceiling of outgoing traffic."),
    .init("egress_burst", .string, support: .notYet(noNetwork), "Burst of outgoing traffic."),
    .init(
      "egress_unique_flow_per_container", .bool, support: .notYet(noNetwork), "Gives each container a flow of its own."),
    .init("egress_flow_classifier_parent", .string, support: .notYet(noNetwork), "Parent of the flow classifier."),
    .init(
      "ingress_rate_limit_per_container", .string, support: .refused(noNetwork),
      "Limit of a container's incoming traffic."),
    .init("ingress_rate_per_cpu", .string, support: .refused(noNetwork), "Limit of incoming traffic, by cpu."),
    .init("minimum_ingress_rate_limit", .string, support: .notYet(noNetwork), "Least limit of incoming traffic."),
    .init("maximum_ingress_rate_limit", .string, support: .notYet(noNetwork), "Greatest limit of incoming traffic."),
    .init("ingress_ceil_limit", .string, support: .notYet(noNetwork), "Ceiling of incoming traffic."),
    .init("ingress_burst", .string, support: .notYet(noNetwork), "Burst of incoming traffic."),
    .init(
      "ingress_isolate_existing_containers", .bool, support: .refused(noNetwork),
      "Limits containers found at a restart too."),
    .init("network_link_speed", .string, support: .notYet(noNetwork), "Speed of the network interface."),
    .init(
      "network_enable_socket_statistics_summary", .bool, support: .notYet(noNetwork), "Collects a summary of sockets."),
    .init(
      "network_enable_socket_statistics_details", .bool, support: .notYet(noNetwork), "Collects details of sockets."),
    .init("network_enable_snmp_statistics", .bool, support: .notYet(noNetwork), "Collects SNMP statistics."),
    .init("network_enable_rate_statistics", .bool, support: .notYet(noNetwork), "Collects rates of traffic."),
    .init("network_rate_statistics_window", .duration, support: .notYet(noNetwork), "Window of rates of traffic."),
    .init(
      "network_rate_statistics_interval", .duration, support: .notYet(noNetwork), "Time between two samples of rates."),
  ]

  private static let executors: [FlagDefinition] = [
    .init("executor_registration_timeout", .duration, default: "1mins", "Time that a new executor has to subscribe."),
    .init(
      "executor_reregistration_timeout", .duration, default: "2secs",
      "Time that executors have to subscribe again after the agent restarts."),
    .init(
      "executor_reregistration_retry_interval", .duration, support: .notYet("executors subscribe by themselves"),
      "Time between two reminders to executors of the old protocol."),
    .init(
      "executor_shutdown_grace_period", .duration, default: "5secs", "Time that executors have to end by themselves."),
    .init(
      "executor_environment_variables", .string,
      "Environment of executors, as a JSON object; without it, the agent's own."),
    .init(
      "max_completed_executors_per_framework", .int, default: "150",
      "Completed executors that are remembered, by framework."),
    .init("http_heartbeat_interval", .duration, default: "30secs", "Time between two heartbeats to executors."),
    .init(
      "http_executor_domain_sockets", .bool, default: "false", support: .refused("executors connect over TCP"),
      "Has executors connect over a socket in the file system."),
    .init("domain_socket_location", .path, support: .notYet("executors connect over TCP"), "That socket's path."),
    .init(
      "fetcher_cache_dir", .path, default: "/tmp/mesos/fetch", "Folder for fetched files."),
    .init("fetcher_cache_size", .bytes, default: "2GB", "Size of that folder."),
    .init(
      "fetcher_stall_timeout", .duration, default: "1mins",
      "When a stalled download fails."),
    .init("frameworks_home", .path, default: "", "Folder that relative URIs begin at."),
    .init("hadoop_home", .path, "Where Hadoop is, to fetch from HDFS."),
  ]

  private static let recovery: [FlagDefinition] = [
    .init(
      "recover", .string, default: "reconnect",
      support: .only(["reconnect", "cleanup"], otherwise: "modes are reconnect and cleanup"),
      "What to do with executors found at the start: reconnect to them, or cleanup (kill them and exit)."),
    .init(
      "recovery_timeout", .duration, default: "15mins",
      "Time after which executors end by themselves while the agent is away."),
    .init(
      "reconfiguration_policy", .string, default: "equal",
      support: .only(["equal"], otherwise: "only equal is built yet"),
      "Which changes of resources and attributes keep the agent's id."),
    .init(
      "strict", .bool, default: "true", support: .only(["true"], otherwise: "damaged state is always an error"),
      "Treats damaged state as an error."),
    .init(
      "registration_backoff_factor", .duration, default: "1secs",
      "Longest random wait before the first registration; it doubles with each further one."),
  ]

  private static let securityRows: [FlagDefinition] = [
    .init("acls", .string, support: .refused(security), "Who may do what, as JSON."),
    .init(
      "authenticate_http_readonly", .bool, default: "false", support: .refused(security),
      "Answers requests that only read to authenticated callers only."),
    .init(
      "authenticate_http_readwrite", .bool, default: "false", support: .refused(security),
      "Answers requests that change something to authenticated callers only."),
    .init("authorizer", .string, default: "local", support: .refused(security), "Who decides what is allowed."),
    .init(
      "authenticatee", .string, default: "crammd5", support: .refused(security),
      "How the agent authenticates with the master."),
    .init(
      "credential", .path, isSecret: true, support: .refused(security), "File with the agent's principal and secret."),
    .init(
      "authentication_backoff_factor", .duration, default: "1secs", support: .notYet(security),
      "Wait between authentications."),
    .init(
      "authentication_timeout_min", .duration, default: "5secs", support: .notYet(security),
      "Shortest wait for an authentication."),
    .init(
      "authentication_timeout_max", .duration, default: "1mins", support: .notYet(security),
      "Longest wait for an authentication."),
    .init(
      "authenticate_http_executors", .bool, default: "false", support: .refused(security),
      "Admits authenticated executors only."),
    .init("http_authenticators", .string, support: .refused(security), "How callers of the HTTP API authenticate."),
    .init(
      "http_credentials", .path, isSecret: true, support: .refused(security),
      "File with principals and secrets of callers."),
    .init(
      "jwt_secret_key", .path, isSecret: true, deprecatedNames: ["executor_secret_key"], support: .refused(security),
      "File with the key that signs executors' tokens."),
    .init("secret_resolver", .string, support: .refused(SharedFlags.noModules), "Module that resolves secrets."),
  ]

  private static let storage: [FlagDefinition] = [
    .init(
      "resource_estimator", .string, support: .notYet(noOversubscription),
      "Module that estimates what may be oversubscribed."),
    .init("qos_controller", .string, support: .notYet(noOversubscription), "Module that corrects oversubscription."),
    .init(
      "qos_correction_interval_min", .duration, default: "0ns", support: .notYet(noOversubscription),
      "Time between two corrections."),
    .init(
      "oversubscribed_resources_interval", .duration, default: "15secs", support: .notYet(noOversubscription),
      "Time between two estimates."),
    .init("resource_provider_config_dir", .path, support: .notYet(noCSI), "Folder with local resource providers."),
    .init("csi_plugin_config_dir", .path, support: .notYet(noCSI), "Folder with CSI plugins."),
    .init("disk_profile_adaptor", .string, support: .notYet(noCSI), "Module that translates disk profiles."),
  ]
}
