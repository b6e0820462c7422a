import MesosHTTP
import MesosHTTPServer
import MesosModel
import Synchronization

/// What requests meet at a master: the services of one that leads, or the way to the one that does.
///
/// - Source: Apache Mesos 1.11, `docs/high-availability.md` and `master/http.cpp`, `Master::Http::redirect`: 307 to the leader with
///   the path and query of the request, 503 where none is known; `/redirect` itself goes to the leader's root.
final class MasterGate: Sendable {
  private struct State {
    var isStandby: Bool
    var services: MasterServices?
    /// This master, once it knows where it listens.
    var own: MasterInfo?
    /// Who leads, as this one last heard.
    var leader: MasterInfo?
  }

  private let state: Mutex<State>

  /// - Parameter isStandby: Whether it must be elected before it serves.
  init(isStandby: Bool) { state = Mutex(State(isStandby: isStandby)) }

  func open(_ services: MasterServices) {
    state.withLock {
      $0.services = services
      $0.isStandby = false
    }
  }

  func close() { state.withLock { $0.services = nil } }

  func standsBy(_ own: MasterInfo) { state.withLock { $0.own = own } }

  /// It is elected and will serve soon.
  func elected() { state.withLock { $0.isStandby = false } }

  func leads(_ leader: MasterInfo?) { state.withLock { $0.leader = leader } }

  /// Whether it stands by for another one.
  var isStandby: Bool { state.withLock { $0.isStandby } }

  /// The services of a master that leads.
  ///
  /// - Throws: 307 to the leader, 503 while there is none or it has not begun to serve.
  func pass(_ request: IncomingRequest) throws(HTTPFailure) -> MasterServices {
    let state = state.withLock { $0 }
    if let services = state.services { return services }
    guard state.isStandby else { throw .serviceUnavailable("Master has not finished recovery") }
    let query = request.rawQuery.map { "?" + $0 } ?? ""
    throw try redirection(state, request.rawPath + query)
  }

  /// Where the leader is, this one if it is that.
  ///
  /// - Throws: 503 while there is none.
  func leader() throws(HTTPFailure) -> OutgoingResponse {
    let state = state.withLock { $0 }
    if let services = state.services {
      return OutgoingResponse(status: 307, headers: ["Location": Self.location(of: services.info)])
    }
    guard state.isStandby else { throw .serviceUnavailable("Master has not finished recovery") }
    let failure = try redirection(state, "")
    return OutgoingResponse(status: failure.status, headers: failure.headers)
  }

  private func redirection(_ state: State, _ path: String) throws(HTTPFailure) -> HTTPFailure {
    guard let leader = state.leader else { throw .serviceUnavailable("No leader elected") }
    guard leader.id != state.own?.id else { throw .serviceUnavailable("Master has not finished recovery") }
    return HTTPFailure(status: 307, text: "", headers: ["Location": Self.location(of: leader) + path])
  }

  private static func location(of info: MasterInfo) -> String {
    let hostname = info.hostname.isEmpty ? info.address.hostname : info.hostname
    let host = hostname.isEmpty ? info.address.ip : hostname
    let port = info.port == 0 ? Int(info.address.port) : Int(info.port)
    return "//\(host.contains(":") ? "[\(host)]" : host):\(port)"
  }
}
