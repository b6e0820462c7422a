/// What ZooKeeper knows of a node beside its data.
public struct ZooKeeperStat: Hashable, Sendable {
  /// The change that created it.
  public var createdBy: Int64
  /// The last change of its data.
  public var modifiedBy: Int64
  /// Milliseconds since 1970.
  public var createdAt: Int64
  public var modifiedAt: Int64
  /// Changes of the data, of the children and of the access list so far.
  public var version: Int32
  public var childrenVersion: Int32
  public var aclVersion: Int32
  /// The session that the node lives and dies with; 0 for a node that stays.
  public var ephemeralOwner: Int64
  public var dataBytes: Int32
  public var childrenCount: Int32
  /// The last change of its children.
  public var childrenModifiedBy: Int64
}

/// A node's data as it was read.
public struct ZooKeeperData: Hashable, Sendable {
  public var bytes: [UInt8]
  public var stat: ZooKeeperStat
}

/// The names of a node's children, sorted, without its path.
public struct ZooKeeperChildren: Hashable, Sendable {
  public var names: [String]
  /// Of the node itself.
  public var stat: ZooKeeperStat
}

/// How long a new node lives, and who chooses the end of its name.
public struct ZooKeeperCreation: Hashable, Sendable {
  let flags: Int32
  /// Stays until it is deleted.
  public static let persistent = ZooKeeperCreation(flags: 0)
  /// Goes with the session.
  public static let ephemeral = ZooKeeperCreation(flags: 1)
  /// Stays; ten digits that grow are put behind its name.
  public static let persistentSequential = ZooKeeperCreation(flags: 2)
  /// Goes with the session; ten digits that grow are put behind its name.
  public static let ephemeralSequential = ZooKeeperCreation(flags: 3)
}

/// An entry of a node's access list.
public struct ZooKeeperACL: Hashable, Sendable {
  public struct Permissions: OptionSet, Hashable, Sendable {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
    public static let read = Permissions(rawValue: 1)
    public static let write = Permissions(rawValue: 2)
    public static let create = Permissions(rawValue: 4)
    public static let delete = Permissions(rawValue: 8)
    public static let admin = Permissions(rawValue: 16)
    public static let all: Permissions = [.read, .write, .create, .delete, .admin]
  }

  public var permissions: Permissions
  public var scheme: String
  public var id: String

  public init(permissions: Permissions, scheme: String, id: String) {
    self.permissions = permissions
    self.scheme = scheme
    self.id = id
  }
}

extension [ZooKeeperACL] {
  /// Everybody may do everything.
  public static let open = [ZooKeeperACL(permissions: .all, scheme: "world", id: "anyone")]
  /// Everybody may read; who is authenticated as the creator was may do everything. For sessions with credentials.
  public static let readableByAll = [
    ZooKeeperACL(permissions: .read, scheme: "world", id: "anyone"),
    ZooKeeperACL(permissions: .all, scheme: "auth", id: ""),
  ]
}

/// What a watch saw, once.
public struct ZooKeeperEvent: Hashable, Sendable {
  public enum Kind: Hashable, Sendable { case created, deleted, dataChanged, childrenChanged }
  public var kind: Kind
  public var path: String

  package init(kind: Kind, path: String) {
    self.kind = kind
    self.path = path
  }
}
