import ArgumentParser
import Foundation
import MesosModel
import OperatorKit

/// `mesos watch`
struct Watch: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints what happens in the cluster, as it happens.",
    discussion: """
      Goes on over broken connections and fail-overs. With --json it prints the events of one subscription as they are, \
      the state first, and ends with it.
      """)
  @OptionGroup var cluster: ClusterOptions

  @Option(help: "Ends after so many changes, with --json events; 0 goes on until it is stopped.")
  var changes = 0

  func validate() throws { guard changes >= 0 else { throw ValidationError("--changes is a number from 0 on") } }

  func run() async throws {
    try await cluster.withClient { client in
      if cluster.json { try await printEvents(of: client) } else { try await printChanges(of: client) }
    }
  }

  private func printEvents(of client: MasterClient) async throws {
    var printed = 0
    for try await event in try await client.subscribe() where event.type != .heartbeat {
      Self.show(String(decoding: event.jsonBytes(), as: UTF8.self))
      printed += 1
      if changes > 0, printed >= changes { return }
    }
  }

  private func printChanges(of client: MasterClient) async throws {
    let limit = changes
    try await withWatcher(of: client) { watcher in
      var printed = 0
      for await update in watcher.updates {
        Self.show(Self.line(update, watcher))
        if case .connection(.stopped(let error?)) = update { throw error }
        if case .change = update { printed += 1 }
        if limit > 0, printed >= limit { return }
      }
    }
  }

  /// Prints at once, also where what is printed goes to a file or to another program.
  private static func show(_ line: String) {
    print(line)
    fflush(nil)
  }

  private static func line(_ update: WatchUpdate, _ watcher: Watcher) -> String {
    switch update {
    case .change(let change): line(change, watcher)
    case .connection(.connecting): "connecting"
    case .connection(.watching): "watching"
    case .connection(.waiting(let error, let delay)): "lost the master (\(error)), next attempt in \(delay)"
    case .connection(.stopped(let error)): "stopped\(error.map { ": \($0)" } ?? "")"
    case .overflow(let dropped): "\(dropped) changes came too fast"
    }
  }

  private static func line(_ change: ClusterChange, _ watcher: Watcher) -> String {
    switch change {
    case .synchronized:
      watcher.read { "cluster: \($0.agentCount) agents, \($0.frameworks.count) frameworks, \($0.liveTaskCount) tasks" }
    case .agentAdded(let agent): "agent \(agent.agentInfo.id.value) on \(agent.agentInfo.hostname): registered"
    case .agentUpdated(let agent): "agent \(agent.agentInfo.id.value) on \(agent.agentInfo.hostname): registered again"
    case .agentRemoved(let agent, let cause): "agent \(agent): gone (\(cause))"
    case .frameworkAdded(let framework):
      "framework \(framework.frameworkInfo.name) (\(framework.frameworkInfo.id.value)): registered"
    case .frameworkUpdated(let framework):
      "framework \(framework.frameworkInfo.name) (\(framework.frameworkInfo.id.value)): changed"
    case .frameworkRemoved(let framework): "framework \(framework): over"
    case .taskAdded(let task): "task \(task.taskID.value) on \(task.agentID.value): \(task.state.wireName)"
    case .taskUpdated(let task, let previous):
      "task \(task.taskID.value) on \(task.agentID.value): \(previous.wireName) → \(task.state.wireName)"
    case .taskStatusAdded(let task): "task \(task.taskID.value): another status of \(task.state.wireName)"
    case .taskForgotten(let task): "task \(task): not known any more"
    case .ignored(let why): "an event without effect (\(why))"
    }
  }
}
