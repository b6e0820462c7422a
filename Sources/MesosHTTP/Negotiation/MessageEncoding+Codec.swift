public import MesosModel
import SwiftProtobuf

/// A body that is not the message it should be.
public struct MessageDecodingError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    fileprivate enum Value { case syntax, conversion, protobuf }
    fileprivate let value: Value
    /// The text is no JSON.
    public static let syntax = Code(value: .syntax)
    /// The JSON is not this message: a field of the wrong kind, a required field missing.
    public static let conversion = Code(value: .conversion)
    /// The bytes are not this message in protobuf, or a required field is missing.
    public static let protobuf = Code(value: .protobuf)
  }

  public let code: Code
  /// What is wrong, as the decoder found it.
  public let detail: String

  public init(code: Code, detail: String) {
    self.code = code
    self.detail = detail
  }

  public var description: String { detail }

  /// The answer to a call with such a body, in the words of `endpoint`.
  public func failure(at endpoint: APIEndpoint) -> HTTPFailure {
    switch code.value {
    case .syntax:
      .badRequest("Failed to parse body into JSON: \(detail)")
    case .conversion where endpoint == .agentOperator:
      .badRequest(detail)
    case .conversion:
      .badRequest("Failed to convert JSON into Call protobuf: \(detail)")
    case .protobuf where endpoint == .agentOperator:
      .badRequest("Failed to parse body into a protobuf object")
    case .protobuf:
      .badRequest("Failed to parse body into Call protobuf")
    }
  }
}

extension MessageEncoding {
  /// Returns `message` in this encoding; required fields are not asked for.
  ///
  /// - Precondition: The message takes less than the 2 GiB that protobuf allows.
  public func encode<M: JSONMessage>(_ message: M) -> [UInt8] {
    switch self {
    case .json:
      return message.jsonBytes()
    case .protobuf:
      do {
        return try message.serializedBytes(partial: true)
      } catch {
        preconditionFailure("a \(M.protoMessageName) that protobuf cannot hold: \(error)")
      }
    }
  }

  /// Reads a message in this encoding; one without a required field is refused in both.
  public func decode<M: JSONMessage>(_ type: M.Type = M.self, from bytes: [UInt8]) throws(MessageDecodingError) -> M {
    switch self {
    case .json:
      do {
        return try M(jsonBytes: bytes)
      } catch {
        throw MessageDecodingError(code: error.code.isMalformedDocument ? .syntax : .conversion, detail: error.message)
      }
    case .protobuf:
      do {
        return try M(serializedBytes: bytes)
      } catch {
        throw MessageDecodingError(code: .protobuf, detail: "\(error)")
      }
    }
  }
}
