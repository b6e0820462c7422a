import ExecutorCore
import Glibc
import MesosHTTP
import MesosModel
import ProcessLaunch
import SwiftProtobuf

/// The command executor's loop: one thread that waits for the agent, the command and the time.
///
/// It decides nothing: what happens goes to the ``CommandExecutor``, and what that says is done.
final class ExecutorProgram {
  private let environment: ExecutorEnvironment
  private let address: AgentAddress
  private var core: CommandExecutor
  private var generator = SystemRandomNumberGenerator()

  private var stream: (number: ExecutorStream, connection: Connection, records: RecordIODecoder)?
  private var streamRefusal: (status: Int, text: [UInt8])?
  private var calls: Connection?
  /// Calls that are to be sent, in order; the first may be on its way.
  private var queue: [[UInt8]] = []
  private var isCallSent = false
  private var hasRetried = false
  private var callAnswer: (status: Int, text: [UInt8])?

  private var command: LaunchedProcess?
  private var commandEnd: ProcessDescriptor?
  private var probes: [(kind: CommandTask.CheckKind, probe: any RunningProbe)] = []
  private var exit: (status: Int32, deadline: Duration)?

  /// Text of a refusal that is kept.
  private static let refusalBytesMax = 2048

  init(environment: ExecutorEnvironment, address: AgentAddress, variables: [String: String]) {
    self.environment = environment
    self.address = address
    let configuration = ExecutorCore.Configuration(environment)
    core = CommandExecutor(
      core: configuration,
      task: CommandTask.Configuration(
        executorID: configuration.executorID, shutdownGracePeriod: environment.shutdownGracePeriod),
      environment: variables)
  }

  /// Runs to the end and returns the exit status.
  func run() -> Int32 {
    handle(.start)
    while true {
      let now = Self.now()
      if let exit, queue.isEmpty || exit.status != 0 || exit.deadline <= now.uptime { return exit.status }
      wait(until: [core.nextDeadline, exit?.deadline].compactMap { $0 }.min(), from: now.uptime)
      if let deadline = core.nextDeadline, deadline <= Self.now().uptime { handle(.tick) }
    }
  }

  private static func now() -> Moment {
    var up = timespec()
    var wall = timespec()
    clock_gettime(CLOCK_MONOTONIC, &up)
    clock_gettime(CLOCK_REALTIME, &wall)
    return Moment(
      uptime: .seconds(up.tv_sec) + .nanoseconds(up.tv_nsec),
      wallNanoseconds: Int64(wall.tv_sec) * 1_000_000_000 + Int64(wall.tv_nsec))
  }

  private func wait(until deadline: Duration?, from now: Duration) {
    var items: [pollfd] = []
    func watch(_ descriptor: Int32?, _ interest: Int16) -> Int? {
      guard let descriptor else { return nil }
      items.append(pollfd(fd: descriptor, events: interest, revents: 0))
      return items.count - 1
    }
    let stream = self.stream?.connection
    let calls = self.calls
    let streamIndex = watch(stream?.descriptor, stream?.interest ?? 0)
    let callsIndex = watch(calls?.descriptor, calls?.interest ?? 0)
    let commandIndex = watch(commandEnd?.fileDescriptor, Int16(POLLIN))
    let probes = self.probes
    let firstProbe = items.count
    for (_, probe) in probes { items.append(pollfd(fd: probe.descriptor, events: probe.interest, revents: 0)) }
    var timeout: Int32 = -1
    if let deadline {
      // Rounded up, so that the deadline has passed when the wait is over.
      let milliseconds = (max(.zero, deadline - now).wholeNanoseconds + 999_999) / 1_000_000
      timeout = Int32(min(milliseconds, 3_600_000))
    }
    guard poll(&items, nfds_t(items.count), timeout) > 0 else { return }

    // The command first: a task that has ended is reported even when the agent goes at the same time.
    if let commandIndex, items[commandIndex].revents != 0 { commandEnded() }
    if let streamIndex, let stream, items[streamIndex].revents != 0 {
      stream.proceed(items[streamIndex].revents) { receive($0, on: stream) }
    }
    if let callsIndex, let calls, items[callsIndex].revents != 0 {
      calls.proceed(items[callsIndex].revents) { answer($0, on: calls) }
    }
    for (index, (kind, probe)) in probes.enumerated() where items[firstProbe + index].revents != 0 {
      // It may have been called off by what came before it.
      guard self.probes.contains(where: { $0.probe === probe }),
        let outcome = probe.proceed(items[firstProbe + index].revents)
      else { continue }
      self.probes.removeAll { $0.probe === probe }
      probe.end()
      handle(.probed(kind, outcome))
    }
  }

