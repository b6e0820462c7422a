import MesosModel
import SwiftProtobuf
import Testing

@Suite struct `Recorded protobuf` {
  private func readAndWrite<Message: JSONMessage>(_: Message.Type, _ bytes: [UInt8]) throws -> [UInt8] {
    let message = try Message(serializedBytes: bytes)
    // What is not described would be kept aside as bytes.
    #expect(message.unknownFields.data.isEmpty)
    return try message.serializedBytes()
  }

  /// Apache Mesos writes some of its big answers by hand, and a recording client some of its calls: their fields do not come in the
  /// order of their numbers, as they do from the library; nor do the entries of maps. The bytes are the same then, in another order.
  private func expectSame(_ written: [UInt8], _ read: [UInt8], isByHand: Bool) {
    #expect(isByHand ? written.sorted() == read.sorted() : written == read)
  }

  /// JSON sets fields that have a default, so it is the JSON that has to stay the same.
  private func expectStable<Message: JSONMessage>(_: Message.Type, _ bytes: [UInt8]) throws {
    let json = try Message(serializedBytes: bytes).jsonBytes()
    #expect(try Message(jsonBytes: json).jsonBytes() == json)
  }

  @Test(arguments: Golden.answers.filter(\.isProtobuf))
  func `an answer comes out to the byte`(_ exchange: Golden.Exchange) throws {
    let body = try exchange.body()
    let isByHand = ["STATE", "AGENTS", "TASKS", "AGENT", "QUOTA"].contains { exchange.name.hasSuffix("GET_\($0).pb") }
    expectSame(try readAndWrite(exchange.answerType, body), body, isByHand: isByHand)
    try expectStable(exchange.answerType, body)
  }

  @Test(arguments: Golden.streams.filter(\.isProtobuf))
  func `each event of a stream comes out to the byte`(_ exchange: Golden.Exchange) throws {
    for (index, record) in try exchange.records().enumerated() {
      // The first event of an operator's stream holds the whole state.
      let isByHand = index == 0 && exchange.name.contains("operator")
      expectSame(try readAndWrite(exchange.answerType, record), record, isByHand: isByHand)
      try expectStable(exchange.answerType, record)
    }
  }

  @Test(arguments: Golden.calls)
  func `a request comes out to the byte`(_ exchange: Golden.Exchange) throws {
    let request = try exchange.request()
    if request.isJSON { return }
    expectSame(try readAndWrite(exchange.requestType, request.body), request.body, isByHand: exchange.isStream)
  }
}
