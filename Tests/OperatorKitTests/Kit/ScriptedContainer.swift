import MesosHTTP
import MesosHTTPServer
import MesosModel
import SwiftProtobuf
import OperatorKit

/// An agent with one container whose process a test plays. It takes input as an agent does, and refuses what an agent refuses.
final class ScriptedContainer: Sendable {
  enum Output: Sendable {
    case stdout([UInt8])
    case stderr([UInt8])
    case io(ProcessIO)
    case bytes([UInt8])
    case end
    case cut
  }

  enum Input: Hashable, Sendable {
    case bytes([UInt8])
    case resize(columns: UInt32, rows: UInt32)
    case heartbeat
    case endOfFile
    /// The request is over.
    case end
  }

  let launched = Shared<AgentCall?>(nil)
  let gone = Signal()
  private let outputs: AsyncStream<Output>
  private let output: AsyncStream<Output>.Continuation
  let inputs: AsyncStream<Input>
  private let input: AsyncStream<Input>.Continuation
  private let refusal: OutgoingResponse?
  private let inputRefusal: OutgoingResponse?
  private let exit: AgentResponse.WaitContainer

  init(
    refusal: OutgoingResponse? = nil, inputRefusal: OutgoingResponse? = nil,
    exit: AgentResponse.WaitContainer = .with { $0.exitStatus = 3 << 8 }
  ) {
    self.refusal = refusal
    self.inputRefusal = inputRefusal
    self.exit = exit
    (outputs, output) = AsyncStream.makeStream()
    (inputs, input) = AsyncStream.makeStream()
  }

  func send(_ items: Output...) { for item in items { output.yield(item) } }

  func serving(
    _ encoding: MessageEncoding = .protobuf, adjust: (inout OperatorConfiguration) -> Void = { _ in },
    body: @Sendable @escaping (AgentClient) async throws -> Void
  ) async throws {
    try await OperatorServer.agent(encoding, adjust: adjust) { call, encoding, request in
      switch call.type {
      case .launchNestedContainerSession, .attachContainerOutput:
        self.launched.withLock { $0 = call }
        return self.refusal ?? self.play(encoding)
      case .attachContainerInput:
        if let refusal = self.inputRefusal { return refusal }
        try await self.take(request, encoding)
        return OutgoingResponse(status: 200)
      case .waitContainer:
        return .content(
          encoding.encode(
            AgentResponse.with {
              $0.type = .waitContainer
              $0.waitContainer = self.exit
            }), encoding.mediaType)
      default: throw HTTPFailure.notImplemented("\(call.type)")
      }
    } body: { client in
      try await body(client)
    }
  }

  private func play(_ encoding: MessageEncoding) -> OutgoingResponse {
    .stream(.recordio, headers: ["Message-Content-Type": encoding.contentType]) { stream in
      // The head goes with the first bytes.
      try await stream.write(RecordIOEncoder.encode(encoding.encode(ProcessIO.heartbeat(.seconds(30)))))
      defer { self.gone.raise() }
      for await output in self.outputs {
        switch output {
        case .stdout(let bytes): try await stream.write(self.record(.stdout, bytes, encoding))
        case .stderr(let bytes): try await stream.write(self.record(.stderr, bytes, encoding))
        case .io(let io): try await stream.write(RecordIOEncoder.encode(encoding.encode(io)))
        case .bytes(let bytes): try await stream.write(bytes)
        case .end: return
        case .cut: throw CancellationError()
        }
      }
    }
  }

  private func record(_ type: ProcessIO.DataMessage.TypeEnum, _ bytes: [UInt8], _ encoding: MessageEncoding) -> [UInt8]
  {
    RecordIOEncoder.encode(
      encoding.encode(
        ProcessIO.with {
          $0.type = .data
          $0.data.type = type
          $0.data.data = .init(bytes)
        }))
  }

  /// Reads a request of input records.
  private func take(_ request: IncomingRequest, _ encoding: MessageEncoding) async throws {
    var decoder = RecordIODecoder()
    var isFirst = true
    for try await chunk in request.body {
      decoder.append(chunk)
      while let record = try decoder.next() {
        let call = try encoding.decode(AgentCall.self, from: record)
        do throws(ValidationError) { try CallValidation.validate(call) } catch {
          throw HTTPFailure.badRequest(error.message)
        }
        let container = launched.current.map {
          $0.type == .attachContainerOutput
            ? $0.attachContainerOutput.containerID : $0.launchNestedContainerSession.containerID
        }
        if isFirst {
          guard call.attachContainerInput.type == .containerID, call.attachContainerInput.containerID == container
          else {
            throw HTTPFailure.badRequest("Expecting 'attach_container_input.type' to be CONTAINER_ID first")
          }
          isFirst = false
          continue
        }
        guard call.attachContainerInput.type == .processIo else { throw HTTPFailure.badRequest("Expecting PROCESS_IO") }
        note(call.attachContainerInput.processIo)
      }
    }
    try decoder.finish()
    input.yield(.end)
    input.finish()
  }

  private func note(_ io: ProcessIO) {
    switch (io.type, io.control.type) {
    case (.data, _): input.yield(io.data.data.isEmpty ? .endOfFile : .bytes([UInt8](io.data.data)))
    case (.control, .heartbeat): input.yield(.heartbeat)
    case (.control, .ttyInfo):
      let size = io.control.ttyInfo.windowSize
      input.yield(.resize(columns: size.columns, rows: size.rows))
    default: break
    }
  }
}

extension ProcessIO {
  static func heartbeat(_ interval: Duration) -> ProcessIO {
    .with {
      $0.type = .control
      $0.control.type = .heartbeat
      $0.control.heartbeat.interval.nanoseconds = interval.wholeNanoseconds
    }
  }
}
