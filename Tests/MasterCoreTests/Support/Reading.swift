import AgentLinkModel
import MesosModel

@testable import MasterCore

extension [MasterCore.Directive] {
  /// The events sent on the stream.
  func events(on connection: SchedulerConnection) -> [SchedulerEvent] {
    compactMap {
      guard case .send(connection, let event) = $0 else { return nil }
      return event
    }
  }

  func statuses(on connection: SchedulerConnection) -> [TaskStatus] {
    events(on: connection).filter { $0.type == .update }.map(\.update.status)
  }

  func offers(on connection: SchedulerConnection) -> [Offer] {
    events(on: connection).filter { $0.type == .offers }.flatMap(\.offers.offers)
  }

  func rescinded(on connection: SchedulerConnection) -> [String] {
    events(on: connection).filter { $0.type == .rescind }.map(\.rescind.offerID.value)
  }

  func toAgent(_ connection: AgentConnection) -> [LinkDown.OneOf_Body] {
    compactMap {
      guard case .sendToAgent(connection, let message) = $0 else { return nil }
      return message
    }
  }

  func isClosed(_ connection: SchedulerConnection) -> Bool {
    contains { if case .close(connection) = $0 { true } else { false } }
  }

  func isClosed(_ connection: AgentConnection) -> Bool {
    contains { if case .closeAgent(connection) = $0 { true } else { false } }
  }

  var answer: CallAnswer? {
    for case .answer(_, let answer) in self { return answer }
    return nil
  }

  var changes: [Change.Kind] {
    compactMap {
      guard case .changed(let change) = $0 else { return nil }
      return change.kind
    }
  }

  /// The operations to make durable, with their numbers.
  var persisted: [(operations: [RegistryOperation], number: UInt64)] {
    compactMap {
      guard case .persist(let operations, let number) = $0 else { return nil }
      return (operations, number)
    }
  }
}

extension LinkDown.OneOf_Body {
  var registeredID: AgentKey? {
    guard case .registered(let message) = self else { return nil }
    return AgentKey(message.agentID)
  }

  var runTask: LinkRunTask? {
    guard case .runTask(let message) = self else { return nil }
    return message
  }

  var runTaskGroup: LinkRunTaskGroup? {
    guard case .runTaskGroup(let message) = self else { return nil }
    return message
  }

  var killedTask: String? {
    guard case .killTask(let message) = self else { return nil }
    return message.taskID
  }

  var refusal: String? {
    guard case .refused(let message) = self else { return nil }
    return message.message
  }

  var acknowledged: LinkAcknowledgeUpdate? {
    guard case .acknowledgeUpdate(let message) = self else { return nil }
    return message
  }

  var reconciled: [String]? {
    guard case .reconcileTasks(let message) = self else { return nil }
    return message.tasks.map(\.taskID)
  }

  var reconciledFrameworks: [LinkFrameworkRecord] {
    guard case .reconcileTasks(let message) = self else { return [] }
    return message.frameworks
  }

  var shutFramework: String? {
    guard case .shutdownFramework(let message) = self else { return nil }
    return message.frameworkID
  }
}

extension LinkDown.OneOf_Body {
  var drained: LinkDrainAgent? {
    guard case .drainAgent(let message) = self else { return nil }
    return message
  }

  var shutDown: String? {
    guard case .shutdown(let message) = self else { return nil }
    return message.message
  }
}
