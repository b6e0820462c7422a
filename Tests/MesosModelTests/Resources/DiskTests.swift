import MesosModel
import MesosTestKit
import SwiftProtobuf
import Testing

@Suite struct `Disks` {
  private static func disk(_ amount: Double, _ change: (inout Resource.DiskInfo) -> Void) throws -> Resources {
    try Resources([
      Resource.with {
        $0.name = "disk"
        $0.type = .scalar
        $0.scalar.value = amount
        change(&$0.disk)
      }
    ])
  }

  /// Type, whether it has an id, whether two merge and one splits.
  static let sources: [(Resource.DiskInfo.Source.TypeEnum, Bool, Bool)] = [
    (.path, false, true), (.path, true, true), (.mount, false, false), (.mount, true, false), (.block, false, false),
    (.block, true, false), (.raw, false, true), (.raw, true, false),
  ]

  @Test(arguments: sources)
  func `merge and split by their source`(type: Resource.DiskInfo.Source.TypeEnum, hasID: Bool, isDivisible: Bool) throws
  {
    func disk(_ amount: Double) throws -> Resources {
      try Self.disk(amount) {
        $0.source.type = type
        if hasID { $0.source.id = "i" }
        $0.source.vendor = "v"
        $0.source.profile = "p"
      }
    }
    let (four, three, one) = (try disk(4), try disk(3), try disk(1))
    #expect((three + one).entries.count == (isDivisible ? 1 : 2))
    #expect((three + one == four) == isDivisible)
    #expect(four.contains(one) == isDivisible)
    #expect((four - one).scalar("disk") == (isDivisible ? 3 : 4))
    #expect((four - four).isEmpty && four.contains(four))
    #expect(four.disks(of: type) == four)
    #expect((four.entries[0].shrunk(to: 3) != nil) == isDivisible)
  }

  /// What differs in one of these is another disk.
  static let differences: [@Sendable (inout Resource.DiskInfo) -> Void] = [
    { $0.source.type = .mount }, { $0.source.path.root = "/other" }, { $0.source.id = "other" },
    { $0.source.vendor = "other" }, { $0.source.profile = "other" }, { $0.source.clearPath() },
    { $0.source.metadata.labels = [MesosLabel.with { $0.key = "k" }] }, { $0.clearSource() },
    { $0.persistence.id = "v" },
  ]

  @Test(arguments: differences.indices)
  func `are the same only with the same source`(row: Int) throws {
    func base(_ disk: inout Resource.DiskInfo) {
      disk.source.type = .path
      disk.source.path.root = "/p"
      disk.source.id = "i"
      disk.source.vendor = "v"
      disk.source.profile = "p"
    }
    let one = try Self.disk(1, base)
    let other = try Self.disk(1) {
      base(&$0)
      Self.differences[row](&$0)
    }
    #expect((one + other).entries.count == 2 && one != other && !one.contains(other))
  }

  @Test func `are the same however a task sees them`() throws {
    let volume = try Self.disk(1) {
      $0.persistence.id = "v"
      $0.persistence.principal = "p"
      $0.volume.containerPath = "data"
      $0.volume.mode = .rw
    }
    let used = try Self.disk(1) {
      $0.persistence.id = "v"
      $0.volume.containerPath = "elsewhere"
      $0.volume.mode = .ro
    }
    #expect(volume == used && (volume - used).isEmpty && volume.hashValue == used.hashValue)
  }

  @Test func `lose volume and sharing but keep their source`() throws {
    let plain = try Resources.parse("disk:1")
    let onRoot = try Self.disk(1) { $0.persistence.id = "v" }
    #expect(onRoot.withoutVolumes == plain)
    let mount = try Self.disk(1) { $0.source.type = .mount }
    let onMount = try Self.disk(1) {
      $0.source.type = .mount
      $0.persistence.id = "v"
      $0.volume.containerPath = "x"
    }
    #expect(onMount.withoutVolumes == mount && mount.withoutVolumes == mount)
    let shared = try Resources(
      onRoot.messages.map { message in
        Resource.with {
          $0 = message
          $0.shared = Resource.SharedInfo()
        }
      })
    #expect((shared + shared).withoutVolumes == plain)
    #expect((shared + shared).count(of: shared.entries[0]) == 2 && plain.count(of: shared.entries[0]) == 0)
  }

  @Test(arguments: [
    ("cpus:2;mem:10", "cpus:1;mem:20", "cpus:1;mem:10"), ("cpus:2;mem:10", "cpus:1", "cpus:1"), ("cpus:2", "", ""),
    ("cpus:2;cpus(eng):2", "cpus:3", "cpus:2;cpus(eng):1"), ("cpus:2;ports:[1-5]", "cpus:2", "cpus:2"),
    ("", "cpus:1", ""),
  ])
  func `and all else shrink to quantities`(text: String, quantities: String, shrunk: String) throws {
    let resources = try Resources.parse(text)
    let quantities = try Resources.parse(quantities).quantities
    #expect(try resources.shrunk(to: quantities) == Resources.parse(shrunk))
    var rng = SplitMix64(seed: 1)
    let byChance = resources.shrunk(to: quantities, using: &rng)
    #expect(resources.contains(byChance) && byChance.quantities == resources.shrunk(to: quantities).quantities)
  }

  @Test func `and all else stay within limits, whole ones entirely or not at all`() throws {
    let mount = try Self.disk(10) { $0.source.type = .mount }
    let all = try mount + Resources.parse("disk:10;cpus:4;ports:[1-5]")
    let limits: [String: Scalar] = ["disk": 15, "cpus": 1]
    #expect(try all.shrunk { limits[$0] } == mount + Resources.parse("disk:5;cpus:1;ports:[1-5]"))
    #expect(try all.shrunk { $0 == "disk" ? 5 : nil } == Resources.parse("disk:5;cpus:4;ports:[1-5]"))
    #expect(all.shrunk { _ in nil } == all)
    #expect(all.shrunk { _ in .zero }.isEmpty)
    var rng = SplitMix64(seed: 2)
    let byChance = all.shrunk(using: &rng) { limits[$0] }
    #expect(all.contains(byChance) && byChance.scalar("disk") <= 15)
  }

  @Test func `and all else have names and kinds`() throws {
    let all = try Resources.parse("mem:1;cpus:2;cpus(eng):1;zones:{a};ports:[1-5]")
    #expect(all.names == ["cpus", "mem", "ports", "zones"])
    #expect(all.kinds.map(\.kind) == [.scalar, .scalar, .ranges, .set])
    #expect(all.scalars.names == ["cpus", "mem"] && all.named("cpus").entries.count == 2)
    for (wanted, isThere) in [("cpus:3;mem:1", true), ("cpus:3.001", false), ("gpus:1", false), ("", true)] {
      #expect(try all.contains(Resources.parse(wanted).quantities) == isThere, "\(wanted)")
    }
    #expect(all.contains(ResourceQuantities([(name: "ports", amount: 5), (name: "zones", amount: 1)])))
    #expect(!all.contains(ResourceQuantities([(name: "ports", amount: 6)])))
  }
}
