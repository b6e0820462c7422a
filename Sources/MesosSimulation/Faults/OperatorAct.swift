import AgentCore
public import MesosModel
import MasterCore
import SwiftProtobuf

/// Something that an operator does to the cluster.
public enum OperatorAct: Hashable, Sendable {
  /// Has everything on an agent killed.
  case drain(agent: Int, markGone: Bool)
  case deactivate(agent: Int)
  case reactivate(agent: Int)
  /// Says that an agent will not come back; it ends when it hears of it.
  case markGone(agent: Int)
  /// Says of all that the registry has and that is none of the present agents that it will not come back. Nothing while an agent is
  /// away, which may be one of them.
  case giveUpStrangers
  /// Plans maintenance of the agents' machines, a minute from the start on, and of no others.
  case plan(agents: [Int])
  /// Takes the agents' machines down.
  case takeDown(agents: [Int])
  /// Brings the agents' machines up, and starts their agents again, also those that were given up: as new ones.
  case bringUp(agents: [Int])
  /// Limits what a role may have, or no longer.
  case limit(role: String, ResourceLimits?)
  case weigh(role: String, Double)
}

extension SimulatedCluster {
  /// Has an operator do something at a moment; nothing happens where no master runs then, or the agent has no id.
  public mutating func act(_ act: OperatorAct, at time: Duration = .zero) {
    queue.insert(.operate(act), at: max(now, time.wholeNanoseconds))
  }

  mutating func perform(_ act: OperatorAct) {
    guard master.isRunning else { return }
    func id(_ index: Int) -> AgentID? { agents[index].core?.agentID.map { AgentID($0) } }
    func machine(_ index: Int) -> MachineID {
      .with {
        $0.hostname = agents[index].configuration.agentInfo.hostname
        $0.ip = agents[index].configuration.ip
      }
    }
    var call = MasterCall()
    switch act {
    case .drain(let agent, let markGone):
      guard let id = id(agent) else { return }
      call.type = .drainAgent
      call.drainAgent.agentID = id
      call.drainAgent.markGone = markGone
      call.drainAgent.maxGracePeriod.seconds = 3
    case .deactivate(let agent):
      guard let id = id(agent) else { return }
      call.type = .deactivateAgent
      call.deactivateAgent.agentID = id
    case .reactivate(let agent):
      guard let id = id(agent) else { return }
      call.type = .reactivateAgent
      call.reactivateAgent.agentID = id
    case .markGone(let agent):
      guard let id = id(agent) else { return }
      call.type = .markAgentGone
      call.markAgentGone.agentID = id
    case .giveUpStrangers:
      guard agents.allSatisfy({ $0.core?.agentID != nil }) else { return }
      let present = Set(agents.compactMap { $0.core?.agentID })
      for id in master.registry.agents.keys.sorted() where !present.contains(id) {
        operate {
          $0.type = .markAgentGone
          $0.markAgentGone.agentID = AgentID(id)
        }
      }
      return
    case .plan(let indices):
      call.type = .updateMaintenanceSchedule
      call.updateMaintenanceSchedule.schedule = MaintenanceSchedule()
      if !indices.isEmpty {
        let window = MaintenanceWindow.with {
          $0.machineIds = indices.map(machine)
          $0.unavailability.start.nanoseconds = configuration.wallStart + 60_000_000_000
        }
        call.updateMaintenanceSchedule.schedule.windows = [window]
      }
    case .takeDown(let indices):
      call.type = .startMaintenance
      call.startMaintenance.machines = indices.map(machine)
    case .bringUp(let indices):
      call.type = .stopMaintenance
      call.stopMaintenance.machines = indices.map(machine)
    case .limit(let role, let limits):
      call.type = .updateQuota
      let config = QuotaConfig.with {
        $0.role = role
        if let limits { $0.limits = limits.messages }
      }
      call.updateQuota.quotaConfigs = [config]
      call.updateQuota.force = true
    case .weigh(let role, let weight):
      call.type = .updateWeights
      let info = WeightInfo.with {
        $0.role = role
        $0.weight = weight
      }
      call.updateWeights.weightInfos = [info]
    }
    operate { $0 = call }
    guard case .bringUp(let indices) = act else { return }
    for index in indices where agents[index].hasLeft {
      agents[index].hasLeft = false
      // Not before the call has taken effect; until then it is told that its machine is down, and ends again.
      queue.insert(.repair(.restart(.agent(index))), at: now + 1_000_000_000)
    }
  }

  /// Undoes what operators did, so that everything can come to its end.
  mutating func undoActs() {
    for index in agents.indices { act(.bringUp(agents: [index])) }
    act(.plan(agents: []))
    for role in ["dev", "batch"] { act(.limit(role: role, nil)) }
    for index in agents.indices { act(.reactivate(agent: index)) }
    act(.giveUpStrangers)
  }
}
