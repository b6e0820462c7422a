import MesosHTTP
import MesosHTTPClient
import MesosHTTPServer
import MesosModel
import OperatorKit
import SwiftProtobuf
import Testing

private let parent = ContainerID.with { $0.value = "parent" }
/// Written out as it arrives in JSON, where defaults are values.
private let command = CommandInfo.with {
  $0.shell = true
  $0.value = "cat"
}

private func all(_ output: ContainerSession.Output) async throws(OperatorError) -> [UInt8] {
  var bytes: [UInt8] = []
  for try await chunk in output { bytes += chunk }
  return bytes
}

struct ContainerSessionTests {
  @Test(arguments: MessageEncoding.allCases)
  func `a session writes, reads and tells how the process ended`(encoding: MessageEncoding) async throws {
    let container = ScriptedContainer()
    try await container.serving(encoding) { client in
      try await client.withSession(
        in: parent, command: command, terminal: TerminalSize(columns: 80, rows: 24)
      ) { session in
        #expect(session.container.parent == parent && !session.container.value.isEmpty)
        let launch = try #require(container.launched.current).launchNestedContainerSession
        #expect(launch.containerID == session.container && launch.command == command)
        #expect(launch.container.type == .mesos && launch.container.ttyInfo.windowSize.columns == 80)

        try await session.write(Array("hello".utf8))
        try await session.resize(to: TerminalSize(columns: 132, rows: 50))
        try await session.write([])
        try await session.write(Array("more".utf8))
        try await session.closeInput()
        var inputs: [ScriptedContainer.Input] = []
        for await input in container.inputs { inputs.append(input) }
        #expect(
          inputs == [
            .bytes(Array("hello".utf8)), .resize(columns: 132, rows: 50), .bytes(Array("more".utf8)), .endOfFile, .end,
          ])
        #expect(await failure { () async throws(OperatorError) in try await session.write([1]) }?.code == .ended)

        container.send(.stdout([1, 2]), .stderr([9]), .io(.heartbeat(.seconds(30))), .stdout([3]), .end)
        async let errors = all(session.stderr)
        #expect(try await all(session.stdout) == [1, 2, 3])
        #expect(try await errors == [9])
        #expect(try await session.exit().code == 3)
        #expect(session.skippedRecords == 0)
      }
    }
  }

  @Test(arguments: MessageEncoding.allCases)
  func `a running container is attached to`(encoding: MessageEncoding) async throws {
    let container = ScriptedContainer()
    try await container.serving(encoding) { client in
      try await client.withAttachment(to: parent) { session in
        #expect(session.container == parent)
        container.send(.stdout([1]), .io(ProcessIO()), .end)
        #expect(try await all(session.stdout) == [1])
        #expect(session.skippedRecords == 1)
        try await session.write([5])
        var inputs = container.inputs.makeAsyncIterator()
        #expect(await inputs.next() == .bytes([5]))
      }
    }
  }

  @Test func `an input that lives says so`() async throws {
    let container = ScriptedContainer()
    try await container.serving {
      $0.inputHeartbeat = .milliseconds(5)
    } body: { client in
      try await client.withSession(in: parent, command: command) { session in
        try await session.write([1])
        var inputs = container.inputs.makeAsyncIterator()
        #expect(await inputs.next() == .bytes([1]))
        #expect(await inputs.next() == .heartbeat)
        #expect(await inputs.next() == .heartbeat)
      }
    }
  }

  @Test func `a session that is left ends the container's connection`() async throws {
    struct Left: Error {}
    let container = ScriptedContainer()
    try await container.serving { client in
      await #expect(throws: Left.self) {
        try await client.withSession(in: parent, command: command) { session in
          try await session.write([1])
          throw Left()
        }
      }
      await container.gone.wait()
    }
  }

  @Test func `a session that is cancelled closes everything`() async throws {
    let container = ScriptedContainer()
    try await container.serving { client in
      let begun = Signal()
      await withTaskGroup(of: OperatorError.Code?.self) { group in
        group.addTask {
          do {
            try await client.withSession(in: parent, command: command) { session in
              begun.raise()
              _ = try await all(session.stdout)
            }
            return nil
          } catch {
            return (error as? OperatorError)?.code
          }
        }
        await begun.wait()
        group.cancelAll()
        let code = await group.next() ?? nil
        #expect(code == .cancelled)
      }
      await container.gone.wait()
    }
  }

  @Test func `a process that writes more than is read waits, and nothing is lost`() async throws {
    let container = ScriptedContainer()
    try await container.serving {
      $0.containerBufferBytesMax = 1_000
      $0.http.streamBufferBytesMax = 1_000
    } body: { client in
      try await client.withSession(in: parent, command: command) { session in
        let chunk = [UInt8](repeating: 7, count: 600)
        for _ in 0..<500 { container.send(.stdout(chunk)) }
        container.send(.stderr([1]), .end)
        var count = 0
        for try await bytes in session.stdout { count += bytes.count }
        #expect(count == 300_000)
        #expect(try await all(session.stderr) == [1])
      }
    }
  }

  @Test func `a stream that nobody reads can be dropped`() async throws {
    let container = ScriptedContainer()
    try await container.serving {
      $0.containerBufferBytesMax = 10
    } body: { client in
      try await client.withSession(in: parent, command: command) { session in
        session.stderr.discard()
        for _ in 0..<50 { container.send(.stderr([1, 2, 3, 4, 5, 6])) }
        container.send(.stdout([8]), .end)
        let output = try await all(session.stdout)
        #expect(output == [8])
      }
    }
  }

  @Test(
    arguments: MessageEncoding.allCases,
    [
      ("a cut", .connectionLost, [.bytes([0x31]), .cut]),
      ("garbage", .undecodable, [.bytes(Array("x\n".utf8))]),
      ("a record that is none", .undecodable, [.bytes(RecordIOEncoder.encode([0xff, 0xff]))]),
      ("an oversize record", .undecodable, [.bytes(Array("999999999999\n".utf8))]),
    ] as [(String, OperatorError.Code, [ScriptedContainer.Output])])
  func `an output that breaks is a typed error for its readers`(
    encoding: MessageEncoding, broken: (String, OperatorError.Code, [ScriptedContainer.Output])
  ) async throws {
    let container = ScriptedContainer()
    try await container.serving(encoding) { client in
      try await client.withSession(in: parent, command: command) { session in
        for output in broken.2 { container.send(output) }
        #expect(await failure { () async throws(OperatorError) in try await all(session.stdout) }?.code == broken.1)
        #expect(await failure { () async throws(OperatorError) in try await all(session.stderr) }?.code == broken.1)
      }
    }
  }

  @Test func `an output that misses its heartbeats is dead`() async throws {
    let container = ScriptedContainer()
    try await container.serving {
      $0.missedHeartbeatsMax = 2
    } body: { client in
      try await client.withSession(in: parent, command: command) { session in
        container.send(.io(.heartbeat(.milliseconds(20))))
        #expect(await failure { () async throws(OperatorError) in try await all(session.stdout) }?.code == .silent)
      }
    }
  }

  @Test(
    arguments: [
      (OutgoingResponse.text("I/O switchboard has shutdown", status: 500), OperatorError.Code.serverError),
      (.text("no", status: 404), .notFound), (.text("no", status: 501), .notImplemented),
      (.content([], .json), .undecodable), (.content([], .recordio), .undecodable),
    ] as [(OutgoingResponse, OperatorError.Code)])
  func `an agent that refuses a session says why`(refusal: OutgoingResponse, code: OperatorError.Code) async throws {
    let container = ScriptedContainer(refusal: refusal)
    try await container.serving { client in
      let error = await #expect(throws: OperatorError.self) {
        try await client.withSession(in: parent, command: command) { _ in Issue.record("a session") }
      }
      #expect(error?.code == code)
    }
  }

  @Test func `an agent that refuses input tells who writes`() async throws {
    let container = ScriptedContainer(inputRefusal: .text("no switchboard", status: 500))
    try await container.serving { client in
      try await client.withSession(in: parent, command: command) { session in
        let error = await failure { () async throws(OperatorError) in
          while true { try await session.write([UInt8](repeating: 1, count: 1 << 16)) }
        }
        #expect(error?.code == .serverError)
        // The output goes on.
        container.send(.stdout([1]), .end)
        let output = try await all(session.stdout)
        #expect(output == [1])
      }
    }
  }
}
