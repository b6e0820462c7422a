extension Resources.Entry {
  /// The entry with at most `most` of its scalar; nil where it cannot be chopped: whole disks and persistent volumes stay whole.
  ///
  /// - Precondition: The amount is a scalar.
  /// - Source: Apache Mesos, `Resources::shrink`.
  public func shrunk(to most: Scalar) -> Resources.Entry? {
    guard case .scalar(let amount) = amount else {
      preconditionFailure("only scalars can be shrunk: \(self)")
    }
    if amount <= most { return self }
    return isWhole ? nil : replacingAmount(.scalar(most))
  }
}

extension Resources {
  /// A part of these resources that stays within `quantities`: a name without a quantity is dropped, scalars are chopped where needed.
  ///
  /// Whole disks and volumes that do not fit any more are left out. Ranges and sets have no quantity and are dropped. Entries are
  /// taken in order; Apache Mesos takes them in an order of chance, see ``shrunk(to:using:)``.
  /// - Source: Apache Mesos, `shrinkResources`, which the allocator chops resources to a quota with.
  public func shrunk(to quantities: ResourceQuantities) -> Resources {
    shrunk(entries) { quantities[$0] }
  }

  /// As ``shrunk(to:)``, taking the entries in an order of chance so that none is favoured.
  public func shrunk(
    to quantities: ResourceQuantities, using generator: inout some RandomNumberGenerator
  ) -> Resources {
    shrunk(entries.shuffled(using: &generator)) { quantities[$0] }
  }

  /// A part of these resources that stays within limits: of a name whose limit is nil everything stays, scalars are chopped where needed.
  ///
  /// A limit for ranges or a set, which are not chopped, drops them. Entries are taken in order.
  /// - Source: Apache Mesos, `shrinkResources`.
  public func shrunk(within limit: (_ name: String) -> Scalar?) -> Resources { shrunk(entries, limit) }

  /// As ``shrunk(within:)``, taking the entries in an order of chance so that none is favoured.
  public func shrunk(
    using generator: inout some RandomNumberGenerator, within limit: (_ name: String) -> Scalar?
  ) -> Resources {
    shrunk(entries.shuffled(using: &generator), limit)
  }

  private func shrunk(_ entries: [Entry], _ limit: (_ name: String) -> Scalar?) -> Resources {
    var used: [String: Scalar] = [:]
    var result = Resources()
    for entry in entries {
      guard let most = limit(entry.name) else {
        result += entry
        continue
      }
      let left = most - (used[entry.name] ?? .zero)
      guard entry.kind == .scalar, left > .zero, let part = entry.shrunk(to: left),
        case .scalar(let amount) = part.amount
      else { continue }
      used[entry.name, default: .zero] += amount
      result += part
    }
    return result
  }
}
