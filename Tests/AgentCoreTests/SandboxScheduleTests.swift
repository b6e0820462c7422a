import AgentCore
import Testing

struct SandboxScheduleTests {
  @Test(arguments: [
    (0.0, Duration.seconds(900)), (0.4, .seconds(500)), (0.9, .zero), (1.0, .zero), (-1.0, .seconds(900)),
    (Double.nan, .seconds(1_000)),
  ])
  func `the fuller the disk is the sooner sandboxes go`(used: Double, age: Duration) {
    let schedule = SandboxSchedule(delay: .seconds(1_000), headroom: 0.1)
    let difference = schedule.age(diskUsed: used) - age
    #expect(difference < .milliseconds(1) && difference > .milliseconds(-1))
  }

  @Test func `a full disk removes the oldest first`() {
    var schedule = SandboxSchedule(delay: .seconds(1_000), headroom: 0.1)
    for (index, name) in ["a", "b", "c"].enumerated() { schedule.add(name, at: .seconds(100 * index)) }
    #expect(schedule.nextDeadline == .seconds(1_000))
    #expect(schedule.takeDue(at: .seconds(300)) == [])
    #expect(schedule.takeDue(diskUsed: 0.5, at: .seconds(300)) == [])
    // Those that have waited for 200 seconds.
    #expect(schedule.takeDue(diskUsed: 0.71, at: .seconds(310)) == ["a", "b"])
    #expect(schedule.takeDue(diskUsed: 0.95, at: .seconds(310)) == ["c"])
    #expect(schedule.nextDeadline == nil)
    #expect(schedule.count == 0)
  }

  @Test func `without need a sandbox stays for the delay`() {
    var schedule = SandboxSchedule(delay: .seconds(10), headroom: 0)
    schedule.add("a", at: .seconds(5))
    schedule.add("b", at: .seconds(6))
    #expect(schedule.takeDue(at: .seconds(14)) == [])
    #expect(schedule.takeDue(at: .seconds(15)) == ["a"])
    #expect(schedule.nextDeadline == .seconds(16))
  }
}
