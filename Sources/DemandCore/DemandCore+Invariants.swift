import MesosModel

extension DemandCore {
  /// Traps when the state contradicts itself; tests and simulations run it after each event.
  public func checkInvariants() {
    precondition(directives.isEmpty, "directives left over")
    precondition(offers.count <= configuration.offersMax, "\(offers.count) offers held")
    precondition(seen.count <= max(1, configuration.agentsRememberedMax), "\(seen.count) agents remembered")
    precondition(isSubscribed || offers.isEmpty, "offers held without a subscription")
    precondition(order == sorted(demands.keys), "the order is not that of the demands")
    for (name, state) in demands { state.checkInvariants(name) }
  }
}

extension DemandState {
  func checkInvariants(_ name: String) {
    precondition(!isDirty, "\(name): a survey is due")
    precondition(zip(slots, slots.dropFirst()).allSatisfy { $0.index < $1.index }, "\(name): slots out of order")
    let held = slots.flatMap(\.instances) + strays
    precondition(Set(held).count == held.count, "\(name): an instance stands twice")
    precondition(
      Set(held) == Set(instances.keys), "\(name): \(held.count) instances stand, \(instances.count) are known")
    for slot in slots {
      precondition(slot.successor == nil || slot.current != nil, "\(name).\(slot.index): a successor of nobody")
      for id in slot.leaving {
        precondition(instances[id]?.leaving != nil, "\(id) is to go and is not killed")
      }
      for id in [slot.current, slot.successor].compactMap({ $0 }) {
        precondition(instances[id]?.leaving == nil, "\(id) is killed and counted on")
        precondition(id.slot == slot.index, "\(id) stands for slot \(slot.index)")
      }
      precondition(slot.ending == nil || slot.current == nil, "\(name).\(slot.index) has ended and has an instance")
    }
    precondition(
      Set(openings.map(\.slot)).count == openings.count, "\(name): a slot is open twice")
  }
}
