import SchedulerKit
import Synchronization

/// Schedulers of simulated code speak through what stands for the network.
extension VirtualLoop: SchedulerTransportProvider {
  func transport(for configuration: SchedulerConfiguration) -> (any SchedulerTransport)? {
    state.withLock { $0.makeTransport }?(configuration)
  }
}
