/// Something that goes wrong.
enum Fault: Sendable {
  /// A process ends without warning. `isTorn`: some of its unfinished writes are on the disk all the same. `isSilent`: the other ends of its
  /// connections are not told, as when a machine loses its power.
  case crash(SimulatedNode, down: Duration?, isTorn: Bool, isSilent: Bool)
  /// A machine boots: every process on it is gone.
  case reboot(agent: Int, down: Duration, isTorn: Bool, isSilent: Bool)
  /// Packets do not cross to or from a node; they wait.
  case partition(SimulatedNode, PartitionDirection, Duration)
  /// All connections of a node break, with what is under way.
  case reset(SimulatedNode)
  /// Every packet takes so much longer.
  case delay(by: Duration, for: Duration)
  /// Writes fail.
  case disk(SimulatedNode, for: Duration)
  /// The wall clock of a machine jumps.
  case clock(SimulatedNode, by: Duration)
  /// The oldest executor of an agent is killed from outside.
  case killExecutor(agent: Int)
}

/// Which packets a partition holds back.
public enum PartitionDirection: Hashable, Sendable, CaseIterable {
  case both
  /// What the node sends.
  case outgoing
  /// What is sent to the node.
  case incoming
}
