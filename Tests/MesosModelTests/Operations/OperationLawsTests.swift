import MesosModel
import MesosTestKit
import SwiftProtobuf
import Testing

/// Operations a second time, obvious and slow: an agent is counters by name and roles, sets of ports by roles, and named volumes.
private struct NaiveAgent {
  struct Pool: Hashable { var name: String, roles: [String] }
  struct Disk { var roles: [String], size: Int, isShared: Bool, copies: Int }

  var pools: [Pool: Int] = [:]
  var ports: [[String]: Set<UInt64>] = [:]
  var volumes: [String: Disk] = [:]

  func resources() throws -> Resources {
    var messages: [Resource] = []
    for (pool, amount) in pools where amount > 0 {
      messages.append(Sample.scalar(pool.name, Double(amount) / 1000, pool.roles))
    }
    for (roles, numbers) in ports { messages += numbers.map { Sample.ports($0...$0, roles) } }
    for (id, disk) in volumes {
      let message = Sample.volume(id, Double(disk.size) / 1000, disk.roles, shared: disk.isShared)
      messages += Array(repeating: message, count: disk.copies)
    }
    return try Resources(messages)
  }

  mutating func move(_ name: String, _ amount: Int, from: [String], to: [String]) -> Bool {
    let left = (pools[Pool(name: name, roles: from)] ?? 0) - amount
    guard left >= 0 else { return false }
    pools[Pool(name: name, roles: from)] = left
    pools[Pool(name: name, roles: to), default: 0] += amount
    return true
  }

  mutating func move(ports numbers: ClosedRange<UInt64>, from: [String], to: [String]) -> Bool {
    guard ports[from, default: []].isSuperset(of: numbers) else { return false }
    ports[from]?.subtract(numbers)
    ports[to, default: []].formUnion(numbers)
    return true
  }

  mutating func create(_ id: String, _ size: Int, _ roles: [String], shared: Bool) -> Bool {
    let pool = Pool(name: "disk", roles: roles)
    guard !roles.isEmpty, volumes[id] == nil, pools[pool, default: 0] >= size else { return false }
    pools[pool, default: 0] -= size
    volumes[id] = Disk(roles: roles, size: size, isShared: shared, copies: 1)
    return true
  }

  mutating func destroy(_ id: String, _ size: Int, _ roles: [String], shared: Bool) -> Bool {
    guard let disk = volumes[id], disk.copies == 1, disk.size == size, disk.roles == roles, disk.isShared == shared
    else { return false }
    volumes[id] = nil
    pools[Pool(name: "disk", roles: roles), default: 0] += size
    return true
  }

  mutating func resize(_ id: String, _ size: Int, _ roles: [String], shared: Bool, by change: Int) -> Bool {
    let pool = Pool(name: "disk", roles: roles)
    guard change != 0, let disk = volumes[id], !disk.isShared, !shared, disk.size == size, disk.roles == roles,
      disk.size + change > 0, pools[pool, default: 0] >= change
    else { return false }
    volumes[id]?.size += change
    pools[pool, default: 0] -= change
    return true
  }
}

/// Operations at random, of which about a half can be applied.
private struct OperationSampler {
  var rng: SplitMix64
  static let stacks: [[String]] = [[], ["eng"], ["ops"], ["eng", "eng/web"], ["eng", "eng/web", "eng/web/db"]]

  mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int.random(in: 0..<elements.count, using: &rng)]
  }

  mutating func agent() -> NaiveAgent {
    var agent = NaiveAgent()
    for name in ["cpus", "mem", "disk"] {
      for roles in Self.stacks {
        agent.pools[.init(name: name, roles: roles)] = Int.random(in: 0...30, using: &rng) * 100
      }
    }
    for number in UInt64(1)...20 { agent.ports[pick(Self.stacks), default: []].insert(number) }
    for id in ["v", "w", "x"] where Bool.random(using: &rng) {
      let isShared = Bool.random(using: &rng)
      agent.volumes[id] = .init(
        roles: pick(Array(Self.stacks.dropFirst())), size: Int.random(in: 1...10, using: &rng) * 100,
        isShared: isShared, copies: isShared ? Int.random(in: 1...2, using: &rng) : 1)
    }
    return agent
  }

  /// An operation, what undoes it, and the agent after it; nil for the agent when it cannot be applied.
  mutating func operation(on agent: NaiveAgent) -> (Offer.Operation, undo: Offer.Operation?, after: NaiveAgent?) {
    var after = agent
    let amount = Int.random(in: 1...20, using: &rng) * 100
    func message(_ thousandths: Int) -> Double { Double(thousandths) / 1000 }
    var known = agent.volumes.keys.sorted().map { id in
      (id, agent.volumes[id]?.roles ?? [], agent.volumes[id]?.size ?? 0, agent.volumes[id]?.isShared ?? false)
    }
    known.append((pick(["v", "w", "x", "y"]), pick(Self.stacks), amount, Bool.random(using: &rng)))
    let (id, roles, size, shared) = pick(known)
    let volume = Sample.volume(id, message(size), roles, shared: shared)
    switch Int.random(in: 0..<10, using: &rng) {
    case 0, 1:
      let name = pick(["cpus", "mem", "disk"])
      let stack = pick(Array(Self.stacks.dropFirst()))
      let below = Array(stack.dropLast())
      let resource = Sample.scalar(name, message(amount), stack)
      if Bool.random(using: &rng) {
        let done = after.move(name, amount, from: below, to: stack)
        return (Sample.reserve(resource), Sample.unreserve(resource), done ? after : nil)
      }
      let done = after.move(name, amount, from: stack, to: below)
      return (Sample.unreserve(resource), Sample.reserve(resource), done ? after : nil)
    case 2:
      let stack = pick(Array(Self.stacks.dropFirst()))
      let begin = UInt64.random(in: 1...20, using: &rng)
      let numbers = begin...(begin + UInt64.random(in: 0...1, using: &rng))
      let done = after.move(ports: numbers, from: Array(stack.dropLast()), to: stack)
      let resource = Sample.ports(numbers, stack)
      return (Sample.reserve(resource), Sample.unreserve(resource), done ? after : nil)
    case 3:
      let (from, to) = (pick(Self.stacks), pick(Array(Self.stacks.dropFirst())))
      let name = pick(["cpus", "mem"])
      let done = after.move(name, amount, from: from, to: to)
      let (source, target) = (Sample.scalar(name, message(amount), from), Sample.scalar(name, message(amount), to))
      return (
        Sample.reserve(target, from: [source]), from.isEmpty ? nil : Sample.reserve(source, from: [target]),
        done ? after : nil
      )
    case 4, 5:
      let done = after.create(id, size, roles, shared: shared)
      return (Sample.create(volume), Sample.destroy(volume), done ? after : nil)
    case 6:
      let done = after.destroy(id, size, roles, shared: shared)
      return (Sample.destroy(volume), Sample.create(volume), done ? after : nil)
    default:
      let change = Bool.random(using: &rng) ? amount : -min(amount, 300)
      let done = after.resize(id, size, roles, shared: shared, by: change)
      let resized = Sample.volume(id, message(size + change), roles, shared: shared)
      let addition = Sample.disk(message(abs(change)), roles)
      return change > 0
        ? (Sample.grow(volume, by: addition), Sample.shrink(resized, by: message(change)), done ? after : nil)
        : (Sample.shrink(volume, by: message(-change)), Sample.grow(resized, by: addition), done ? after : nil)
    }
  }
}

@Suite struct `Operations obey the laws` {
  @Test(arguments: Seeds.few(6))
  func `as a naive agent does`(seed: UInt64) throws {
    var sampler = OperationSampler(rng: SplitMix64(seed: seed))
    var applied: [Offer.Operation.TypeEnum: Int] = [:]
    for round in 0..<30 {
      var agent = sampler.agent()
      var resources = try agent.resources()
      let quantities = resources.quantities
      for step in 0..<20 {
        let (operation, undo, after) = sampler.operation(on: agent)
        let context: Comment = "SIM_SEED=\(seed) round=\(round) step=\(step) \(operation) on \(resources)"
        // A volume that is there twice is for the validation to find.
        if operation.type == .create, after == nil, let id = operation.create.volumes.first?.disk.persistence.id,
          agent.volumes[id] != nil
        {
          continue
        }
        let result = try? resources.applying(operation)
        #expect((result != nil) == (after != nil), context)
        guard let result, let after else { continue }
        #expect(try result == after.resources(), context)
        #expect(result.quantities == quantities, context)
        #expect(result.ranges("ports") == resources.ranges("ports"), context)
        if let undo { #expect(try result.applying(undo) == resources, context) }
        applied[operation.type, default: 0] += 1
        (agent, resources) = (after, result)
      }
    }
    for type in [Offer.Operation.TypeEnum.reserve, .unreserve, .create, .destroy, .growVolume, .shrinkVolume] {
      #expect(applied[type, default: 0] > 5, "\(type.wireName) \(applied)")
    }
  }

  @Test(arguments: Seeds.few(4))
  func `and are done whole or not at all`(seed: UInt64) throws {
    var sampler = OperationSampler(rng: SplitMix64(seed: seed))
    for _ in 0..<200 {
      let agent = sampler.agent()
      let resources = try agent.resources()
      let amount = Double(Int.random(in: 1...30, using: &sampler.rng)) / 10
      let stack = sampler.pick(Array(OperationSampler.stacks.dropFirst()))
      let both = [Sample.scalar("cpus", amount, stack), Sample.scalar("mem", amount, stack)]
      let one = both.map { try? resources.applying(Sample.unreserve($0)) }
      let together = try? resources.applying(Sample.unreserve(both[0], both[1]))
      #expect((together != nil) == one.allSatisfy { $0 != nil })
      if let together, let first = one[0] {
        #expect(try first.applying(Sample.unreserve(both[1])) == together)
      }
    }
  }
}
