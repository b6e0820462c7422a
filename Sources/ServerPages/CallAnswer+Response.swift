public import MesosHTTP
public import MesosHTTPServer
public import MesosModel

extension OutgoingResponse {
  /// What the sender of a call is told of what a core decided.
  ///
  /// - Throws: `HTTPFailure` for a call that was rejected.
  public init(_ answer: CallAnswer) throws(HTTPFailure) {
    switch answer {
    case .accepted: self = .accepted
    case .ok, .streaming: self.init(status: 200)
    case .rejected(let status, let text): throw HTTPFailure(status: status, text: text)
    }
  }
}
