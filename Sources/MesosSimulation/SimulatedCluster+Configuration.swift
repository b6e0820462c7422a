public import MasterCore
public import MesosModel
public import SchedulerCore

extension SimulatedCluster {
  /// What a simulated cluster is made of, beside its agents and frameworks.
  public struct Configuration: Sendable {
    /// How long a packet takes from one machine to another; drawn for each.
    public var latency: ClosedRange<Duration> = .microseconds(200)...(.milliseconds(2))
    /// How long a write takes to be durable.
    public var diskLatency: ClosedRange<Duration> = .milliseconds(1)...(.milliseconds(10))
    /// How long it takes to make a process, to start its program, and to kill it.
    public var processLatency: ClosedRange<Duration> = .milliseconds(5)...(.milliseconds(50))
    /// After how long a supervisor starts a process again that ended by itself with an error.
    public var restartDelay = Duration.seconds(2)
    /// How long a scheduler waits for the answer to a call.
    public var callTimeout = Duration.seconds(30)
    /// What the master is told at each start; its id is set by the simulation.
    public var master: MasterCore.Configuration
    /// Which checkers watch.
    public var checkers = CheckerSet.all
    /// Whether the course is hashed; without it ``SimulatedCluster/traceHash`` says nothing and a run is a little quicker.
    public var isTraced = true
    /// Steps between two looks at everything: the fold of the changes against the master, and the cores' own invariants.
    public var stepsBetweenFolds = 100
    /// The wall clock at the start, in nanoseconds since 1970.
    public var wallStart: Int64 = 1_700_000_000_000_000_000

    /// The defaults: a quick network and the timeouts of Apache Mesos 1.11.
    public init() {
      master = MasterCore.Configuration(masterID: "", masterInfo: MasterInfo())
    }
  }

  /// What a simulated framework is.
  public struct FrameworkSettings: Sendable {
    /// What it subscribes with.
    public var info: FrameworkInfo
    /// Changes what its `SchedulerCore` is told.
    public var scheduler: SchedulerCore.Configuration

    /// A framework of one role that outlives its scheduler's process for a week, checkpoints, and is told of partitions.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - role: The one role it subscribes to.
    public init(name: String, role: String = "dev") {
      info = FrameworkInfo()
      info.user = "root"
      info.name = name
      info.roles = [role]
      info.checkpoint = true
      info.failoverTimeout = 7 * 86_400
      for type: FrameworkInfo.Capability.TypeEnum in [.multiRole, .partitionAware, .reservationRefinement] {
        var capability = FrameworkInfo.Capability()
        capability.type = type
        info.capabilities.append(capability)
      }
      scheduler = SchedulerCore.Configuration(masters: [SimulatedCluster.masterAddress], framework: info)
    }
  }

  /// Where schedulers look for the master.
  public static let masterAddress = MasterAddress(host: "master", port: 5050)
}
