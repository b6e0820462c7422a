import DemandCore
import MesosModel
import MesosTestKit
import Testing

/// What follows the end of an instance.
struct ReplacementTests {
  enum Expected: Sendable { case atOnce, later, done, failed }

  struct Case: Sendable {
    var policy: Demand.Replacement
    var isBatch = false
    var state: TaskState
    var expected: Expected
  }

  static let cases: [Case] = {
    let always = Demand.Replacement.always()
    let onFailure = Demand.Replacement.onFailure(attemptsMax: 2)
    let never = Demand.Replacement.never
    var cases: [Case] = []
    func add(_ state: TaskState, _ expected: [Expected], isBatch: Bool = false) {
      for (policy, expected) in zip([always, onFailure, never], expected) {
        cases.append(Case(policy: policy, isBatch: isBatch, state: state, expected: expected))
      }
    }
    for isBatch in [false, true] {
      add(.taskFailed, [.later, .later, .failed], isBatch: isBatch)
      add(.taskError, [.later, .later, .failed], isBatch: isBatch)
      for state: TaskState in [.taskLost, .taskGone, .taskGoneByOperator, .taskKilled] {
        add(state, [.atOnce, .atOnce, .failed], isBatch: isBatch)
      }
      add(.taskDropped, [.atOnce, .atOnce, .atOnce], isBatch: isBatch)
    }
    add(.taskFinished, [.later, .done, .done])
    add(.taskFinished, [.done, .done, .done], isBatch: true)
    return cases
  }()

  @Test(arguments: cases.indices)
  func `an end leads to what the policy says`(index: Int) throws {
    let example = Self.cases[index]
    var driver = Driver()
    driver.declare(
      example.isBatch
        ? .work(1, parallelism: 1) { $0.replacement = example.policy }
        : .web(1) { $0.replacement = example.policy })
    let task = try #require(try driver.offer().launched.first).taskID.key
    driver.status(task, .taskRunning)
    driver.status(task, example.state)
    let end = try #require(driver.last.ends.first)
    #expect(end.state == example.state && end.message == "because")
    let status = try #require(driver.core.statuses(at: driver.now).first)
    switch example.expected {
    case .atOnce:
      #expect(end.next == .again(at: driver.now.uptime))
      driver.wait(.seconds(1))
      #expect(try driver.offer().launched.count == 1)
    case .later:
      #expect(try driver.offer().launched.isEmpty)
      // The offer is held until then.
      #expect(driver.wait(.seconds(1)).launched.count == 1)
    case .done:
      #expect(end.next == .done && status.finished == 1)
      driver.wait(.seconds(1000))
      #expect(try driver.offer().launched.isEmpty)
    case .failed:
      #expect(end.next == .failed && status.failed == 1)
      driver.wait(.seconds(1000))
      #expect(try driver.offer().launched.isEmpty)
    }
  }

  @Test(arguments: Seeds.all)
  func `waits grow with failures, have chance in them, and start anew after a good run`(seed: UInt64) throws {
    var driver = Driver(seed: seed)
    driver.declare(
      .web(1) { $0.replacement = .always(Backoff(initial: .seconds(1), limit: .seconds(30))) })
    func fail(after: Duration) throws -> Duration {
      let task = try #require(try driver.offer().launched.first).taskID.key
      driver.status(task, .taskRunning)
      driver.wait(after)
      driver.status(task, .taskFailed)
      guard case .again(let at) = driver.last.ends.first?.next else { throw Unexpected() }
      let wait = at - driver.now.uptime
      driver.wait(wait)
      return wait
    }
    var waits: [Duration] = []
    for _ in 0..<8 { waits.append(try fail(after: .seconds(2))) }
    for (wait, bound) in zip(waits, [1, 2, 4, 8, 16, 30, 30, 30]) {
      #expect(wait <= .seconds(bound) && wait >= .seconds(bound) / 2, "\(waits)")
    }
    #expect(try fail(after: .seconds(60)) <= .seconds(1))
  }

