import AgentLink
import DequeModule
import ExecutorCore
import MesosModel
import SchedulerCore

/// Numbers connections; never used twice in a simulation.
typealias ConnectionNumber = UInt64

/// A connection as TCP gives it: what is sent arrives in order, or the connection breaks.
struct Connection: Sendable {
  /// What a connection is for, and what its client calls it.
  enum Purpose: Sendable {
    case agentLink
    case schedulerStream(UInt64)
    case schedulerCall(SendNumber)
    case executorStream(ExecutorStream)
  }

  let purpose: Purpose
  let client: SimulatedNode
  let server: SimulatedNode
  /// What is under way to the server and to the client, oldest first.
  var up: Deque<Packet> = []
  var down: Deque<Packet> = []
  /// When the last of them arrives; nothing overtakes it.
  var lastUp: Int64 = 0
  var lastDown: Int64 = 0
  /// Arrivals that a partition holds back.
  var stalledUp = 0
  var stalledDown = 0
  /// Whether the end is still there; what arrives at one that is not is lost.
  var isClientThere = true
  var isServerThere = true
  /// One end went without a word, as a machine does that loses its power; the other learns of it when that machine, up again, answers.
  var isHalfOpen = false
  /// What the server calls it.
  var served: Served = .none

  enum Served: Sendable {
    case none
    case exchange(LinkExchange)
    case scheduler(UInt64)
    case executor(UInt64)
  }
}

/// What crosses a connection.
enum Packet: Sendable {
  /// The client is there.
  case opened
  /// The other end is over: closed, or its process died.
  case ended(reason: String)
  case linkRecord([UInt8])
  case schedulerCall(SchedulerCall, streamID: String?)
  case streamHead(StreamHead)
  case schedulerEvent(SchedulerEvent)
  case callAnswer(status: Int, text: String)
  case executorCall(ExecutorCall)
  case executorRefused(status: Int, text: String)
  case executorCallRefused(status: Int, text: String)
  case executorEvent(ExecutorEvent)
}
