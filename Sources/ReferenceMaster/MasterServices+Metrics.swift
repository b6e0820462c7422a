import ClusterView
import ShellSupport

extension MasterServices {
  /// What the core counts, and what only the shell knows, sorted by name.
  func metrics() async -> [(name: String, value: Double)] {
    let shell: [(name: String, value: Double)] = [
      ("master/operator_event_stream_subscribers", Double(view.eventReaderCount))
    ]
    let all = await master.metrics() + shell + master.measured.values + SystemMetrics.values()
    return all.sorted { $0.name < $1.name }
  }
}
