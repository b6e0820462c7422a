import Logging
import MesosHTTP
import MesosHTTPServer
import MesosModel
import MesosTestKit
import OperatorKit
import SwiftProtobuf
import Testing

/// An answer that is none to GET_HEALTH, and what the client makes of it.
private struct BadAnswer: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var code: OperatorError.Code
  var answer: @Sendable (MessageEncoding) -> OutgoingResponse
}

private func message(_ fill: @escaping @Sendable (inout MasterResponse) -> Void)
  -> @Sendable (MessageEncoding)
  -> OutgoingResponse
{
  { encoding in
    var response = MasterResponse()
    fill(&response)
    return .content(encoding.encode(response), encoding.mediaType)
  }
}

private func bytes(_ json: String, _ protobuf: [UInt8]) -> @Sendable (MessageEncoding) -> OutgoingResponse {
  { encoding in .content(encoding == .json ? Array(json.utf8) : protobuf, encoding.mediaType) }
}

private func status(_ code: Int) -> @Sendable (MessageEncoding) -> OutgoingResponse {
  { _ in .text("says the server", status: code) }
}

private let badAnswers: [BadAnswer] = [
  BadAnswer(
    testDescription: "an answer to another call", code: .wrongAnswer,
    answer: message {
      $0.type = .getLoggingLevel
      $0.getLoggingLevel.level = 1
    }),
  BadAnswer(
    testDescription: "a type without its message", code: .wrongAnswer, answer: message { $0.type = .getHealth }),
  BadAnswer(testDescription: "no type", code: .wrongAnswer, answer: message { $0.getHealth.healthy = true }),
  BadAnswer(
    testDescription: "an unknown type", code: .wrongAnswer, answer: bytes(#"{"type":"GET_NOTHING"}"#, [0x08, 0x7f])),
  BadAnswer(
    testDescription: "a required field missing", code: .undecodable,
    answer: bytes(#"{"type":"GET_HEALTH","get_health":{}}"#, [0x08, 0x01, 0x12, 0x00])),
  BadAnswer(testDescription: "garbage", code: .undecodable, answer: bytes("\u{1}\u{2}", [0xff, 0xff, 0xff])),
  BadAnswer(
    testDescription: "half a message", code: .undecodable,
    answer: bytes(#"{"type":"GET_HEALTH","get"#, [0x08, 0x01, 0x12])),
  BadAnswer(
    testDescription: "a text that is no UTF-8", code: .undecodable,
    answer: { encoding in
      encoding == .json
        ? .content(Array(#"{"type":"GET_HEALTH","get_health":{"healthy":"#.utf8) + [0xff], .json)
        : .content([0x08, 0x01, 0x22, 0x03, 0x0a, 0x01, 0xff], .protobuf)
    }),
  BadAnswer(
    testDescription: "nesting without end", code: .undecodable,
    answer: bytes(String(repeating: #"{"get_health":"#, count: 5_000), Array(repeating: 0x12, count: 5_000))),
  BadAnswer(testDescription: "nothing", code: .undecodable, answer: { _ in OutgoingResponse(status: 200) }),
  BadAnswer(
    testDescription: "another media type", code: .undecodable,
    answer: { _ in .content(Array("<html>".utf8), .html) }),
  BadAnswer(
    testDescription: "the other encoding", code: .undecodable,
    answer: { encoding in
      let other = encoding == .json ? MessageEncoding.protobuf : .json
      return .content(other.encode(MasterResponse.with { $0.getHealth.healthy = true }), other.mediaType)
    }),
  BadAnswer(
    testDescription: "a body above the bound", code: .tooLarge,
    answer: { encoding in .content(Array(repeating: 0x20, count: 5_000), encoding.mediaType) }),
  BadAnswer(
    testDescription: "a body cut in the middle", code: .connectionLost,
    answer: { encoding in
      .stream(encoding.mediaType) { stream in
        try await stream.write([0x08])
        throw CancellationError()
      }
    }),
  BadAnswer(testDescription: "400", code: .refused, answer: status(400)),
  BadAnswer(testDescription: "401", code: .unauthorized, answer: status(401)),
  BadAnswer(testDescription: "403", code: .forbidden, answer: status(403)),
  BadAnswer(testDescription: "404", code: .notFound, answer: status(404)),
  BadAnswer(testDescription: "409", code: .conflict, answer: status(409)),
  BadAnswer(testDescription: "418", code: .refused, answer: status(418)),
  BadAnswer(testDescription: "500", code: .serverError, answer: status(500)),
  BadAnswer(testDescription: "501", code: .notImplemented, answer: status(501)),
  BadAnswer(testDescription: "503", code: .unavailable, answer: status(503)),
  BadAnswer(
    testDescription: "a redirect to nowhere", code: .notLeading, answer: { _ in OutgoingResponse(status: 307) }),
]

struct BadAnswerTests {
  @Test(arguments: MessageEncoding.allCases, badAnswers)
  fileprivate func `a bad answer is a typed error`(encoding: MessageEncoding, bad: BadAnswer) async throws {
    let error = try await OperatorServer.master(encoding) {
      $0.answerBytesMax = 1_000 + (bad.testDescription.hasPrefix("nesting") ? 1 << 20 : 0)
    } _: { _, encoding in
      bad.answer(encoding)
    } body: { client in
      let error = await failure { () async throws(OperatorError) in try await client.getHealth() }
      // The client is none the worse for it.
      #expect(await failure { () async throws(OperatorError) in try await client.getHealth() }?.code == error?.code)
      return error
    }
    #expect(error?.code == bad.code, "\(error?.message ?? "no error")")
    if let number = Int(bad.testDescription) {
      #expect(error?.status == number)
      #expect(error?.message.contains("says the server") == true)
    }
    #expect(error?.message.hasPrefix("GET_HEALTH") == true)
  }

  @Test(arguments: MessageEncoding.allCases, badAnswers.filter { $0.code != .notLeading })
  fileprivate func `a bad answer of an agent is a typed error`(encoding: MessageEncoding, bad: BadAnswer) async throws {
    let error = try await OperatorServer.agent(encoding) {
      $0.answerBytesMax = 1_000 + (bad.testDescription.hasPrefix("nesting") ? 1 << 20 : 0)
    } _: { _, encoding, _ in
      bad.answer(encoding)
    } body: { client in
      await failure { () async throws(OperatorError) in try await client.getHealth() }
    }
    #expect(error?.code == bad.code, "\(error?.message ?? "no error")")
  }

  @Test(arguments: MessageEncoding.allCases, Seeds.few(4))
  func `a damaged answer never traps`(encoding: MessageEncoding, seed: UInt64) async throws {
    let body = try Golden.bytes("operator-busy/GET_STATE.\(Golden.name(encoding)).body")
    let random = Shared(SplitMix64(seed: seed))
    try await OperatorServer.master(encoding) { _, encoding in
      var body = body
      random.withLock { rng in
        for _ in 0..<Int.random(in: 1...4, using: &rng) {
          body[Int.random(in: 0..<body.count, using: &rng)] = UInt8.random(in: 0...255, using: &rng)
        }
        if Bool.random(using: &rng) { body.removeLast(Int.random(in: 0...body.count, using: &rng)) }
      }
      return .content(body, encoding.mediaType)
    } body: { client in
      for _ in 0..<40 {
        let codes: [OperatorError.Code?] = [nil, .undecodable, .wrongAnswer]
        #expect(
          codes.contains(await failure { () async throws(OperatorError) in try await client.getState() }?.code),
          "SIM_SEED=\(seed)")
      }
    }
  }

  @Test func `an answer that does not come in time is a timeout with an unknown outcome`() async throws {
    let error = try await OperatorServer.master {
      $0.callTimeout = .milliseconds(50)
    } _: { _, encoding in
      .stream(encoding.mediaType) { _ in await Signal().wait() }
    } body: { client in
      await failure { () async throws(OperatorError) in try await client.teardown(.with { $0.value = "F" }) }
    }
    #expect(error?.code == .timeout)
    #expect(error?.hasUnknownOutcome == true)
  }

  @Test func `a call that is cancelled says so`() async throws {
    let arrived = Signal()
    let error = try await OperatorServer.master { _, encoding in
      arrived.raise()
      return .stream(encoding.mediaType) { _ in await Signal().wait() }
    } body: { client in
      await withTaskGroup(of: OperatorError?.self) { group in
        group.addTask { await failure { () async throws(OperatorError) in try await client.getState() } }
        await arrived.wait()
        group.cancelAll()
        return await group.next() ?? nil
      }
    }
    #expect(error?.code == .cancelled)
  }

  @Test func `a client that was shut down says so`() async throws {
    let code = try await OperatorServer.master { _, _ in
      .accepted
    } body: { client in
      await client.shutdown()
      return await failure { () async throws(OperatorError) in try await client.getState() }?.code
    }
    #expect(code == .shutDown)
  }

  @Test func `an error's text is bounded`() async throws {
    let error = try await OperatorServer.master { _, _ in
      .text(String(repeating: "x", count: 100_000), status: 400)
    } body: { client in
      await failure { () async throws(OperatorError) in try await client.getState() }
    }
    #expect((error?.message.utf8.count ?? 0) < 4_096)
  }
}
