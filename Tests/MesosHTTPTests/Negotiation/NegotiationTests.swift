import MesosHTTP
import MesosModel
import Testing

/// What a real Apache Mesos 1.11.0 answered to the same headers.
@Suite struct NegotiationTests {
  static let expecting = "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'"

  @Test(arguments: [
    ("*/*", MessageEncoding.json),
    ("application/*", .json),
    ("application/json", .json),
    ("application/x-protobuf", .protobuf),
    ("application/x-protobuf, application/json", .json),
    ("application/json;q=0", nil),
    ("application/json;q=0, application/x-protobuf", .protobuf),
    ("application/json;q=0.1, application/x-protobuf", .json),
    ("application/json; charset=utf-8", .json),
    ("text/html, */*;q=0.1", .json),
    ("*/*;q=0", nil),
    ("application/recordio", nil),
    ("application/*;q=0, application/json", .json),
    ("application/*;q=0, */*", nil),
    ("APPLICATION/JSON", .json),
    ("", nil),
    ("garbage", nil),
    ("application/json;q=x", nil),
    ("*/*, application/json;q=0", .protobuf),
    ("application/json;q=0.0", nil),
    ("application/json;q=0,*/*", .protobuf),
    ("application/json;charset=x;q=0", nil),
    ("application/json;q=2", .json),
    ("application/json;q=-1", nil),
    ("application/json;Q=0", .json),
    ("application/json; q = 0", nil),
    ("text/*", nil),
    ("*", nil),
    ("*/json", nil),
    ("application/x-protobuf;q=0, */*", .json),
  ])
  func `Accept chooses as on a real master`(accept: String, encoding: MessageEncoding?) {
    for endpoint in [APIEndpoint.masterOperator, .scheduler, .executor] {
      do {
        let format = try Negotiation.responseFormat(endpoint, accept: accept)
        #expect(encoding.map { .message($0) } == format)
      } catch {
        #expect(encoding == nil)
        #expect(error == HTTPFailure(status: 406, text: Self.expecting))
      }
    }
  }

  @Test(arguments: APIEndpoint.allCases) func `without Accept the answer is JSON`(endpoint: APIEndpoint) throws {
    #expect(try Negotiation.responseFormat(endpoint, accept: nil) == .message(.json))
  }

