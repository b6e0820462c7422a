import AgentCore
import AgentLinkModel
import ExecutorCore
import MasterCore
import MesosModel
import SchedulerCore

// What happens, in a line each: short, and the same in every process.

extension String: Traceable {
  func line<Line: TraceLine>() -> Line { "\(self)" }
}

extension TaskID: Traceable {
  func line<Line: TraceLine>() -> Line { "\(value)" }
}

extension OfferID: Traceable {
  func line<Line: TraceLine>() -> Line { "\(value)" }
}

extension Offer: Traceable {
  func line<Line: TraceLine>() -> Line { "\(id.value) of \(agentID.value)" }
}

extension LinkTaskRecord: Traceable {
  func line<Line: TraceLine>() -> Line { "\(taskID) \(state.rawValue)" }
}

extension Resources: Traceable {
  func line<Line: TraceLine>() -> Line { "\(list: entries)" }
}

extension Resources.Entry: Traceable {
  func line<Line: TraceLine>() -> Line {
    guard case .scalar(let amount) = amount, !isReserved, !isRevocable, !isShared, !hasResourceProvider, disk == nil
    else { return "\(described: self)" }
    return allocationRole.map { "\(name)(\($0)):\(amount)" } ?? "\(name):\(amount)"
  }
}

extension CallOutcome: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch self {
    case .answered(let status, let text, _): "answered \(status) \(text)"
    case .notSent(let reason): "not sent: \(reason)"
    case .unknown(let reason): "unknown: \(reason)"
    }
  }
}

extension TaskRow.Section: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch self {
    case .active: "active"
    case .unreachable: "unreachable"
    case .completed: "completed"
    }
  }
}

extension ContainerExit: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch self {
    case .status(let status): "status \(status)"
    case .unknown: "unknown"
    }
  }
}

extension CommandTask.Signal: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch self {
    case .terminate: "TERM"
    case .kill: "KILL"
    }
  }
}

extension TaskStatus: Traceable {
  func line<Line: TraceLine>() -> Line {
    hasReason
      ? "\(taskID.value) \(state.rawValue) reason \(reason.rawValue) \(bytes: uuid)"
      : "\(taskID.value) \(state.rawValue) \(bytes: uuid)"
  }
}

extension SchedulerCall: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch type {
    case .accept:
      "ACCEPT \(list: accept.offerIds) launch \(list: accept.launchedTasks.map(\.taskID))"
    case .decline: "DECLINE \(run: decline.offerIds)"
    case .kill: "KILL \(kill.taskID.value)"
    case .acknowledge: "ACKNOWLEDGE \(acknowledge.taskID.value) \(bytes: acknowledge.uuid)"
    case .reconcile: "RECONCILE \(list: reconcile.tasks.map(\.taskID))"
    case .subscribe: "SUBSCRIBE \(subscribe.frameworkInfo.id.value)"
    default: "call \(type.rawValue)"
    }
  }
}

extension SchedulerEvent: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch type {
    case .subscribed: "SUBSCRIBED \(subscribed.frameworkID.value)"
    case .offers: "OFFERS \(list: offers.offers)"
    case .rescind: "RESCIND \(rescind.offerID.value)"
    case .update: "UPDATE \(update.status)"
    case .failure: "FAILURE \(failure.agentID.value) \(failure.executorID.value)"
    case .error: "ERROR \(error.message)"
    default: "event \(type.rawValue)"
    }
  }
}

extension ExecutorCall: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch type {
    case .subscribe:
      """
      SUBSCRIBE tasks \(list: subscribe.unacknowledgedTasks.map(\.taskID)) updates \
      \(list: subscribe.unacknowledgedUpdates.map(\.status))
      """
    case .update: "UPDATE \(update.status)"
    default: "call \(type.rawValue)"
    }
  }
}

extension ExecutorEvent: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch type {
    case .launch: "LAUNCH \(launch.task.taskID.value)"
    case .kill: "KILL \(kill.taskID.value)"
    case .acknowledged: "ACKNOWLEDGED \(acknowledged.taskID.value) \(bytes: acknowledged.uuid)"
    case .shutdown: "SHUTDOWN"
    case .subscribed: "SUBSCRIBED"
    default: "event \(type.rawValue)"
    }
  }
}

