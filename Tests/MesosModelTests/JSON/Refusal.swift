import MesosModel
import Testing

/// The error that reading a document ends in; that it is read is an issue.
func refusal<Message: JSONMessage>(
  of bytes: [UInt8], as _: Message.Type, sourceLocation: SourceLocation = #_sourceLocation
) -> JSONMessageError? {
  do throws(JSONMessageError) {
    _ = try Message(jsonBytes: bytes)
    Issue.record("read: \(String(decoding: bytes.prefix(100), as: UTF8.self))", sourceLocation: sourceLocation)
    return nil
  } catch {
    return error
  }
}
