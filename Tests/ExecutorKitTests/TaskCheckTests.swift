import ExecutorCore
import MesosModel
import MesosTestKit
import Testing

/// A task with checks, and time that passes when the test says so.
private struct CheckDriver {
  var task = CommandTask(configuration: CommandTask.Configuration(executorID: ExecutorID("e1")))
  var rng = SplitMix64(seed: 5)
  var now = Moment(uptime: .seconds(100), wallNanoseconds: 1_700_000_000_000_000_000)
  var last: TaskStatus?

  init() {
    _ = handle(.subscribed(ExecutorEvent.subscribed(capabilities: []).subscribed.frameworkInfo))
  }

  mutating func handle(_ event: CommandTask.Event) -> [String] {
    let directives = task.handle(event, at: now, using: &rng)
    for case .update(let status) in directives { last = status }
    return directives.map(Self.text)
  }

  /// Lets time pass from deadline to deadline, and says what happened when.
  mutating func wait(_ duration: Duration) -> [String] {
    let end = now.uptime + duration
    var notes: [String] = []
    while let deadline = task.nextDeadline, deadline <= end {
      now = now.advanced(by: deadline - now.uptime)
      notes += handle(.tick).map { "\((now.uptime - .seconds(100)).components.seconds) s: \($0)" }
    }
    now = now.advanced(by: end - now.uptime)
    return notes
  }

  mutating func run(_ change: (inout TaskInfo) -> Void) {
    var task = TaskInfo.make("t1")
    change(&task)
    _ = handle(.launch([task], isGroup: false))
    _ = handle(.launched)
  }

  private static func text(_ directive: CommandTask.Directive) -> String {
    switch directive {
    case .update(let status):
      "\(status.state)"
        + (status.hasReason ? " \(status.reason)" : "")
        + (status.hasHealthy ? " healthy \(status.healthy)" : "")
        + (status.checkStatus.hasCommand && status.checkStatus.command.hasExitCode
          ? " code \(status.checkStatus.command.exitCode)" : "")
        + (status.checkStatus.hasTcp && status.checkStatus.tcp.hasSucceeded
          ? " connected \(status.checkStatus.tcp.succeeded)" : "")
        + (status.checkStatus.hasHTTP && status.checkStatus.http.hasStatusCode
          ? " status \(status.checkStatus.http.statusCode)" : "")
    case .launch: "launch"
    case .signalTree(let signal): "signal \(signal)"
    case .probe(let kind, _): "probe \(kind)"
    case .cancelProbe(let kind): "cancel \(kind)"
    case .exit: "exit"
    case .ignored: "ignored"
    }
  }
}

private func healthCheck(_ change: (inout HealthCheck) -> Void = { _ in }) -> HealthCheck {
  var check = HealthCheck()
  check.type = .tcp
  check.tcp.port = 80
  check.delaySeconds = 2
  check.intervalSeconds = 3
  check.timeoutSeconds = 1
  check.gracePeriodSeconds = 0
  check.consecutiveFailures = 2
  change(&check)
  return check
}

private func check(_ change: (inout CheckInfo) -> Void = { _ in }) -> CheckInfo {
  var check = CheckInfo()
  check.type = .command
  check.command.command.value = "true"
  check.delaySeconds = 2
  check.intervalSeconds = 3
  check.timeoutSeconds = 1
  change(&check)
  return check
}

@Suite struct TaskCheckTests {
  @Test func `a check is made after its delay and then in its interval, and told when its result changes`() {
    var driver = CheckDriver()
    driver.run { $0.check = check() }
    #expect(driver.last?.state == .taskRunning)
    #expect(driver.last?.checkStatus.type == .command)
    #expect(driver.last?.checkStatus.hasCommand == true)
    #expect(driver.last?.checkStatus.command.hasExitCode == false)
    #expect(driver.wait(.milliseconds(1_999)) == [])
    #expect(driver.wait(.milliseconds(1)) == ["2 s: probe check"])
    #expect(driver.handle(.probed(.check, .exited(code: 7))) == ["taskRunning taskCheckStatusUpdated code 7"])
    #expect(driver.last?.source == .executor)
    #expect(driver.last?.hasHealthy == false)
    #expect(driver.wait(.seconds(3)) == ["5 s: probe check"])
    #expect(driver.handle(.probed(.check, .exited(code: 7))) == [], "the same as before")
    #expect(driver.wait(.seconds(3)) == ["8 s: probe check"])
    #expect(driver.handle(.probed(.check, .exited(code: 0))) == ["taskRunning taskCheckStatusUpdated code 0"])
  }

