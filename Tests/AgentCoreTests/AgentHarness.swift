import AgentCore
import AgentLinkModel
import MesosModel
import MesosTestKit
import SwiftProtobuf
import Testing

/// An agent's core with a disk, and a checker of what it lets out.
///
/// The checker holds on every directive that an update is on the disk before the master or its executor hears of it, that a container is
/// launched after its records are durable and begins after its process is, and that a task's updates leave one after the other.
struct AgentHarness {
  var core: AgentCore
  var now = Moment(uptime: .seconds(1_000), wallNanoseconds: 1_700_000_000_000_000_000)
  var rng = SplitMix64(seed: 7)
  var disk: [String: [UInt8]] = [:]
  /// Changes are durable as soon as they are asked for.
  var persistsAtOnce = true
  var unwritten: [(changes: [CheckpointChange], number: UInt64)] = []
  /// What left the core since it was last looked at, as text.
  var log: [String] = []
  var directives: [AgentCore.Directive] = []
  var launches: [ContainerLaunch] = []
  var updates: [LinkStatusUpdate] = []
  var reregistration: LinkReregister?
  var operationUpdates: [LinkOperationUpdate] = []
  var agentUpdates: [LinkUpdateAgent] = []
  var providerEvents: [ResourceProviderEvent] = []
  /// What was to be done to folders of volumes, and the numbers of what was not said to be done.
  var volumes: [VolumeStep] = []
  var unfinishedVolumes: [UInt64] = []
  var takesVolumesAtOnce = true
  var answers: [CallToken: CallAnswer] = [:]
  var tokens: UInt64 = 0
  /// Identifiers of updates that the framework acknowledged.
  var acknowledged: Set<[UInt8]> = []
  private var awaited: [String: [UInt8]] = [:]
  /// Identifiers of all updates that the core ever took in.
  private var taken: Set<[UInt8]> = []

  init(
    _ configuration: AgentCore.Configuration = .forTests,
    recovered: RecoveredAgent = RecoveredAgent(records: [], alive: [], rebooted: false)
  ) throws {
    core = try AgentCore(configuration: configuration, recovered: recovered)
    for record in recovered.records {
      disk[record.key] = record.record
      note(record.key, record.record)
    }
    perform(core.start(at: now, using: &rng))
  }

  /// An agent that the master has admitted as `S0`.
  static func registered(_ configuration: AgentCore.Configuration = .forTests) throws -> AgentHarness {
    var agent = try AgentHarness(configuration)
    agent.handle(.linkEstablished)
    agent.handle(.master(.registered(.with { $0.agentID = "S0" })))
    agent.log = []
    return agent
  }

  /// The same agent after it was killed and started again.
  func restarted(alive: Set<ProcessIdentity> = [], rebooted: Bool = false) throws -> AgentHarness {
    var next = try AgentHarness(
      core.configuration, recovered: RecoveredAgent(records: records, alive: alive, rebooted: rebooted))
    next.now = now
    return next
  }

  var records: [(key: String, record: [UInt8])] { disk.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }

  mutating func handle(_ event: AgentCore.Event) {
    perform(core.handle(event, at: now, using: &rng))
    if let broken = core.brokenInvariant() { Issue.record("\(broken)") }
  }

  mutating func advance(by duration: Duration) {
    now = now.advanced(by: duration)
    handle(.tick)
  }

  mutating func persist() {
    let batches = unwritten
    unwritten = []
    for (changes, number) in batches {
      write(changes)
      perform(core.handle(.persisted(number), at: now, using: &rng))
    }
  }

  mutating func write(_ changes: [CheckpointChange]) {
    for change in changes {
      switch change {
      case .put(let key, let record): disk[key] = record
      case .remove(let key): disk[key] = nil
      }
    }
  }

  mutating func takeLog() -> [String] {
    defer { log = [] }
    return log
  }

