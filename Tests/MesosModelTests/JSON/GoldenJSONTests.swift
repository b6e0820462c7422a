import MesosModel
import SwiftProtobuf
import Testing

/// What an Apache Mesos wrote is read and written again without loss, and so is what its clients wrote.
@Suite struct `Recorded JSON` {
  private func readAndWrite<Message: JSONMessage>(_: Message.Type, _ bytes: [UInt8]) throws -> [UInt8] {
    try Message(jsonBytes: bytes).jsonBytes()
  }

  private func throughProtobuf<Message: JSONMessage>(_: Message.Type, _ bytes: [UInt8]) throws -> [UInt8] {
    let message = try Message(jsonBytes: bytes)
    let binary: [UInt8] = try message.serializedBytes()
    return try Message(serializedBytes: binary).jsonBytes()
  }

  private func fromProtobuf<Message: JSONMessage>(_: Message.Type, _ bytes: [UInt8]) throws -> [UInt8] {
    try Message(serializedBytes: bytes).jsonBytes()
  }

  @Test func `there are recordings to test with`() {
    #expect(Golden.answers.count(where: \.isJSON) > 60)
    #expect(Golden.answers.count(where: \.isProtobuf) > 50)
    #expect(Golden.streams.count == 7)
    #expect(Golden.calls.count > 150)
  }

  @Test(arguments: Golden.answers.filter(\.isJSON))
  func `an answer comes out as it went in`(_ exchange: Golden.Exchange) throws {
    let body = try exchange.body()
    let written = try readAndWrite(exchange.answerType, body)
    #expect(try JSONTree(written) == JSONTree(body))
    #expect(try throughProtobuf(exchange.answerType, body) == written)
  }

  /// But for maps, which Apache Mesos writes in the order of its hash table, and for the last digit of some doubles, which the
  /// algorithm it uses does not always round to the nearest.
  @Test(arguments: Golden.answers.filter { $0.isJSON && $0.name != "operator-busy/GET_QUOTA.json" })
  func `an answer comes out to the byte`(_ exchange: Golden.Exchange) throws {
    let body = try exchange.body()
    #expect(try rounded(readAndWrite(exchange.answerType, body)) == rounded(body))
  }

  /// The text with doubles of 17 digits in the form of the standard library.
  private func rounded(_ bytes: [UInt8]) -> String {
    String(decoding: bytes, as: UTF8.self).replacing(/[0-9]+\.[0-9]{5,}/) { Double($0.output)?.description ?? "" }
  }

  @Test(arguments: Golden.streams.filter(\.isJSON))
  func `each event of a stream comes out as it went in`(_ exchange: Golden.Exchange) throws {
    for record in try exchange.records() {
      let written = try readAndWrite(exchange.answerType, record)
      #expect(try JSONTree(written) == JSONTree(record))
      #expect(try throughProtobuf(exchange.answerType, record) == written)
    }
  }

  @Test(arguments: Golden.calls)
  func `a request comes out with all that was in it`(_ exchange: Golden.Exchange) throws {
    let request = try exchange.request()
    guard request.isJSON else { return }
    if exchange.name == "scheduler-calls/acknowledge-not-base64" {
      let fault = refusal(of: request.body, as: SchedulerCall.self)
      #expect(fault?.code == .malformedValue)
      return
    }
    let written = try readAndWrite(exchange.requestType, request.body)
    #expect(try JSONTree(written).contains(JSONTree(request.body)))
    #expect(try throughProtobuf(exchange.requestType, request.body) == written)
  }

  /// The same question was asked twice, once for each encoding; only measurements may have changed in between.
  @Test(arguments: Golden.answers.filter { $0.name.hasSuffix(".pb") && !$0.name.contains(/METRICS|CONTAINERS/) })
  func `an answer in protobuf gives the JSON that was answered`(_ exchange: Golden.Exchange) throws {
    let name = exchange.name.dropLast(2) + "json"
    let twin = try #require(Golden.answers.first { $0.name == name })
    let written = try JSONTree(fromProtobuf(exchange.answerType, exchange.body()))
    if name.contains(/GET_MASTER|GET_AGENT\.json/) {
      // In protobuf they carry along a capability and a field that the JSON lacks.
      #expect(try written.contains(JSONTree(twin.body())))
    } else {
      #expect(try written == JSONTree(twin.body()))
    }
  }
}
