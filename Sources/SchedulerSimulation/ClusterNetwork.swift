import MesosModel
import MesosSimulation
import SchedulerKit
import Synchronization

/// A simulated cluster on the loop's clock, and the connections of simulated schedulers to it.
final class ClusterNetwork: Sendable {
  /// What waits for an arrival on a connection.
  enum Listener: Sendable {
    case stream(AsyncStream<OutsideArrival>.Continuation)
    case call(CheckedContinuation<CallOutcome, Never>)
  }

  struct State: Sendable {
    var cluster: SimulatedCluster
    var frameworks: [Int] = []
    var listeners: [OutsideConnection: Listener] = [:]
    /// When the loop steps the cluster next.
    var armed: Duration?
  }

  let state: Mutex<State>
  private let behaviour: @Sendable (TaskInfo) -> TaskBehaviour
  /// The loop owns what it is connected to, and outlives it.
  private unowned let loop: VirtualLoop

  init(loop: VirtualLoop, cluster: SimulatedCluster, behaviour: @escaping @Sendable (TaskInfo) -> TaskBehaviour) {
    self.loop = loop
    self.behaviour = behaviour
    state = Mutex(State(cluster: cluster))
  }

  func transport(for configuration: SchedulerConfiguration) -> any SchedulerTransport {
    let name = configuration.policy.framework.name
    let framework = change { cluster in cluster.addOutsideFramework(name) }
    state.withLock { $0.frameworks.append(framework) }
    return ClusterTransport(network: self, framework: framework)
  }

  // MARK: Time

  /// Brings the cluster to the loop's time, changes it, and hands over what arrived meanwhile.
  func change<Result: Sendable>(
    _ body: (inout SimulatedCluster) -> Result, listener: ((Result) -> (OutsideConnection, Listener)?)? = nil
  ) -> Result {
    let now = loop.moment.uptime
    let (result, arrivals, violation, next) = state.withLock { state in
      state.cluster.run(until: now)
      let result = body(&state.cluster)
      if let (connection, listener) = listener?(result) { state.listeners[connection] = listener }
      var arrivals: [(Listener, OutsideArrival)] = []
      for framework in state.frameworks {
        for arrival in state.cluster.takeArrivals(of: framework) {
          guard let listener = state.listener(of: arrival) else { continue }
          arrivals.append((listener, arrival))
        }
      }
      var next: Duration?
      if let due = state.cluster.nextOccurrence, state.armed.map({ due < $0 }) ?? true {
        state.armed = max(due, now)
        next = state.armed
      }
      return (result, arrivals, state.cluster.violations.first, next)
    }
    for (listener, arrival) in arrivals { listener.take(arrival) }
    if let violation {
      loop.fail(FrameworkSimulationError(.violation, "The simulated cluster is not as it must be: \(violation)"))
    } else if let next {
      loop.schedule(at: next) { self.step(at: next) }
    }
    return result
  }

  private func step(at due: Duration) {
    state.withLock { state in
      if state.armed == due { state.armed = nil }
    }
    change { _ in }
  }

  // MARK: Connections

  func openStream(
    _ call: SchedulerCall, of framework: Int, to listener: AsyncStream<OutsideArrival>.Continuation
  ) -> OutsideConnection {
    change {
      $0.openStream(call, of: framework)
    } listener: {
      ($0, .stream(listener))
    }
  }

  func send(
    _ call: SchedulerCall, streamID: String, of framework: Int, to listener: CheckedContinuation<CallOutcome, Never>
  ) -> OutsideConnection {
    var call = call
    for index in call.accept.operations.indices where call.type == .accept {
      for task in call.accept.operations[index].launch.taskInfos.indices {
        give(&call.accept.operations[index].launch.taskInfos[task])
      }
      for task in call.accept.operations[index].launchGroup.taskGroup.tasks.indices {
        give(&call.accept.operations[index].launchGroup.taskGroup.tasks[task])
      }
    }
    return change {
      $0.send(call, streamID: streamID, of: framework)
    } listener: {
      ($0, .call(listener))
    }
  }

  private func give(_ task: inout TaskInfo) {
    guard TaskBehaviour(encoded: task.data) == nil else { return }
    task.data.append(contentsOf: behaviour(task).encoded)
  }

  /// Nobody listens on the connection any more.
  func close(_ connection: OutsideConnection) {
    let listener = state.withLock { $0.listeners.removeValue(forKey: connection) }
    guard let listener else { return }
    change { $0.close(connection) }
    listener.take(.ended(connection, reason: "cancelled", isRefused: false))
  }
}

extension ClusterNetwork.State {
  /// Who listens; for the last time where nothing follows the arrival.
  fileprivate mutating func listener(of arrival: OutsideArrival) -> ClusterNetwork.Listener? {
    switch arrival {
    case .head(let connection, _), .event(let connection, _): listeners[connection]
    case .answer(let connection, _, _), .ended(let connection, _, _): listeners.removeValue(forKey: connection)
    }
  }
}

extension ClusterNetwork.Listener {
  fileprivate func take(_ arrival: OutsideArrival) {
    switch self {
    case .stream(let stream): stream.yield(arrival)
    case .call(let caller):
      switch arrival {
      case .answer(_, let status, let text):
        caller.resume(returning: .answered(status: status, text: text, location: nil))
      case .ended(_, let reason, let isRefused):
        caller.resume(returning: isRefused ? .notSent(reason) : .unknown(reason))
      case .head, .event: break
      }
    }
  }
}
