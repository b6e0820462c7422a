import AgentLinkModel
import MesosModel
import SwiftProtobuf

extension MasterCore {
  /// What one event leads to, until it is handed to the shell.
  struct Effects: Sendable {
    var directives: [Directive] = []
    /// Given last, so that whoever is answered can read what the call did.
    var answers: [Directive] = []
    /// What was touched, in the order in which it was.
    var agents: [AgentKey] = []
    var frameworks: [FrameworkKey] = []
  }

  /// Gives the present event's directives, with one status for each agent and framework that it touched.
  mutating func finish() -> [Directive] {
    let (agents, frameworks) = (effects.agents, effects.frameworks)
    for key in agents where self.agents[key]?.isTouched ?? false {
      self.agents[key]?.isTouched = false
      if let status = self.agents[key]?.status { change(.agentStatus(key, status)) }
    }
    for key in frameworks where self.frameworks[key]?.isTouched ?? false {
      self.frameworks[key]?.isTouched = false
      if let status = self.frameworks[key]?.status { change(.frameworkStatus(key, status)) }
    }
    if cycle.needsTick { effects.directives.append(.continueCycle) }
    var done = Effects()
    swap(&done, &effects)
    if !done.answers.isEmpty { done.directives += done.answers }
    return done.directives
  }

  mutating func change(_ kind: Change.Kind) {
    lastChange += 1
    effects.directives.append(.changed(Change(sequence: lastChange, kind: kind)))
  }

  mutating func touch(_ agent: AgentKey) {
    if agents[agent]?.touch() ?? false { effects.agents.append(agent) }
  }

  mutating func touch(_ framework: FrameworkKey) {
    if frameworks[framework]?.touch() ?? false { effects.frameworks.append(framework) }
  }

  mutating func answer(_ token: CallToken, _ answer: CallAnswer) {
    effects.answers.append(.answer(token, answer))
  }

  // MARK: To schedulers

  mutating func send(_ event: SchedulerEvent, to connection: SchedulerConnection) {
    effects.directives.append(.send(connection, event))
    if let framework = subscribers[connection] { frameworks[framework]?.counts.sent(event) }
  }

  /// Sends to the framework's stream; nothing happens when it has none.
  mutating func send(_ event: SchedulerEvent, to framework: FrameworkKey) {
    if let connection = frameworks[framework]?.connection { send(event, to: connection) }
  }

  /// Says that the subscription is over, and why, and closes its stream.
  mutating func fail(_ connection: SchedulerConnection, _ message: String) {
    send(
      SchedulerEvent.with {
        $0.type = .error
        $0.error = .with { $0.message = message }
      }, to: connection)
    effects.directives.append(.close(connection))
  }

  // MARK: To agents

  mutating func send(_ message: LinkDown.OneOf_Body, to connection: AgentConnection) {
    effects.directives.append(.sendToAgent(connection, message))
  }

  /// Sends to the agent; nothing happens while it is disconnected.
  mutating func send(_ message: LinkDown.OneOf_Body, to agent: AgentKey) {
    if let connection = agents[agent]?.connection { send(message, to: connection) }
  }

  // MARK: To the registry

  mutating func persist(_ operations: [RegistryOperation], then staged: Staged) {
    lastPersist += 1
    self.staged[lastPersist] = staged
    effects.directives.append(.persist(operations, lastPersist))
  }
}
