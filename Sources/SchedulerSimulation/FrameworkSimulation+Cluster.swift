public import MesosModel
public import MesosSimulation
public import SchedulerKit
import Synchronization

// A simulated cluster for simulated code: the real cores of master and agents on the same virtual clock.
extension FrameworkSimulation {
  /// Connects schedulers of the simulated code to a simulated cluster, whose time is the simulation's from now on.
  ///
  /// Each `Scheduler` that takes ``runtime`` becomes a framework of the cluster. The run ends with `.violation` when one of the cluster's
  /// checkers finds something. To be called once, before the run.
  /// - Parameters:
  ///   - cluster: Agents and faults are added before, or with ``changeCluster(_:)``.
  ///   - behaviour: What a task does; asked for each task that is launched. One that carries a behaviour in its data keeps it.
  ///   - wrap: Puts something between each scheduler and the cluster, such as a network worse than the simulated one; it sleeps and draws
  ///     lots through ``runtime``.
  public func connect(
    to cluster: SimulatedCluster,
    behaviour: @escaping @Sendable (TaskInfo) -> TaskBehaviour = { _ in .runs(for: .seconds(10)) },
    through wrap: @escaping @Sendable (any SchedulerTransport) -> any SchedulerTransport = { $0 }
  ) {
    let network = ClusterNetwork(loop: loop, cluster: cluster, behaviour: behaviour)
    loop.state.withLock { state in
      state.network = network
      state.makeTransport = { wrap(network.transport(for: $0)) }
    }
    network.change { _ in }
  }

  /// Looks at the connected cluster, or has something happen in it, at the present moment: a fault, another agent.
  ///
  /// - Returns: What `body` returns; `nil` where no cluster is connected.
  @discardableResult
  public func changeCluster<Result: Sendable>(
    _ body: (inout SimulatedCluster) -> Result
  ) -> Result? {
    loop.state.withLock { $0.network }?.change(body)
  }
}