  private mutating func perform(_ directives: [AgentCore.Directive]) {
    var written: [UInt64] = []
    for directive in directives {
      self.directives.append(directive)
      switch directive {
      case .answer(let token, let answer): answers[token] = answer
      case .sendToMaster(let body): perform(body)
      case .endSession: log.append("end the session")
      case .send(let connection, let event):
        check(event)
        log.append("\(connection.number) <- \(event.summary)")
      case .close(let connection): log.append("close \(connection.number)")
      case .sendToProvider(let connection, let event):
        check(event)
        providerEvents.append(event)
        log.append("provider \(connection.number) <- \(event.type)")
      case .closeProvider(let connection): log.append("close provider \(connection.number)")
      case .launch(let launch):
        let executor = "\(escaped(launch.framework.value))/\(escaped(launch.executor.value))"
        #expect(disk["executors/\(executor)/\(launch.container)"] != nil, "launched before its record is durable")
        #expect(disk.keys.contains { $0.hasPrefix("tasks/\(executor)/\(launch.container)/") })
        launches.append(launch)
        log.append("launch \(launch.executor)")
      case .proceed(let container):
        let isDurable = disk.contains { key, record in
          guard key.hasPrefix("executors/"), key.hasSuffix("/\(container)") else { return false }
          return (try? CheckpointExecutor(serializedBytes: record))?.hasPid ?? false
        }
        #expect(isDurable, "an executor proceeds before its process is on the disk")
        log.append("proceed \(name(of: container))")
      case .destroy(let container): log.append("destroy \(name(of: container))")
      case .volumes(let steps, let number):
        volumes += steps
        unfinishedVolumes.append(number)
      case .persist(let changes, let number):
        for case .put(let key, let record) in changes { note(key, record) }
        if persistsAtOnce {
          write(changes)
          written.append(number)
        } else {
          unwritten.append((changes, number))
        }
      case .attachSandbox: break
      case .releaseSandbox(let container, _): log.append("release \(name(of: container))")
      case .terminate(let reason, let failed): log.append("terminate\(failed ? " failed" : ""): \(reason)")
      }
    }
    if takesVolumesAtOnce { finishVolumes() }
    for number in written { perform(core.handle(.persisted(number), at: now, using: &rng)) }
  }

  /// Says that the folders of volumes are as they are to be.
  mutating func finishVolumes() {
    let numbers = unfinishedVolumes
    unfinishedVolumes = []
    for number in numbers { perform(core.handle(.volumesDone(number), at: now, using: &rng)) }
  }

  private func name(of container: ContainerKey) -> String {
    launches.first { $0.container == container }?.executor.value ?? container.value
  }

  private mutating func perform(_ body: LinkUp.OneOf_Body) {
    switch body {
    case .register: log.append("register")
    case .reregister(let message):
      reregistration = message
      let tasks = message.tasks.map { "\($0.taskID) \($0.state)" }.joined(separator: ", ")
      log.append("reregister \(message.agentInfo.id.value): \(tasks)")
    case .statusUpdate(let update):
      if let problem = StatusChecker.check(update) { Issue.record("\(problem)") }
      let uuid = [UInt8](update.uuid)
      let isDurable = disk.contains { key, record in
        guard key.hasPrefix("updates/"), let message = try? CheckpointUpdate(serializedBytes: record) else {
          return false
        }
        return [UInt8](message.status.uuid) == uuid
      }
      #expect(isDurable, "an update left before it was durable")
      if let before = awaited[update.taskID], before != uuid {
        #expect(acknowledged.contains(before), "the update after left before the one before was acknowledged")
      }
      awaited[update.taskID] = uuid
      updates.append(update)
      let status = try? TaskStatus(serializedBytes: update.status)
      let reason = status.map { $0.hasReason ? " \($0.reason)" : "" } ?? ""
      log.append("update \(update.taskID) \(update.state)\(reason)")
    case .executorMessage(let message): log.append("message of \(message.executorID)")
    case .executorTerminated(let message): log.append("terminated \(message.executorID) \(message.status)")
    case .unregister: log.append("unregister")
    case .operationUpdate(let update):
      let uuid = [UInt8](update.operationUuid)
      let isDurable = disk.contains { key, record in
        guard key.hasPrefix("operations/"), let message = try? CheckpointOperation(serializedBytes: record) else {
          return false
        }
        return message.hasStatus && OperationKey(text: key.dropFirst("operations/".count))?.bytes == uuid
      }
      let status = try? OperationStatus(serializedBytes: update.status)
      // Those of providers are the providers' to keep.
      #expect(isDurable || status?.hasResourceProviderID == true, "the end of an operation left before it was durable")
      operationUpdates.append(update)
      log.append("operation \(status?.operationID.value ?? "") \(status.map { "\($0.state)" } ?? "?")")
    case .updateAgent(let update):
      agentUpdates.append(update)
      log.append("providers \(update.summary)")
    case .hello, .heartbeat: Issue.record("the shell's record")
    }
  }

