import ClusterView
import MesosModel
import ShellSupport

extension MasterServices {
  /// What the core counts, and what only the shell knows, sorted by name.
  func metrics() async -> [(name: String, value: Double)] {
    let shell: [(name: String, value: Double)] = [
      ("master/operator_event_stream_subscribers", Double(view.eventReaderCount))
    ]
    let consumed = view.snapshot().roleRows()
    let all =
      await master.metrics() + shell + master.measured.values + SystemMetrics.values() + consumption(consumed)
    return Dictionary(all.map { ($0.name, $0.value) }) { first, _ in first }.sorted { $0.key < $1.key }.map {
      ($0.key, $0.value)
    }
  }

  /// What counts against quotas, by role, and in all under a role without a name, as Apache Mesos has it.
  private func consumption(_ roles: [RoleRow]) -> [(name: String, value: Double)] {
    var values: [(name: String, value: Double)] = []
    var total = ResourceQuantities()
    func add(_ role: String, _ consumed: ResourceQuantities) {
      for name in ["cpus", "disk", "gpus", "mem"] where consumed[name] > .zero {
        values.append(("allocator/mesos/quota/roles/\(role)/resources/\(name)/consumed", consumed[name].doubleValue))
      }
    }
    for role in roles {
      add(role.name, role.consumed)
      if !role.name.contains("/") { total += role.consumed }
    }
    add("", total)
    return values
  }
}
