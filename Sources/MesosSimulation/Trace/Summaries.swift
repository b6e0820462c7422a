import AgentCore
import AgentLinkModel
import ExecutorCore
import MasterCore
import MesosModel
import SchedulerCore

// What happens, in a line each: short, and the same in every process.

private func hex(_ bytes: some Sequence<UInt8>) -> String {
  let digits: [Character] = Array("0123456789abcdef")
  var text = ""
  for byte in bytes.prefix(4) {
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 15)])
  }
  return text
}

extension TaskStatus {
  var summary: String {
    "\(taskID.value) \(state.rawValue)\(hasReason ? " reason \(reason.rawValue)" : "")\(hasUuid ? " " + hex(uuid) : "")"
  }
}

extension SchedulerCall {
  var summary: String {
    switch type {
    case .accept:
      "ACCEPT \(listed(accept.offerIds.map(\.value))) launch \(listed(accept.launchedTasks.map(\.taskID.value)))"
    case .decline: "DECLINE \(decline.offerIds.count) from \(decline.offerIds.first?.value ?? "")"
    case .kill: "KILL \(kill.taskID.value)"
    case .acknowledge: "ACKNOWLEDGE \(acknowledge.taskID.value) \(hex(acknowledge.uuid))"
    case .reconcile: "RECONCILE \(listed(reconcile.tasks.map(\.taskID.value)))"
    case .subscribe: "SUBSCRIBE \(subscribe.frameworkInfo.id.value)"
    default: "call \(type.rawValue)"
    }
  }
}

extension SchedulerEvent {
  var summary: String {
    switch type {
    case .subscribed: "SUBSCRIBED \(subscribed.frameworkID.value)"
    case .offers: "OFFERS \(listed(offers.offers.map { "\($0.id.value) of \($0.agentID.value)" }))"
    case .rescind: "RESCIND \(rescind.offerID.value)"
    case .update: "UPDATE \(update.status.summary)"
    case .failure: "FAILURE \(failure.agentID.value) \(failure.executorID.value)"
    case .error: "ERROR \(error.message)"
    default: "event \(type.rawValue)"
    }
  }
}

extension ExecutorCall {
  var summary: String {
    switch type {
    case .subscribe:
      "SUBSCRIBE tasks \(listed(subscribe.unacknowledgedTasks.map(\.taskID.value))) updates "
        + "\(listed(subscribe.unacknowledgedUpdates.map(\.status.summary)))"
    case .update: "UPDATE \(update.status.summary)"
    default: "call \(type.rawValue)"
    }
  }
}

extension ExecutorEvent {
  var summary: String {
    switch type {
    case .launch: "LAUNCH \(launch.task.taskID.value)"
    case .kill: "KILL \(kill.taskID.value)"
    case .acknowledged: "ACKNOWLEDGED \(acknowledged.taskID.value) \(hex(acknowledged.uuid))"
    case .shutdown: "SHUTDOWN"
    case .subscribed: "SUBSCRIBED"
    default: "event \(type.rawValue)"
    }
  }
}

extension LinkUp.OneOf_Body {
  var summary: String {
    switch self {
    case .hello: "hello"
    case .heartbeat: "heartbeat"
    case .register: "register"
    case .reregister(let message):
      "reregister \(message.agentInfo.id.value) executors \(listed(message.executors.map(\.executorID))) tasks "
        + "\(listed(message.tasks.map { "\($0.taskID) \($0.state.rawValue)" }))"
    case .statusUpdate(let message):
      "status update \(message.taskID) \(message.state.rawValue) latest \(message.latestState.rawValue) \(hex(message.uuid))"
    case .executorMessage(let message): "message of \(message.executorID)"
    case .executorTerminated(let message): "executor \(message.executorID) terminated"
    case .unregister: "unregister"
    }
  }
}

extension LinkDown.OneOf_Body {
  var summary: String {
    switch self {
    case .welcome: "welcome"
    case .heartbeat: "heartbeat"
    case .registered(let message): "registered \(message.agentID)"
    case .refused(let message): "refused: \(message.message)"
    case .runTask(let message): "run \(message.taskID) of \(message.frameworkID)"
    case .killTask(let message): "kill \(message.taskID)"
    case .shutdownExecutor(let message): "shut down executor \(message.executorID)"
    case .shutdownFramework(let message): "shut down framework \(message.frameworkID)"
    case .acknowledgeUpdate(let message): "acknowledge \(message.taskID) \(hex(message.uuid))"
    case .frameworkMessage(let message): "message to \(message.executorID)"
    case .updateFramework(let message): "update framework \(message.frameworkID)"
    case .reconcileTasks(let message): "reconcile \(listed(message.tasks.map(\.taskID)))"
    case .shutdown(let message): "shut down: \(message.message)"
    }
  }
}