  /// A provider learns its id once that is on the disk, and that it is gone likewise.
  private func check(_ event: ResourceProviderEvent) {
    func record(_ key: String) -> CheckpointResourceProvider? {
      disk["providers/\(key)"].flatMap { try? CheckpointResourceProvider(serializedBytes: $0) }
    }
    if event.type == .subscribed {
      #expect(record(event.subscribed.providerID.value) != nil, "an id left before it was durable")
    }
    if event.type == .teardown {
      let ids = disk.keys.filter { $0.hasPrefix("providers/") }.map { String($0.dropFirst("providers/".count)) }
      let isAnyGone = ids.contains { record($0)?.gone == true }
      #expect(isAnyGone, "a provider was told that it is gone before that was durable")
    }
  }

  /// Keys hold names with their '%' and '/' percent-encoded.
  private func escaped(_ name: String) -> String {
    name.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "%25")
      .split(separator: "/", omittingEmptySubsequences: false).joined(separator: "%2F")
  }

  private mutating func note(_ key: String, _ record: [UInt8]) {
    guard key.hasPrefix("updates/"), let message = try? CheckpointUpdate(serializedBytes: record) else { return }
    taken.insert([UInt8](message.status.uuid))
  }

  /// Whether the disk tells how `task` ended.
  private func isEndDurable(_ task: String) -> Bool {
    disk.contains { key, record in
      if key.hasPrefix("updates/"), let message = try? CheckpointUpdate(serializedBytes: record) {
        return message.status.taskID.value == task && message.status.state.isTerminal
      }
      guard key.hasPrefix("progress/"), key.hasSuffix("/\(escaped(task))") else { return false }
      return (try? CheckpointProgress(serializedBytes: record))?.state.isTerminal ?? false
    }
  }

  /// An executor may forget an update that is on the disk or that the framework has; and one that the agent did not take in, as the
  /// task had ended, when that end is on the disk.
  private func check(_ event: ExecutorEvent) {
    guard event.type == .acknowledged else { return }
    let uuid = event.acknowledged.uuid
    guard !acknowledged.contains([UInt8](uuid)) else { return }
    guard taken.contains([UInt8](uuid)) else {
      #expect(
        isEndDurable(event.acknowledged.taskID.value), "an executor was told to forget an update before the end is safe"
      )
      return
    }
    let isDurable = disk.contains { key, record in
      if key.hasPrefix("updates/"), let message = try? CheckpointUpdate(serializedBytes: record) {
        return message.status.uuid == uuid
      }
      if key.hasPrefix("progress/"), let message = try? CheckpointProgress(serializedBytes: record) {
        return message.statuses.contains { $0.uuid == uuid }
      }
      return false
    }
    #expect(isDurable, "an executor was told that an update is safe before it was")
  }

  // MARK: What others do

  mutating func run(_ task: TaskInfo, framework: FrameworkInfo = .forTests, launchesExecutor: Bool? = nil) throws {
    let taskBytes: [UInt8] = try task.serializedBytes()
    let frameworkBytes: [UInt8] = try framework.serializedBytes()
    handle(
      .master(
        .runTask(
          .with {
            $0.frameworkID = framework.id.value
            $0.frameworkInfo = field(frameworkBytes)
            $0.taskInfo = field(taskBytes)
            $0.taskID = task.taskID.value
            if let launchesExecutor { $0.launchesExecutor = launchesExecutor }
          })))
  }

  mutating func kill(_ task: String, framework: String = "F") {
    handle(
      .master(
        .killTask(
          .with {
            $0.frameworkID = framework
            $0.taskID = task
          })))
  }

  mutating func token() -> CallToken {
    tokens += 1
    return CallToken(tokens)
  }

  @discardableResult
  mutating func subscribe(
    _ connection: UInt64, executor: String, framework: String = "F", tasks: [TaskInfo] = [],
    updates: [TaskStatus] = []
  ) -> CallAnswer? {
    let token = token()
    let call = ExecutorCall.with {
      $0.type = .subscribe
      $0.executorID.value = executor
      $0.frameworkID.value = framework
      $0.subscribe.unacknowledgedTasks = tasks
      $0.subscribe.unacknowledgedUpdates = updates.map { status in .with { $0.status = status } }
    }
    handle(.executorSubscribe(ExecutorConnection(number: connection), call, principal: nil, token: token))
    return answers[token]
  }

  @discardableResult
  mutating func update(executor: String, _ status: TaskStatus, framework: String = "F") -> CallAnswer? {
    let token = token()
    let call = ExecutorCall.with {
      $0.type = .update
      $0.executorID.value = executor
      $0.frameworkID.value = framework
      $0.update.status = status
    }
    handle(.executorCall(call, principal: nil, token: token))
    return answers[token]
  }

  /// The framework acknowledges the newest update of `task` that it was sent.
  mutating func acknowledge(_ task: String) throws {
    let update = try #require(updates.last { $0.taskID == task })
    acknowledged.insert([UInt8](update.uuid))
    handle(
      .master(
        .acknowledgeUpdate(
          .with {
            $0.frameworkID = update.frameworkID
            $0.taskID = task
            $0.uuid = update.uuid
          })))
  }

  func container(_ executor: String) throws -> ContainerKey {
    try #require(launches.last { $0.executor.value == executor }).container
  }

  /// Takes a command task to its executor's subscription on connection 1.
  static func running(_ name: String = "t") throws -> AgentHarness {
    var agent = try AgentHarness.registered()
    try agent.run(.command(name))
    agent.handle(.launched(try agent.container(name), ProcessIdentity(pid: 100, startTime: 5)))
    agent.subscribe(1, executor: name)
    agent.log = []
    return agent
  }
}