  private func handle(_ event: CommandExecutor.Event) {
    for directive in core.handle(event, at: Self.now(), using: &generator) { perform(directive) }
  }

  private func perform(_ directive: CommandExecutor.Directive) {
    switch directive {
    case .connect(let number, let call): subscribe(number, call)
    case .send(let number, let call):
      guard stream?.number == number, let bytes = request(call) else { return }
      queue.append(bytes)
      sendNext()
    case .disconnect(let number):
      if stream?.number == number { closeStream() }
    case .launch(let launch): start(launch)
    case .signalTree(let signal): self.signal(signal)
    case .probe(let kind, let probe): start(kind, probe)
    case .cancelProbe(let kind):
      for (other, probe) in probes where other == kind { probe.end() }
      probes.removeAll { $0.kind == kind }
    case .note(let text): note(text)
    case .exit(let status):
      if exit == nil { exit = (status, Self.now().uptime + .seconds(1)) }
    }
  }

  // MARK: - Agent

  private func request(_ call: ExecutorCall) -> [UInt8]? {
    do {
      let body: [UInt8] = try call.serializedBytes()
      let host = environment.agentHost.contains(":") ? "[\(environment.agentHost)]" : environment.agentHost
      let authorization = environment.authenticationToken.map { "Authorization: Bearer \($0)\r\n" } ?? ""
      let head = """
        POST \(environment.path) HTTP/1.1\r
        Host: \(host):\(environment.agentPort)\r
        Content-Type: application/x-protobuf\r
        Accept: application/x-protobuf\r
        Content-Length: \(body.count)\r
        \(authorization)\r

        """
      return Array(head.utf8) + body
    } catch {
      note("Cannot encode a call: \(error)")
      return nil
    }
  }

  private func subscribe(_ number: ExecutorStream, _ call: ExecutorCall) {
    closeStream()
    guard let bytes = request(call), let connection = Connection(address) else {
      handle(.disconnected(number, reason: "cannot connect: \(String(cString: strerror(errno)))"))
      return
    }
    connection.write(bytes)
    stream = (number, connection, RecordIODecoder())
  }

  private func closeStream() {
    stream = nil
    streamRefusal = nil
    calls = nil
    queue = []
    isCallSent = false
    callAnswer = nil
  }

  private func lost(_ number: ExecutorStream, _ reason: String) {
    closeStream()
    handle(.disconnected(number, reason: reason))
  }

  /// Takes what came on the stream; returns whether it is still wanted.
  private func receive(_ outcome: Connection.Outcome, on connection: Connection) -> Bool {
    guard let current = stream, current.connection === connection else { return false }
    let number = current.number
    switch outcome {
    case .part(.head(let status)):
      if status != 200 { streamRefusal = (status, []) }
    case .part(.body(let bytes)):
      if let refusal = streamRefusal {
        streamRefusal?.text += bytes.prefix(Self.refusalBytesMax - refusal.text.count)
        return true
      }
      stream?.records.append(bytes)
      do {
        while stream?.number == number, let record = try stream?.records.next() {
          handle(.received(number, try ExecutorEvent(serializedBytes: record)))
        }
      } catch {
        lost(number, "the agent's stream cannot be read: \(error)")
        return false
      }
    case .part(.end):
      if let refusal = streamRefusal {
        closeStream()
        handle(.refused(number, status: refusal.status, text: String(decoding: refusal.text, as: UTF8.self)))
      } else {
        lost(number, "the agent ended the stream")
      }
      return false
    case .closed(let reason, _):
      if let refusal = streamRefusal {
        closeStream()
        handle(.refused(number, status: refusal.status, text: String(decoding: refusal.text, as: UTF8.self)))
      } else {
        lost(number, reason)
      }
      return false
    }
    return stream?.number == number
  }