extension LinkUp.OneOf_Body: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch self {
    case .hello: "hello"
    case .heartbeat: "heartbeat"
    case .register: "register"
    case .reregister(let message):
      """
      reregister \(message.agentInfo.id.value) executors \(list: message.executors.map(\.executorID)) tasks \
      \(list: message.tasks)
      """
    case .statusUpdate(let message):
      """
      status update \(message.taskID) \(message.state.rawValue) latest \(message.latestState.rawValue) \
      \(bytes: message.uuid)
      """
    case .executorMessage(let message): "message of \(message.executorID)"
    case .executorTerminated(let message): "executor \(message.executorID) terminated"
    case .unregister: "unregister"
    case .operationUpdate(let message): "operation \(bytes: message.operationUuid) \(bytes: message.status)"
    case .updateAgent(let message):
      "update agent \(list: message.resourceProviders.map(\.info.id.value)) away \(list: message.unsubscribed)"
    }
  }
}

extension LinkDown.OneOf_Body: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch self {
    case .welcome: "welcome"
    case .heartbeat: "heartbeat"
    case .registered(let message): "registered \(message.agentID)"
    case .refused(let message): "refused: \(message.message)"
    case .runTask(let message): "run \(message.taskID) of \(message.frameworkID)"
    case .runTaskGroup(let message): "run \(message.taskIds.joined(separator: " ")) of \(message.frameworkID)"
    case .killTask(let message): "kill \(message.taskID)"
    case .shutdownExecutor(let message): "shut down executor \(message.executorID)"
    case .shutdownFramework(let message): "shut down framework \(message.frameworkID)"
    case .acknowledgeUpdate(let message): "acknowledge \(message.taskID) \(bytes: message.uuid)"
    case .frameworkMessage(let message): "message to \(message.executorID)"
    case .updateFramework(let message): "update framework \(message.frameworkID)"
    case .reconcileTasks(let message): "reconcile \(list: message.tasks.map(\.taskID))"
    case .shutdown(let message): "shut down: \(message.message)"
    case .applyOperation(let message): "apply \(bytes: message.operationUuid) \(bytes: message.operation)"
    case .acknowledgeOperation(let message): "acknowledge operation \(bytes: message.operationUuid)"
    case .drainAgent(let message): message.hasConfig ? "drain" : "drain no more"
    case .reconcileOperations(let message):
      "reconcile operations of \(list: message.operations.map(\.resourceProviderID))"
    }
  }
}

extension CallAnswer: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch self {
    case .accepted: "accepted"
    case .ok: "ok"
    case .streaming: "streaming"
    case .rejected(let status, let text): "\(status) \(text)"
    }
  }
}

extension MasterCore.Event: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch self {
    case .subscribe(let connection, let call, _, _): "\(connection.number) -> \(call)"
    case .call(let call, let streamID, _, _): "\(streamID ?? "") -> \(call)"
    case .schedulerDisconnected(let connection): "scheduler \(connection.number) disconnected"
    case .agentMessage(let session, let body, _): "session \(session.number) -> \(body)"
    case .agentHeard(let session): "session \(session.number) heard"
    case .agentDisconnected(let session): "session \(session.number) over"
    case .persisted(let number): "persisted \(number)"
    case .persistFailed(let number, _): "not persisted \(number)"
    case .tick: "tick"
    case .operatorCall(let call, _, _): "operator \(String(decoding: call.jsonBytes(), as: UTF8.self))"
    }
  }
}

extension RegistryOperation: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch self {
    case .admitAgent(let id, _): "admit \(id)"
    case .markUnreachable(let id, _, _): "unreachable \(id)"
    case .markReachable(let id, _): "reachable \(id)"
    case .removeAgent(let id): "remove \(id)"
    case .setCondition(let id, let condition):
      "condition of \(id) deactivated \(condition.isDeactivated) drain \(condition.drain?.state.rawValue ?? 0)"
    case .clearCondition(let id): "no condition of \(id)"
    case .markGone(let id, _): "gone \(id)"
    case .forgetGone(let id): "forget gone \(id)"
    case .setQuota(let role, let quota): "quota of \(role) \(quota.guarantees.description) \(quota.limits.description)"
    case .removeQuota(let role): "no quota of \(role)"
    case .setWeight(let role, let weight): "weight of \(role) \(String(weight))"
    case .setMaintenance(let plan): "maintenance \(plan.description)"
    case .requireCapability(let name): "require \(name)"
    case .releaseCapability(let name): "release \(name)"
    }
  }
}

