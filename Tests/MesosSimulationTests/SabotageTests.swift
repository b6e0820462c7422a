import MasterCore
import MesosModel
import MesosSimulation
import Testing

/// Each checker finds the mistake that is made for it, and nobody finds it when the checker is off.
struct SabotageTests {
  static let mistakes: [(Sabotage, CheckerSet)] = [
    (.offersTwice, .conservation), (.offersTwice, .quotaLimits), (.endsTwice, .terminalStates),
    (.forgetsUpdate, .updates), (.losesUpdate, .updates), (.confirmsEarly, .durability), (.losesChange, .changes),
    (.overlooksExit, .progress), (.confusesStreams, .invariants),
  ]

  private func run(_ mistake: Sabotage?, _ checkers: CheckerSet) -> [Violation] {
    var configuration = SimulatedCluster.Configuration()
    configuration.checkers = checkers
    configuration.stepsBetweenFolds = 10
    if let limits = try? ResourceLimits(parsing: "cpus:5;mem:6000") {
      configuration.master.quotas["dev"] = Quota(limits: limits)
    }
    var cluster = SimulatedCluster(seed: 1, configuration: configuration)
    if let mistake { cluster.sabotage(mistake) }
    cluster.addAgents(2, resources: "cpus:4;mem:4096")
    let framework = cluster.addFramework("web")
    for number in 1...4 {
      cluster.demand(SimulatedTask("t\(number)", .runs(for: .seconds(20))), of: framework, at: .seconds(number))
    }
    cluster.run(until: .seconds(120))
    cluster.demandQuiet()
    return cluster.violations
  }

  @Test(arguments: mistakes)
  func `a checker finds the mistake that is made for it`(mistake: Sabotage, checker: CheckerSet) {
    let found = run(mistake, checker)
    #expect(found.first?.checker == checker, "\(found)")
  }

  @Test(arguments: mistakes)
  func `nobody finds a mistake whose checker is off`(mistake: Sabotage, checker: CheckerSet) {
    #expect(run(mistake, []) == [])
  }

  @Test func `without a mistake all checkers are content`() { #expect(run(nil, .all) == []) }

  static let mistakesWithOperators: [(Sabotage, CheckerSet)] = [
    (.losesCondition, .operators), (.offersDeactivated, .operators), (.showsQuotaEarly, .durability),
  ]

  private func runWithOperators(_ mistake: Sabotage?, _ checkers: CheckerSet) -> [Violation] {
    var configuration = SimulatedCluster.Configuration()
    configuration.checkers = checkers
    var cluster = SimulatedCluster(seed: 1, configuration: configuration)
    if let mistake { cluster.sabotage(mistake) }
    cluster.addAgents(2, resources: "cpus:4;mem:4096")
    let framework = cluster.addFramework("web")
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(20))), of: framework, at: .seconds(1))
    cluster.act(.deactivate(agent: 0), at: .seconds(30))
    cluster.act(.limit(role: "dev", try? ResourceLimits(parsing: "cpus:3")), at: .seconds(31))
    cluster.crash(.master, at: .seconds(40), for: .seconds(2))
    cluster.run(until: .seconds(60))
    return cluster.violations
  }

  @Test(arguments: mistakesWithOperators)
  func `a mistake about what operators did is found by its checker alone`(mistake: Sabotage, checker: CheckerSet) {
    #expect(runWithOperators(mistake, checker).first?.checker == checker)
    #expect(runWithOperators(mistake, []) == [])
    #expect(runWithOperators(nil, .all) == [])
  }
}
