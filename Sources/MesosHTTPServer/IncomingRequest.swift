public import MesosHTTP
public import MesosModel

/// A request as handlers see it.
public struct IncomingRequest: Sendable {
  /// One `name=value` of the query, decoded.
  public struct QueryItem: Hashable, Sendable {
    public var name: String
    public var value: String

    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// The method, in the case it came in.
  public let method: String
  /// The path, percent-decoded, without the query.
  public let path: String
  /// The path as it came, without the query.
  public let rawPath: String
  /// The query as it came, without its question mark; `nil` for none.
  public let rawQuery: String?
  /// What follows the prefix of the route that matched; empty for exact routes.
  public internal(set) var pathRemainder = ""
  /// The query in order.
  public let query: [QueryItem]
  public let headers: HeaderFields
  /// The client as `address:port`.
  public let remoteAddress: String
  /// Who sent it; `nil` where nobody asked for that.
  public internal(set) var principal: Principal?
  /// The body; it can be read once, in a stream's writer too.
  public let body: IncomingBody

  /// The first value of `name` in the query.
  public func queryValue(_ name: String) -> String? { query.first { $0.name == name }?.value }
}