  @Test(arguments: [APIEndpoint.masterOperator, .scheduler, .executor])
  func `Content-Type is compared as a whole`(endpoint: APIEndpoint) throws {
    #expect(try Negotiation.requestFormat(endpoint, contentType: "application/json") == .message(.json))
    #expect(try Negotiation.requestFormat(endpoint, contentType: "application/x-protobuf") == .message(.protobuf))
    #expect(throws: HTTPFailure(status: 400, text: "Expecting 'Content-Type' to be present")) {
      try Negotiation.requestFormat(endpoint, contentType: nil)
    }
    for other in ["text/plain", "application/json; charset=utf-8", "Application/JSON", "application/recordio", ""] {
      #expect(
        throws: HTTPFailure(
          status: 415, text: "Expecting 'Content-Type' of application/json or application/x-protobuf")
      ) { try Negotiation.requestFormat(endpoint, contentType: other) }
    }
  }

  @Test(
    arguments: [
      (
        "text/plain", nil, 415,
        "Expecting 'Content-Type' of application/json or application/x-protobuf or application/recordio"
      ),
      (nil, nil, 400, "Expecting 'Content-Type' to be present"),
      ("application/recordio", nil, 400, "Expecting 'Message-Content-Type' to be set for streaming requests"),
      (
        "application/recordio", "text/html", 415,
        "Expecting 'Message-Content-Type' of application/json or application/x-protobuf"
      ),
      (
        "application/json", "application/json", 415,
        "Expecting 'Message-Content-Type' to be not set for non-streaming requests"
      ),
    ] as [(String?, String?, Int, String)])
  func `an agent refuses requests with its own words`(type: String?, message: String?, status: Int, text: String) {
    #expect(throws: HTTPFailure(status: status, text: text)) {
      try Negotiation.requestFormat(.agentOperator, contentType: type, messageContentType: message)
    }
  }

  @Test(
    arguments: [
      (
        "text/html", nil,
        "Expecting 'Accept' to allow application/json or application/x-protobuf or application/recordio"
      ),
      ("*/*", "text/html", "Expecting 'Message-Accept' to be not set for non-streaming responses"),
      ("application/json", "application/json", "Expecting 'Message-Accept' to be not set for non-streaming responses"),
      (
        "application/recordio", "text/html",
        "Expecting 'Message-Accept' to allow application/json or application/x-protobuf"
      ),
    ] as [(String, String?, String)])
  func `an agent refuses answers with its own words`(accept: String, message: String?, text: String) {
    #expect(throws: HTTPFailure(status: 406, text: text)) {
      try Negotiation.responseFormat(.agentOperator, accept: accept, messageAccept: message)
    }
  }

  @Test func `an agent takes and gives records`() throws {
    #expect(
      try Negotiation.requestFormat(
        .agentOperator, contentType: "application/recordio", messageContentType: "application/x-protobuf")
        == .records(.protobuf))
    #expect(
      try Negotiation.responseFormat(.agentOperator, accept: "application/recordio", messageAccept: nil)
        == .records(.json))
    #expect(
      try Negotiation.responseFormat(
        .agentOperator, accept: "application/recordio", messageAccept: "application/x-protobuf") == .records(.protobuf))
    #expect(
      try Negotiation.responseFormat(.agentOperator, accept: "application/recordio, application/json")
        == .message(.json))
    #expect(
      Negotiation.streamingResponseNotSupported(call: "GET_HEALTH").text
        == "Streaming response is not supported for GET_HEALTH call")
    #expect(
      Negotiation.streamingRequestNotSupported(call: "GET_HEALTH").text
        == "Streaming 'Content-Type' application/recordio is not supported for GET_HEALTH call")
    #expect(ContentFormat.records(.json).mediaType == .recordio)
  }

  @Test(arguments: MessageEncoding.allCases) func `a message comes back in both encodings`(encoding: MessageEncoding)
    throws
  {
    let agent = AgentID(AgentKey("a-1"))
    let bytes = encoding.encode(agent)
    #expect(try encoding.decode(AgentID.self, from: bytes) == agent)
  }

  @Test func `a body that is no call is refused in the master's words`() {
    func failure(_ text: String, _ encoding: MessageEncoding = .json, at endpoint: APIEndpoint = .scheduler)
      -> HTTPFailure?
    {
      do {
        _ = try encoding.decode(ExecutorCall.self, from: Array(text.utf8))
        return nil
      } catch {
        return error.failure(at: endpoint)
      }
    }
    #expect(failure("[]")?.text == "Failed to convert JSON into Call protobuf: Expecting a JSON object")
    #expect(failure("[]", at: .agentOperator)?.text == "Expecting a JSON object")
    #expect(
      failure("{}")?.text
        == "Failed to convert JSON into Call protobuf: Missing required fields: executor_id, framework_id")
    #expect(failure("{\"type\":")?.text.hasPrefix("Failed to parse body into JSON: ") == true)
    #expect(failure("\u{1}", .protobuf)?.text == "Failed to parse body into Call protobuf")
    #expect(failure("", .protobuf)?.text == "Failed to parse body into Call protobuf")
    #expect(failure("", .protobuf, at: .agentOperator)?.text == "Failed to parse body into a protobuf object")
    #expect(failure("{}")?.status == 400)
  }

  @Test func `405 lists methods as a real master does`() {
    let failure = HTTPFailure.methodNotAllowed(expected: ["GET", "POST", "DELETE"], received: "PATCH")
    #expect(
      failure.text == "405 Method Not Allowed. Expecting one of { 'GET', 'POST', 'DELETE' }, but received 'PATCH'.")
    #expect(failure.headers["allow"] == "GET, POST, DELETE")
  }

  @Test func `header names are found in any case and values are joined`() {
    var headers: HeaderFields = ["Accept": "a", "X": "1"]
    headers.append(name: "ACCEPT", value: "b")
    #expect(headers["accept"] == "a, b")
    #expect(headers.values("Accept") == ["a", "b"])
    headers.set(name: "accept", value: "c")
    #expect(headers.values("Accept") == ["c"])
    #expect(headers["missing"] == nil)
  }
}
