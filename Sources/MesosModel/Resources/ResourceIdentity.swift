/// Everything about a resource but its amount and the role it is allocated to.
///
/// Identities are made when messages or texts are read, and shared from then on: adding, subtracting and allocating copy references.
/// The digest rejects almost all unequal pairs without looking further.
final class ResourceIdentity: Sendable {
  enum Kind: Hashable, Sendable { case scalar, ranges, set }

  let name: String
  let kind: Kind
  /// The reservation stack; the last is the one in force, and empty means unreserved.
  let reservations: [Reservation]
  let disk: Resource.DiskInfo?
  let provider: String?
  let isRevocable: Bool
  let isShared: Bool
  /// Whether amounts of this identity are wholes that neither merge nor split: persistent volumes, mounts, block devices and
  /// raw disks with an identity.
  let isIndivisible: Bool
  private let digest: Int

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
    isIndivisible = disk.map(ResourceIdentity.isIndivisible) ?? false
    var hasher = Hasher()
    hasher.combine(name)
    hasher.combine(kind)
    hasher.combine(reservations)
    hasher.combine(disk?.hasPersistence == true ? disk?.persistence.id : nil)
    hasher.combine(provider)
    hasher.combine(isRevocable)
    hasher.combine(isShared)
    digest = hasher.finalize()
  }

  func with(reservations: [Reservation]) -> ResourceIdentity {
    ResourceIdentity(
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

  /// Disks are the same when source and persistence id are: the volume only says how a task sees it.
  private static func same(_ left: Resource.DiskInfo?, _ right: Resource.DiskInfo?) -> Bool {
    guard let left, let right else { return left == nil && right == nil }
    guard left.hasPersistence == right.hasPersistence, left.persistence.id == right.persistence.id else { return false }
    guard left.hasSource == right.hasSource else { return false }
    guard left.hasSource else { return true }
    var (a, b) = (left.source, right.source)
    guard
      MesosLabels.sameLabels(a.hasMetadata ? a.metadata : nil, b.hasMetadata ? b.metadata : nil)
    else { return false }
    a.clearMetadata()
    b.clearMetadata()
    return a == b
  }
}

extension ResourceIdentity: Hashable {
  static func == (left: ResourceIdentity, right: ResourceIdentity) -> Bool {
    if left === right { return true }
    guard left.digest == right.digest, left.name == right.name, left.kind == right.kind else { return false }
    return left.isRevocable == right.isRevocable && left.isShared == right.isShared && left.provider == right.provider
      && left.reservations == right.reservations && same(left.disk, right.disk)
  }

  func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}
