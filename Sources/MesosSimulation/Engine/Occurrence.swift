import MesosModel

/// Something that happens at a moment of the simulation.
enum Occurrence: Sendable {
  /// A node's core asked for the time.
  case tick(SimulatedNode)
  /// The head of a connection's queue arrives at one of its ends.
  case arrival(ConnectionNumber, toServer: Bool)
  /// An agent without an exchange tries for one, if its process is still that incarnation.
  case dial(agent: Int, incarnation: Int)
  /// The oldest write of a disk is done.
  case written(SimulatedNode, incarnation: Int)
  /// A framework's id is durable.
  case frameworkIDWritten(framework: Int, incarnation: Int, stream: UInt64)
  /// A call of a scheduler was not answered for too long.
  case callTimedOut(ConnectionNumber)
  case container(executor: Int, ContainerStep)
  /// The command of a task ends by itself.
  case taskEnds(executor: Int, task: TaskKey, run: Int)
  /// A framework wants a task from now on.
  case demand(framework: Int, SimulatedTask)
  /// A framework has enough of a task.
  case kill(framework: Int, TaskKey)
  case fault(Fault)
  /// What a fault did comes to its end.
  case repair(Repair)
  /// An operator does something.
  case operate(OperatorAct)
}

/// What happens to a container's process on its machine.
enum ContainerStep: Hashable, Sendable {
  case made
  case begins
  case killed
}

/// The end of a fault that has a duration.
enum Repair: Sendable {
  case partition(SimulatedNode)
  case disk(SimulatedNode)
  case delay
  case restart(SimulatedNode)
}

/// A node of the simulated cluster.
public enum SimulatedNode: Hashable, Sendable, CustomStringConvertible {
  /// The leading master.
  case master
  /// The agent with this index, in the order in which agents were added.
  case agent(Int)
  /// The framework with this index, in the order in which frameworks were added.
  case framework(Int)
  /// An executor's process, by a number that is never used twice.
  case executor(Int)

  /// The node's name in traces, such as `agent 2`.
  public var description: String {
    switch self {
    case .master: "master"
    case .agent(let index): "agent \(index)"
    case .framework(let index): "framework \(index)"
    case .executor(let number): "executor \(number)"
    }
  }
}
