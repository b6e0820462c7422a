/// What is asked of a server; paths are whole ones, with the chroot.
///
/// - Source: ZooKeeper 3.8, `zookeeper.jute` and `ZooDefs.OpCode`.
package enum ZooKeeperRequest: Hashable, Sendable {
  case create(path: String, data: [UInt8], acl: [ZooKeeperACL], ZooKeeperCreation)
  case delete(path: String, version: Int32)
  case exists(path: String)
  case getData(path: String)
  case setData(path: String, data: [UInt8], version: Int32)
  case getChildren(path: String)

  package var path: String {
    switch self {
    case .create(let path, _, _, _), .delete(let path, _), .exists(let path), .getData(let path),
      .setData(let path, _, _), .getChildren(let path):
      path
    }
  }

  /// The kind of watch that reading with one leaves.
  var watchKind: WatchKind? {
    switch self {
    case .exists, .getData: .data
    case .getChildren: .children
    case .create, .delete, .setData: nil
    }
  }

  /// The frame.
  func encoded(xid: Int32, watch: Bool) -> [UInt8] {
    var writer = JuteWriter()
    writer.int32(xid)
    switch self {
    case .create(let path, let data, let acl, let creation):
      writer.int32(1)
      writer.string(path)
      writer.buffer(data)
      writer.list(acl) {
        $0.int32($1.permissions.rawValue)
        $0.string($1.scheme)
        $0.string($1.id)
      }
      writer.int32(creation.flags)
    case .delete(let path, let version):
      writer.int32(2)
      writer.string(path)
      writer.int32(version)
    case .exists(let path):
      writer.int32(3)
      writer.string(path)
      writer.bool(watch)
    case .getData(let path):
      writer.int32(4)
      writer.string(path)
      writer.bool(watch)
    case .setData(let path, let data, let version):
      writer.int32(5)
      writer.string(path)
      writer.buffer(data)
      writer.int32(version)
    case .getChildren(let path):
      writer.int32(12)
      writer.string(path)
      writer.bool(watch)
    }
    return writer.framed
  }

  /// The answer's body, of a request that succeeded.
  func reply(_ reader: inout JuteReader) throws(ZooKeeperError) -> ZooKeeperReply {
    switch self {
    case .create: .path(try reader.string())
    case .delete: .done
    case .exists, .setData: .stat(try ZooKeeperStat(&reader))
    case .getData: .data(ZooKeeperData(bytes: try reader.buffer(), stat: try ZooKeeperStat(&reader)))
    case .getChildren:
      .children(
        ZooKeeperChildren(
          names: try reader.list { (reader) throws(ZooKeeperError) in try reader.string() }.sorted(),
          stat: try ZooKeeperStat(&reader)))
    }
  }
}

/// The answer to a request.
package enum ZooKeeperReply: Hashable, Sendable {
  case path(String)
  case done
  case stat(ZooKeeperStat)
  /// `exists` of what does not exist.
  case missing
  case data(ZooKeeperData)
  case children(ZooKeeperChildren)
}

extension ZooKeeperStat {
  init(_ reader: inout JuteReader) throws(ZooKeeperError) {
    createdBy = try reader.int64()
    modifiedBy = try reader.int64()
    createdAt = try reader.int64()
    modifiedAt = try reader.int64()
    version = try reader.int32()
    childrenVersion = try reader.int32()
    aclVersion = try reader.int32()
    ephemeralOwner = try reader.int64()
    dataBytes = try reader.int32()
    childrenCount = try reader.int32()
    childrenModifiedBy = try reader.int64()
  }
}

/// The numbers of exchanges that are not requests of a user.
enum SpecialXid {
  static let notification: Int32 = -1
  static let ping: Int32 = -2
  static let authentication: Int32 = -4
  static let watches: Int32 = -8
}

/// The first record of a connection.
struct ConnectRequest {
  var lastZxid: Int64
  var timeoutMilliseconds: Int32
  var sessionID: Int64
  var password: [UInt8]

  var encoded: [UInt8] {
    var writer = JuteWriter()
    writer.int32(0)
    writer.int64(lastZxid)
    writer.int32(timeoutMilliseconds)
    writer.int64(sessionID)
    writer.buffer(password)
    writer.bool(false)  // not to be served by a server that can only read
    return writer.framed
  }
}

/// The answer to it; a timeout of zero says that the session is over.
struct ConnectResponse {
  var timeoutMilliseconds: Int32
  var sessionID: Int64
  var password: [UInt8]

  init(_ bytes: [UInt8]) throws(ZooKeeperError) {
    var reader = JuteReader(bytes)
    _ = try reader.int32()
    timeoutMilliseconds = try reader.int32()
    sessionID = try reader.int64()
    password = try reader.buffer()
    // Old servers end here; newer ones say whether they can only read.
    if reader.remaining > 0 { _ = try reader.bool() }
  }
}

/// What comes before the body of every record of a server.
struct ReplyHeader {
  var xid: Int32
  var zxid: Int64
  var error: Int32

  init(_ reader: inout JuteReader) throws(ZooKeeperError) {
    xid = try reader.int32()
    zxid = try reader.int64()
    error = try reader.int32()
  }
}

enum Frames {
  static let ping = header(SpecialXid.ping, 11)

  static func closeSession(xid: Int32) -> [UInt8] { header(xid, -11) }

  static func authentication(scheme: String, credentials: [UInt8]) -> [UInt8] {
    var writer = JuteWriter()
    writer.int32(SpecialXid.authentication)
    writer.int32(100)
    writer.int32(0)
    writer.string(scheme)
    writer.buffer(credentials)
    return writer.framed
  }

  static func setWatches(since zxid: Int64, data: [String], exists: [String], children: [String]) -> [UInt8] {
    var writer = JuteWriter()
    writer.int32(SpecialXid.watches)
    writer.int32(101)
    writer.int64(zxid)
    for paths in [data, exists, children] { writer.list(paths) { $0.string($1) } }
    return writer.framed
  }

  private static func header(_ xid: Int32, _ operation: Int32) -> [UInt8] {
    var writer = JuteWriter()
    writer.int32(xid)
    writer.int32(operation)
    return writer.framed
  }
}

/// A notification; kinds that this client sets no watches for read as `nil`.
struct WatcherEvent {
  var kind: ZooKeeperEvent.Kind?
  var path: String

  init(_ reader: inout JuteReader) throws(ZooKeeperError) {
    switch try reader.int32() {
    case 1: kind = .created
    case 2: kind = .deleted
    case 3: kind = .dataChanged
    case 4: kind = .childrenChanged
    default: kind = nil
    }
    _ = try reader.int32()
    path = try reader.string()
  }
}
