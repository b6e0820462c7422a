import AgentCore
import MasterCore
import MesosModel
import MesosTestKit
import SchedulerCore

/// One run of a small cluster in which everything that can go wrong does: what the seed draws, and what must hold all the same.
///
/// Five to ten agents and one to three frameworks live for ten minutes of their time. For the first part processes crash and start
/// again, machines boot, the network splits, slows down and resets connections, disks fail and clocks jump, all while tasks come and go.
/// Then everything is healed, and what can end has to: every task ends in a state that its framework knows, all agents are registered,
/// and their resources are free again.
public struct FaultySimulation: Sendable {
  /// How long the faulty part is, and the whole.
  public var faultsUntil = Duration.seconds(330)
  public var end = Duration.seconds(600)
  /// How many faults are drawn at most.
  public var faultsMax = 24
  /// How often operators do something at most: drain, deactivate, reactivate and give up agents, plan maintenance, take machines down and
  /// bring them up, change quotas and weights.
  public var actsMax = 12
  /// Which checkers watch.
  public var checkers = CheckerSet.all
  /// A mistake of the harness for a checker to find.
  public var sabotage: Sabotage?

  /// The standard run.
  public init() {}

  /// What came of a run.
  public struct Outcome: Sendable {
    public var seed: UInt64
    /// The first thing that must not be; `nil` for a run in which everything held.
    public var violation: Violation?
    public var traceHash: TraceHash
    public var steps: Int
    /// Tasks that ended, attempts after a loss included.
    public var tasksEnded: Int
  }

  /// Draws a cluster and its faults from the seed, and runs it to its end or to the first violation.
  ///
  /// - Parameters:
  ///   - seed: What everything is drawn from.
  ///   - sink: Takes the course, line by line.
  public func run(seed: UInt64, sink: (@Sendable (String) -> Void)? = nil) -> Outcome {
    var cluster = makeCluster(seed)
    if let sink { cluster.traceLines(to: sink) }
    if let sabotage { cluster.sabotage(sabotage) }
    cluster.run(until: faultsUntil)
    cluster.heal()
    finish(&cluster)
    var ended = 0
    for framework in 0..<cluster.frameworkCount {
      ended += cluster.tasks(of: framework).count { $0.record.ended != nil }
    }
    return Outcome(
      seed: seed, violation: cluster.violations.first, traceHash: cluster.traceHash, steps: cluster.steps,
      tasksEnded: ended)
  }

  // MARK: Drawing

  private func makeCluster(_ seed: UInt64) -> SimulatedCluster {
    var rng = SplitMix(seed: seed &* 0x9e37_79b9_7f4a_7c15 ^ 0x5eed)
    var configuration = SimulatedCluster.Configuration()
    configuration.checkers = checkers
    // Short, so that what waits for them happens in ten minutes.
    configuration.master.agentPingTimeout = .seconds(Int64(2 + rng.next(upperBound: UInt64(6))))
    configuration.master.agentPingTimeoutsMax = Int(2 + rng.next(upperBound: UInt64(3)))
    configuration.master.agentReregisterTimeout = .seconds(Int64(20 + rng.next(upperBound: UInt64(60))))
    configuration.master.allocationSliceBudget = rng.next(upperBound: UInt64(3)) == 0 ? 3 : 2_000
    if rng.next(upperBound: UInt64(3)) == 0 { configuration.master.offerTimeout = .seconds(20) }
    if rng.next(upperBound: UInt64(2)) == 0 {
      configuration.master.quotas["dev"] = Quota(limits: (try? ResourceLimits(parsing: "cpus:12;mem:8192")) ?? [:])
    }
    var cluster = SimulatedCluster(seed: seed, configuration: configuration)
    cluster.addAgents(Int(5 + rng.next(upperBound: UInt64(6))), resources: "cpus:4;mem:2048;disk:10000") {
      $0.executorReregistrationTimeout = .seconds(Int64(2 + rng.next(upperBound: UInt64(8))))
      $0.updateRetryIntervalMin = .seconds(Int64(2 + rng.next(upperBound: UInt64(9))))
      $0.updateRetryIntervalMax = .seconds(30)
    }
    let count = Int(1 + rng.next(upperBound: UInt64(3)))
    var operations = SplitMix(seed: seed &* 0x2545_f491_4f6c_dd1d ^ 0x0d15c)
    for index in 0..<count {
      var settings = SimulatedCluster.FrameworkSettings(
        name: "framework\(index)", role: ["dev", "dev/web", "batch"][index])
      if rng.next(upperBound: UInt64(5)) == 0 { settings.info.checkpoint = false }
      settings.scheduler.reconnectBackoff.limit = .seconds(10)
      settings.scheduler.reconciliation.backoff.limit = .seconds(20)
      // Drawn apart, so that all else is as without.
      if operations.next(upperBound: UInt64(3)) == 0 {
        cluster.addFramework(
          settings, VolumeRunner(framework: settings.info, role: settings.info.roles.first ?? "dev"))
      } else {
        cluster.addFramework(settings, TaskRunner(framework: settings.info))
      }
      addTasks(to: &cluster, of: index, using: &rng)
    }
    addFaults(to: &cluster, frameworks: count, using: &rng)
    addActs(to: &cluster, seed)
    return cluster
  }

