import MesosHTTPClient
import MesosModel

/// What simulated agents are, and what becomes of tasks on them.
public struct AgentLoadConfiguration: Sendable {
  /// How long a task runs by itself.
  public enum TaskDuration: Hashable, Sendable {
    /// Always so long, then it has finished.
    case fixed(Duration)
    /// Drawn from an exponential distribution of this mean, then it has finished.
    case exponential(mean: Duration)
    /// Until it is killed.
    case untilKilled
  }

  /// `HOST:PORT` of the master, or several apart by commas, tried in turn.
  public var master: String
  /// How many agents; each keeps one connection, and one descriptor, open.
  public var count: Int
  /// What each agent has, in Mesos' notation such as `cpus:8;mem:16384`.
  public var resources = "cpus:8;mem:16384;disk:102400;ports:[31000-32000]"
  /// Attributes of each agent such as `rack:a;zone:b`.
  public var attributes = ""
  /// How long tasks run.
  public var taskDuration = TaskDuration.fixed(.seconds(10))
  /// How many agents begin in a second, at most.
  public var startsPerSecond = 2_000
  /// How many agents may have begun without being registered: where the master, or this process, is slower than
  /// ``startsPerSecond``, agents begin as fast as others are registered, and none waits for its turn until it is given up.
  public var startingMax = 256
  /// The first pause after a connection that failed; it doubles up to a minute, and lots are drawn below it.
  public var backoffFactor = Duration.seconds(1)
  /// How long agents may take to say goodbye when they are to end.
  public var endingTimeMax = Duration.seconds(30)

  /// - Parameters:
  ///   - master: `HOST:PORT`, or several apart by commas.
  ///   - count: How many agents.
  public init(master: String, count: Int) {
    self.master = master
    self.count = count
  }

  /// - Throws: `AgentLoadError` with code `.badConfiguration`.
  func endpoints() throws(AgentLoadError) -> [HTTPEndpoint] {
    var endpoints: [HTTPEndpoint] = []
    for text in master.split(separator: ",") {
      guard let endpoint = HTTPEndpoint(text.contains(":") ? String(text) : "\(text):5050") else {
        throw AgentLoadError(.badConfiguration, "The master '\(text.prefix(200))' is not HOST:PORT")
      }
      endpoints.append(endpoint)
    }
    guard !endpoints.isEmpty else { throw AgentLoadError(.badConfiguration, "No master is named: expecting HOST:PORT") }
    guard count > 0, startsPerSecond > 0, startingMax > 0 else {
      throw AgentLoadError(
        .badConfiguration, "The numbers of agents, of starts in a second and of starts at once must be positive")
    }
    return endpoints
  }

  /// The agent's description without its id.
  ///
  /// - Throws: `AgentLoadError` with code `.badConfiguration`.
  func agentInfo(_ index: Int) throws(AgentLoadError) -> AgentInfo {
    do {
      var info = AgentInfo()
      info.hostname = "simulated-\(index)"
      info.port = 5_051
      info.resources = try Resources.parse(resources).messages
      info.attributes = try Attributes.parse(attributes).messages
      return info
    } catch {
      throw AgentLoadError(.badConfiguration, "Resources or attributes: \(String(describing: error).prefix(500))")
    }
  }
}
