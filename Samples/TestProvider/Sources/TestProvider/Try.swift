import ArgumentParser
import SchedulerKit

struct Try: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "A framework that makes a disk of what a provider offers, and destroys it.")

  @Option(help: "The master as host:port, or several apart by commas.")
  var master = "127.0.0.1:5050"

  func run() async throws {
    let configuration = try SchedulerConfiguration(master: master, framework: FrameworkSettings(name: "disks"))
    try await cancelledBySignals {
      try await withScheduler(configuration) { scheduler in try await makeAndDestroy(scheduler) }
    }
  }

  private func makeAndDestroy(_ scheduler: Scheduler) async throws {
    /// What the next offer has to have; absent while an operation is under way.
    var wanted: Resource.DiskInfo.Source.TypeEnum? = .raw
    for await update in scheduler.updates {
      switch update {
      case .offers(let offers):
        for offer in offers {
          let disk = offer.resources.first { $0.hasProviderID && $0.disk.source.type == wanted }
          guard let disk else {
            try await scheduler.decline([offer], refuse: .seconds(1))
            continue
          }
          let operation: Offer.Operation =
            wanted == .raw ? .createDisk(disk, as: .mount, id: "create") : .destroyDisk(disk, id: "destroy")
          wanted = nil
          try await scheduler.accept([offer.id], [operation], refuse: .seconds(1))
        }
      case .operation(let status) where status.state.isTerminal:
        print("\(status.operationID.value): \(status.state.wireName) \(status.message)")
        guard status.state == .operationFinished else {
          throw SchedulerError(.refused, "\(status.operationID.value): \(status.message)")
        }
        if status.operationID.value == "destroy" { return print("the disk is destroyed") }
        print("there is \(try Resources(status.convertedResources))")
        wanted = .mount
      case .error(let error): throw error
      default: break
      }
    }
  }
}
