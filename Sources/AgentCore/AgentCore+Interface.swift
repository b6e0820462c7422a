public import AgentLinkModel
public import MesosModel

/// One event stream to an executor.
public struct ExecutorConnection: Hashable, Comparable, Sendable {
  /// Numbered by the shell; never used twice in the life of an agent's process.
  public let number: UInt64

  public init(number: UInt64) { self.number = number }

  public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// A process as the kernel identifies it for good: numbers of processes are used again, start times are not.
public struct ProcessIdentity: Hashable, Sendable {
  public var pid: Int32
  /// Clock ticks since boot, as in `/proc/PID/stat`.
  public var startTime: UInt64

  public init(pid: Int32, startTime: UInt64) {
    self.pid = pid
    self.startTime = startTime
  }
}

/// How a container's first process ended.
public enum ContainerExit: Hashable, Sendable {
  /// As wait(2) gives it.
  case status(Int32)
  /// It is gone, and nobody can say how: its parent was an agent that has died.
  case unknown
}

extension AgentCore {
  /// What happened.
  public enum Event: Sendable {
    // The link. Sessions that are resumed never show here.
    /// A session with a master began: register or re-register.
    case linkEstablished
    case linkLost
    /// A record of the session, in order and once; Welcome and Heartbeat stay in the shell.
    case master(LinkDown.OneOf_Body)

    // Executors.
    /// A SUBSCRIBE; answered with `.streaming` and events on `connection`, or with a refusal.
    case executorSubscribe(ExecutorConnection, ExecutorCall, principal: Principal?, token: CallToken)
    case executorCall(ExecutorCall, principal: Principal?, token: CallToken)
    case executorDisconnected(ExecutorConnection)

    // Resource providers.
    /// A SUBSCRIBE; answered with `.streaming` and events on `connection`, or with a refusal.
    case providerSubscribe(
      ResourceProviderConnection, ResourceProviderCall, principal: Principal?, token: CallToken)
    /// Any other call; `streamID` is the request's `Mesos-Stream-Id`.
    case providerCall(ResourceProviderCall, streamID: String?, principal: Principal?, token: CallToken)
    case providerDisconnected(ResourceProviderConnection)
    /// An operator says that a provider is not to come back; answered once that is durable.
    case markProviderGone(ResourceProviderID, principal: Principal?, token: CallToken)

    // Containers.
    /// The container's first process exists and is held back before its program; it ends by itself should the agent die now.
    case launched(ContainerKey, ProcessIdentity)
    /// Nothing of the container is left: it could not be made, or its program could not be executed.
    case launchFailed(ContainerKey, message: String)
    /// The first process of the container ended and nothing of the container is left running.
    case exited(ContainerKey, ContainerExit)

    // Volumes.
    /// The steps of `.volumes(_, number)` are taken.
    case volumesDone(UInt64)
    /// One of them could not be; those after it were not tried.
    case volumesFailed(UInt64, message: String)

    // The shell.
    /// The changes of `.persist(_, number)`, and all before it, are durable.
    case persisted(UInt64)
    case persistFailed(UInt64, message: String)
    /// Time has passed; at the latest at ``AgentCore/nextDeadline``.
    case tick
    /// The agent is to end; its executors live on and are found again by the next process.
    case stop
    /// The agent is to leave: kill everything, say goodbye to the master, forget the id.
    case shutdown(message: String)
  }

  /// What must be done, in this order.
  public enum Directive: Sendable {
    case answer(CallToken, CallAnswer)
    case sendToMaster(LinkUp.OneOf_Body)
    /// End the session, so that what the master sent and this agent has not taken in is lost and known to be, then say `.linkLost`; the
    /// shell begins another.
    case endSession(message: String)
    case send(ExecutorConnection, ExecutorEvent)
    /// After what was sent is written.
    case close(ExecutorConnection)
    case sendToProvider(ResourceProviderConnection, ResourceProviderEvent)
    /// After what was sent is written.
    case closeProvider(ResourceProviderConnection)
    /// Make the sandbox, fetch into it, and make the executor's process, held back before its program, then say `.launched` or
    /// `.launchFailed`. A `.destroy` meanwhile calls that off: then say `.exited`.
    case launch(ContainerLaunch)
    /// The identity of the container's process is durable: let it execute its program. Say `.launchFailed` when it cannot, else
    /// `.exited` when the time comes. Nothing, where the container is gone.
    case proceed(ContainerKey)
    /// Kill everything of the container and say `.exited` when nothing is left.
    case destroy(ContainerKey)
    /// Take these steps, in their order and after those of earlier directives, then say `.volumesDone` or `.volumesFailed`. A container
    /// that is launched later finds them taken.
    case volumes([VolumeStep], UInt64)
    /// Make these durable, as one batch, then say `.persisted`. Numbers grow by one.
    case persist([CheckpointChange], UInt64)
    /// Show the sandbox in the files API under each of the virtual paths.
    case attachSandbox(ContainerKey, directory: String, virtualPaths: [String])
    /// The sandbox is no longer needed and may be removed at the shell's convenience.
    case releaseSandbox(ContainerKey, directory: String)
    /// The agent cannot go on (a refusal by the master, a shutdown): the process ends with this text.
    case terminate(reason: String, failed: Bool)
  }
}

/// Everything needed to start one executor.
public struct ContainerLaunch: Sendable {
  public var container: ContainerKey
  public var framework: FrameworkKey
  public var executor: ExecutorKey
  /// Absolute path of the sandbox, to be made with its parents, owned by `user`.
  public var directory: String
  /// The account to run as; absent: the agent's own.
  public var user: String?
  /// The first is the program.
  public var arguments: [String]
  /// The whole environment, sorted by name.
  public var environment: [(name: String, value: String)]
  /// Persistent volumes to be shown in the sandbox.
  public var volumes: [VolumeLink]
  /// Files to fetch into the sandbox first, with the rights of `user`.
  public var uris: [CommandInfo.URI]

  public init(
    container: ContainerKey, framework: FrameworkKey, executor: ExecutorKey, directory: String, user: String?,
    arguments: [String], environment: [(name: String, value: String)], volumes: [VolumeLink] = [],
    uris: [CommandInfo.URI]
  ) {
    self.container = container
    self.framework = framework
    self.executor = executor
    self.directory = directory
    self.user = user
    self.arguments = arguments
    self.environment = environment
    self.volumes = volumes
    self.uris = uris
  }
}

/// A change of what the agent must know after it was killed. Keys are paths such as `tasks/F/E/C/T`.
public enum CheckpointChange: Hashable, Sendable {
  case put(key: String, record: [UInt8])
  case remove(key: String)
}

/// What an agent that starts again finds.
public struct RecoveredAgent: Sendable {
  /// All records, sorted by key.
  public var records: [(key: String, record: [UInt8])]
  /// The identities of those containers' first processes that are still alive.
  public var alive: Set<ProcessIdentity>
  /// Whether the machine has booted since: nothing can be alive.
  public var rebooted: Bool

  public init(records: [(key: String, record: [UInt8])], alive: Set<ProcessIdentity>, rebooted: Bool) {
    self.records = records
    self.alive = alive
    self.rebooted = rebooted
  }
}
