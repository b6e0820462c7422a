import AgentCore
import AgentLink
import MasterCore
import SchedulerCore

// The deadlines of cores that stand in an optional of a node. Asked for in place, as changes are: a question through an optional would copy
// the whole core, and it is asked after each event.
extension MasterCore {
  mutating func deadline() -> Duration? { nextDeadline }
}

extension AgentCore {
  mutating func deadline() -> Duration? { nextDeadline }
}

extension SchedulerCore {
  mutating func deadline() -> Duration? { nextDeadline }
}

extension LinkSessions {
  mutating func deadline() -> Duration? { nextDeadline }
}

extension AgentSideSession {
  mutating func deadline() -> Duration? { nextDeadline }
}
