import MesosHTTP
import MesosHTTPClient
import MesosHTTPServer
import MesosModel
import OperatorKit
import SwiftProtobuf
import Testing

/// Files of a server that change as a test says, a step for each request that finds nothing new.
private final class ScriptedFiles: Sendable {
  private struct State {
    var contents: [UInt8]?
    /// What the file becomes, each time that a reader has all of it.
    var steps: [[UInt8]?]
    var reads = 0
    var failures: [Int] = []
  }

  private let state: Shared<State>
  /// What the server gives at once, at most.
  let pieceMax: Int

  init(_ contents: [UInt8]?, then steps: [[UInt8]?] = [], pieceMax: Int = 64 * 1024, failures: [Int] = []) {
    state = Shared(State(contents: contents, steps: steps, failures: failures))
    self.pieceMax = pieceMax
  }

  var reads: Int { state.current.reads }
  var hasEnded: Bool { state.current.steps.isEmpty }

  /// As Apache Mesos reads.
  func read(offset: UInt64, length: UInt64?) throws(HTTPFailure) -> (bytes: [UInt8], size: UInt64) {
    try state.withLock { state throws(HTTPFailure) in
      state.reads += 1
      if !state.failures.isEmpty {
        throw HTTPFailure(status: state.failures.removeFirst(), text: "later")
      }
      guard let contents = state.contents else {
        if !state.steps.isEmpty { state.contents = state.steps.removeFirst() }
        throw HTTPFailure(status: 404, text: "")
      }
      let size = UInt64(contents.count)
      guard offset < size else {
        if !state.steps.isEmpty { state.contents = state.steps.removeFirst() }
        return ([], size)
      }
      let end = min(contents.count, Int(offset) + min(pieceMax, Int(clamping: length ?? .max)))
      return (Array(contents[Int(offset)..<end]), size)
    }
  }

  func serving<Success: Sendable>(
    _ encoding: MessageEncoding = .protobuf, _ body: @Sendable @escaping (AgentClient) async throws -> Success
  ) async throws -> Success {
    try await OperatorServer.agent(encoding) { call, encoding, _ in
      guard call.type == .readFile, call.readFile.path == "/log" else { throw HTTPFailure(status: 404, text: "") }
      let (bytes, size) = try self.read(
        offset: call.readFile.offset, length: call.readFile.hasLength ? call.readFile.length : nil)
      return .content(
        encoding.encode(
          AgentResponse.with {
            $0.type = .readFile
            $0.readFile.size = size
            $0.readFile.data = .init(bytes)
          }), encoding.mediaType)
    } body: { client in
      try await body(client)
    }
  }

  /// Follows until all that was to happen has.
  var patient: FollowConfiguration {
    var configuration = FollowConfiguration()
    configuration.waitMin = .milliseconds(1)
    configuration.waitMax = .milliseconds(2)
    configuration.isComplete = { self.hasEnded }
    return configuration
  }
}

private func collected(_ follower: FileFollower) async throws -> (bytes: [UInt8], truncations: [UInt64]) {
  var bytes: [UInt8] = []
  var truncations: [UInt64] = []
  for try await element in follower {
    switch element {
    case .bytes(let piece): bytes += piece.bytes
    case .truncated(let size): truncations.append(size)
    }
  }
  return (bytes, truncations)
}

