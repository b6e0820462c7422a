import ExecutorKit
import Foundation
import MesosTestKit
import Testing

/// The built `mesos-executor`, beside the tests; absent where only the tests were built.
private let program: URL? = {
  let folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
  let candidates = [folder, URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()]
  return candidates.map { $0.appending(path: "mesos-executor") }
    .first { FileManager.default.isExecutableFile(atPath: $0.path) }
}()

@Suite(.enabled(if: program != nil, "mesos-executor is not built"), .timeLimit(.minutes(1)))
struct CommandExecutorProcessTests {
  /// Starts the executor in a sandbox of its own, as an agent does, and gives its exit status when it has ended.
  private func start(
    _ variables: [String: String]
  ) throws -> (sandbox: URL, ended: @Sendable () async -> Int32, process: Process) {
    let sandbox = FileManager.default.temporaryDirectory.appending(path: "sandbox-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: sandbox, withIntermediateDirectories: true)
    for name in ["stdout", "stderr"] {
      try Data().write(to: sandbox.appending(path: name))
    }
    let process = Process()
    process.executableURL = program
    process.environment = variables.merging(
      ["MESOS_SANDBOX": sandbox.path, "MESOS_DIRECTORY": sandbox.path, "PATH": "/usr/local/bin:/usr/bin:/bin"]
    ) { _, new in new }
    if let path = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"] {
      process.environment?["LD_LIBRARY_PATH"] = path
    }
    process.standardOutput = try FileHandle(forWritingTo: sandbox.appending(path: "stdout"))
    process.standardError = try FileHandle(forWritingTo: sandbox.appending(path: "stderr"))
    let (stream, continuation) = AsyncStream<Int32>.makeStream()
    process.terminationHandler = { continuation.yield($0.terminationStatus) }
    try process.run()
    return (
      sandbox,
      {
        var iterator = stream.makeAsyncIterator()
        return await iterator.next() ?? -1
      }, process
    )
  }

  private func text(_ name: String, in sandbox: URL) throws -> String {
    String(decoding: try Data(contentsOf: sandbox.appending(path: name)), as: UTF8.self)
  }

