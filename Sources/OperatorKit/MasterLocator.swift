public import MesosHTTPClient

/// Where the masters of a cluster are: a list, or whoever watches the election.
public protocol MasterLocator: Sendable {
  /// Returns the masters to ask, the likeliest leader first; asked before each call for which no leader is known.
  ///
  /// - Throws: What keeps it from knowing any; the call fails with code `.unreachable` and its text.
  func masters() async throws -> [HTTPEndpoint]
}

/// Masters that are written down.
public struct MasterList: MasterLocator {
  /// The port of a master that names none.
  public static let defaultPort = 5050

  public let endpoints: [HTTPEndpoint]

  /// - Throws: `OperatorError` with code `.invalidConfiguration` for an empty list.
  public init(_ endpoints: [HTTPEndpoint]) throws(OperatorError) {
    guard !endpoints.isEmpty else { throw OperatorError(.invalidConfiguration, "No master is named") }
    self.endpoints = endpoints
  }

  /// Reads `host`, `host:port`, `[v6]:port` or a URL, or several of them apart by commas.
  ///
  /// - Throws: `OperatorError` with code `.invalidConfiguration`.
  public init(_ text: String) throws(OperatorError) {
    var endpoints: [HTTPEndpoint] = []
    for part in text.split(separator: ",") {
      var address = String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
      let isBare = !address.contains("/") && (address.last == "]" || !address.contains(":"))
      if isBare { address += ":\(Self.defaultPort)" }
      guard !address.contains(where: \.isWhitespace), let endpoint = HTTPEndpoint(address) else {
        // Not quoted: credentials may stand in it.
        throw OperatorError(.invalidConfiguration, "A master's address cannot be read; write it as host:port")
      }
      endpoints.append(endpoint)
    }
    try self.init(endpoints)
  }

  public func masters() async -> [HTTPEndpoint] { endpoints }
}

/// Which master to ask next, and when to give up: a value without I/O.
struct LeaderSearch {
  private var left: [HTTPEndpoint] = []
  private var redirects = 0
  private let redirectsMax: Int
  /// What the last master said that was no answer.
  private(set) var error: OperatorError

  init(last leader: HTTPEndpoint?, masters: [HTTPEndpoint], redirectsMax: Int) {
    self.redirectsMax = redirectsMax
    for endpoint in (leader.map { [$0] } ?? []) + masters where !left.contains(endpoint) { left.append(endpoint) }
    error = OperatorError(.unreachable, "No master is known")
  }

  mutating func next() -> HTTPEndpoint? { left.isEmpty ? nil : left.removeFirst() }

  /// This one could not be asked, or does not know: the next may.
  mutating func failed(_ error: OperatorError) {
    // That some master stands by says more than that another is away.
    if self.error.code != .notLeading || error.code == .notLeading { self.error = error }
  }

  mutating func redirected(from master: HTTPEndpoint, to leader: HTTPEndpoint?, call: String) {
    guard let leader, leader != master else {
      return failed(OperatorError(.notLeading, "\(call) to \(master): it does not lead and names no leader"))
    }
    redirects += 1
    error = OperatorError(.notLeading, "\(call) to \(master): it does not lead, nor does any that it led to")
    guard redirects <= redirectsMax else {
      left = []
      return
    }
    left.removeAll { $0 == leader }
    left.insert(leader, at: 0)
  }

  /// Where a redirect of a call at `path` points.
  static func leader(location: String?, from master: HTTPEndpoint, path: String) -> HTTPEndpoint? {
    guard let location, case .tcp(let scheme, _, _) = master.address,
      var leader = HTTPEndpoint(location, scheme: scheme)
    else { return nil }
    // Apache Mesos puts the path of the call behind the address.
    if leader.basePath.hasSuffix(path) { leader.basePath.removeLast(path.count) }
    return leader
  }
}