extension MasterCore.Directive: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch self {
    case .answer(let token, let answer): "answer \(token.number) \(answer)"
    case .send(let connection, let event): "\(connection.number) <- \(event)"
    case .close(let connection): "close \(connection.number)"
    case .sendToAgent(let session, let body): "session \(session.number) <- \(body)"
    case .closeAgent(let session): "close session \(session.number)"
    case .persist(let operations, let number): "persist \(number) \(list: operations)"
    case .changed(let change): "change \(change.sequence) \(change.kind)"
    case .continueCycle: "continue cycle"
    case .abort(let message): "abort: \(message)"
    }
  }
}

extension Change.Kind: Traceable {
  func line<Line: TraceLine>() -> Line {
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
    case .roleWeight(let role, let weight): "role \(role) weighs \(described: weight)"
    case .operation(let row): "operation \(described: row.id) on \(row.agent) \(row.status.state.rawValue)"
    case .operationStatus(let id, let status): "operation \(described: id) \(status.state.rawValue)"
    case .operationRemoved(let id): "operation \(described: id) removed"
    case .quota(let role, let quota):
      "role \(role) guaranteed \(quota.guarantees.description) limited \(quota.limits.description)"
    case .maintenance(let plan): "maintenance \(plan.description)"
    case .inverseOffer(let offer): "inverse offer \(offer.id.value)"
    case .inverseOfferRemoved(let id): "inverse offer \(id) removed"
    case .inverseOfferAnswer(_, let agent, let framework, let status):
      "\(framework) on leaving \(agent): \(status?.status.rawValue ?? 0)"
    }
  }
}

extension AgentCore.Event: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch self {
    case .linkEstablished: "link established"
    case .linkLost: "link lost"
    case .master(let body): "master -> \(body)"
    case .executorSubscribe(let connection, let call, _, _): "\(connection.number) -> \(call)"
    case .executorCall(let call, _, _): "executor \(call.executorID.value) -> \(call)"
    case .executorDisconnected(let connection): "executor \(connection.number) disconnected"
    case .launched(let container, let process): "launched \(container) \(process.pid)"
    case .launchFailed(let container, _): "not launched \(container)"
    case .exited(let container, let exit): "exited \(container) \(exit)"
    case .persisted(let number): "persisted \(number)"
    case .persistFailed(let number, _): "not persisted \(number)"
    case .tick: "tick"
    case .stop: "stop"
    case .shutdown: "shutdown"
    case .volumesDone(let number): "volumes \(number)"
    case .providerSubscribe(let connection, _, _, _): "provider \(connection.number) subscribes"
    case .providerCall(let call, _, _, _): "provider \(call.resourceProviderID.value) -> \(call.type.rawValue)"
    case .providerDisconnected(let connection): "provider \(connection.number) disconnected"
    case .markProviderGone(let id, _, _): "provider \(id.value) is gone"
    case .volumesFailed(let number, _): "not volumes \(number)"
    }
  }
}

extension AgentCore.Directive: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch self {
    case .answer(let token, let answer): "answer \(token.number) \(answer)"
    case .sendToMaster(let body): "master <- \(body)"
    case .endSession(let message): "end the session: \(message)"
    case .send(let connection, let event): "\(connection.number) <- \(event)"
    case .close(let connection): "close \(connection.number)"
    case .sendToProvider(let connection, let event): "provider \(connection.number) <- \(event.type.rawValue)"
    case .closeProvider(let connection): "close provider \(connection.number)"
    case .launch(let launch): "launch \(launch.executor) in \(launch.container)"
    case .proceed(let container): "proceed \(container)"
    case .destroy(let container): "destroy \(container)"
    case .volumes(let steps, let number): "volumes \(number) \(list: steps)"
    case .persist(let changes, let number): "persist \(number) \(list: changes)"
    case .attachSandbox(let container, _, _): "attach \(container)"
    case .releaseSandbox(let container, _): "release \(container)"
    case .terminate(let reason, let failed): "terminate \(failed ? "failed" : "in peace"): \(reason)"
    }
  }
}

