import MesosHTTP

/// Paths, methods and who answers them.
public struct Route: Sendable {
  /// Answers a request. It throws `HTTPFailure` to refuse; any other error becomes a 500.
  public typealias Handler = @Sendable (IncomingRequest) async throws -> OutgoingResponse

  enum Target: Sendable {
    case exact([String])
    case prefix(String)
  }

  let target: Target
  let methods: [String]?
  let realm: String?
  let handler: Handler

  /// An endpoint at each of `paths`, with or without a slash at the end.
  ///
  /// - Parameters:
  ///   - paths: Decoded paths such as `/slave(1)/api/v1`.
  ///   - methods: What is allowed, in the order `Allow` lists it; `nil` allows any. `HEAD` is allowed where `GET` is.
  ///   - realm: Where the server has an authenticator of this realm, requests have to pass it first; `nil` is open to all.
  public init(
    _ paths: [String], methods: [String]? = ["POST"], realm: String? = nil, handler: @escaping Handler
  ) {
    self.target = .exact(paths)
    self.methods = methods
    self.realm = realm
    self.handler = handler
  }

  public init(_ path: String, methods: [String]? = ["POST"], realm: String? = nil, handler: @escaping Handler) {
    self.init([path], methods: methods, realm: realm, handler: handler)
  }

  /// An endpoint at every path below `prefix`; `pathRemainder` of the request is what follows it.
  public init(
    prefix: String, methods: [String]? = ["GET"], realm: String? = nil, handler: @escaping Handler
  ) {
    self.target = .prefix(prefix)
    self.methods = methods
    self.realm = realm
    self.handler = handler
  }

  /// The same endpoint in a realm, unless it has one.
  public func inRealm(_ realm: String) -> Route {
    Route(target: target, methods: methods, realm: self.realm ?? realm, handler: handler)
  }

  private init(target: Target, methods: [String]?, realm: String?, handler: @escaping Handler) {
    self.target = target
    self.methods = methods
    self.realm = realm
    self.handler = handler
  }
}

/// All routes, found by decoded path: exact ones first, then the longest prefix.
struct RouteTable: Sendable {
  struct Match {
    let route: Route
    let remainder: String
  }

  private var exact: [String: [Route]] = [:]
  private var prefixes: [(prefix: String, route: Route)] = []

  init(_ routes: [Route]) {
    for route in routes {
      switch route.target {
      case .exact(let paths):
        for path in paths { exact[Self.normalized(path), default: []].append(route) }
      case .prefix(let prefix):
        prefixes.append((prefix, route))
      }
    }
    prefixes.sort { ($0.prefix.utf8.count, $1.prefix) > ($1.prefix.utf8.count, $0.prefix) }
  }

  /// The endpoints of a path, one for some methods each.
  struct Candidates {
    fileprivate var matches: [Match]

    /// What requests have to pass whatever their method.
    var realm: String? { matches.lazy.compactMap(\.route.realm).first }

    /// - Throws: 405 with `Allow` for a method that none of them takes.
    func match(method: String) throws(HTTPFailure) -> Match {
      var allowed: [String] = []
      for candidate in matches {
        guard let methods = candidate.route.methods else { return candidate }
        if methods.contains(method) || (method == "HEAD" && methods.contains("GET")) { return candidate }
        allowed += methods.filter { !allowed.contains($0) }
      }
      throw .methodNotAllowed(expected: allowed, received: method)
    }
  }

  /// - Throws: 404 for a path that no route has.
  func candidates(path: String) throws(HTTPFailure) -> Candidates {
    var candidates = (exact[Self.normalized(path)] ?? []).map { Match(route: $0, remainder: "") }
    if candidates.isEmpty, let first = prefixes.first(where: { path.hasPrefix($0.prefix) }) {
      candidates = prefixes.filter { $0.prefix == first.prefix }.map {
        Match(route: $0.route, remainder: String(path.dropFirst(first.prefix.count)))
      }
    }
    guard !candidates.isEmpty else { throw .notFound }
    return Candidates(matches: candidates)
  }

  /// - Throws: 404 for a path that no route has, 405 with `Allow` for a method that none of them takes.
  func match(method: String, path: String) throws(HTTPFailure) -> Match {
    try candidates(path: path).match(method: method)
  }

  private static func normalized(_ path: String) -> String {
    path.utf8.count > 1 && path.utf8.last == UInt8(ascii: "/") ? String(path.dropLast()) : path
  }
}
