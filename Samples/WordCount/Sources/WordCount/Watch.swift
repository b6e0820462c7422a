import Foundation
import SchedulerKit

/// How long to wait for what.
struct Limits: Sendable {
  var total: Duration
  var withoutOffers: Duration
}

/// Shows how far a job is, and throws when it takes too long; never returns a result.
func watch(_ job: Job, _ limits: Limits, _ scheduler: Scheduler) async throws -> [String: Int]? {
  let isTerminal = isatty(STDERR_FILENO) == 1
  var shown = ""
  defer { if isTerminal { FileHandle.standardError.write(Data("\n".utf8)) } }
  while true {
    let state = job.snapshot
    let counts = state.counts
    let line =
      "\(counts.done) of \(job.shards.count) shards counted, \(counts.running) running, \(counts.launched) launched, "
      + "\(counts.waiting) waiting; \(state.connection)"
    if line != shown {
      FileHandle.standardError.write(Data((isTerminal ? "\r\u{1B}[K\(line)" : "\(line)\n").utf8))
      shown = line
    }
    let now = ContinuousClock.now
    if now - job.begin > limits.total {
      throw JobError("not done after \(limits.total.components.seconds) s: \(line)")
    }
    // Tasks under way need no offers.
    if counts.waiting > 0, counts.running + counts.launched == 0,
      now - (state.lastOffer ?? job.begin) > limits.withoutOffers
    {
      let reason =
        if case .subscribed = scheduler.connectionState {
          state.lastOffer == nil
            ? "is there an agent with resources that are free for this role?"
            : "those of before had too little cpus or mem"
        } else {
          "is that the address of a master?"
        }
      throw JobError(
        "no usable offers for \(limits.withoutOffers.components.seconds) s: \(state.connection); \(reason)")
    }
    try await Task.sleep(for: .milliseconds(100))
  }
}
