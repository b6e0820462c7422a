import MesosModel
import MesosTestKit
import SwiftProtobuf
import Testing

/// Small resources of every kind, at random.
struct ResourceSampler {
  var rng: SplitMix64

  mutating func resource() -> Resource {
    var resource = Resource()
    func pick<Element>(_ elements: [Element]) -> Element { elements[Int.random(in: 0..<elements.count, using: &rng)] }
    switch Int.random(in: 0..<12, using: &rng) {
    case 10, 11:
      resource.name = "disk"
      resource.type = .scalar
      resource.scalar.value = pick([1, 2])
      resource.disk.source.type = pick([.path, .mount, .block, .raw])
      if resource.disk.source.type == .path { resource.disk.source.path.root = pick(["/p", "/q"]) }
      if resource.disk.source.type == .mount { resource.disk.source.mount.root = "/m" }
      if Bool.random(using: &rng) { resource.disk.source.id = pick(["i", "j"]) }
      if Int.random(in: 0..<4, using: &rng) == 0 { resource.disk.persistence.id = "v1" }
      if Bool.random(using: &rng) { resource.providerID.value = "csi" }
    case 0..<5:
      resource.name = pick(["cpus", "mem", "disk"])
      resource.type = .scalar
      resource.scalar.value = pick([0, 0.1, 0.2, 0.3, 1, 2])
    case 5, 6:
      resource.name = "ports"
      resource.type = .ranges
      resource.ranges = MesosValue.Ranges()
      let begin = UInt64.random(in: 0...5, using: &rng)
      for (low, high) in [(begin, begin + 1), (begin + 3, begin + 5)].prefix(Int.random(in: 0...2, using: &rng)) {
        resource.ranges.range.append(
          MesosValue.Range.with {
            $0.begin = low
            $0.end = high
          })
      }
    case 7:
      resource.name = "zones"
      resource.type = .set
      resource.set.item = ["a", "b", "c"].filter { _ in Bool.random(using: &rng) }
    default:
      resource.name = "disk"
      resource.type = .scalar
      resource.scalar.value = pick([1, 2])
      resource.disk.persistence.id = pick(["v1", "v2"])
      resource.disk.volume.containerPath = "data"
      resource.disk.volume.mode = .rw
      if Bool.random(using: &rng) { resource.shared = Resource.SharedInfo() }
    }
    for role in [[], [], ["a"], ["b"], ["a", "a/x"]][Int.random(in: 0..<5, using: &rng)] {
      resource.reservations.append(
        Resource.ReservationInfo.with {
          $0.type = .dynamic
          $0.role = role
          if Bool.random(using: &rng) { $0.principal = "p" }
          if Int.random(in: 0..<4, using: &rng) == 0 {
            $0.labels.labels = ["k", "l"].shuffled(using: &rng).map { key in MesosLabel.with { $0.key = key } }
          }
        })
    }
    if Int.random(in: 0..<5, using: &rng) == 0 { resource.revocable = Resource.RevocableInfo() }
    if Int.random(in: 0..<3, using: &rng) == 0 { resource.allocationInfo.role = pick(["a", "b"]) }
    return resource
  }

  mutating func resources() throws -> Resources {
    try Resources((0..<Int.random(in: 0...6, using: &rng)).map { _ in resource() })
  }
}