extension VolumeStep: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch self {
    case .make(let folder): "make \(folder.path)"
    case .remove(let folder): "remove \(folder.path)"
    case .link(let container, _, let links): "link \(list: links.map(\.path)) in \(container)"
    }
  }
}

extension CheckpointChange: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch self {
    case .put(let key, let record): "put \(key) \(bytes: record)"
    case .remove(let key): "remove \(key)"
    }
  }
}

extension SchedulerCore.Event: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch self {
    case .start(let id): "start as \(id?.value ?? "new")"
    case .streamOpened(let stream, let head): "stream \(stream.number) opened \(head.status) \(head.text)"
    case .record(let stream, let event): "stream \(stream.number) -> \(event)"
    case .badRecord(let stream, _): "stream \(stream.number) bad record"
    case .streamMalformed(let stream, let reason): "stream \(stream.number) malformed: \(reason)"
    case .streamRefused(let stream, let reason): "stream \(stream.number) refused: \(reason)"
    case .decided(let reaction): "decided \(described: reaction)"
    case .frameworkIDSaved: "id saved"
    case .frameworkIDNotSaved: "id not saved"
    case .readingPaused: "reading paused"
    case .readingResumed: "reading resumed"
    case .streamEnded(let stream, let reason): "stream \(stream.number) ended: \(reason)"
    case .call(let call, let token): "user \(token.number): \(call)"
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

extension SchedulerCore.Directive: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch self {
    case .openStream(let stream, _, let call): "open stream \(stream.number) \(call)"
    case .closeStream(let stream): "close stream \(stream.number)"
    case .saveFrameworkID(_, let id): "save id \(id.value)"
    case .forgetFrameworkID: "forget id"
    case .send(let number, _, let streamID, let call): "send \(number.number) on \(streamID) \(call)"
    case .cancelSend(let number): "cancel send \(number.number)"
    case .decide(let error, let proposed): "decide \(described: proposed) about \(error.message)"
    case .deliver(let number, let update): "deliver \(number.number) \(update)"
    case .complete(let token, let error): "complete \(token.number) \(error?.message ?? "")"
    case .finished(let error): "finished \(error?.message ?? "")"
    }
  }
}

extension SchedulerUpdate: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch self {
    case .connection(let state): "connection \(described: state)"
    case .subscribed(let subscription): "subscribed \(subscription.frameworkID.value)"
    case .offers(let offers): "offers \(offers.count)"
    case .inverseOffers(let offers): "inverse offers \(offers.count)"
    case .rescinded(let id): "rescinded \(id.value)"
    case .inverseOfferRescinded(let id): "inverse offer rescinded \(id.value)"
    case .task(let update): "task \(update.status)\(update.isProvisional ? " provisional" : "")"
    case .operation: "operation"
    case .message: "message"
    case .failure(let failure): "failure \(failure.agentID?.value ?? "")"
    case .reconciled: "reconciled"
    case .error(let error): "error \(error.message)"
    case .notice(let notice): "notice \(described: notice)"
    }
  }
}

extension CommandExecutor.Directive: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch self {
    case .connect(_, let call), .send(_, let call): call.line()
    case .disconnect(let stream): "disconnect \(stream.number)"
    case .launch: "launch"
    case .signalTree(let signal): "signal \(signal)"
    case .probe(let kind, _): "probe \(described: kind)"
    case .cancelProbe(let kind): "cancel probe \(described: kind)"
    case .note(let text): "\(text)"
    case .exit(let status): "exit \(status)"
    }
  }
}

extension ExecutorCore.Directive: Traceable {
  func line<Line: TraceLine>() -> Line {
    switch self {
    case .connect(_, let call), .send(_, let call): call.line()
    case .disconnect(let stream): "disconnect \(stream.number)"
    case .deliver(let event): "deliver \(event)"
    case .connectivity(let isSubscribed, _): "subscribed \(isSubscribed)"
    case .rejected(let error): "rejected \(error.message)"
    case .ignored(let what): "ignored \(what)"
    case .forceExit: "force exit"
    case .finished: "finished"
    }
  }
}