extension CallAnswer {
  var summary: String {
    switch self {
    case .accepted: "accepted"
    case .ok: "ok"
    case .streaming: "streaming"
    case .rejected(let status, let text): "\(status) \(text)"
    }
  }
}

extension MasterCore.Event {
  var summary: String {
    switch self {
    case .subscribe(let connection, let call, _, _): "\(connection.number) -> \(call.summary)"
    case .call(let call, let streamID, _, _): "\(streamID ?? "") -> \(call.summary)"
    case .schedulerDisconnected(let connection): "scheduler \(connection.number) disconnected"
    case .agentMessage(let session, let body, _): "session \(session.number) -> \(body.summary)"
    case .agentHeard(let session): "session \(session.number) heard"
    case .agentDisconnected(let session): "session \(session.number) over"
    case .persisted(let number): "persisted \(number)"
    case .persistFailed(let number, _): "not persisted \(number)"
    case .tick: "tick"
    case .teardown(let framework, _, _): "teardown \(framework)"
    }
  }
}

extension RegistryOperation {
  var summary: String {
    switch self {
    case .admitAgent(let id, _): "admit \(id)"
    case .markUnreachable(let id, _, _): "unreachable \(id)"
    case .markReachable(let id, _): "reachable \(id)"
    case .removeAgent(let id): "remove \(id)"
    }
  }
}

extension MasterCore.Directive {
  var summary: String {
    switch self {
    case .answer(let token, let answer): "answer \(token.number) \(answer.summary)"
    case .send(let connection, let event): "\(connection.number) <- \(event.summary)"
    case .close(let connection): "close \(connection.number)"
    case .sendToAgent(let session, let body): "session \(session.number) <- \(body.summary)"
    case .closeAgent(let session): "close session \(session.number)"
    case .persist(let operations, let number): "persist \(number) \(listed(operations.map(\.summary)))"
    case .changed(let change): "change \(change.sequence) \(change.kind.summary)"
    case .continueCycle: "continue cycle"
    }
  }
}

extension Change.Kind {
  var summary: String {
    switch self {
    case .agent(let row): "agent \(row.id)"
    case .agentStatus(let id, let status): "agent \(id) allocated \(status.allocated) offered \(status.offered)"
    case .agentRemoved(let id): "agent \(id) removed"
    case .recoveredAgent(let id, _): "agent \(id) recovered"
    case .recoveredAgentRemoved(let id): "agent \(id) recovered no more"
    case .framework(let row): "framework \(row.id)"
    case .frameworkStatus(let id, let status): "framework \(id) active \(status.active)"
    case .frameworkCompleted(let id, _): "framework \(id) completed"
    case .frameworkForgotten(let id): "framework \(id) forgotten"
    case .offer(let offer): "offer \(offer.id.value)"
    case .offerRemoved(let id): "offer \(id) removed"
    case .task(let row): "task \(row.id) of \(row.framework) on \(row.agent) \(row.status.state.rawValue)"
    case .taskStatus(_, let id, let status): "task \(id) \(status.state.rawValue)"
    case .taskMoved(_, let id, let status, let section): "task \(id) \(status.state.rawValue) to \(section)"
    case .taskForgotten(_, let id): "task \(id) forgotten"
    case .executor(let row): "executor \(row.id) on \(row.agent)"
    case .executorRemoved(_, let agent, let id): "executor \(id) on \(agent) removed"
    case .roleWeight(let role, let weight): "role \(role) weighs \(weight)"
    }
  }
}

extension AgentCore.Event {
  var summary: String {
    switch self {
    case .linkEstablished: "link established"
    case .linkLost: "link lost"
    case .master(let body): "master -> \(body.summary)"
    case .executorSubscribe(let connection, let call, _, _): "\(connection.number) -> \(call.summary)"
    case .executorCall(let call, _, _): "executor \(call.executorID.value) -> \(call.summary)"
    case .executorDisconnected(let connection): "executor \(connection.number) disconnected"
    case .launched(let container, let process): "launched \(container) \(process.pid)"
    case .launchFailed(let container, _): "not launched \(container)"
    case .exited(let container, let exit): "exited \(container) \(exit)"
    case .persisted(let number): "persisted \(number)"
    case .persistFailed(let number, _): "not persisted \(number)"
    case .tick: "tick"
    case .stop: "stop"
    case .shutdown: "shutdown"
    }
  }
}

extension AgentCore.Directive {
  var summary: String {
    switch self {
    case .answer(let token, let answer): "answer \(token.number) \(answer.summary)"
    case .sendToMaster(let body): "master <- \(body.summary)"
    case .send(let connection, let event): "\(connection.number) <- \(event.summary)"
    case .close(let connection): "close \(connection.number)"
    case .launch(let launch): "launch \(launch.executor) in \(launch.container)"
    case .proceed(let container): "proceed \(container)"
    case .destroy(let container): "destroy \(container)"
    case .persist(let changes, let number): "persist \(number) \(listed(changes.map(\.summary)))"
    case .attachSandbox(let container, _, _): "attach \(container)"
    case .releaseSandbox(let container, _): "release \(container)"
    case .terminate(let reason, let failed): "terminate \(failed ? "failed" : "in peace"): \(reason)"
    }
  }
}

