/// Everything about a resource but its amount and the role it is allocated to.
///
/// Identities are made when messages or texts are read, and shared from then on: adding, subtracting and allocating copy references.
/// The digest rejects almost all unequal pairs without looking further, and the usual unreserved resources have one identity each.
final class ResourceIdentity: Sendable {
  typealias Kind = Resources.Kind

  let name: String
  let kind: Kind
  /// The reservation stack; the last is the one in force, and empty means unreserved.
  let reservations: [Reservation]
  let disk: Resource.DiskInfo?
  let provider: String?
  let isRevocable: Bool
  let isShared: Bool
  let isPersistentVolume: Bool
  /// Whether amounts of this identity are wholes that neither merge nor split: persistent volumes, mounts, block devices and
  /// raw disks with an identity.
  let isIndivisible: Bool
  /// Equal for equal identities; differs from process to process.
  let digest: UInt32

  init(
    name: String, kind: Kind, reservations: [Reservation] = [], disk: Resource.DiskInfo? = nil, provider: String? = nil,
    isRevocable: Bool = false, isShared: Bool = false
  ) {
    self.name = name
    self.kind = kind
    self.reservations = reservations
    self.disk = disk
    self.provider = provider
    self.isRevocable = isRevocable
    self.isShared = isShared
    isPersistentVolume = disk?.hasPersistence ?? false
    isIndivisible = disk.map(ResourceIdentity.isIndivisible) ?? false
    var hasher = Hasher()
    hasher.combine(name)
    hasher.combine(kind)
    hasher.combine(isRevocable)
    hasher.combine(isShared)
    for reservation in reservations { hasher.combine(reservation) }
    if let provider { hasher.combine(provider) }
    if let disk { ResourceIdentity.hash(disk, into: &hasher) }
    digest = UInt32(truncatingIfNeeded: hasher.finalize())
  }

  private static let cpus = ResourceIdentity(name: "cpus", kind: .scalar)
  private static let mem = ResourceIdentity(name: "mem", kind: .scalar)
  private static let disk = ResourceIdentity(name: "disk", kind: .scalar)
  private static let gpus = ResourceIdentity(name: "gpus", kind: .scalar)
  private static let ports = ResourceIdentity(name: "ports", kind: .ranges)

  /// The identity of what has a name and nothing else; one object for each name that Apache Mesos knows.
  static func plain(_ name: String, _ kind: Kind) -> ResourceIdentity {
    switch (name, kind) {
    case ("cpus", .scalar): cpus
    case ("mem", .scalar): mem
    case ("disk", .scalar): disk
    case ("gpus", .scalar): gpus
    case ("ports", .ranges): ports
    default: ResourceIdentity(name: name, kind: kind)
    }
  }

  func with(reservations: [Reservation]) -> ResourceIdentity {
    with(reservations: reservations, disk: disk, isShared: isShared)
  }

  func with(reservations: [Reservation], disk: Resource.DiskInfo?, isShared: Bool) -> ResourceIdentity {
    if reservations.isEmpty, disk == nil, provider == nil, !isRevocable, !isShared { return .plain(name, kind) }
    return ResourceIdentity(
      name: name, kind: kind, reservations: reservations, disk: disk, provider: provider, isRevocable: isRevocable,
      isShared: isShared)
  }

  private static func isIndivisible(_ disk: Resource.DiskInfo) -> Bool {
    if disk.hasPersistence { return true }
    guard disk.hasSource else { return false }
    switch disk.source.type {
    case .mount, .block: return true
    case .raw: return disk.source.hasID
    case .path, .unknown: return false
    }
  }

  private static func hash(_ disk: Resource.DiskInfo, into hasher: inout Hasher) {
    if disk.hasPersistence { hasher.combine(disk.persistence.id) }
    guard disk.hasSource else { return }
    let source = disk.source
    hasher.combine(source.type)
    hasher.combine(source.id)
    hasher.combine(source.profile)
    if source.hasMount { hasher.combine(source.mount.root) }
    if source.hasPath { hasher.combine(source.path.root) }
  }

  /// Disks are the same when source and persistence id are: the volume only says how a task sees it.
  private static func same(_ left: Resource.DiskInfo?, _ right: Resource.DiskInfo?) -> Bool {
    guard let left, let right else { return left == nil && right == nil }
    guard left.hasPersistence == right.hasPersistence, left.persistence.id == right.persistence.id else { return false }
    guard left.hasSource == right.hasSource else { return false }
    return !left.hasSource || same(left.source, right.source)
  }

  private static func same(_ left: Resource.DiskInfo.Source, _ right: Resource.DiskInfo.Source) -> Bool {
    left.type == right.type && left.hasPath == right.hasPath && left.path.hasRoot == right.path.hasRoot
      && left.path.root == right.path.root && left.hasMount == right.hasMount
      && left.mount.hasRoot == right.mount.hasRoot && left.mount.root == right.mount.root
      && left.hasVendor == right.hasVendor && left.vendor == right.vendor && left.hasID == right.hasID
      && left.id == right.id && left.hasProfile == right.hasProfile && left.profile == right.profile
      && MesosLabels.sameLabels(
        left.hasMetadata ? left.metadata : nil, right.hasMetadata ? right.metadata : nil)
  }
}

extension ResourceIdentity: Hashable {
  static func == (left: ResourceIdentity, right: ResourceIdentity) -> Bool {
    left === right || (left.digest == right.digest && left.isEqualInDetail(to: right))
  }

  @inline(never)
  func isEqualInDetail(to other: ResourceIdentity) -> Bool {
    name == other.name && kind == other.kind && isRevocable == other.isRevocable && isShared == other.isShared
      && provider == other.provider && reservations == other.reservations && ResourceIdentity.same(disk, other.disk)
  }

  func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}
