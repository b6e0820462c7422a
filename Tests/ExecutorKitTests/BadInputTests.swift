import ExecutorKit
import Foundation
import Logging
import MesosHTTP
import Testing

/// Something an agent may send that it must not; see SchedulerKit's table of the same.
struct BadAgentInput: Sendable, CustomTestStringConvertible {
  var name: String
  /// Whether the stream is given up for another, or the record skipped.
  var endsStream: Bool
  /// Whether the user is told.
  var isTold = true
  var bytes: @Sendable (MessageEncoding) -> [UInt8]
  var testDescription: String { name }

  static func record(_ name: String, isTold: Bool = true, json: String, protobuf: [UInt8]) -> Self {
    Self(name: name, endsStream: false, isTold: isTold) {
      RecordIOEncoder.encode($0 == .json ? Array(json.utf8) : protobuf)
    }
  }

  static func raw(_ name: String, _ text: String) -> Self {
    Self(name: name, endsStream: true) { _ in Array(text.utf8) }
  }

  static let all: [BadAgentInput] = [
    .record("an unknown event type", json: #"{"type":"TELEPATHY"}"#, protobuf: [8, 77]),
    .record("no event type", json: "{}", protobuf: []),
    .record(
      "an unknown field", isTold: false, json: #"{"type":"HEARTBEAT","soul":{}}"#, protobuf: [8, 9, 0xfa, 1, 1, 7]),
    .record("a launch of nothing", json: #"{"type":"LAUNCH"}"#, protobuf: [8, 2]),
    .record("a launch without a task", json: #"{"type":"LAUNCH","launch":{}}"#, protobuf: [8, 2, 26, 0]),
    .record("a group of nothing", json: #"{"type":"LAUNCH_GROUP"}"#, protobuf: [8, 8]),
    .record("a kill of nothing", json: #"{"type":"KILL"}"#, protobuf: [8, 3]),
    .record("an acknowledgement of nothing", json: #"{"type":"ACKNOWLEDGED"}"#, protobuf: [8, 4]),
    .record("a message without bytes", json: #"{"type":"MESSAGE"}"#, protobuf: [8, 5]),
    .record("a field of the wrong kind", json: #"{"type":["KILL"]}"#, protobuf: [10, 1, 65, 0xff]),
    .record("garbage", json: "\u{1}\u{2}{{{", protobuf: [0xff, 0xff, 0xff, 0xff, 0xff]),
    .record("half a message", json: #"{"type":"HEART"#, protobuf: [8, 2, 26, 100, 1]),
    .record(
      "a depth without end", json: String(repeating: "[", count: 90_000),
      protobuf: Array(repeating: 0x0b, count: 90_000)),
    BadAgentInput(name: "invalid UTF-8", endsStream: false) { encoding in
      let text: [UInt8] = [0xc3, 0x28, 0xa0, 0xff]
      let json = Array(#"{"type":"KILL","kill":{"task_id":{"value":""#.utf8) + text + Array(#""}}}"#.utf8)
      // KILL with a task id of these bytes.
      return RecordIOEncoder.encode(encoding == .json ? json : [8, 3, 42, 8, 10, 6, 10, 4] + text)
    },
    BadAgentInput(name: "an empty record", endsStream: false) { _ in Array("0\n".utf8) },
    BadAgentInput(name: "SUBSCRIBED twice", endsStream: false) {
      RecordIOEncoder.encode($0.encode(ExecutorEvent.subscribed()))
    },
    .raw("a length that is no number", "abc\n{}"), .raw("a negative length", "-5\n{}"), .raw("no length", "\n{}"),
    .raw("a length beyond all", "99999999999999999999999999\n"), .raw("a length above the limit", "100001\n"),
  ]
}

@Suite(.timeLimit(.minutes(2))) struct BadAgentInputTests {
  private func driver(_ variables: [String: String], _ encoding: MessageEncoding) throws -> ExecutorDriver {
    ExecutorDriver(
      environment: try ExecutorEnvironment(variables),
      configuration: ExecutorConfiguration(encoding: encoding, recordBytesMax: 100_000),
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
  }

  @Test(arguments: MessageEncoding.allCases, BadAgentInput.all)
  func `bad input on an executor's stream is told and survived`(
    encoding: MessageEncoding, input: BadAgentInput
  ) async throws {
    try await FakeAgent.serving { agent, variables in
      let driver = try self.driver(variables, encoding)
      async let ended: Void = driver.run()
      var subscriptions = agent.subscriptions.makeAsyncIterator()
      var stream = try #require(await subscriptions.next())
      stream.send(.subscribed())
      stream.send(raw: input.bytes(encoding))
      if input.endsStream {
        stream = try #require(await subscriptions.next())
        stream.send(.subscribed())
      }
      // What comes after it arrives as ever.
      stream.send(.launch(.make("after")))
      var types: [ExecutorEvent.TypeEnum] = []
      for await event in driver.events {
        types.append(event.type)
        if event.type == .launch { break }
      }
      #expect(types == (input.endsStream ? [.subscribed, .subscribed, .launch] : [.subscribed, .launch]))
      driver.stop()
      try await ended
      var notices: [ExecutorNotice] = []
      for await notice in driver.notices { notices.append(notice) }
      #expect(notices.count == (input.isTold ? 1 : 0), "\(notices)")
      if input.endsStream, case .ignored? = notices.first { Issue.record("\(notices)") }
    }
  }

  @Test(arguments: MessageEncoding.allCases, BadAgentInput.all)
  func `bad input in the place of SUBSCRIBED leads to another attempt, or is skipped`(
    encoding: MessageEncoding, input: BadAgentInput
  ) async throws {
    guard input.name != "SUBSCRIBED twice" else { return }
    try await FakeAgent.serving { agent, variables in
      let driver = try self.driver(variables, encoding)
      async let ended: Void = driver.run()
      var subscriptions = agent.subscriptions.makeAsyncIterator()
      let first = try #require(await subscriptions.next())
      first.send(raw: input.bytes(encoding))
      // Where it was skipped this ends the attempt.
      first.close()
      let second = try #require(await subscriptions.next())
      second.send(.subscribed())
      for await event in driver.events {
        #expect(event.type == .subscribed)
        break
      }
      driver.stop()
      try await ended
    }
  }
}
