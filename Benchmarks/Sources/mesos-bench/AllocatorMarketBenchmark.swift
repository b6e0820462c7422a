import MesosAllocator
import MesosModel

/// Frameworks of three kinds that have tasks to launch: how many rounds of offers it takes until all run.
///
/// - Source: Apache Mesos, `src/tests/hierarchical_allocator_benchmarks.cpp`, `MultiFrameworkAllocations`.
private struct OfferMarket {
  /// A framework with tasks, of which it launches at most `most` an offer.
  struct Demand {
    var role: String
    var left: Int
    var task: Resources
    var most: Int

    init(role: String, tasks: Int, of resources: Resources, most: Int) {
      (self.role, left, task, self.most) = (role, tasks, resources.allocated(to: role), most)
    }
  }

  var allocator = Allocator()
  var demands: [FrameworkKey: Demand] = [:]
  /// Whether a framework with nothing left to launch suppresses offers.
  let suppresses: Bool
  private(set) var launched = 0
  private(set) var cycles: [Double] = []

  init(agents: Int, demands list: [Demand], suppresses: Bool) throws {
    self.suppresses = suppresses
    let total = try Resources.parse("cpus:64;mem:488000")
    _ = try AllocatorBenchmarks.addAgents(agents, to: &allocator, total: { _ in total })
    _ = try AllocatorBenchmarks.addFrameworks(list.count, to: &allocator) { FrameworkOptions(roles: [list[$0].role]) }
    for (number, demand) in list.enumerated() { demands[FrameworkKey("framework\(number)")] = demand }
  }

  mutating func round() throws {
    var offers: [Allocation] = []
    let number = cycles.count
    cycles.append(AllocatorBenchmarks.time { offers = AllocatorBenchmarks.cycle(&allocator, at: number) })
    for offer in offers { try answer(offer, at: AllocatorBenchmarks.start.advanced(by: .seconds(number))) }
  }

  /// What frameworks have when nothing is on offer.
  var inUse: ResourceQuantities {
    ResourceQuantities(allocator.metrics.resources.map { (name: $0.name, amount: $0.offeredOrAllocated) })
  }

  /// The part of the cluster that is in use.
  var utilisation: [(resource: String, part: Double)] {
    allocator.metrics.resources.filter { $0.total > .zero }.map {
      ($0.name, $0.offeredOrAllocated.doubleValue / $0.total.doubleValue)
    }
  }

  /// What the tasks need that were launched since the demands were `all`.
  func needed(by all: [Demand]) -> ResourceQuantities {
    var amounts: [String: Scalar] = [:]
    for (number, demand) in all.enumerated() {
      let left = demands[FrameworkKey("framework\(number)")]?.left ?? 0
      for quantity in demand.task.quantities.quantities {
        let thousandths = quantity.amount.thousandths * Int64(demand.left - left)
        amounts[quantity.name, default: .zero] = Scalar(
          thousandths: amounts[quantity.name, default: .zero].thousandths + thousandths)
      }
    }
    return ResourceQuantities(amounts.map { (name: $0.key, amount: $0.value) })
  }

  /// Launches what fits and gives back the rest, with no filter.
  private mutating func answer(_ offer: Allocation, at now: Moment) throws {
    guard var demand = demands[offer.framework] else { throw WrongOutcome(description: "an offer to a stranger") }
    var rest = offer.resources
    var count = 0
    while count < min(demand.most, demand.left), rest.contains(demand.task) {
      rest -= demand.task
      count += 1
    }
    demand.left -= count
    demands[offer.framework] = demand
    launched += count
    try allocator.recover(framework: offer.framework, agent: offer.agent, resources: rest, at: now)
    if suppresses, demand.left == 0 { try allocator.suppress(framework: offer.framework) }
  }
}

extension AllocatorBenchmarks {
  /// Rounds until all tasks run, where frameworks that are done suppress offers, and how far a thousand rounds lead where they do not.
  ///
  /// In Apache Mesos they do not: those that are done have the smallest shares, are offered most of the cluster in each round and
  /// give it back, and there is a time limit of 30 s.
  static func multiFrameworkAllocations(_ harness: inout Harness) throws {
    for suppresses in [true, false] { try multiFrameworkAllocations(&harness, suppresses) }
  }

  private static func multiFrameworkAllocations(_ harness: inout Harness, _ suppresses: Bool) throws {
    let parts = harness.isSmoke ? 20 : 1
    let demands = try marketDemands(parts)
    let tasks = demands.reduce(0) { $0 + $1.left }
    var market = try OfferMarket(agents: 80 / parts, demands: demands, suppresses: suppresses)
    while market.launched < tasks, market.cycles.count < 1_000 { try market.round() }
    let name = "MultiFrameworkAllocations \(suppresses ? "suppressing" : "never suppressing") \(tasks) tasks"
    func note(_ what: String, _ value: Int, _ better: Figure.Better) {
      harness.record(Figure(name: "allocator \(name): \(what)", value: Double(value), unit: what, better: better))
    }
    note("rounds", market.cycles.count, .lower)
    note("launched", market.launched, .higher)
    record(&harness, "\(name): a cycle", median(market.cycles))
    record(&harness, "\(name): all cycles", market.cycles.reduce(0, +))
    for (resource, part) in market.utilisation {
      harness.record(
        Figure(name: "allocator \(name): \(resource) in use", value: 100 * part, unit: "%", better: .higher))
    }
    try require(market.inUse == market.needed(by: demands), "what is in use is not what the tasks launched need")
    try require(market.launched == tasks || !suppresses, "\(market.launched) tasks launched in a thousand rounds")
  }

  /// 4 frameworks like Marathon, 500 like Jenkins in one role and 50 like Spark.
  private static func marketDemands(_ parts: Int) throws -> [OfferMarket.Demand] {
    let marathon = try Resources.parse("cpus:0.07;mem:400")
    let jenkins = try Resources.parse("cpus:0.1;mem:4000")
    let spark = try Resources.parse("cpus:1;mem:1000")
    return (1...4).map { .init(role: "roleA-\($0)", tasks: 4_000 / parts, of: marathon, most: 100) }
      + (0..<500 / parts).map { _ in .init(role: "roleB", tasks: 5, of: jenkins, most: 1) }
      + (1...50 / parts).map { .init(role: "roleC-\($0)", tasks: 20, of: spark, most: 5) }
  }
}
