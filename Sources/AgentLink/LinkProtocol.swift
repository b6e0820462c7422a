public import AgentLinkModel
import SwiftProtobuf

/// What both sides of the agent link agree on before they speak; `docs/agent-link.md` tells the whole protocol.
public enum LinkProtocol {
  /// The path of the one exchange, below the master's address; the agent POSTs to it.
  public static let path = "/swift-mesos/v1/agent-link"
  /// `Content-Type` of both bodies: RecordIO records, each a protobuf `swiftmesos.link.Up` or `Down`.
  public static let mediaType = "application/x-swift-mesos-agent-link"
  /// The newest version of the protocol that this software speaks.
  public static let version: UInt32 = 1
  /// The oldest: a master serves agents of the previous version.
  public static let versionMin: UInt32 = 1
  /// The largest record that either side takes, in bytes. A re-registration of a full agent is the largest there is.
  public static let recordBytesMax = 64 << 20

  /// The newest version that both sides speak, or `nil` when there is none.
  public static func negotiate(_ theirs: ClosedRange<UInt32>, _ ours: ClosedRange<UInt32>) -> UInt32? {
    let newest = min(theirs.upperBound, ours.upperBound)
    return newest >= max(theirs.lowerBound, ours.lowerBound) ? newest : nil
  }

  /// The bytes of one record up, to be framed as RecordIO.
  public static func encode(_ record: LinkUp) throws(LinkError) -> [UInt8] { try record.encoded() }

  /// The bytes of one record down, to be framed as RecordIO.
  public static func encode(_ record: LinkDown) throws(LinkError) -> [UInt8] { try record.encoded() }

  /// One record from an agent.
  ///
  /// - Throws: `LinkError` with code `.malformed`.
  public static func decodeUp(_ bytes: [UInt8]) throws(LinkError) -> LinkUp {
    do { return try LinkUp(serializedBytes: bytes) } catch { throw .malformed("a record from the agent", error) }
  }

  /// One record from a master.
  ///
  /// - Throws: `LinkError` with code `.malformed`.
  public static func decodeDown(_ bytes: [UInt8]) throws(LinkError) -> LinkDown {
    do { return try LinkDown(serializedBytes: bytes) } catch { throw .malformed("a record from the master", error) }
  }
}

extension SwiftProtobuf.Message {
  func encoded() throws(LinkError) -> [UInt8] {
    do { return try serializedBytes() } catch { throw .malformed("a record to send", error) }
  }
}