extension AgentCore.Configuration {
  static var forTests: Self {
    Self(
      agentInfo: .with {
        $0.hostname = "host"
        $0.port = 5051
      }, ip: "127.0.0.1", port: 5051, workDirectory: "/var/lib/mesos", launcherDirectory: "/libexec")
  }
}

extension FrameworkInfo {
  static var forTests: FrameworkInfo {
    .with {
      $0.id.value = "F"
      $0.user = "somebody"
      $0.name = "tests"
      $0.checkpoint = true
      $0.capabilities = [.with { $0.type = .partitionAware }]
    }
  }
}

extension TaskInfo {
  static func command(_ name: String) -> TaskInfo {
    .with {
      $0.name = name
      $0.taskID.value = name
      $0.agentID.value = "S0"
      $0.command.value = "true"
      $0.resources = [
        .with {
          $0.name = "cpus"
          $0.type = .scalar
          $0.scalar.value = 1
          $0.allocationInfo.role = "dev"
        }
      ]
    }
  }

  static func custom(_ name: String, executor: String) -> TaskInfo {
    .with {
      $0.name = name
      $0.taskID.value = name
      $0.agentID.value = "S0"
      $0.executor.executorID.value = executor
      $0.executor.command.value = "run-me"
    }
  }
}

extension TaskStatus {
  /// As an executor sends it; equal `number`s make equal identifiers.
  static func of(_ task: String, _ state: TaskState, _ number: UInt8) -> TaskStatus {
    .with {
      $0.taskID.value = task
      $0.state = state
      $0.source = .executor
      $0.uuid = field([UInt8](repeating: number, count: 16))
      $0.timestamp = 1
    }
  }
}

extension ExecutorEvent {
  var summary: String {
    switch type {
    case .launch: "LAUNCH \(launch.task.taskID.value)"
    case .launchGroup: "LAUNCH_GROUP \(launchGroup.taskGroup.tasks.map(\.taskID.value).joined(separator: " "))"
    case .kill: "KILL \(kill.taskID.value)"
    case .acknowledged: "ACKNOWLEDGED \(acknowledged.taskID.value)"
    case .subscribed: "SUBSCRIBED"
    case .shutdown: "SHUTDOWN"
    case .message: "MESSAGE"
    case .heartbeat: "HEARTBEAT"
    default: "\(type)"
    }
  }
}

/// Plain bytes as a message's field holds them.
func field<Bytes: SwiftProtobufContiguousBytes>(_ bytes: [UInt8]) -> Bytes { Bytes(bytes) }

extension LinkUpdateAgent {
  /// In few words, for the log of a harness.
  var summary: String {
    let parts = [
      isComplete ? "all" : "",
      resourceProviders.map { provider in
        let total = (try? Resources(provider.totalResources)) ?? Resources()
        return "\(provider.info.name) \(total.quantities) operations \(provider.operations.count)"
      }.joined(separator: ", "),
      unsubscribed.isEmpty ? "" : "away \(unsubscribed.count)", removed.isEmpty ? "" : "removed \(removed.count)",
    ]
    return parts.filter { !$0.isEmpty }.joined(separator: " ")
  }
}