  @Test func `the last attempt is the last`() throws {
    var driver = Driver()
    driver.declare(.work(1, parallelism: 1))
    for attempt in 1...3 {
      let task = try #require(try driver.offer().launched.first).taskID.key
      driver.status(task, .taskRunning)
      driver.status(task, .taskFailed)
      #expect((driver.last.ends.first?.next == .failed) == (attempt == 3))
      if attempt == 3 { #expect(driver.last.notices.contains(.completed("work", finished: 0, failed: 1))) }
      driver.wait(.seconds(60))
    }
    #expect(try driver.core.explain("work", at: driver.now).obstacles == [.failedForGood(slots: 1)])
    // A changed template may go well.
    driver.declare(.work(1, parallelism: 1) { $0.template.command.value = "better" })
    driver.wait(.seconds(2))
    #expect(try driver.offer().launched.count == 1)
  }

  @Test func `losses in a row wait too`() throws {
    var driver = Driver()
    driver.declare(.web(1))
    var waits: [Bool] = []
    for _ in 0..<3 {
      driver.wait(.seconds(60))
      let task = try #require(try driver.offer().launched.first).taskID.key
      driver.status(task, .taskDropped)
      guard case .again(let at) = driver.last.ends.first?.next else { throw Unexpected() }
      waits.append(at > driver.now.uptime)
    }
    #expect(waits == [false, true, true])
  }

  @Test func `a launch that had no effect is made again, one in doubt is waited for`() throws {
    var driver = Driver()
    driver.declare(.web(2))
    let tasks = try driver.offer().launched.map(\.taskID.key)
    driver.status(tasks[0], .taskGone, provisional: true)
    #expect(driver.instances.count == 2)
    let directives = driver.feed(.notLaunched([tasks[1]], because: "the offer is gone"))
    #expect(directives.ends == [InstanceEnd(state: nil, message: "the offer is gone", next: .again(at: .zero))])
    driver.wait(.seconds(1))
    #expect(try driver.offer().launched.count == 1)
    // Told twice, it counts once.
    #expect(driver.feed(.notLaunched([tasks[1]], because: "")).ends.isEmpty)
  }

  @Test func `a launch that nothing is heard of is killed and made again`() throws {
    var driver = Driver { $0.launchTimeout = .seconds(100) }
    driver.declare(.web(1))
    let task = try #require(try driver.offer().launched.first).taskID.key
    #expect(driver.wait(.seconds(99)).killed.isEmpty)
    #expect(driver.wait(.seconds(1)).killed == [task])
    #expect(driver.wait(.seconds(30)).killed == [task], "a kill without effect is repeated")
    driver.status(task, .taskKilled)
    #expect(try driver.offer().launched.count == 1)
  }

  @Test func `a batch runs each piece once, so many at a time`() throws {
    var driver = Driver()
    driver.declare(.work(5, parallelism: 2) { $0.finishedBefore = [3] })
    var finished: [Int] = []
    while let task = try driver.offer("cpus:9;mem:999").launched.first.map({ _ in driver.instances }) {
      #expect(task.count <= 2)
      for instance in task {
        driver.status(instance.id.task, .taskRunning)
        finished.append(instance.id.slot)
      }
      for instance in task { driver.status(instance.id.task, .taskFinished) }
      driver.wait(.seconds(1))
    }
    #expect(finished.sorted() == [0, 1, 2, 4])
    #expect(driver.status(of: "work")?.finished == 5)
    #expect(driver.core.suppressedRoles == ["*"])
  }

  // MARK: Unreachable

  @Test func `an unreachable instance is replaced after a while, and killed when it comes back`() throws {
    var driver = Driver()
    driver.declare(.web(1) { $0.unreachable = .init(replaceAfter: .seconds(100)) })
    let old = try #require(try driver.offer().launched.first).taskID.key
    driver.status(old, .taskRunning)
    driver.status(old, .taskUnreachable)
    #expect(driver.wait(.seconds(99)).revived.isEmpty)
    #expect(driver.wait(.seconds(1)).revived == [["*"]])
    let new = try #require(try driver.offer(from: "a2").launched.first).taskID.key
    driver.status(new, .taskRunning, on: "a2")
    #expect(driver.status(old, .taskRunning).killed == [old])
    driver.obeyKills()
    #expect(driver.instances.map(\.id.task) == [new])
  }

  @Test func `one that comes back in time goes on`() throws {
    var driver = Driver()
    driver.declare(.web(1))
    let task = try #require(try driver.offer().launched.first).taskID.key
    driver.status(task, .taskRunning)
    driver.status(task, .taskUnreachable)
    #expect(driver.status(of: "web")?.available == 0)
    driver.wait(.seconds(100))
    driver.status(task, .taskRunning)
    #expect(driver.wait(.seconds(1000)).killed.isEmpty)
    #expect(driver.status(of: "web")?.isSatisfied == true)
  }

  @Test func `where the policy says so, the one that comes back stays`() throws {
    var driver = Driver()
    driver.declare(.web(1) { $0.unreachable = .init(replaceAfter: .seconds(10), onReturn: .keepReturned) })
    let old = try #require(try driver.offer().launched.first).taskID.key
    driver.status(old, .taskRunning)
    driver.status(old, .taskUnreachable)
    driver.wait(.seconds(10))
    let new = try #require(try driver.offer(from: "a2").launched.first).taskID.key
    driver.status(new, .taskRunning, on: "a2")
    #expect(driver.status(old, .taskRunning).killed == [new])
    driver.obeyKills()
    #expect(driver.instances.map(\.id.task) == [old])
  }

  @Test func `without a time it is never replaced`() throws {
    var driver = Driver()
    driver.declare(.web(1) { $0.unreachable = .init(replaceAfter: nil) })
    let task = try #require(try driver.offer().launched.first).taskID.key
    driver.status(task, .taskUnreachable)
    driver.wait(.seconds(100_000))
    #expect(try driver.offer().launched.isEmpty)
    // Its end is another matter.
    driver.status(task, .taskGone)
    #expect(try driver.offer().launched.count == 1)
  }

  @Test func `no more strays are remembered than the bound`() throws {
    var driver = Driver { $0.straysMax = 3 }
    driver.declare(.web(10) { $0.unreachable = .init(replaceAfter: .seconds(1)) })
    let tasks = try driver.offer("cpus:10;mem:1000").launched.map(\.taskID.key)
    for task in tasks { driver.status(task, .taskUnreachable) }
    driver.wait(.seconds(2))
    #expect(driver.instances.count == 3)
  }
}

struct Unexpected: Error {}
