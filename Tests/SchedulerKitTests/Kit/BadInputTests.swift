import Foundation
import MesosHTTP
import MesosModel
import SchedulerKit
import Testing

/// Something a server may send that it must not.
struct BadInput: Sendable, CustomTestStringConvertible {
  enum Effect: Hashable, Sendable {
    /// The record is skipped, the user told, and the stream goes on.
    case skipped
    /// The stream is given up, the user told, and another one opened.
    case givenUp
    /// Nobody need know.
    case harmless
  }

  var name: String
  var effect: Effect
  /// What is sent, by encoding.
  var bytes: @Sendable (MessageEncoding) -> [UInt8]
  var testDescription: String { name }

  init(_ name: String, _ effect: Effect, _ bytes: @escaping @Sendable (MessageEncoding) -> [UInt8]) {
    self.name = name
    self.effect = effect
    self.bytes = bytes
  }

  init(_ name: String, _ effect: Effect, json: String, protobuf: [UInt8]) {
    self.init(name, effect) { encoding in
      RecordIOEncoder.encode(encoding == .json ? Array(json.utf8) : protobuf)
    }
  }

  static func event(_ name: String, _ effect: Effect, _ event: SchedulerEvent) -> BadInput {
    BadInput(name, effect) { RecordIOEncoder.encode($0.encode(event)) }
  }