  /// All that is written to a named pipe, read on a thread that may block.
  private func content(ofPipe path: String) async -> String? {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        let content = try? FileHandle(forReadingAtPath: path)?.readToEnd()
        continuation.resume(returning: content.map { String(decoding: $0, as: UTF8.self) })
      }
    }
  }

  @Test func `a command runs in its sandbox and its end is reported`() async throws {
    try await FakeAgent.serving { agent, variables in
      let (sandbox, ended, _) = try self.start(variables)
      defer { try? FileManager.default.removeItem(at: sandbox) }
      var subscriptions = agent.subscriptions.makeAsyncIterator()
      var calls = agent.calls.makeAsyncIterator()
      let stream = try #require(await subscriptions.next())
      stream.send(.subscribed())
      var task = TaskInfo.make(
        "t1", command: "pwd; echo $WORD $MESOS_TASK_ID $MESOS_EXECUTOR_AUTHENTICATION_TOKEN; exit 3")
      var word = CommandEnvironment.Variable()
      word.name = "WORD"
      word.value = "hello"
      task.command.environment.variables = [word]
      stream.send(.launch(task))
      for (state, message) in [
        (TaskState.taskStarting, ""), (.taskRunning, ""), (.taskFailed, "Command exited with status 3"),
      ] {
        let call = try #require(await calls.next())
        #expect(call.update.status.state == state)
        #expect(call.update.status.message == message)
        stream.send(.acknowledged(call.update.status))
      }
      #expect(await ended() == 0)
      #expect(try self.text("stdout", in: sandbox).hasSuffix("/\(sandbox.lastPathComponent)\nhello t1\n"))
      #expect(agent.authorizations.allSatisfy { $0 == "Bearer a.b.c" })
    }
  }

  @Test func `a kill takes what ignores SIGTERM, after the grace period`() async throws {
    try await FakeAgent.serving { agent, variables in
      let (sandbox, ended, _) = try self.start(variables)
      defer { try? FileManager.default.removeItem(at: sandbox) }
      var subscriptions = agent.subscriptions.makeAsyncIterator()
      var calls = agent.calls.makeAsyncIterator()
      let stream = try #require(await subscriptions.next())
      stream.send(.subscribed(capabilities: [.taskKillingState]))
      let gate = sandbox.appending(path: "gate").path
      #expect(mkfifo(gate, 0o600) == 0)
      stream.send(
        .launch(
          .make("t1", command: "trap '' TERM; echo trapped > gate; (trap '' TERM; sleep 1000) & wait; sleep 1000")))
      _ = await calls.next()
      #expect(await calls.next()?.update.status.state == .taskRunning)
      // Running is said when the shell has started, which is before it ignores anything.
      #expect(await self.content(ofPipe: gate) == "trapped\n")
      stream.send(.kill("t1", grace: .milliseconds(20)))
      #expect(await calls.next()?.update.status.state == .taskKilling)
      let last = try #require(await calls.next())
      #expect(last.update.status.state == .taskKilled)
      #expect(last.update.status.message == "Command terminated with signal Killed")
      stream.send(.acknowledged(last.update.status))
      #expect(await ended() == 0)
    }
  }

  @Test func `an agent that restarts finds the task running and hears its end`() async throws {
    try await FakeAgent.serving { agent, variables in
      let (sandbox, ended, _) = try self.start(variables)
      defer { try? FileManager.default.removeItem(at: sandbox) }
      let gate = sandbox.appending(path: "gate").path
      #expect(mkfifo(gate, 0o600) == 0)
      var subscriptions = agent.subscriptions.makeAsyncIterator()
      var calls = agent.calls.makeAsyncIterator()
      let first = try #require(await subscriptions.next())
      first.send(.subscribed())
      first.send(.launch(.make("t1", command: "read line < gate; echo $line")))
      _ = await calls.next()
      #expect(await calls.next()?.update.status.state == .taskRunning)
      first.close()
      let second = try #require(await subscriptions.next())
      #expect(second.call.subscribe.unacknowledgedTasks.map(\.taskID.value) == ["t1"])
      #expect(
        second.call.subscribe.unacknowledgedUpdates.map(\.status.state) == [.taskStarting, .taskRunning])
      second.send(.subscribed())
      for update in second.call.subscribe.unacknowledgedUpdates { second.send(.acknowledged(update.status)) }
      try FileHandle(forWritingTo: URL(filePath: gate)).write(contentsOf: Data("through\n".utf8))
      let last = try #require(await calls.next())
      #expect(last.update.status.state == .taskFinished)
      second.send(.acknowledged(last.update.status))
      #expect(await ended() == 0)
      #expect(try self.text("stdout", in: sandbox) == "through\n")
    }
  }

  @Test func `a program that cannot be started fails the task with the reason`() async throws {
    try await FakeAgent.serving { agent, variables in
      let (sandbox, ended, _) = try self.start(variables)
      defer { try? FileManager.default.removeItem(at: sandbox) }
      var subscriptions = agent.subscriptions.makeAsyncIterator()
      var calls = agent.calls.makeAsyncIterator()
      let stream = try #require(await subscriptions.next())
      stream.send(.subscribed())
      var task = TaskInfo.make("t1", command: "/nonexistent")
      task.command.shell = false
      stream.send(.launch(task))
      _ = await calls.next()
      let last = try #require(await calls.next())
      #expect(last.update.status.state == .taskFailed)
      #expect(
        last.update.status.message
          == "Failed to launch the command: Failed to execute the program (/nonexistent): No such file or directory")
      stream.send(.acknowledged(last.update.status))
      #expect(await ended() == 0)
    }
  }

  @Test func `a program that no agent started says what is missing`() async throws {
    let (sandbox, ended, _) = try start([:])
    defer { try? FileManager.default.removeItem(at: sandbox) }
    #expect(await ended() == 1)
    #expect(
      try text("stderr", in: sandbox) == "mesos-executor: Expecting 'MESOS_FRAMEWORK_ID' to be set in the environment\n"
    )
  }
}
