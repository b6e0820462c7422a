/// The two encodings of the v1 messages.
public enum MessageEncoding: Hashable, Sendable, CaseIterable {
  case json
  case protobuf

  /// The encoding with exactly this media type, or `nil`.
  public init?(_ mediaType: MediaType) {
    switch mediaType {
    case .json: self = .json
    case .protobuf: self = .protobuf
    default: return nil
    }
  }

  public var mediaType: MediaType {
    switch self {
    case .json: .json
    case .protobuf: .protobuf
    }
  }

  /// The value of `Content-Type` and `Accept` for this encoding.
  public var contentType: String { mediaType.name }
}