  /// A length-delimited field of protobuf.
  static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] { [number << 3 | 2, UInt8(bytes.count)] + bytes }

  /// The same bytes in both encodings, as they are.
  static func raw(_ name: String, _ effect: Effect, _ text: String) -> BadInput {
    BadInput(name, effect) { _ in Array(text.utf8) }
  }

  static let all: [BadInput] = [
    BadInput("an unknown event type", .skipped, json: #"{"type":"TELEPATHY"}"#, protobuf: [8, 77]),
    BadInput("no event type", .skipped, json: "{}", protobuf: []),
    BadInput(
      "an unknown field", .harmless, json: #"{"type":"HEARTBEAT","soul":{"a":[1]}}"#, protobuf: [8, 8, 0xfa, 1, 1, 7]),
    BadInput(
      "an update without its status", .skipped, json: #"{"type":"UPDATE","update":{}}"#,
      protobuf: [8, 4] + field(5, [])),
    BadInput("an update without anything", .skipped, json: #"{"type":"UPDATE"}"#, protobuf: [8, 4]),
    BadInput(
      "a status without its state", .skipped, json: #"{"type":"UPDATE","update":{"status":{"task_id":{"value":"t"}}}}"#,
      protobuf: [8, 4] + field(5, field(1, field(1, field(1, [0x74]))))),
    BadInput("a rescind of nothing", .skipped, json: #"{"type":"RESCIND"}"#, protobuf: [8, 3]),
    BadInput(
      "a rescinded inverse offer of nothing", .skipped, json: #"{"type":"RESCIND_INVERSE_OFFER"}"#, protobuf: [8, 10]),
    BadInput("offers without offers", .skipped, json: #"{"type":"OFFERS"}"#, protobuf: [8, 2]),
    BadInput("inverse offers without them", .skipped, json: #"{"type":"INVERSE_OFFERS"}"#, protobuf: [8, 9]),
    BadInput(
      "an operation's status of nothing", .skipped, json: #"{"type":"UPDATE_OPERATION_STATUS"}"#, protobuf: [8, 11]),
    BadInput("a message without bytes", .skipped, json: #"{"type":"MESSAGE"}"#, protobuf: [8, 5]),
    BadInput("a failure of nothing", .skipped, json: #"{"type":"FAILURE"}"#, protobuf: [8, 6]),
    BadInput("a field of the wrong kind", .skipped, json: #"{"type":["UPDATE"]}"#, protobuf: [10, 1, 65, 0xff]),
    BadInput("garbage", .skipped, json: "\u{1}\u{2}{{{", protobuf: [0xff, 0xff, 0xff, 0xff, 0xff]),
    BadInput("half a message", .skipped, json: #"{"type":"HEART"#, protobuf: [8, 4, 42, 100, 1]),
    BadInput(
      "a depth without end", .skipped, json: String(repeating: "[", count: 100_000),
      protobuf: Array(repeating: 0x0b, count: 100_000)),
    BadInput("invalid UTF-8", .skipped) { encoding in
      let text: [UInt8] = [0xc3, 0x28, 0xa0, 0xff]
      let json =
        Array(#"{"type":"UPDATE","update":{"status":{"task_id":{"value":""#.utf8) + text
        + Array(#""},"state":"TASK_LOST"}}}"#.utf8)
      return RecordIOEncoder.encode(
        encoding == .json ? json : [8, 4] + field(5, field(1, field(1, field(1, text)) + [16, 5])))
    },
    BadInput("an empty record", .skipped) { _ in Array("0\n".utf8) },
    .event("SUBSCRIBED twice", .skipped, .subscribed("F1")),
    .event("SUBSCRIBED twice with another id", .skipped, .subscribed("F2")),
    .event("an offer of nobody", .harmless, .of(.offers) { $0.offers.offers = [] }),
    .raw("a length that is no number", .givenUp, "abc\n{}"),
    .raw("a negative length", .givenUp, "-5\n{}"),
    .raw("no length", .givenUp, "\n{}"),
    .raw("a length beyond all", .givenUp, "99999999999999999999999999\n"),
    .raw("a length above the limit", .givenUp, "100001\n"),
  ]
}

@Suite(.timeLimit(.minutes(2))) struct BadInputTests {
  private func configuration(_ port: Int, _ encoding: MessageEncoding) throws -> SchedulerConfiguration {
    var configuration = try SchedulerConfiguration(
      masters: [MasterAddress(host: "127.0.0.1", port: port)], framework: FrameworkSettings(name: "t", user: "nobody"))
    configuration.encoding = encoding
    configuration.recordBytesMax = 100_000
    configuration.policy.reconnectBackoff = Backoff(initial: .milliseconds(2), limit: .milliseconds(10))
    configuration.policy.reconciliation.isAutomatic = false
    return configuration
  }

  /// The updates until the first `last` of a kind.
  private func updates(
    of scheduler: Scheduler, until isLast: (SchedulerUpdate) -> Bool
  ) async throws -> [SchedulerUpdate] {
    var seen: [SchedulerUpdate] = []
    for await update in scheduler.updates {
      seen.append(update)
      if isLast(update) { return seen }
    }
    throw SchedulerError(.stopped, "ended before: \(seen)")
  }

  private func isSubscribed(_ update: SchedulerUpdate) -> Bool {
    if case .subscribed = update { true } else { false }
  }

  @Test(arguments: MessageEncoding.allCases, BadInput.all)
  func `bad input on a stream is told and survived`(encoding: MessageEncoding, input: BadInput) async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      try await withScheduler(try configuration(ports[0], encoding)) { scheduler in
        _ = try await updates(of: scheduler, until: isSubscribed)
        master.send(bytes: input.bytes(encoding))
        try await expectSurvival(of: input, scheduler, master)
      }
    }
  }

  private func expectSurvival(of input: BadInput, _ scheduler: Scheduler, _ master: FakeMaster) async throws {
    guard input.effect != .givenUp else {
      let seen = try await updates(of: scheduler, until: isSubscribed)
      #expect(isToldOfStream(seen), "\(seen)")
      #expect(master.subscribes.map(\.frameworkID.value) == ["", "F1"])
      return
    }
    // What comes after it arrives as ever.
    master.send(.update("after", .taskRunning, uuid: "0123456789abcdef"))
    let seen = try await updates(of: scheduler, until: isTask)
    #expect(seen.count(where: isNotice) == (input.effect == .skipped ? 1 : 0), "\(seen)")
    #expect(seen.count == seen.count(where: isNotice) + 1, "\(seen)")
    #expect(master.subscribes.count == 1)
    #expect(scheduler.frameworkID?.value == "F1")
  }

  private func isTask(_ update: SchedulerUpdate) -> Bool { if case .task = update { true } else { false } }
  private func isNotice(_ update: SchedulerUpdate) -> Bool { if case .notice = update { true } else { false } }
  private func isOffers(_ update: SchedulerUpdate) -> Bool { if case .offers = update { true } else { false } }
  private func isBackingOff(_ update: SchedulerUpdate) -> Bool {
    if case .connection(.backingOff) = update { true } else { false }
  }
  private func isToldOfStream(_ updates: [SchedulerUpdate]) -> Bool {
    updates.contains { if case .notice(.malformedStream) = $0 { true } else { false } }
  }

  /// Before SUBSCRIBED nothing but it, a heartbeat and what is of an unknown type may come.
  @Test(arguments: MessageEncoding.allCases, BadInput.all)
  func `bad input in the place of SUBSCRIBED is told and leads to another attempt`(
    encoding: MessageEncoding, input: BadInput
  ) async throws {
    let master = FakeMaster([.stream(confirms: false), .stream()])
    try await FakeMaster.serving(master) { ports in
      try await withScheduler(try configuration(ports[0], encoding)) { scheduler in
        try await master.subscribed(times: 1)
        master.send(bytes: input.bytes(encoding))
        // Where it is skipped the stream goes on, and this ends it.
        master.send(.offers("O1"))
        try await expectAttempt(after: input, scheduler)
      }
    }
  }

  private func expectAttempt(after input: BadInput, _ scheduler: Scheduler) async throws {
    let seen = try await updates(of: scheduler, until: isSubscribed)
    #expect(["F1", "F2"].contains(scheduler.frameworkID?.value))
    #expect(seen.contains(where: isBackingOff) == !input.name.hasPrefix("SUBSCRIBED"), "\(seen)")
    #expect(!seen.contains(where: isOffers))
  }

  @Test func `an answer of another type is no stream`() async throws {
    for encoding in MessageEncoding.allCases {
      let other = MessageEncoding.allCases.first { $0 != encoding } ?? encoding
      for type in ["text/html", "", other.contentType] {
        let master = FakeMaster([
          .refuse(status: 200, text: "<html>", headers: ["Content-Type": type, "Mesos-Stream-Id": "s"]), .stream(),
        ])
        try await FakeMaster.serving(master) { ports in
          try await withScheduler(try configuration(ports[0], encoding)) { scheduler in
            let seen = try await updates(of: scheduler, until: isSubscribed)
            #expect(isToldOfStream(seen), "\(seen)")
          }
        }
      }
    }
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity, -1, 0, 1e-300, 1e300, Double.leastNonzeroMagnitude])
  func `an absurd heartbeat interval is replaced`(seconds: Double) async throws {
    // JSON cannot say all of these.
    let master = FakeMaster([.stream(heartbeat: seconds)])
    try await FakeMaster.serving(master) { ports in
      try await withScheduler(try configuration(ports[0], .protobuf)) { scheduler in
        guard case .subscribed(let subscription) = try await updates(of: scheduler, until: isSubscribed).last else {
          return
        }
        #expect(subscription.heartbeatInterval == .seconds(15))
      }
    }
  }

  @Test(arguments: MessageEncoding.allCases)
  func `huge texts are cut where they are ours to show`(encoding: MessageEncoding) async throws {
    // One letter, as Swift counts, with ninety thousand bytes of accents.
    let text = "a" + String(repeating: "\u{301}", count: 45_000)
    let master = FakeMaster([.refuse(status: 503, text: text), .stream()])
    try await FakeMaster.serving(master) { ports in
      let configuration = try configuration(ports[0], encoding)
      let error = await #expect(throws: SchedulerError.self) {
        try await withScheduler(configuration) { scheduler in
          var longest = 0
          for await update in scheduler.updates {
            if case .connection(.backingOff(_, let reason)) = update { longest = reason.utf8.count }
            if case .subscribed = update { master.send(.error(text)) }
            if case .error(let error) = update { #expect(error.message.utf8.count <= 520) }
          }
          #expect((1...600).contains(longest))
          throw SchedulerError(.stopped, "ended")
        }
      }
      #expect(error?.code == .masterError)
      #expect((error?.message.utf8.count ?? 0) <= 520)
    }
  }
}
