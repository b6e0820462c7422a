import MesosHTTP
import MesosHTTPServer
import MesosModel
import OperatorKit
import SwiftProtobuf
import Testing

struct EventStreamTests {
  @Test(arguments: MessageEncoding.allCases)
  func `the events of a real stream come in order`(encoding: MessageEncoding) async throws {
    let bytes = try Golden.bytes("streams/operator-\(Golden.name(encoding)).recordio")
    let expected = try Golden.records("streams/operator-\(Golden.name(encoding)).recordio").map {
      try encoding.decode(MasterEvent.self, from: $0)
    }
    let master = StreamingMaster()
    try await master.serving(encoding) { client in
      let events = try await client.subscribe()
      // Cut wherever it may be.
      for start in stride(from: 0, to: bytes.count, by: 1_000) {
        master.send(.bytes(Array(bytes[start..<min(start + 1_000, bytes.count)])))
      }
      master.send(.end)
      var received: [MasterEvent] = []
      for try await event in events { received.append(event) }
      #expect(received == expected)
    }
  }

  @Test(arguments: MessageEncoding.allCases)
  func `an event of an unknown type is handed on as such`(encoding: MessageEncoding) async throws {
    let master = StreamingMaster()
    try await master.serving(encoding) { client in
      var events = try await client.subscribe().makeAsyncIterator()
      master.send(.bytes(RecordIOEncoder.encode(encoding == .json ? Array(#"{"type":"NEW"}"#.utf8) : [0x08, 0x63])))
      master.send(.subscribed())
      #expect(try await events.next()?.type == .unknown)
      #expect(try await events.next()?.type == .subscribed)
    }
  }

  private static let broken: [(what: String, code: OperatorError.Code, outputs: [StreamingMaster.Output])] = [
    ("a cut", .connectionLost, [.bytes([0x35]), .cut]),
    ("an end inside a record", .connectionLost, [.bytes(Array("100\nhalf".utf8)), .end]),
    ("a length that is none", .undecodable, [.bytes(Array("x\n".utf8))]),
    ("a record above the bound", .tooLarge, [.bytes(Array("99999999\n".utf8))]),
    ("a record that is no event", .undecodable, [.bytes(RecordIOEncoder.encode([0xff, 0xff]))]),
    (
      "an event without a required field", .undecodable,
      [.record(json: #"{"type":"TASK_ADDED","task_added":{}}"#, protobuf: [0x08, 0x02, 0x1a, 0x00])]
    ),
  ]

  @Test(arguments: MessageEncoding.allCases, broken.indices)
  func `a stream that breaks is a typed error`(encoding: MessageEncoding, number: Int) async throws {
    let broken = Self.broken[number]
    let master = StreamingMaster()
    try await master.serving(encoding) {
      $0.recordBytesMax = 10_000
    } body: { client in
      let events = try await client.subscribe()
      master.send(.subscribed())
      var iterator = events.makeAsyncIterator()
      #expect(try await iterator.next()?.type == .subscribed)
      for output in broken.outputs { master.send(output) }
      // What went unnoticed would leave the reader waiting.
      master.send(.end)
      let error = await failure { () async throws(OperatorError) in
        while try await iterator.next() != nil {}
      }
      #expect(error?.code == broken.code, "\(broken.what): \(error?.message ?? "went unnoticed")")
    }
  }

  @Test func `a stream that misses its heartbeats is dead`() async throws {
    let master = StreamingMaster()
    try await master.serving {
      $0.missedHeartbeatsMax = 2
    } body: { client in
      let events = try await client.subscribe()
      master.send(.subscribed(heartbeat: 0.05))
      var iterator = events.makeAsyncIterator()
      #expect(try await iterator.next()?.type == .subscribed)
      let error = await failure { () async throws(OperatorError) in
        while try await iterator.next() != nil {}
      }
      #expect(error?.code == .silent)
    }
  }

  @Test(arguments: [0, -1, .nan, .infinity, 1e300])
  func `a heartbeat that is no time is not believed`(heartbeat: Double) async throws {
    let master = StreamingMaster()
    try await master.serving { client in
      var events = try await client.subscribe().makeAsyncIterator()
      master.send(.subscribed(heartbeat: heartbeat), .with { $0.type = .heartbeat })
      #expect(try await events.next()?.type == .subscribed)
      #expect(try await events.next()?.type == .heartbeat)
    }
  }

  @Test func `who waits for an event is told when the subscription is cancelled`() async throws {
    let master = StreamingMaster()
    try await master.serving { client in
      let events = try await client.subscribe()
      await withTaskGroup(of: OperatorError?.self) { group in
        group.addTask {
          await failure { () async throws(OperatorError) in
            for try await _ in events {}
          }
        }
        await master.opened(1)
        events.cancel()
        #expect(await group.next()??.code == .cancelled)
      }
    }
  }

  @Test(
    arguments: [
      (OutgoingResponse.text("no", status: 501), OperatorError.Code.notImplemented),
      (.text("no", status: 403), .forbidden),
      (.content([], .html), .undecodable),
      (OutgoingResponse(status: 307), .notLeading),
    ] as [(OutgoingResponse, OperatorError.Code)])
  func `a master without a stream says so`(refusal: OutgoingResponse, code: OperatorError.Code) async throws {
    let master = StreamingMaster(refusals: [refusal])
    try await master.serving { client in
      #expect(await failure { () async throws(OperatorError) in try await client.subscribe() }?.code == code)
    }
  }
}
