import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

struct RateLimitTests {
  private static func rates(_ build: (inout RateLimits) -> Void) throws -> CallRates {
    var limits = RateLimits()
    build(&limits)
    return try CallRates(limits)
  }

  private func answers(_ directives: [MasterCore.Directive]) -> [CallAnswer] {
    directives.compactMap { if case .answer(_, let answer) = $0 { answer } else { nil } }
  }

  @Test func `calls beyond the rate of a principal wait for their turn, in order, and one too many is refused`() throws
  {
    let rates = try Self.rates {
      $0.limits = [
        .with {
          $0.principal = "busy"
          $0.qps = 2
          $0.capacity = 2
        }
      ]
    }
    var cluster = Cluster { $0.callRates = rates }
    let busy = cluster.framework { $0.principal = "busy" }
    let other = cluster.framework { $0.principal = "other" }
    func revive(_ scheduler: Scheduler, in cluster: inout Cluster) -> CallAnswer? {
      cluster.call(scheduler) { $0.type = .revive }.answer
    }
    #expect(revive(busy, in: &cluster) == .accepted)
    #expect(revive(busy, in: &cluster) == nil)
    #expect(revive(busy, in: &cluster) == nil)
    #expect(
      revive(busy, in: &cluster) == .rejected(status: 429, text: "Message REVIVE dropped: capacity(2) exceeded"))
    for _ in 0..<5 { #expect(revive(other, in: &cluster) == .accepted) }
    #expect(answers(cluster.pass(.milliseconds(400))).isEmpty)
    #expect(answers(cluster.pass(.milliseconds(200))) == [.accepted])
    #expect(answers(cluster.pass(.milliseconds(500))) == [.accepted])
    cluster.pass(.seconds(1))
    #expect(revive(busy, in: &cluster) == .accepted)
  }

  @Test func `a call that is refused anyway uses up nobody's rate, and a rate that is next to none is an error`() throws
  {
    let rates = try Self.rates {
      $0.limits = [
        .with {
          $0.principal = "busy"
          $0.qps = 1
          $0.capacity = 1
        }
      ]
    }
    var cluster = Cluster { $0.callRates = rates }
    let busy = cluster.framework { $0.principal = "busy" }
    for _ in 0..<5 {
      let answer = cluster.call(busy, streamID: "another") { $0.type = .revive }.answer
      guard case .rejected(status: 400, text: _) = answer else {
        Issue.record("\(String(describing: answer))")
        return
      }
    }
    #expect(cluster.call(busy) { $0.type = .revive }.answer == .accepted)
    for qps in [1e-30, .leastNonzeroMagnitude, 0, -1, .infinity, .nan] {
      #expect(throws: ValidationError.self) {
        try Self.rates { $0.aggregateDefaultQps = qps }
      }
    }
  }

  @Test func `those without a limit of their own share one, but for a principal that is named without a rate`() throws {
    let rates = try Self.rates {
      $0.limits = [.with { $0.principal = "free" }]
      $0.aggregateDefaultQps = 1
      $0.aggregateDefaultCapacity = 1
    }
    var cluster = Cluster { $0.callRates = rates }
    let free = cluster.framework { $0.principal = "free" }
    let one = cluster.framework { $0.principal = "one" }
    let two = cluster.framework()
    for _ in 0..<5 { #expect(cluster.call(free) { $0.type = .revive }.answer == .accepted) }
    #expect(cluster.call(one) { $0.type = .revive }.answer == .accepted)
    #expect(cluster.call(two) { $0.type = .revive }.answer == nil)
    let refused = cluster.call(one) { $0.type = .revive }.answer
    guard case .rejected(429, _)? = refused else {
      Issue.record("it was not refused")
      return
    }
    #expect(answers(cluster.pass(.seconds(1))) == [.accepted])
  }

  @Test func `a call whose framework went away while it waited is refused`() throws {
    let rates = try Self.rates { $0.aggregateDefaultQps = 1 }
    var cluster = Cluster { $0.callRates = rates }
    let scheduler = cluster.framework()
    _ = cluster.call(scheduler) { $0.type = .revive }
    #expect(cluster.call(scheduler) { $0.type = .revive }.answer == nil)
    cluster.handle(.schedulerDisconnected(scheduler.connection))
    #expect(
      answers(cluster.pass(.seconds(1))) == [.rejected(status: 403, text: "Framework is not subscribed")])
  }

  @Test func `rates that make no sense are refused`() {
    #expect(throws: ValidationError.self) {
      try Self.rates {
        $0.limits = [
          .with {
            $0.principal = "a"
            $0.qps = 0
          }
        ]
      }
    }
    #expect(throws: ValidationError.self) {
      try Self.rates { $0.limits = ["a", "a"].map { name in .with { $0.principal = name } } }
    }
  }
}