struct FileTests {
  @Test(arguments: MessageEncoding.allCases)
  func `a file is read whole, in as many pieces as it takes`(encoding: MessageEncoding) async throws {
    let contents = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let files = ScriptedFiles(contents, pieceMax: 1_000)
    try await files.serving(encoding) { client in
      #expect(try await client.contents(of: "/log") == contents)
      var pieces = 0
      let count = try await client.download("/log") { pieces += $0.isEmpty ? 0 : 1 }
      #expect(count == 10_000 && pieces == 10)
      #expect(
        try await client.read("/log", offset: 9_999)
          == FilePiece(offset: 9_999, bytes: [contents[9_999]], fileSize: 10_000))
      #expect(try await client.read("/log", offset: 20_000).bytes.isEmpty)
      #expect(
        await failure { () async throws(OperatorError) in try await client.contents(of: "/log", upTo: 9_999) }?.code
          == .tooLarge)
      #expect(
        await failure { () async throws(OperatorError) in try await client.contents(of: "/none") }?.code == .notFound)
      #expect(
        await failure { () async throws(OperatorError) in try await client.read("/log", length: 0) }?.code
          == .invalidRequest)
    }
  }

  @Test func `a server that gives more than was asked for is not believed`() async throws {
    let code = try await OperatorServer.agent { _, encoding, _ in
      .content(
        encoding.encode(
          AgentResponse.with {
            $0.type = .readFile
            $0.readFile.size = 3
            $0.readFile.data = .init([1, 2, 3])
          }), encoding.mediaType)
    } body: { client in
      await failure { () async throws(OperatorError) in try await client.read("/log", length: 2) }?.code
    }
    #expect(code == .wrongAnswer)
  }

  @Test func `a file that grows is followed to its end`() async throws {
    let files = ScriptedFiles([1, 2], then: [[1, 2, 3], [1, 2, 3], [1, 2, 3, 4, 5, 6]], pieceMax: 2)
    try await files.serving { client in
      let all = try await collected(client.follow("/log", files.patient))
      #expect(all.bytes == [1, 2, 3, 4, 5, 6])
      #expect(all.truncations == [])
    }
  }

  @Test func `a file that is cut short is read anew`() async throws {
    let files = ScriptedFiles([1, 2, 3], then: [[9], [9, 8]])
    try await files.serving { client in
      let all = try await collected(client.follow("/log", files.patient))
      #expect(all.bytes == [1, 2, 3, 9, 8])
      #expect(all.truncations == [1])
    }
  }

  @Test func `following may begin at the end, or anywhere`() async throws {
    let files = ScriptedFiles([1, 2, 3], then: [[1, 2, 3, 4]])
    try await files.serving { client in
      var configuration = files.patient
      configuration.start = .end
      var iterator = client.follow("/log", configuration).makeAsyncIterator()
      let first = try await iterator.next()
      #expect(first == .bytes(FilePiece(offset: 3, bytes: [4], fileSize: 4)))
      let second = try await iterator.next()
      #expect(second == nil)
      configuration.start = .offset(1)
      let rest = try await collected(client.follow("/log", configuration))
      #expect(rest.bytes == [2, 3, 4])
    }
  }

  @Test func `a file that is not there yet is waited for where that is asked`() async throws {
    let files = ScriptedFiles(nil, then: [nil, [5]])
    try await files.serving { client in
      #expect(
        await failure { () async throws(OperatorError) in
          for try await _ in client.follow("/log") {}
        }?.code == .notFound)
      var configuration = files.patient
      configuration.waitsForFile = true
      let all = try await collected(client.follow("/log", configuration))
      #expect(all.bytes == [5])
    }
  }

  @Test func `a failure that passes is waited for, one that stays is told`() async throws {
    let files = ScriptedFiles([7], failures: [503, 500, 503])
    try await files.serving { client in
      let all = try await collected(client.follow("/log", files.patient))
      #expect(all.bytes == [7])
    }
    let broken = ScriptedFiles([7], failures: Array(repeating: 503, count: 10))
    try await broken.serving { client in
      var configuration = broken.patient
      configuration.failuresMax = 2
      #expect(
        await failure { () async throws(OperatorError) in
          for try await _ in client.follow("/log", configuration) {}
        }?.code == .unavailable)
      #expect(broken.reads == 3)
    }
    let forbidden = ScriptedFiles([7], failures: [403])
    try await forbidden.serving { client in
      #expect(
        await failure { () async throws(OperatorError) in
          for try await _ in client.follow("/log") {}
        }?.code == .forbidden)
    }
  }

  @Test func `following ends with its task`() async throws {
    let files = ScriptedFiles([7])
    try await files.serving { client in
      await withTaskGroup(of: OperatorError?.self) { group in
        let read = Signal()
        group.addTask {
          await failure { () async throws(OperatorError) in
            for try await _ in client.follow("/log") { read.raise() }
          }
        }
        await read.wait()
        group.cancelAll()
        #expect(await group.next()??.code == .cancelled)
      }
    }
  }

  @Test func `the sandbox of a task is found through the master`() async throws {
    @Sendable func response(_ call: MasterCall) -> MasterResponse {
      .with {
        $0.type = .getState
        $0.getState.getAgents.agents = [
          .with {
            $0.agentInfo.id.value = "A"
            $0.agentInfo.hostname = "host"
            $0.pid = "slave(1)@10.0.0.7:5051"
            $0.active = true
            $0.version = "1"
          }
        ]
        $0.getState.getFrameworks.frameworks = [
          .with {
            $0.frameworkInfo.id.value = "F"
            $0.frameworkInfo.name = "f"
            $0.frameworkInfo.user = "u"
            $0.active = true
            $0.connected = true
            $0.recovered = false
          }
        ]
        $0.getState.getExecutors.executors = [
          .with {
            $0.agentID.value = "A"
            $0.executorInfo.type = .default
            $0.executorInfo.executorID.value = "pod"
            $0.executorInfo.frameworkID.value = "F"
          }
        ]
        var custom = MesosTask.named("custom")
        custom.executorID.value = "E"
        var inPod = MesosTask.named("in-pod")
        inPod.executorID.value = "pod"
        var lost = MesosTask.named("lost")
        lost.agentID.value = "B"
        $0.getState.getTasks.tasks = [.named("command"), custom, inPod, lost]
        $0.getState.getTasks.completedTasks = [.named("ended", .taskFinished)]
      }
    }
    try await OperatorServer.master { call, encoding in
      .content(encoding.encode(response(call)), encoding.mediaType)
    } body: { client in
      for (task, folder) in [
        ("command", "command/runs/latest"), ("ended", "ended/runs/latest"), ("custom", "E/runs/latest"),
        ("in-pod", "pod/runs/latest/tasks/in-pod"),
      ] {
        let sandbox = try await client.sandbox(of: TaskReference(framework: "F", task: TaskKey(task)))
        #expect(sandbox.agent.description == "http://10.0.0.7:5051/slave(1)")
        #expect(sandbox.path(of: "stdout") == "/frameworks/F/executors/\(folder)/stdout")
        #expect(sandbox.path(of: "") == sandbox.path)
      }
      for task in ["lost", "unknown"] as [TaskKey] {
        let error = await failure { () async throws(OperatorError) in
          try await client.sandbox(of: TaskReference(framework: "F", task: task))
        }
        #expect(error?.code == .notFound)
      }
    }
  }
}