  @Test func `a check without an answer in time has an empty status, and does not end the task`() {
    var driver = CheckDriver()
    driver.run { $0.check = check() }
    _ = driver.wait(.seconds(2))
    _ = driver.handle(.probed(.check, .exited(code: 0)))
    #expect(
      driver.wait(.seconds(4)) == ["5 s: probe check", "6 s: cancel check", "6 s: taskRunning taskCheckStatusUpdated"])
    #expect(driver.handle(.probed(.check, .exited(code: 0))) == [], "too late")
    #expect(driver.wait(.seconds(3)) == ["9 s: probe check"])
  }

  @Test func `a timeout of zero is none`() {
    var driver = CheckDriver()
    driver.run { $0.check = check { $0.timeoutSeconds = 0 } }
    #expect(driver.wait(.seconds(10_000)) == ["2 s: probe check"])
  }

  @Test func `TCP and HTTP checks tell what they found`() {
    var driver = CheckDriver()
    driver.run {
      $0.check = check {
        $0.type = .tcp
        $0.clearCommand()
        $0.tcp.port = 8_080
      }
    }
    _ = driver.wait(.seconds(2))
    #expect(
      driver.handle(.probed(.check, .connected(false))) == ["taskRunning taskCheckStatusUpdated connected false"])
    var other = CheckDriver()
    other.run {
      $0.check = check {
        $0.type = .http
        $0.clearCommand()
        $0.http.port = 8_080
      }
    }
    _ = other.wait(.seconds(2))
    #expect(other.handle(.probed(.check, .answered(status: 404))) == ["taskRunning taskCheckStatusUpdated status 404"])
  }

  @Test func `a task is healthy with the first success, which is told once`() {
    var driver = CheckDriver()
    driver.run { $0.healthCheck = healthCheck() }
    #expect(driver.last?.hasHealthy == false)
    #expect(driver.wait(.seconds(2)) == ["2 s: probe healthCheck"])
    #expect(
      driver.handle(.probed(.healthCheck, .connected(true))) == [
        "taskRunning taskHealthCheckStatusUpdated healthy true"
      ])
    #expect(driver.wait(.seconds(3)) == ["5 s: probe healthCheck"])
    #expect(driver.handle(.probed(.healthCheck, .connected(true))) == [])
  }

  @Test func `a task that fails as often as it may not is killed, and its end says that it was unhealthy`() {
    var driver = CheckDriver()
    driver.run {
      $0.healthCheck = healthCheck()
      $0.killPolicy.gracePeriod.nanoseconds = 5_000_000_000
    }
    _ = driver.wait(.seconds(2))
    #expect(
      driver.handle(.probed(.healthCheck, .connected(false)))
        == ["taskRunning taskHealthCheckStatusUpdated healthy false"])
    _ = driver.wait(.seconds(3))
    #expect(
      driver.handle(.probed(.healthCheck, .failed("no"))) == [
        "taskRunning taskHealthCheckStatusUpdated healthy false", "signal terminate",
      ])
    #expect(driver.wait(.seconds(20)) == ["10 s: signal kill"], "no more probes")
    #expect(
      driver.handle(.exited(.signaled(name: "Killed", coreDumped: false))) == [
        "signal kill", "taskKilled healthy false",
      ])
  }

  @Test func `a success in between begins the count again`() {
    var driver = CheckDriver()
    driver.run { $0.healthCheck = healthCheck() }
    _ = driver.wait(.seconds(2))
    for (isConnected, expected) in [
      (false, "taskRunning taskHealthCheckStatusUpdated healthy false"),
      (true, "taskRunning taskHealthCheckStatusUpdated healthy true"),
      (false, "taskRunning taskHealthCheckStatusUpdated healthy false"),
      (true, "taskRunning taskHealthCheckStatusUpdated healthy true"),
    ] {
      #expect(driver.handle(.probed(.healthCheck, .connected(isConnected))) == [expected])
      _ = driver.wait(.seconds(3))
    }
  }

  @Test func `failures in the grace period count for nothing, until the first success`() {
    var driver = CheckDriver()
    driver.run { $0.healthCheck = healthCheck { $0.gracePeriodSeconds = 60 } }
    _ = driver.wait(.seconds(2))
    #expect(driver.handle(.probed(.healthCheck, .connected(false))) == [])
    _ = driver.wait(.seconds(3))
    #expect(
      driver.handle(.probed(.healthCheck, .connected(true))) == [
        "taskRunning taskHealthCheckStatusUpdated healthy true"
      ])
    _ = driver.wait(.seconds(3))
    #expect(
      driver.handle(.probed(.healthCheck, .connected(false)))
        == ["taskRunning taskHealthCheckStatusUpdated healthy false"])
  }

  @Test func `failures after the grace period count`() {
    var driver = CheckDriver()
    driver.run {
      $0.healthCheck = healthCheck {
        $0.gracePeriodSeconds = 4
        $0.consecutiveFailures = 1
      }
    }
    _ = driver.wait(.seconds(2))
    #expect(driver.handle(.probed(.healthCheck, .connected(false))) == [])
    _ = driver.wait(.seconds(3))
    #expect(
      driver.handle(.probed(.healthCheck, .connected(false))) == [
        "taskRunning taskHealthCheckStatusUpdated healthy false", "signal terminate",
      ])
  }

  @Test(arguments: [(199, false), (200, true), (302, true), (399, true), (400, false), (503, false)])
  func `an HTTP status from 200 to 399 is healthy`(status: Int, isHealthy: Bool) {
    var driver = CheckDriver()
    driver.run {
      $0.healthCheck = healthCheck {
        $0.type = .http
        $0.clearTcp()
        $0.http.port = 80
      }
    }
    _ = driver.wait(.seconds(2))
    #expect(
      driver.handle(.probed(.healthCheck, .answered(status: status)))
        == ["taskRunning taskHealthCheckStatusUpdated healthy \(isHealthy)"])
  }

  @Test func `what one says stays in what the other says`() {
    var driver = CheckDriver()
    driver.run {
      $0.check = check()
      $0.healthCheck = healthCheck()
    }
    #expect(driver.wait(.seconds(2)) == ["2 s: probe check", "2 s: probe healthCheck"])
    #expect(
      driver.handle(.probed(.healthCheck, .connected(true))) == [
        "taskRunning taskHealthCheckStatusUpdated healthy true"
      ])
    #expect(
      driver.handle(.probed(.check, .exited(code: 1))) == ["taskRunning taskCheckStatusUpdated healthy true code 1"])
    _ = driver.wait(.seconds(3))
    #expect(
      driver.handle(.probed(.healthCheck, .connected(false)))
        == ["taskRunning taskHealthCheckStatusUpdated healthy false code 1"])
  }

  @Test func `a task that is killed or has ended is not probed any more`() {
    var driver = CheckDriver()
    driver.run { $0.check = check { $0.timeoutSeconds = 0 } }
    _ = driver.wait(.seconds(2))
    let kill = ExecutorEvent.kill("t1", grace: .seconds(100))
    #expect(driver.handle(.kill(kill.kill.taskID, kill.kill.killPolicy)) == ["cancel check", "signal terminate"])
    #expect(driver.handle(.probed(.check, .exited(code: 1))) == [])
    #expect(driver.wait(.seconds(50)) == [])

    var other = CheckDriver()
    other.run { $0.check = check { $0.timeoutSeconds = 0 } }
    _ = other.wait(.seconds(2))
    #expect(other.handle(.exited(.exited(code: 0))) == ["signal kill", "cancel check", "taskFinished"])
    #expect(other.last?.checkStatus.hasCommand == true, "as every status of a task with a check")
  }

  @Test func `a health check over HTTPS fails the task, as it is not built yet`() {
    var driver = CheckDriver()
    var task = TaskInfo.make("t1")
    task.healthCheck = healthCheck {
      $0.type = .http
      $0.clearTcp()
      $0.http.port = 443
      $0.http.scheme = "https"
    }
    #expect(driver.handle(.launch([task], isGroup: false)) == ["taskStarting", "taskFailed"])
    #expect(driver.last?.message == "Health checks over HTTPS are not built yet")
  }
}
