import MesosModel
import MesosSimulation
import Testing

/// What seeds of the faulty simulation found in the cores, each as a story of its own.
struct ScenarioTests {
  /// The agent took no record while the id that it was given was on its way to the disk: the task stayed in TASK_STAGING for ever.
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `a task that comes before the agent's id is durable runs`(seed: UInt64) {
    var configuration = SimulatedCluster.Configuration()
    configuration.diskLatency = .seconds(1)...(.seconds(2))
    var cluster = SimulatedCluster(seed: seed, configuration: configuration)
    let framework = cluster.addFramework("early")
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(5))), of: framework)
    cluster.run(until: .seconds(5))
    cluster.addAgents(1)
    cluster.run(until: .seconds(60))
    #expect(cluster.violations == [])
    #expect(cluster.task("t1", of: framework)?.states == [.taskStarting, .taskRunning, .taskFinished])
  }

  /// A SUBSCRIBE that was given up reached the master after the one that took its place, and the master failed the framework over to it:
  /// the scheduler took that for another scheduler and ended for good.
  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `a SUBSCRIBE that is served late does not end its own framework`(seed: UInt64) {
    var cluster = SimulatedCluster(seed: seed)
    cluster.addAgents(1)
    let framework = cluster.addFramework("late")
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(5))), of: framework)
    cluster.run(until: .seconds(1))
    cluster.partition(.framework(framework), .outgoing, at: .seconds(2), for: .seconds(100))
    cluster.resetConnections(of: .framework(framework), at: .seconds(3))
    cluster.run(until: .seconds(200))
    #expect(cluster.ending(of: framework) == nil)
    #expect(cluster.violations == [])
    #expect(cluster.task("t1", of: framework)?.state == .taskFinished)
  }

  /// The agent forgot a task whose end was sent and not yet acknowledged, and was asked about it: it answered with another end.
  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `an end that was sent is not followed by another when the agent reboots`(seed: UInt64) {
    var cluster = SimulatedCluster(seed: seed)
    cluster.addAgents(1)
    let framework = cluster.addFramework("ended")
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(5))), of: framework)
    cluster.partition(.framework(framework), .outgoing, at: .seconds(4), for: .seconds(30))
    cluster.reboot(agent: 0, at: .seconds(20), for: .seconds(2))
    cluster.run(until: .seconds(120))
    #expect(cluster.violations == [])
    #expect(cluster.task("t1", of: framework)?.states == [.taskStarting, .taskRunning, .taskFinished])
  }

  /// The master said nothing of a task whose agent was not back since the failover, and a scheduler that had begun anew asked once.
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `a question that nobody could answer after a failover is asked again`(seed: UInt64) throws {
    var cluster = SimulatedCluster(seed: seed)
    cluster.addAgents(1)
    var settings = SimulatedCluster.FrameworkSettings(name: "asking")
    settings.info.checkpoint = false
    let framework = cluster.addFramework(settings, TaskRunner(framework: settings.info))
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(300))), of: framework)
    cluster.reboot(agent: 0, at: .seconds(20), for: .seconds(60))
    cluster.crash(.master, at: .seconds(21), for: .seconds(2))
    cluster.crash(.framework(framework), at: .seconds(22), for: .seconds(3))
    cluster.run(until: .seconds(200))
    #expect(cluster.violations == [])
    #expect(cluster.task("t1", of: framework)?.state == .taskGone)
    #expect(cluster.task("t1.2", of: framework)?.state == .taskRunning)
  }

  /// The master took the SUBSCRIBE of a machine that had lost its power meanwhile for that of a framework of its own, offered it everything,
  /// and nobody told it that there was nobody: the machine, up again, resets what it knows nothing of.
  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `a SUBSCRIBE of a machine that lost its power holds no offers`(seed: UInt64) {
    var cluster = SimulatedCluster(seed: seed)
    cluster.addAgents(1)
    let framework = cluster.addFramework("again")
    cluster.partition(.framework(framework), .outgoing, for: .seconds(40))
    cluster.crash(.framework(framework), at: .seconds(10), for: .seconds(2), isSilent: true)
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(5))), of: framework, at: .seconds(50))
    cluster.run(until: .seconds(200))
    #expect(cluster.violations == [])
    #expect(cluster.unfinished(of: framework) == [])
    #expect(cluster.tasks(of: framework).contains { $0.record.state == .taskFinished })
  }

  /// Offers end with their subscription: a task may be launched under its second name.
  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `a SUBSCRIBE of a scheduler that crashed is served late and the task wanted next runs`(seed: UInt64) {
    var cluster = SimulatedCluster(seed: seed)
    cluster.addAgents(1)
    let framework = cluster.addFramework("crashed")
    cluster.run(until: .seconds(5))
    cluster.partition(.framework(framework), .outgoing, at: .seconds(6), for: .seconds(100))
    cluster.resetConnections(of: .framework(framework), at: .seconds(7))
    cluster.crash(.framework(framework), at: .seconds(12), for: .seconds(2))
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(5))), of: framework, at: .seconds(20))
    cluster.run(until: .seconds(300))
    #expect(cluster.violations == [])
    #expect(cluster.unfinished(of: framework) == [])
    #expect(cluster.tasks(of: framework).contains { $0.record.state == .taskFinished })
  }

  /// The framework acknowledged the end of a task that its agent, given up and back meanwhile, told again while the framework was away: the
  /// agent forgot the task and the master kept it.
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `an end is acknowledged that the master could not send again`(seed: UInt64) {
    var cluster = SimulatedCluster(seed: seed)
    cluster.addAgents(1)
    let framework = cluster.addFramework("away")
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(5))), of: framework)
    cluster.partition(.framework(framework), .outgoing, at: .seconds(4), for: .seconds(136))
    cluster.resetConnections(of: .framework(framework), at: .seconds(10))
    cluster.reboot(agent: 0, at: .seconds(20), for: .seconds(100))
    cluster.run(until: .seconds(300))
    cluster.demandQuiet()
    #expect(cluster.violations == [])
    #expect(cluster.task("t1", of: framework)?.states == [.taskStarting, .taskRunning, .taskFinished])
  }
}
