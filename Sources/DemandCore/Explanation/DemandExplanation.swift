public import MesosModel

/// Why a demand has not got what it wants: what stands in the way, and for the agents that made offers, what did not match.
///
/// Its `description` is a text for people, a line a thing.
public struct DemandExplanation: Hashable, Sendable {
  /// Something that stands in the way whatever is offered.
  public enum Obstacle: Hashable, Sendable {
    /// There is no subscription.
    case notSubscribed
    /// Tasks of an earlier scheduler are being heard of, for so long.
    case adopting(for: Duration)
    /// Slots wait after failures; the first one for so long.
    case backingOff(slots: Int, next: Duration)
    /// Slots wait for the end of the instance before.
    case waitingForEnds(slots: Int)
    /// Slots failed for good: their attempts are used up, or the policy does not replace.
    case failedForGood(slots: Int)
    /// Slots wait because as many as may run at once do.
    case parallelism(slots: Int)
    /// Instances of an earlier template wait for their turn in the rollout.
    case rollout(slots: Int)
    /// No agent has made an offer to the role yet: is there one with free resources, and may the framework have them?
    case noOffers(role: String)
    /// The role is suppressed, and will be revived after so long.
    case suppressed(role: String, for: Duration)
  }

  /// What of an agent's last offer does not match.
  public enum Mismatch: Hashable, Sendable {
    /// It has less of a resource than one instance needs.
    case insufficient(resource: String, asked: Scalar)
    case constraint(Demand.Constraint)
    /// Its maintenance begins too soon.
    case maintenance
  }

  /// An agent as an example.
  public struct Example: Hashable, Sendable {
    /// Its host, or its id.
    public var agent: String
    /// What it has: an amount, a value; `nil` where it has none.
    public var has: String?
  }

  /// A mismatch of some agents.
  public struct Finding: Hashable, Sendable {
    public var mismatch: Mismatch
    /// How many agents do not match for it, each maybe for other things too.
    public var agents: Int
    /// The agents nearest to a match, at most ``DemandExplanation/examplesMax``.
    public var examples: [Example]
  }

  /// Agents named for one mismatch at most.
  public static let examplesMax = 3

  public var status: DemandStatus
  public var role: String
  /// Slots that want an instance now.
  public var waiting: Int
  public var obstacles: [Obstacle]
  /// Agents whose last offer to the role is remembered.
  public var agentsSeen: Int
  /// Those that would match if they offered again what they offered last.
  public var agentsMatching: Int
  /// What does not match, that of most agents first.
  public var findings: [Finding]
}

extension DemandExplanation: CustomStringConvertible {
  public var description: String {
    var lines: [String] = []
    var head = "\(status.name): \(status.wanted) wanted, \(status.available) available"
    if status.finished > 0 { head += ", \(status.finished) finished" }
    if status.failed > 0 { head += ", \(status.failed) failed" }
    lines.append(head + (waiting > 0 ? ", \(waiting) waiting for an offer" : ""))
    lines += obstacles.map { "  \($0)" }
    guard waiting > 0, agentsSeen > 0 else { return lines.joined(separator: "\n") }
    lines.append(
      "  \(count(agentsSeen, "agent")) made offers to role '\(role)'; \(agentsMatching) would match")
    lines += findings.map { "  \($0)" }
    return lines.joined(separator: "\n")
  }

  private func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}

extension DemandExplanation.Finding: CustomStringConvertible {
  public var description: String {
    let examples = self.examples.map { "\($0.agent) has \($0.has ?? "none")" }.joined(separator: ", ")
    let more = agents > self.examples.count ? ", …" : ""
    let whom = "\(agents) agent\(agents == 1 ? "" : "s")"
    return switch mismatch {
    case .insufficient(let resource, let asked):
      "too little \(resource) on \(whom): \(asked) asked for; \(examples)\(more)"
    case .constraint(let constraint): "not on \(whom), since \(constraint) is asked for; \(examples)\(more)"
    case .maintenance:
      "not on \(whom), whose maintenance is near: \(self.examples.map(\.agent).joined(separator: ", "))\(more)"
    }
  }
}

extension DemandExplanation.Obstacle: CustomStringConvertible {
  public var description: String {
    func slots(_ count: Int) -> String { "\(count) slot\(count == 1 ? "" : "s")" }
    func seconds(_ duration: Duration) -> String {
      "\(Scalar(thousandths: duration.wholeNanoseconds / 1_000_000)) s"
    }
    return switch self {
    case .notSubscribed: "there is no subscription to a master"
    case .adopting(let wait): "tasks of an earlier scheduler are being asked for, for \(seconds(wait)) more"
    case .backingOff(let count, let next): "\(slots(count)) wait after a failure, the first for \(seconds(next)) more"
    case .waitingForEnds(let count): "\(slots(count)) wait for the end of the instance before"
    case .failedForGood(let count): "\(slots(count)) failed for good"
    case .parallelism(let count): "\(slots(count)) wait until others have finished: no more may run at once"
    case .rollout(let count): "\(slots(count)) of an earlier template wait for their turn"
    case .noOffers(let role): "no agent made an offer to role '\(role)' yet"
    case .suppressed(let role, let wait): "role '\(role)' is suppressed for \(seconds(wait)) more"
    }
  }
}
