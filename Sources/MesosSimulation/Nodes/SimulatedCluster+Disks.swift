import DequeModule

// Writes that are done, or are not.
extension SimulatedCluster {
  mutating func written(_ node: SimulatedNode, incarnation: Int) {
    switch node {
    case .master:
      guard master.incarnation == incarnation, let write = master.disk.writing.popFirst() else { return }
      masterWrote(write)
    case .agent(let index):
      guard agents[index].incarnation == incarnation, let write = agents[index].disk.writing.popFirst() else { return }
      agentWrote(index, write)
    case .framework, .executor: break
    }
  }
}
