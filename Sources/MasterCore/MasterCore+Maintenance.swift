import AgentLinkModel
import MesosAllocator
import MesosAuthorization
import MesosModel
import SwiftProtobuf

// Machines that are planned to be out of use.
extension MasterCore {
  /// What an operator does to machines.
  enum MaintenanceChange: Sendable {
    case schedule
    /// Agents of the machines that are removed.
    case start([MachineName], agents: [AgentKey], since: Int64)
    case stop
  }

  // MARK: Calls

  mutating func updateSchedule(
    _ schedule: MaintenanceSchedule, principal: Principal?, token: CallToken, at now: Moment
  ) -> CallAnswer? {
    // The machines that are named are asked for; a schedule without any is everybody's.
    guard schedule.windows.allSatisfy(\.machineIds.isEmpty) || permits(.updateMaintenanceSchedule, by: principal) else {
      return .forbidden
    }
    do {
      try MaintenanceValidation.validate(schedule, down: maintenance.downMachines)
    } catch {
      return .rejected(status: 400, text: error.message)
    }
    let plan = MaintenancePlan(schedule: schedule, down: maintenance.down)
    return stage([.setMaintenance(plan)], .maintenance(plan, .schedule), token: token, at: now)
  }

  mutating func startMaintenance(
    _ ids: [MachineID], principal: Principal?, token: CallToken, at now: Moment
  ) -> CallAnswer? {
    do { try MaintenanceValidation.validate(ids) } catch { return .rejected(status: 400, text: error.message) }
    for id in ids {
      let name = MachineName(id)
      guard isKnown(machine: name) else { return Self.unscheduled(id) }
      guard maintenance.unavailability(of: name) != nil, !maintenance.isDown(name) else {
        return .rejected(
          status: 400, text: "Machine '\(Self.text(id))' is not in DRAINING mode and cannot be brought down")
      }
      guard permits(.startMaintenance, by: principal) else { return .forbidden }
    }
    let names = ids.map(MachineName.init)
    let machines = Set(names)
    let plan = MaintenancePlan(schedule: maintenance.schedule, down: machines.union(maintenance.down))
    // Those that the registry is told of already go anyway.
    let leaving = allocator.agentIDs.filter { id in
      agents[id].map { machines.contains($0.machine) && !$0.isLeaving } ?? false
    }
    for id in leaving {
      removing.insert(id)
      agents[id]?.isLeaving = true
    }
    // Their tasks are over for frameworks: one that does not hear of it now must not come back with them when its machine is up again.
    let since = now.wallNanoseconds
    return stage(
      [.setMaintenance(plan)] + leaving.map { .markGone($0, since: since) },
      .maintenance(plan, .start(names, agents: leaving, since: since)), token: token, at: now)
  }

  mutating func stopMaintenance(
    _ ids: [MachineID], principal: Principal?, token: CallToken, at now: Moment
  ) -> CallAnswer? {
    do { try MaintenanceValidation.validate(ids) } catch { return .rejected(status: 400, text: error.message) }
    for id in ids {
      let name = MachineName(id)
      guard isKnown(machine: name) else { return Self.unscheduled(id) }
      guard maintenance.isDown(name) else {
        return .rejected(status: 400, text: "Machine '\(Self.text(id))' is not in DOWN mode and cannot be brought up")
      }
      guard permits(.stopMaintenance, by: principal) else { return .forbidden }
    }
    let plan = maintenance.removing(Set(ids.map(MachineName.init)))
    return stage([.setMaintenance(plan)], .maintenance(plan, .stop), token: token, at: now)
  }

  private func isKnown(machine: MachineName) -> Bool {
    maintenance.unavailability(of: machine) != nil || agents.values.contains { $0.machine == machine }
  }

  private static func unscheduled(_ id: MachineID) -> CallAnswer {
    .rejected(status: 400, text: "Machine '\(text(id))' is not part of a maintenance schedule")
  }

  private static func text(_ id: MachineID) -> String { String(decoding: id.jsonBytes(), as: UTF8.self) }

  // MARK: Taking effect

  mutating func apply(_ plan: MaintenancePlan, _ change: MaintenanceChange, at now: Moment) {
    let before = maintenance
    maintenance = plan
    self.change(.maintenance(plan))
    switch change {
    case .schedule:
      // Everybody is asked anew, also about machines whose time stays, as on Apache Mesos.
      for id in allocator.agentIDs {
        guard let machine = agents[id]?.machine,
          before.unavailability(of: machine) != nil || plan.unavailability(of: machine) != nil
        else { continue }
        if let offers = agents[id]?.offers { removeOffers(offers, notify: true, at: now) }
        removeInverseOffers(of: id, at: now)
        settleUnavailability(of: id)
      }
      requestCycle()
    case .start(_, let leaving, let since):
      let message = "Operator initiated 'Machine DOWN'"
      let gone = Set(leaving)
      for id in leaving {
        removing.remove(id)
        remember(gone: id, since: since, at: now)
      }
      // Some may have come since the call was taken.
      for id in allocator.agentIDs where agents[id].map({ plan.isDown($0.machine) }) ?? false {
        shutDown(id, message, isRemoved: gone.contains(id), at: now)
      }
    case .stop:
      for id in allocator.agentIDs where agents[id].map({ before.isDown($0.machine) }) ?? false {
        settleUnavailability(of: id)
      }
    }
  }

  /// Has an agent of a machine that is down end, and gives it up.
  ///
  /// - Parameter isRemoved: Whether the registry holds it for gone.
  private mutating func shutDown(_ id: AgentKey, _ message: String, isRemoved: Bool, at now: Moment) {
    send(.shutdown(.with { $0.message = message }), to: id)
    guard !isRemoved else {
      counters.values["slave_removals/reason_unregistered", default: 0] += 1
      return drop(id, .removed, message, at: now)
    }
    // It was admitted after the machine was to be taken down: it is not offered until the registry holds it for gone.
    agents[id]?.isDown = true
    settleHindrances(of: id)
    if let offers = agents[id]?.offers { removeOffers(offers, notify: true, at: now) }
    removeInverseOffers(of: id, at: now)
    touch(id)
    remove(id, goneSince: now.wallNanoseconds)
  }

  /// Whether an agent at this address would be on a machine that is down.
  func isDown(_ info: AgentInfo, at address: AgentAddress) -> Bool {
    maintenance.isDown(MachineName(hostname: info.hostname, ip: address.ip))
  }

  /// The registry was not told: the agents stay.
  mutating func release(_ change: MaintenanceChange, at now: Moment) {
    guard case .start(_, let leaving, _) = change else { return }
    for id in leaving {
      removing.remove(id)
      keep(id, at: now)
    }
  }

  /// Tells the allocator and the agent's next offers when its machine is planned to be out of use.
  mutating func settleUnavailability(of id: AgentKey) {
    guard let machine = agents[id]?.machine else { return }
    forgetAnswers(of: id)
    let unavailability = maintenance.unavailability(of: machine)
    agents[id]?.unavailability = unavailability
    allocator.plan(
      id,
      unavailability.map { message in
        PlannedUnavailability(
          startNanoseconds: message.start.nanoseconds,
          duration: message.hasDuration ? .nanoseconds(message.duration.nanoseconds) : nil)
      })
  }
}
