import MasterCore
import MesosModel
import MesosSimulation
import SwiftProtobuf
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

  /// The agent did not hear that its machine was taken down, and came back with its tasks, which their framework had been told were lost.
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `the agent of a machine that was taken down while it was away does not bring its tasks back`(seed: UInt64) {
    var cluster = SimulatedCluster(seed: seed)
    cluster.addAgents(1)
    let framework = cluster.addFramework("down")
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(300))), of: framework)
    cluster.act(.plan(agents: [0]), at: .seconds(10))
    cluster.crash(.agent(0), at: .seconds(20), for: .seconds(60))
    cluster.act(.takeDown(agents: [0]), at: .seconds(25))
    cluster.act(.bringUp(agents: [0]), at: .seconds(50))
    cluster.run(until: .seconds(120))
    #expect(cluster.violations == [])
    #expect(cluster.task("t1", of: framework)?.states.last == .taskLost)
    cluster.act(.bringUp(agents: [0]))
    cluster.run(for: .seconds(30))
    #expect(cluster.violations == [])
    #expect(cluster.task("t1.2", of: framework)?.state == .taskRunning)
  }

  /// The master told the framework of an end that had come with the agent's re-registration; the agent, which had not told it yet, forgot
  /// it in a crash, and it was told otherwise.
  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func `a re-registration tells of no end that the agent has not told`(seed: UInt64) {
    var cluster = SimulatedCluster(seed: seed)
    cluster.addAgents(1)
    var settings = SimulatedCluster.FrameworkSettings(name: "forgetful")
    settings.info.checkpoint = false
    let framework = cluster.addFramework(settings, TaskRunner(framework: settings.info))
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(5))), of: framework)
    let launched = cluster.run(until: { $0.masterState?.tasks.isEmpty == false }, within: .seconds(10))
    #expect(launched)
    // No acknowledgement arrives, so that the first update holds the others up.
    cluster.partition(.framework(framework), .outgoing, for: .seconds(150))
    cluster.partition(.agent(0), at: cluster.elapsed + .seconds(1), for: .seconds(100))
    cluster.run(for: .seconds(110))
    cluster.crash(.agent(0), for: .seconds(2))
    cluster.run(for: .seconds(100))
    #expect(cluster.violations == [])
    #expect(cluster.task("t1", of: framework)?.states.contains(.taskFinished) == false)
    #expect(cluster.unfinished(of: framework) == [])
  }

  /// The draining of an agent was called off while the agent was away: it stayed drained, and dropped whatever it was given.
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `an agent whose draining was called off while it was away runs tasks again`(seed: UInt64) {
    var cluster = SimulatedCluster(seed: seed)
    cluster.addAgents(1)
    let silent = cluster.addFramework("silent")
    let spared = cluster.addFramework("spared")
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(60))), of: silent)
    // It acknowledges no end, so that the draining goes on.
    cluster.partition(.framework(silent), .outgoing, at: .seconds(9), for: .seconds(100))
    cluster.act(.drain(agent: 0, markGone: false), at: .seconds(10))
    cluster.partition(.agent(0), at: .seconds(11), for: .seconds(10))
    cluster.act(.reactivate(agent: 0), at: .seconds(15))
    cluster.crash(.agent(0), at: .seconds(17), for: .seconds(6))
    cluster.demand(SimulatedTask("t2", .runs(for: .seconds(5))), of: spared, at: .seconds(30))
    cluster.run(until: .seconds(90))
    #expect(cluster.violations == [])
    #expect(cluster.task("t2", of: spared)?.states == [.taskStarting, .taskRunning, .taskFinished])
  }

  /// The stream of a master that had lost its power was dead and not known to be; the next master did not know the subscription, and the
  /// scheduler took its 400 for the answer to the question.
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `a scheduler whose stream died in silence subscribes again when its call is refused`(seed: UInt64) {
    var cluster = SimulatedCluster(seed: seed)
    cluster.addAgents(1)
    let framework = cluster.addFramework("deaf")
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(60))), of: framework)
    cluster.crash(.master, at: .seconds(20), for: .seconds(2), isSilent: true)
    cluster.run(until: .seconds(25))
    #expect(cluster.masterState?.frameworks.values.contains(where: \.connected) == false)
    let question = SchedulerCall.with {
      $0.type = .reconcile
      $0.reconcile.tasks = [.with { $0.taskID.value = "t1" }]
    }
    cluster.call(question, of: framework)
    cluster.run(for: .seconds(5))
    #expect(cluster.masterState?.frameworks.values.contains(where: \.connected) == true)
    #expect(cluster.violations == [])
  }

  /// The question of a scheduler that had begun anew never reached the master, and its framework did not ask again (seed 27311).
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `a framework asks again about its tasks when the question was lost`(seed: UInt64) {
    var cluster = SimulatedCluster(seed: seed)
    cluster.addAgents(1)
    let framework = cluster.addFramework("asking")
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(300))), of: framework)
    cluster.run(until: .seconds(10))
    cluster.addAgents(1)
    cluster.crash(.framework(framework), at: .seconds(20), for: .seconds(2))
    cluster.act(.markGone(agent: 0), at: .seconds(21))
    // That it is subscribed it hears when that master is no more; its calls are refused until they are given up.
    cluster.partition(.master, .outgoing, at: .milliseconds(21_500), for: .seconds(12))
    cluster.crash(.master, at: .seconds(30), for: .seconds(40), isSilent: true)
    cluster.run(until: .seconds(200))
    #expect(cluster.violations == [])
    #expect(cluster.task("t1.2", of: framework)?.state == .taskRunning)
  }
}
