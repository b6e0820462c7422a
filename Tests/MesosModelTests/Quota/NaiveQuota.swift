import MesosModel
import MesosTestKit
import SwiftProtobuf

/// An agent as a heap of units, a thousandth of a resource each: obvious, and slow.
struct QuotaAgent {
  /// A unit of a resource, or a whole shared volume.
  struct Unit {
    var name: String
    /// The reservation stack by roles, the one in force last.
    var reservations: [String] = []
    var isRevocable = false
    /// How many thousandths this is; more than one for a volume.
    var size: Int64 = 1
    /// The id of the shared volume that this is.
    var volume: String?
    /// The roles that it is allocated to: several only for a shared volume.
    var allocations: [String] = []
  }

  var units: [Unit] = []

  static let roles = ["a", "a/b", "a/b/c", "a/d", "e", "e/f", "*"]

  init(rng: inout SplitMix64) {
    func below(_ role: String) -> [String] { Self.roles.filter { RoleName.isInSubtree($0, of: role) } }
    for number in 0..<Int.random(in: 0...14, using: &rng) {
      var unit = Unit(name: ["cpus", "mem", "ports"][Int.random(in: 0..<3, using: &rng)])
      if Bool.random(using: &rng) {
        let role = Self.roles[Int.random(in: 0..<6, using: &rng)]
        unit.reservations = [role]
        if let refined = below(role).dropFirst().randomElement(using: &rng), Bool.random(using: &rng) {
          unit.reservations.append(refined)
        }
      } else if unit.name != "ports", Int.random(in: 0..<4, using: &rng) == 0 {
        unit.isRevocable = true
      }
      let candidates = unit.reservations.last.map(below) ?? Self.roles
      if let reservation = unit.reservations.last, Int.random(in: 0..<4, using: &rng) == 0 {
        unit.name = "disk"
        unit.volume = "v\(number)"
        unit.size = Int64.random(in: 1...5, using: &rng)
        unit.allocations = (0..<Int.random(in: 0...4, using: &rng)).compactMap { _ in
          below(reservation).randomElement(using: &rng)
        }
      } else if Bool.random(using: &rng), let role = candidates.randomElement(using: &rng) {
        unit.allocations = [role]
      }
      units.append(unit)
    }
  }

  /// What `role` consumes: the units that are reserved or allocated in its subtree, each once.
  func consumption(of role: String, ports: Bool) -> [String: Int64] {
    var sum: [String: Int64] = [:]
    for unit in units where !unit.isRevocable && (ports || unit.name != "ports") {
      let claims = unit.allocations + unit.reservations.suffix(1)
      guard claims.contains(where: { RoleName.isInSubtree($0, of: role) }) else { continue }
      sum[unit.name, default: 0] += unit.name == "ports" ? 1000 : unit.size
    }
    return sum
  }

  /// What is neither reserved, nor allocated, nor revocable.
  func available() -> [String: Int64] {
    units.reduce(into: [:]) { sum, unit in
      guard unit.allocations.isEmpty, unit.reservations.isEmpty, !unit.isRevocable else { return }
      sum[unit.name, default: 0] += unit.name == "ports" ? 1000 : 1
    }
  }

  /// The agent's resources, and those that are allocated.
  func resources() throws -> (total: Resources, allocated: Resources) {
    var (total, allocated): ([Resource], [Resource]) = ([], [])
    for (number, unit) in units.enumerated() {
      let message = Resource.with {
        $0.name = unit.name
        if unit.name == "ports" {
          $0.type = .ranges
          $0.ranges.range = [
            MesosValue.Range.with {
              $0.begin = UInt64(number)
              $0.end = UInt64(number)
            }
          ]
        } else {
          $0.type = .scalar
          $0.scalar.value = Double(unit.size) / 1000
        }
        $0.reservations = unit.reservations.map { Reservation(.dynamic, role: $0).message }
        if unit.isRevocable { $0.revocable = Resource.RevocableInfo() }
        if let volume = unit.volume {
          $0.disk.persistence.id = volume
          $0.disk.volume.containerPath = "data"
          $0.disk.volume.mode = .rw
          $0.shared = Resource.SharedInfo()
        }
      }
      total.append(message)
      for role in unit.allocations {
        var copy = message
        copy.allocationInfo.role = role
        allocated.append(copy)
      }
    }
    return (try Resources(total), try Resources(allocated))
  }
}

/// What a role and those below it need, by the definition and in one resource: a second implementation.
struct NaiveNeeds {
  var guarantees: [String: Int64]
  var consumed: [String: Int64]

  func required(_ role: String, among roles: [String]) -> Int64 {
    let below = roles.filter { RoleName.parent(of: $0) == role }.reduce(0) { $0 + required($1, among: roles) }
    return max(below, (guarantees[role] ?? 0) - (consumed[role] ?? 0), 0)
  }

  func required(among roles: [String]) -> Int64 {
    roles.filter { !RoleName.isNested($0) }.reduce(0) { $0 + required($1, among: roles) }
  }

  mutating func give(_ amount: Int64, to role: String) {
    for node in [role] + RoleName.ancestors(of: role) { consumed[node, default: 0] += amount }
  }
}
