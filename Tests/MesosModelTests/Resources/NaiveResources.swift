import MesosModel

/// A second implementation of the algebra, obvious and slow: each resource is its parts, one by one.
///
/// A scalar is its thousandths, a range its numbers, a set its items; a whole is one part that is its amount.
struct NaiveResources: Equatable {
  /// Count of each part.
  var parts: [String: Int] = [:]

  init() {}

  init(_ resources: Resources) {
    for entry in resources.entries {
      let identity = NaiveResources.identity(entry)
      switch entry.amount {
      case _ where NaiveResources.isWhole(entry):
        parts["\(identity)=\(entry.amount)", default: 0] += entry.copies
      case .scalar(let scalar): parts[identity] = Int(scalar.thousandths)
      case .ranges(let ranges):
        for interval in ranges.intervals {
          for number in interval.begin...interval.end { parts["\(identity)#\(number)"] = 1 }
        }
      case .set(let set): for item in set.items { parts["\(identity)#\(item)"] = 1 }
      }
    }
  }

  private static func identity(_ entry: Resources.Entry) -> String {
    let stack = entry.reservations.map { reservation in
      let labels = reservation.labels?.labels.map { "\($0.key)=\($0.value)" }.sorted()
      return "\(reservation.kind)/\(reservation.role)/\(reservation.principal ?? "-")/\(labels ?? ["-"])"
    }
    let source = entry.disk.map { disk in
      disk.hasSource ? "\(disk.source.type)/\(disk.source.id)/\(disk.source.path.root)/\(disk.source.mount.root)" : "-"
    }
    return "\(entry.name)|\(stack)|\(entry.disk?.persistence.id ?? "")|\(source ?? "none")|\(entry.isRevocable)"
      + "|\(entry.isShared)|\(entry.providerID ?? "-")|\(entry.allocationRole ?? "-")|"
  }

  /// What cannot be given in parts: volumes, mounts, block devices and raw disks that have a name.
  private static func isWhole(_ entry: Resources.Entry) -> Bool {
    guard let disk = entry.disk else { return false }
    if disk.hasPersistence { return true }
    guard disk.hasSource else { return false }
    return disk.source.type == .mount || disk.source.type == .block || (disk.source.type == .raw && disk.source.hasID)
  }

  /// Whether there can be two of a part, or being there twice is being there.
  private static func isCounted(_ part: String) -> Bool { !part.contains("#") }

  static func + (left: Self, right: Self) -> Self {
    var sum = left
    for (part, count) in right.parts {
      sum.parts[part] = isCounted(part) ? (sum.parts[part] ?? 0) + count : 1
    }
    return sum
  }

  static func - (left: Self, right: Self) -> Self {
    var difference = left
    for (part, count) in right.parts {
      let rest = (difference.parts[part] ?? 0) - count
      difference.parts[part] = rest > 0 ? rest : nil
    }
    return difference
  }

  func contains(_ other: Self) -> Bool { other.parts.allSatisfy { (parts[$0] ?? 0) >= $1 } }
}
