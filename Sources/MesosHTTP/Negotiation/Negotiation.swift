/// The five v1 interfaces; they word their refusals differently.
public enum APIEndpoint: Hashable, Sendable, CaseIterable {
  /// `/api/v1` of the master.
  case masterOperator
  /// `/api/v1/scheduler` of the master.
  case scheduler
  /// `/api/v1` of the agent, the only one that takes and gives records.
  case agentOperator
  /// `/api/v1/executor` of the agent.
  case executor
  /// `/api/v1/resource_provider` of the agent.
  case resourceProvider
}

/// What a body consists of.
public enum ContentFormat: Hashable, Sendable {
  /// One message.
  case message(MessageEncoding)
  /// Records, each a message.
  case records(MessageEncoding)

  /// How the messages are encoded.
  public var encoding: MessageEncoding {
    switch self {
    case .message(let encoding), .records(let encoding): encoding
    }
  }

  /// The `Content-Type` of such a body.
  public var mediaType: MediaType {
    switch self {
    case .message(let encoding): encoding.mediaType
    case .records: .recordio
    }
  }
}

/// Chooses the encodings of a v1 call and its answer from the request's header, with the texts of Apache Mesos 1.11.
///
/// The request's format is asked first. The master and the interfaces of executors and resource providers look at `Accept` only
/// once the call is decoded and valid (that of schedulers and those two only for SUBSCRIBE), the agent's operator interface before it decodes.
public enum Negotiation {
  /// Returns how the request's body is to be read.
  ///
  /// - Throws: 400 without `Content-Type`, 415 for one that the interface does not take.
  public static func requestFormat(
    _ endpoint: APIEndpoint, contentType: String?, messageContentType: String? = nil
  ) throws(HTTPFailure) -> ContentFormat {
    guard let contentType else { throw .badRequest("Expecting 'Content-Type' to be present") }
    let mediaType = MediaType(contentType)
    if let encoding = MessageEncoding(mediaType) {
      guard endpoint != .agentOperator || messageContentType == nil else {
        throw .unsupportedMediaType("Expecting 'Message-Content-Type' to be not set for non-streaming requests")
      }
      return .message(encoding)
    }
    guard endpoint == .agentOperator else {
      throw .unsupportedMediaType("Expecting 'Content-Type' of \(MediaType.json) or \(MediaType.protobuf)")
    }
    guard mediaType == .recordio else {
      throw .unsupportedMediaType(
        "Expecting 'Content-Type' of \(MediaType.json) or \(MediaType.protobuf) or \(MediaType.recordio)")
    }
    guard let messageContentType else {
      throw .badRequest("Expecting 'Message-Content-Type' to be set for streaming requests")
    }
    guard let encoding = MessageEncoding(MediaType(messageContentType)) else {
      throw .unsupportedMediaType("Expecting 'Message-Content-Type' of \(MediaType.json) or \(MediaType.protobuf)")
    }
    return .records(encoding)
  }

  /// Returns how the answer is to be written: JSON wherever it is allowed.
  ///
  /// - Throws: 406 where `Accept` allows nothing that the interface gives.
  public static func responseFormat(
    _ endpoint: APIEndpoint, accept: String?, messageAccept: String? = nil
  ) throws(HTTPFailure) -> ContentFormat {
    if let encoding = firstAllowed(by: accept) {
      guard endpoint != .agentOperator || messageAccept == nil else {
        throw .notAcceptable("Expecting 'Message-Accept' to be not set for non-streaming responses")
      }
      return .message(encoding)
    }
    guard endpoint == .agentOperator else {
      throw .notAcceptable("Expecting 'Accept' to allow '\(MediaType.protobuf)' or '\(MediaType.json)'")
    }
    guard let accept, AcceptList(accept).allows(.recordio) else {
      throw .notAcceptable(
        "Expecting 'Accept' to allow \(MediaType.json) or \(MediaType.protobuf) or \(MediaType.recordio)")
    }
    guard let encoding = firstAllowed(by: messageAccept) else {
      throw .notAcceptable("Expecting 'Message-Accept' to allow \(MediaType.json) or \(MediaType.protobuf)")
    }
    return .records(encoding)
  }

  /// The answer to a call named `call` whose request came as records and that takes none.
  public static func streamingRequestNotSupported(call: String) -> HTTPFailure {
    .unsupportedMediaType("Streaming 'Content-Type' \(MediaType.recordio) is not supported for \(call) call")
  }

  /// The answer to a call named `call` whose answer is asked for as records and that gives none.
  public static func streamingResponseNotSupported(call: String) -> HTTPFailure {
    .notAcceptable("Streaming response is not supported for \(call) call")
  }

  private static func firstAllowed(by accept: String?) -> MessageEncoding? {
    guard let accept else { return .json }
    let list = AcceptList(accept)
    return [MessageEncoding.json, .protobuf].first { list.allows($0.mediaType) }
  }
}