extension CheckpointChange {
  var summary: String {
    switch self {
    case .put(let key, let record): "put \(key) \(record.count)"
    case .remove(let key): "remove \(key)"
    }
  }
}

extension SchedulerCore.Event {
  var summary: String {
    switch self {
    case .start(let id): "start as \(id?.value ?? "new")"
    case .streamOpened(let stream, let head): "stream \(stream.number) opened \(head.status) \(head.text)"
    case .record(let stream, let event): "stream \(stream.number) -> \(event.summary)"
    case .badRecord(let stream, _): "stream \(stream.number) bad record"
    case .streamMalformed(let stream, let reason): "stream \(stream.number) malformed: \(reason)"
    case .streamRefused(let stream, let reason): "stream \(stream.number) refused: \(reason)"
    case .decided(let reaction): "decided \(reaction)"
    case .frameworkIDSaved: "id saved"
    case .frameworkIDNotSaved: "id not saved"
    case .readingPaused: "reading paused"
    case .readingResumed: "reading resumed"
    case .streamEnded(let stream, let reason): "stream \(stream.number) ended: \(reason)"
    case .call(let call, let token): "user \(token.number): \(call.summary)"
    case .callCancelled(let token): "user cancels \(token.number)"
    case .masterDetected(let leader): "detected \(leader.map { "\($0)" } ?? "no leader")"
    case .detectionTroubled(let reason): "detection troubled: \(reason)"
    case .detectionEnded(let reason): "detection ended: \(reason)"
    case .callEnded(let number, let outcome): "call \(number.number) ended \(outcome)"
    case .handled(let delivery): "handled \(delivery.number)"
    case .tick: "tick"
    case .stop: "stop"
    case .abandoned: "abandoned"
    }
  }
}

extension SchedulerCore.Directive {
  var summary: String {
    switch self {
    case .openStream(let stream, _, let call): "open stream \(stream.number) \(call.summary)"
    case .closeStream(let stream): "close stream \(stream.number)"
    case .saveFrameworkID(_, let id): "save id \(id.value)"
    case .forgetFrameworkID: "forget id"
    case .send(let number, _, let streamID, let call): "send \(number.number) on \(streamID) \(call.summary)"
    case .cancelSend(let number): "cancel send \(number.number)"
    case .decide(let error, let proposed): "decide \(proposed) about \(error.message)"
    case .deliver(let number, let update): "deliver \(number.number) \(update.summary)"
    case .complete(let token, let error): "complete \(token.number) \(error?.message ?? "")"
    case .finished(let error): "finished \(error?.message ?? "")"
    }
  }
}

extension SchedulerUpdate {
  var summary: String {
    switch self {
    case .connection(let state): "connection \(state)"
    case .subscribed(let subscription): "subscribed \(subscription.frameworkID.value)"
    case .offers(let offers): "offers \(offers.count)"
    case .inverseOffers(let offers): "inverse offers \(offers.count)"
    case .rescinded(let id): "rescinded \(id.value)"
    case .inverseOfferRescinded(let id): "inverse offer rescinded \(id.value)"
    case .task(let update): "task \(update.status.summary)\(update.isProvisional ? " provisional" : "")"
    case .operation: "operation"
    case .message: "message"
    case .failure(let failure): "failure \(failure.agentID?.value ?? "")"
    case .reconciled: "reconciled"
    case .error(let error): "error \(error.message)"
    case .notice(let notice): "notice \(notice)"
    }
  }
}

extension CommandExecutor.Directive {
  var summary: String {
    switch self {
    case .connect(_, let call), .send(_, let call): call.summary
    case .disconnect(let stream): "disconnect \(stream.number)"
    case .launch: "launch"
    case .signalTree(let signal): "signal \(signal)"
    case .note(let text): text
    case .exit(let status): "exit \(status)"
    }
  }
}

extension ExecutorCore.Directive {
  var summary: String {
    switch self {
    case .connect(_, let call), .send(_, let call): call.summary
    case .disconnect(let stream): "disconnect \(stream.number)"
    case .deliver(let event): "deliver \(event.summary)"
    case .connectivity(let isSubscribed, _): "subscribed \(isSubscribed)"
    case .rejected(let error): "rejected \(error.message)"
    case .ignored(let what): "ignored \(what)"
    case .forceExit: "force exit"
    case .finished: "finished"
    }
  }
}

/// Texts in brackets; much quicker than the description of an array, which quotes them.
private func listed(_ texts: [String]) -> String { "[" + texts.joined(separator: ", ") + "]" }
