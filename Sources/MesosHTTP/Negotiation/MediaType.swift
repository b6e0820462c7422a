/// The kind of content a body has, as `Content-Type` names it.
public struct MediaType: Hashable, Sendable, CustomStringConvertible {
  /// The text of the header, such as `application/json`.
  public let name: String

  /// Takes the text as it stands: Apache Mesos compares whole header values, so a parameter makes another type.
  public init(_ name: String) { self.name = name }

  public static let json = MediaType("application/json")
  public static let protobuf = MediaType("application/x-protobuf")
  public static let recordio = MediaType("application/recordio")
  public static let text = MediaType("text/plain; charset=utf-8")
  public static let html = MediaType("text/html")
  public static let octetStream = MediaType("application/octet-stream")
  public static let javascript = MediaType("text/javascript")

  public var description: String { name }
}