  /// Drawn apart, so that a seed has the same faults with and without them.
  private func addActs(to cluster: inout SimulatedCluster, _ seed: UInt64) {
    var rng = SplitMix(seed: seed &* 0x9e37_79b9_7f4a_7c15 ^ 0x0b5)
    func below(_ bound: Int) -> Int { Int(rng.next(upperBound: UInt64(max(bound, 1)))) }
    for _ in 0..<below(actsMax + 1) {
      let agent = below(cluster.agentCount)
      let role = ["dev", "batch"][below(2)]
      let at = Duration.milliseconds(Int64(below(320_000)))
      let act: OperatorAct
      switch below(13) {
      case 0, 1: act = .drain(agent: agent, markGone: below(4) == 0)
      case 2, 3: act = .deactivate(agent: agent)
      case 4: act = .reactivate(agent: agent)
      case 5: act = .plan(agents: (0..<below(4)).map { (agent + $0) % cluster.agentCount })
      case 6, 7:
        act = .plan(agents: [agent])
        cluster.act(.takeDown(agents: [agent]), at: at + .milliseconds(Int64(below(60_000))))
        cluster.act(.bringUp(agents: [agent]), at: at + .milliseconds(Int64(60_000 + below(60_000))))
      case 8: act = .markGone(agent: agent)
      case 9, 10:
        let limits = ["cpus:1;mem:512", "cpus:6", "cpus:20;mem:9000"][below(3)]
        act = .limit(role: role, try? ResourceLimits(parsing: limits))
      case 11: act = .limit(role: role, nil)
      default: act = .weigh(role: role, Double(1 + below(5)))
      }
      cluster.act(act, at: at)
    }
  }

  private func addTasks(to cluster: inout SimulatedCluster, of framework: Int, using rng: inout SplitMix) {
    for number in 0..<(5 + rng.next(upperBound: UInt64(20))) {
      let duration = Duration.milliseconds(Int64(rng.next(upperBound: UInt64(90_000))))
      var behaviour: TaskBehaviour
      switch rng.next(upperBound: UInt64(10)) {
      case 0: behaviour = .fails(after: duration)
      case 1: behaviour = .grows(for: duration)
      case 2: behaviour = .livesOn
      default: behaviour = .runs(for: duration)
      }
      if rng.next(upperBound: UInt64(5)) == 0 { behaviour = behaviour.ignoringTermination }
      let executor = rng.next(upperBound: UInt64(3)) == 0 ? "executor\(rng.next(upperBound: UInt64(3)))" : nil
      let cpus = ["0.5", "1", "2"][Int(rng.next(upperBound: UInt64(3)))]
      let task = SimulatedTask(
        "t\(number)", behaviour, resources: SimulatedTask.simulated("cpus:\(cpus);mem:128"), executor: executor)
      let at = Duration.milliseconds(Int64(rng.next(upperBound: UInt64(300_000))))
      cluster.demand(task, of: framework, at: at)
      if rng.next(upperBound: UInt64(8)) == 0 {
        cluster.killLater(task.name, of: framework, at: at + duration * 0.5)
      }
    }
  }

  private func addFaults(to cluster: inout SimulatedCluster, frameworks: Int, using rng: inout SplitMix) {
    func below(_ bound: Int) -> Int { Int(rng.next(upperBound: UInt64(bound))) }
    func seconds(_ low: Int, _ high: Int) -> Duration {
      .milliseconds(Int64(low * 1_000 + below((high - low) * 1_000)))
    }
    let agents = cluster.agentCount
    for _ in 0..<below(faultsMax + 1) {
      let at = seconds(0, 320)
      let agent = below(agents)
      let framework = below(frameworks)
      let node: SimulatedNode = [.master, .agent(agent), .framework(framework)][below(3)]
      let isTorn = below(2) == 0
      let isSilent = below(4) == 0
      let fault: Fault
      switch below(16) {
      case 0, 1: fault = .crash(.master, down: seconds(0, 20), isTorn: isTorn, isSilent: isSilent)
      case 2, 3, 4: fault = .crash(.agent(agent), down: seconds(0, 60), isTorn: isTorn, isSilent: isSilent)
      case 5: fault = .crash(.framework(framework), down: seconds(0, 30), isTorn: false, isSilent: isSilent)
      case 6: fault = .reboot(agent: agent, down: seconds(1, 60), isTorn: isTorn, isSilent: isSilent)
      case 7, 8, 9:
        fault = .partition(node, PartitionDirection.allCases[below(3)], seconds(1, 90))
      case 10, 11: fault = .reset(node)
      case 12: fault = .delay(by: .milliseconds(below(3_000)), for: seconds(1, 60))
      case 13: fault = .disk(below(2) == 0 ? .master : .agent(agent), for: seconds(0, 10))
      case 14: fault = .clock(node, by: .seconds(below(7_200) - 3_600))
      default: fault = .killExecutor(agent: agent)
      }
      cluster.schedule(fault, at: at)
    }
  }

  // MARK: Demanding progress

  private func finish(_ cluster: inout SimulatedCluster) {
    var next = cluster.elapsed
    while cluster.violations.isEmpty, next < end {
      // What lives on is to be killed, however often it takes.
      for framework in 0..<cluster.frameworkCount { cluster.killUnending(of: framework) }
      // The last draining for good may have ended only now.
      cluster.undoActs()
      next += .seconds(10)
      _ = cluster.run(until: { $0.isQuiet }, within: next - cluster.elapsed)
      if cluster.isQuiet { break }
    }
    guard cluster.violations.isEmpty else { return }
    cluster.lookAtEverything()
    cluster.demandQuiet()
  }
}
