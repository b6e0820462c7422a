import Logging
import MesosHTTP
import MesosHTTPClient
import MesosModel
import MesosRuntime

/// The network under clients: one for calls, one for streams, so that neither waits for the other's connections.
final class OperatorConnection: Sendable {
  let configuration: OperatorConfiguration
  private let calls: MesosHTTPClient
  private let streams: MesosHTTPClient

  init(configuration: OperatorConfiguration) {
    self.configuration = configuration
    streams = MesosHTTPClient(configuration: configuration.http)
    var settings = configuration.http
    // Below what servers keep an idle connection for: a call on one that the server closes has an unknown outcome.
    settings.idleTimeout = min(settings.idleTimeout, .seconds(4))
    calls = MesosHTTPClient(configuration: settings)
  }

  func shutdown() async {
    // A client that does not end cleanly, or that ended before, has nothing left to lose.
    try? await streams.shutdown()
    try? await calls.shutdown()
  }

  var runtime: Runtime { configuration.runtime }

  /// Sends one call and returns its answer, whatever its status.
  func call(
    _ name: String, body: [UInt8], to endpoint: HTTPEndpoint, deadline: Duration?
  ) async throws(OperatorError) -> ClientResponse {
    let request = OutgoingRequest.call(
      endpoint, path: configuration.path, encoding: configuration.encoding, headers: configuration.headers, body: body)
    do {
      let response = try await calls.call(
        request, maximumBody: configuration.answerBytesMax, deadline: deadline ?? configuration.callTimeout)
      configuration.logger.trace(
        "Operator call answered",
        metadata: ["call": "\(name)", "server": "\(endpoint)", "status": "\(response.status)"])
      return response
    } catch {
      throw failure(error, name, endpoint)
    }
  }

  /// Sends one call and returns once the head of its answer is there.
  ///
  /// - Parameter asRecords: Whether the answer is asked for in the way of agents, which name the encoding of records apart from their framing.
  func open(
    _ name: String, body: [UInt8], to endpoint: HTTPEndpoint, asRecords: Bool
  ) async throws(OperatorError) -> StreamingResponse {
    let encoding = configuration.encoding
    var headers = configuration.headers
    if asRecords {
      headers.set(name: "Accept", value: MediaType.recordio.name)
      headers.set(name: "Message-Accept", value: encoding.contentType)
    }
    let request = OutgoingRequest.call(
      endpoint, path: configuration.path, encoding: encoding, headers: headers, body: body)
    do {
      let response = try await streams.open(request, headersDeadline: configuration.callTimeout)
      configuration.logger.debug(
        "Operator stream opened",
        metadata: ["call": "\(name)", "server": "\(endpoint)", "status": "\(response.status)"]
      )
      return response
    } catch {
      throw failure(error, name, endpoint)
    }
  }

  /// Sends records for as long as `outgoing` gives some, and returns the answer's head, which may come before their end or after.
  func send<Outgoing: AsyncSequence & Sendable>(
    _ name: String, records outgoing: Outgoing, to endpoint: HTTPEndpoint
  ) async throws(OperatorError) -> StreamingResponse where Outgoing.Element == [UInt8], Outgoing.Failure == Never {
    let encoding = configuration.encoding
    var headers = configuration.headers
    headers.set(name: "Content-Type", value: MediaType.recordio.name)
    headers.set(name: "Message-Content-Type", value: encoding.contentType)
    headers.set(name: "Accept", value: encoding.contentType)
    let request = OutgoingRequest(endpoint, method: "POST", path: configuration.path, headers: headers)
    do {
      // The answer's head may come when the input ends, which may be in days.
      return try await streams.duplex(request, outgoing: outgoing, headersDeadline: .seconds(10 * 365 * 24 * 3600))
    } catch {
      throw failure(error, name, endpoint)
    }
  }

  /// Reads the message of an answer that is one.
  func decode<M: JSONMessage>(
    _ type: M.Type, _ response: ClientResponse, _ name: String, _ endpoint: HTTPEndpoint
  ) throws(OperatorError) -> M {
    let contentType = response.headers["Content-Type"]
    guard isEncoding(contentType) else {
      throw OperatorError(
        .undecodable,
        "\(name) to \(endpoint): the answer is of type '\(contentType?.prefix(200) ?? "")', not \(configuration.encoding.contentType)"
      )
    }
    do {
      return try configuration.encoding.decode(type, from: response.body)
    } catch {
      throw OperatorError(
        .undecodable, "\(name) to \(endpoint): the answer cannot be read: \(error.detail.prefix(500))")
    }
  }

  /// Whether a header names the encoding that was asked for; parameters do not matter.
  func isEncoding(_ contentType: String?) -> Bool { isType(contentType, configuration.encoding.mediaType) }

  func isType(_ contentType: String?, _ expected: MediaType) -> Bool {
    guard let contentType else { return false }
    let name = contentType.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
    return name.lowercased() == expected.name
  }

  /// The refusal that a stream's head is.
  func refusal(_ response: StreamingResponse, _ name: String, _ endpoint: HTTPEndpoint) async -> OperatorError {
    let text = (try? await response.collect(upTo: 64 * 1024))?.excerpt ?? ""
    response.cancel()
    return OperatorError(status: response.status, text: text, call: name, endpoint: endpoint)
  }

  private func failure(_ error: HTTPClientError, _ name: String, _ endpoint: HTTPEndpoint) -> OperatorError {
    let error = OperatorError(error, call: name, endpoint: endpoint)
    configuration.logger.debug(
      "Operator call failed", metadata: ["call": "\(name)", "server": "\(endpoint)", "code": "\(error.code)"])
    return error
  }
}

/// Turns what calls of the model throw where only `OperatorError` may.
func cancelledError(_ name: String) -> OperatorError { OperatorError(.cancelled, "\(name) was cancelled") }
