public import MesosModel

/// What is left of offers of one agent while tasks are put onto it.
///
/// ```swift
/// var pool = OfferPool([offer])
/// while let resources = pool.take(["cpus": 0.5, "mem": 128]) { tasks.append(task(with: resources)) }
/// ```
/// What it hands out carries role, reservation and allocation of the offer, as a launch must.
public struct OfferPool: Sendable {
  private var entries: [Entry]

  private struct Entry {
    var resource: Resource
    var left: Scalar
  }

  /// Plain amounts alone are taken: no volumes, no revocable or shared resources, none of a resource provider.
  public init(_ offers: [Offer]) {
    entries = offers.flatMap(\.resources).compactMap { resource in
      guard resource.type == .scalar, !resource.hasDisk, !resource.hasRevocable, !resource.hasShared,
        !resource.hasProviderID, let amount = Scalar(resource.scalar.value), amount > .zero
      else { return nil }
      return Entry(resource: resource, left: amount)
    }
    // What is reserved for the role goes first: others cannot use it.
    let reserved = entries.filter { !$0.resource.reservations.isEmpty }
    entries = reserved + entries.filter { $0.resource.reservations.isEmpty }
  }

  /// The amount of a resource that is left.
  public func left(of name: String) -> Scalar {
    entries.reduce(.zero) { $1.resource.name == name ? $0 + $1.left : $0 }
  }

  /// Takes all of these amounts, or nothing and returns `nil`.
  ///
  /// - Parameter amounts: By name; cpus in cores, mem and disk in MB (2^20 bytes).
  public mutating func take(_ amounts: [String: Scalar]) -> [Resource]? {
    guard amounts.allSatisfy({ left(of: $0.key) >= $0.value }) else { return nil }
    var taken: [Resource] = []
    for (name, amount) in amounts.sorted(by: { $0.key < $1.key }) {
      var missing = amount
      for index in entries.indices where entries[index].resource.name == name && missing > .zero {
        let part = min(missing, entries[index].left)
        guard part > .zero else { continue }
        entries[index].left -= part
        missing -= part
        var resource = entries[index].resource
        resource.scalar.value = part.doubleValue
        taken.append(resource)
      }
    }
    return taken
  }
}
