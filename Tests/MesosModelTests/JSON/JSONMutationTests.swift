import MesosModel
import MesosTestKit
import Testing

/// Recorded bodies with bytes changed, removed, doubled and spliced.
@Suite struct `Mutated JSON` {
  private static let bodies: [(any JSONMessage.Type, [UInt8])] = {
    let answers = Golden.answers.filter(\.isJSON).compactMap { exchange in
      (try? exchange.body()).map { (exchange.answerType, $0) }
    }
    let calls = Golden.calls.compactMap { exchange -> (any JSONMessage.Type, [UInt8])? in
      guard let request = try? exchange.request(), request.isJSON else { return nil }
      return (exchange.requestType, request.body)
    }
    let events = Golden.streams.filter(\.isJSON).flatMap { exchange in
      ((try? exchange.records()) ?? []).map { (exchange.answerType, $0) }
    }
    return (answers + calls + events).filter { $0.1.count < 1_500 }
  }()

  private static let tokens = [
    "{", "}", "[", "]", ",", ":", "\"", "\\", "null", "1e9", "-", "\"\\ud800\"", "true", "\0", "\u{80}",
  ]

  private func mutate(_ bytes: [UInt8], using random: inout SplitMix64) -> [UInt8] {
    var bytes = bytes
    for _ in 0...Int.random(in: 0..<3, using: &random) where !bytes.isEmpty {
      let place = bytes.indices.randomElement(using: &random) ?? 0
      switch Int.random(in: 0..<6, using: &random) {
      case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
      case 1: bytes.remove(at: place)
      case 2: bytes.insert(contentsOf: (Self.tokens.randomElement(using: &random) ?? "").utf8, at: place)
      case 3: bytes.removeSubrange(place..<min(place + Int.random(in: 1..<20, using: &random), bytes.count))
      case 4: bytes.insert(contentsOf: bytes[place..<min(place + 30, bytes.count)], at: place)
      default: bytes.removeSubrange(place...)
      }
    }
    return bytes
  }

  private func check<Message: JSONMessage>(_: Message.Type, _ bytes: [UInt8], _ note: String) {
    do throws(JSONMessageError) {
      let message = try Message(jsonBytes: bytes)
      let again = try Message(jsonBytes: message.jsonBytes())
      #expect(again.jsonBytes() == message.jsonBytes(), "\(note)")
    } catch {
      #expect((0...bytes.count).contains(error.offset), "\(note)")
      #expect(!error.message.isEmpty)
    }
  }

  @Test(arguments: Seeds.few(4))
  func `a mutated document is read or refused`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    #expect(Self.bodies.count > 100)
    for step in 0..<5_000 {
      guard let (type, body) = Self.bodies.randomElement(using: &random) else { return }
      check(type, mutate(body, using: &random), "SIM_SEED=\(seed) step=\(step)")
    }
  }

  @Test func `every beginning of a document is refused`() throws {
    let exchange = try #require(Golden.answers.first { $0.name == "operator-busy/GET_EXECUTORS.json" })
    let body = try exchange.body()
    for end in body.indices {
      let error = refusal(of: Array(body[..<end]), as: MasterResponse.self)
      #expect(error?.code == .syntax)
    }
    #expect(try MasterResponse(jsonBytes: body[...]).type == .getExecutors)
  }
}