  /// Sends the first call of the queue unless one is on its way: an answer tells which call it is for by its order.
  private func sendNext() {
    guard !isCallSent, let call = queue.first, let number = stream?.number else { return }
    if calls == nil { calls = Connection(address) }
    guard let calls else {
      lost(number, "cannot connect: \(String(cString: strerror(errno)))")
      return
    }
    calls.write(call)
    isCallSent = true
  }

  private func answer(_ outcome: Connection.Outcome, on connection: Connection) -> Bool {
    guard calls === connection, let number = stream?.number else { return false }
    switch outcome {
    case .part(.head(let status)):
      callAnswer = (status, [])
    case .part(.body(let bytes)):
      if let answer = callAnswer { callAnswer?.text += bytes.prefix(Self.refusalBytesMax - answer.text.count) }
    case .part(.end):
      let answer = callAnswer
      callAnswer = nil
      isCallSent = false
      hasRetried = false
      if !queue.isEmpty { queue.removeFirst() }
      if connection.closesConnection { calls = nil }
      if let answer, !(200..<300).contains(answer.status) {
        handle(
          .callRefused(number, status: answer.status, text: String(decoding: answer.text, as: UTF8.self)))
      }
      sendNext()
      return calls === connection
    case .closed(let reason, let isClean):
      calls = nil
      callAnswer = nil
      guard isCallSent else { return false }
      isCallSent = false
      // A kept connection may have been closed as the call went out; updates are told apart by UUID, so once more is safe.
      if isClean, !hasRetried {
        hasRetried = true
        sendNext()
      } else {
        hasRetried = false
        lost(number, reason)
      }
      return false
    }
    return true
  }

  // MARK: - Command

  private func start(_ launch: CommandLaunch) {
    let program: LaunchRequest.Program =
      switch launch.program {
      case .shell(let text): .shell(text)
      case .program(let path, let arguments): .program(path: path, arguments: arguments)
      }
    do {
      var user: UserIdentity?
      if let name = launch.user {
        let wanted = try UserIdentity(named: name)
        // The agent has started this program as the task's user already, unless it was told not to.
        if wanted.uid != geteuid() { user = wanted }
      }
      let process = try ProcessLaunch.launch(
        LaunchRequest(
          program: program, environment: .exactly(launch.environment), workingDirectory: environment.sandbox,
          standardOutput: .inherited, standardError: .inherited, user: user))
      command = process
      commandEnd = try ProcessDescriptor(process)
      guard commandEnd != nil else {
        handle(.launched)
        handle(.exited(.unknown))
        return
      }
      note("Launched the command as process \(process.pid)")
      handle(.launched)
    } catch {
      if let command { _ = try? killTree(session: command) }
      handle(.launchFailed("Failed to launch the command: \(error)"))
    }
  }

  private func start(_ kind: CommandTask.CheckKind, _ probe: CommandExecutor.Probe) {
    do {
      let running: any RunningProbe =
        switch probe {
        case .command(let launch): try CommandProbe(launch, in: environment.sandbox)
        case .tcp(let port, let isIPv6): try SocketProbe(port: port, isIPv6: isIPv6, path: nil)
        case .http(let port, let path, let isIPv6): try SocketProbe(port: port, isIPv6: isIPv6, path: path)
        }
      probes.append((kind, running))
    } catch {
      note("Not probed: \(error)")
      handle(.probed(kind, .failed("\(error)")))
    }
  }

  private func commandEnded() {
    guard let status = commandEnd?.reap() else { return }
    commandEnd = nil
    note("Command \(status)")
    let exit: CommandExit =
      switch status {
      case .exited(let code): .exited(code: code)
      case .signaled(_, let coreDumped): .signaled(name: status.signalName, coreDumped: coreDumped)
      case .unknown: .unknown
      }
    handle(.exited(exit))
  }

  private func signal(_ signal: CommandTask.Signal) {
    guard let command else { return }
    do {
      switch signal {
      case .terminate: try signalTree(session: command, SIGTERM)
      case .kill: try killTree(session: command)
      }
    } catch {
      note("\(error)")
    }
  }

  private func note(_ text: String) {
    let line = Array("mesos-executor: \(text)\n".utf8)
    _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
  }
}