@Suite struct `Resources obey the laws` {
  @Test(arguments: Seeds.few(8))
  func `as a naive implementation does`(seed: UInt64) throws {
    var sampler = ResourceSampler(rng: SplitMix64(seed: seed))
    for _ in 0..<300 {
      let (a, b, c) = (try sampler.resources(), try sampler.resources(), try sampler.resources())
      let (x, y) = (NaiveResources(a), NaiveResources(b))
      #expect(NaiveResources(a + b) == x + y, "\(a) + \(b)")
      #expect(a.contains(b) == x.contains(y), "\(a) contains \(b)")
      if a.contains(b) { #expect(NaiveResources(a - b) == x - y, "\(a) - \(b)") }
      #expect((a == b) == (x == y), "\(a) == \(b)")

      #expect(a + b == b + a)
      #expect((a + b) + c == a + (b + c))
      #expect((a + b).contains(a) && (a + b).contains(b))
      if a == b { #expect(a.hashValue == b.hashValue) }
      #expect((a + b).hashValue == (b + a).hashValue)
      #expect(a + Resources() == a && a - Resources() == a)
      #expect((a - a).isEmpty)
    }
  }

  @Test(arguments: Seeds.few(8))
  func `what is added can be taken away`(seed: UInt64) throws {
    var sampler = ResourceSampler(rng: SplitMix64(seed: seed))
    for _ in 0..<300 {
      let (a, b) = (try sampler.resources(), try sampler.resources())
      // Numbers and items that both have are one after adding: the law holds where they are apart.
      guard Set(NaiveResources(a).parts.keys.filter { $0.contains("#") }).isDisjoint(with: NaiveResources(b).parts.keys)
      else { continue }
      #expect(try (a + b).subtracting(b) == a)
      #expect(a + b - b == a)
      #expect((a + b).contains(b))
    }
  }

  @Test(arguments: Seeds.few(8))
  func `messages in every format read back as they were`(seed: UInt64) throws {
    var sampler = ResourceSampler(rng: SplitMix64(seed: seed))
    for _ in 0..<200 {
      let a = try sampler.resources()
      let copies = a.filter { $0.copies == 1 }
      for format in [ResourceFormat.postReservationRefinement, .preReservationRefinement, .endpoint] {
        #expect(try Resources(copies.messages(in: format)) == copies, "\(a)")
      }
      #expect(copies.messages(in: .endpoint).upgraded() == copies.messages)
      #expect(copies.messages.map { $0.convertedForEndpoint() } == copies.messages(in: .endpoint))
      if copies.entries.contains(where: \.hasRefinedReservation) {
        #expect(throws: ResourceError.self) { try copies.downgradedMessages() }
      } else {
        #expect(try copies.downgradedMessages() == copies.messages(in: .preReservationRefinement))
        #expect(try copies.downgradedMessages().upgraded() == copies.messages)
      }
      for message in a.messages {
        #expect(try Resource(serializedBytes: message.serializedBytes() as [UInt8]) == message)
      }
    }
  }

  @Test(arguments: Seeds.few(4))
  func `filters divide and allocations add up`(seed: UInt64) throws {
    var sampler = ResourceSampler(rng: SplitMix64(seed: seed))
    for _ in 0..<200 {
      let a = try sampler.resources()
      #expect(a.reserved() + a.unreserved == a)
      #expect(a.revocable + a.nonRevocable == a)
      #expect(a.shared + a.nonShared == a)
      #expect(a.allocatable(to: "a") == a.unreserved + a.reserved(to: "a"))
      #expect(
        a.allocatable(to: "a/x") == a.unreserved + a.reserved(to: "a") + a.reserved(to: "a/x"))
      let sum = a.allocations.reduce(Resources()) { $0 + $1.resources }
      #expect(sum + a.filter { $0.allocationRole == nil } == a)
      #expect(a.allocations.map(\.role) == a.allocations.map(\.role).sorted())
      #expect(a.allocated(to: "z").unallocated == a.unallocated)
      #expect(a.allocated(to: "z").allocations.map(\.role) == (a.isEmpty ? [] : ["z"]))
      #expect(a.allocatedWhereMissing(to: "z").entries.allSatisfy { $0.allocationRole != nil })
    }
  }

  @Test(arguments: Seeds.few(4))
  func `in lists too long to scan, in whatever order`(seed: UInt64) throws {
    var sampler = ResourceSampler(rng: SplitMix64(seed: seed))
    func many(_ roles: Range<Int>) throws -> Resources {
      var sum = Resources()
      for role in roles {
        for entry in try sampler.resources().withoutReservations.entries {
          sum += try entry.pushingReservation(Reservation(.dynamic, role: "r\(role)"))
        }
      }
      return sum
    }
    for _ in 0..<10 {
      let (a, b) = (try many(0..<40), try many(20..<60))
      let shuffled = Resources(b.entries.shuffled(using: &sampler.rng))
      let (x, y) = (NaiveResources(a), NaiveResources(b))
      #expect(shuffled == b && shuffled.hashValue == b.hashValue)
      #expect(NaiveResources(a + shuffled) == x + y)
      #expect(NaiveResources(a + shuffled - b) == x + y - y)
      #expect((a + b).contains(shuffled) && !a.contains(shuffled))
      #expect((a + shuffled - b - a).isEmpty)
    }
  }

  /// Amounts 0 to 2 of two divisible resources, up to two volumes and up to two copies of a shared volume, in every combination.
  @Test func `for every small value`() throws {
    func volume(_ id: String) -> Resource {
      Resource.with {
        $0.name = "disk"
        $0.type = .scalar
        $0.scalar.value = 1
        $0.disk.persistence.id = id
      }
    }
    let shared = try Resources([
      Resource.with {
        $0 = volume("s")
        $0.shared = Resource.SharedInfo()
      }
    ])
    let parts = try [Resources.parse("cpus:1"), Resources.parse("cpus(eng):1"), Resources([volume("v")]), shared]
    var all: [([Int], Resources)] = [([], Resources())]
    for part in parts {
      all = all.flatMap { counts, sum in
        (0...2).map { count in (counts + [count], (0..<count).reduce(sum) { sum, _ in sum + part }) }
      }
    }
    #expect(all.count == 81)
    for (m, a) in all {
      for (n, b) in all {
        let pairs = zip(m, n)
        #expect(a.contains(b) == pairs.allSatisfy { $0 >= $1 }, "\(a) contains \(b)")
        #expect((a == b) == (m == n), "\(a) == \(b)")
        #expect(a + b - b == a, "\(a) + \(b)")
        #expect(a + b == b + a, "\(a) + \(b)")
        let difference = NaiveResources(a) - NaiveResources(b)
        #expect(NaiveResources(a - b) == difference, "\(a) - \(b)")
      }
    }
  }

  @Test(arguments: Seeds.few(4))
  func `what is found is there and is what was wanted`(seed: UInt64) throws {
    var sampler = ResourceSampler(rng: SplitMix64(seed: seed))
    var found = 0
    for _ in 0..<300 {
      let (a, b) = (try sampler.resources(), try sampler.resources())
      guard let part = a.find(b) else {
        #expect(!a.contains(b), "\(a) has \(b)")
        continue
      }
      found += b.isEmpty ? 0 : 1
      #expect(a.contains(part), "\(b) in \(a): \(part)")
      #expect(part.withoutReservations == b.withoutReservations, "\(b) in \(a): \(part)")
    }
    #expect(found > 0)
  }

  @Test(arguments: Seeds.few(4))
  func `reservations that are pushed can be popped`(seed: UInt64) throws {
    var sampler = ResourceSampler(rng: SplitMix64(seed: seed))
    let refinement = Reservation(.dynamic, role: "a/x/y", principal: "p")
    for _ in 0..<200 {
      let a = try sampler.resources()
      let b = a.allocatable(to: "a/x/y")
      let pushed = try b.pushingReservation(refinement)
      #expect(try pushed.poppingReservation() == b, "\(b)")
      #expect(pushed.withoutReservations == b.withoutReservations)
      #expect(pushed.reserved(to: "a/x/y") == pushed && pushed.reserved(toSubtreeOf: "a") == pushed)
      #expect(pushed.quantities == b.quantities)
      #expect(a.reservations.reduce(a.unreserved) { $0 + $1.resources } == a)
    }
  }

  @Test(arguments: Seeds.few(4))
  func `quantities are sums by name`(seed: UInt64) throws {
    var sampler = ResourceSampler(rng: SplitMix64(seed: seed))
    for _ in 0..<200 {
      let (a, b) = (try sampler.resources().nonShared, try sampler.resources().nonShared)
      #expect((a + b).quantities == a.quantities + b.quantities)
      #expect(a.quantities + b.quantities - b.quantities == a.quantities)
      #expect((a + b).quantities.contains(a.quantities))
      for name in ["cpus", "mem", "disk", "ports"] { #expect(a.quantities[name] == a.scalar(name)) }
    }
  }
}
