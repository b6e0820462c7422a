import Foundation
import MesosModel
import SchedulerKit
import Testing

/// Checks of real tasks, with the executor's own probes on loopback.
@Suite(.serialized)
struct CheckTests {
  private static func check(_ change: (inout CheckInfo) -> Void) -> CheckInfo {
    var check = CheckInfo()
    check.delaySeconds = 0
    check.intervalSeconds = 0.1
    check.timeoutSeconds = 10
    change(&check)
    return check
  }

  private static func healthCheck(_ change: (inout HealthCheck) -> Void) -> HealthCheck {
    var check = HealthCheck()
    check.delaySeconds = 0
    check.intervalSeconds = 0.1
    check.timeoutSeconds = 10
    check.gracePeriodSeconds = 0
    check.consecutiveFailures = 2
    change(&check)
    return check
  }

  /// The statuses of one task, every one of them, until `isDone` says so; then it is killed.
  private func statuses(
    _ cluster: TestCluster, _ command: String, until isDone: @escaping ([TaskStatus]) -> Bool = { _ in false },
    _ change: @escaping @Sendable (inout TaskInfo) -> Void
  ) async throws -> [TaskStatus] {
    try await withScheduler(try TestFramework.configuration(cluster.master)) { scheduler in
      var seen: [TaskStatus] = []
      _ = try await TestFramework.run([.init("task", .shell(command), adjust: change)], on: scheduler) {
        status, scheduler in
        seen.append(status)
        if isDone(seen), !status.state.isTerminal { try await scheduler.kill(status.taskID) }
      }
      return seen
    }
  }

  @Test(.timeLimit(.minutes(2)))
  func `a command check tells its exit code, and again when it changes`() async throws {
    try await TestCluster.with { cluster in
      let seen = try await statuses(cluster, "sleep 1000", until: { $0.last?.checkStatus.command.exitCode == 3 }) {
        $0.check = Self.check {
          $0.type = .command
          $0.command.command.value = "[ -e marker ] && exit 3; touch marker"
        }
      }
      let told = seen.filter { $0.reason == .taskCheckStatusUpdated && $0.hasReason }
      #expect(told.map(\.checkStatus.command.exitCode) == [0, 3])
      #expect(told.allSatisfy { $0.state == .taskRunning && $0.source == .executor })
      #expect(seen.allSatisfy { $0.checkStatus.type == .command })
      #expect(seen.last?.state == .taskKilled)
    }
  }

  @Test(.timeLimit(.minutes(2)))
  func `HTTP and TCP health checks ask the task itself`() async throws {
    try await TestCluster.with { cluster in
      // The master answers on loopback, so it stands for a task that does.
      let port = try #require(cluster.master.split(separator: ":").last.flatMap { UInt32($0) })
      for type in [HealthCheck.TypeEnum.http, .tcp] {
        let seen = try await statuses(cluster, "sleep 1000", until: { $0.last?.healthy == true }) {
          $0.healthCheck = Self.healthCheck {
            $0.type = type
            if type == .http {
              $0.http.port = port
              $0.http.path = "/health"
            } else {
              $0.tcp.port = port
            }
          }
        }
        #expect(
          seen.filter { $0.hasHealthy }.map(\.reason).first == .taskHealthCheckStatusUpdated, "\(type)")
        #expect(seen.last?.state == .taskKilled)
      }
    }
  }

  @Test(.timeLimit(.minutes(2)), arguments: ["command", "http", "tcp"])
  func `an unhealthy task is killed`(kind: String) async throws {
    let port = UInt32(try KillTests.freePort())
    try await TestCluster.with { cluster in
      let seen = try await statuses(cluster, "sleep 1000") {
        $0.healthCheck = Self.healthCheck {
          switch kind {
          case "command":
            $0.type = .command
            $0.command.value = "exit 1"
          case "http":
            $0.type = .http
            $0.http.port = port
          default:
            $0.type = .tcp
            $0.tcp.port = port
          }
        }
      }
      let told = seen.filter { $0.hasReason && $0.reason == .taskHealthCheckStatusUpdated }
      #expect(told.map(\.healthy) == [false, false])
      #expect(seen.last?.state == .taskKilled)
      #expect(seen.last?.hasHealthy == true && seen.last?.healthy == false)
    }
  }

  @Test(.timeLimit(.minutes(2)))
  func `a check that hangs is killed with what it started`() async throws {
    try await TestCluster.with { cluster in
      let seen = try await statuses(cluster, "sleep 1000") {
        $0.healthCheck = Self.healthCheck {
          $0.type = .command
          $0.command.value = "sleep 999 & sleep 999"
          $0.timeoutSeconds = 0.2
          $0.consecutiveFailures = 1
        }
      }
      #expect(seen.last?.state == .taskKilled)
      #expect(seen.last?.hasHealthy == true && seen.last?.healthy == false)
    }
  }
}
