import AgentCore
import MasterCore
import MesosModel
import SchedulerCore

/// All that watches a simulation from outside the cores.
struct Checkers: Sendable {
  let set: CheckerSet
  private(set) var conservation: ConservationChecker
  private var folded = FoldChecker()
  private var terminal = TerminalStateChecker()
  private(set) var updates = UpdateChecker()
  private var registry = RegistryChecker()
  private var operators = OperatorChecker()
  /// What was found since it was last asked for.
  private(set) var found: [(checker: CheckerSet, text: String)] = []
  /// By the ids of frameworks, those that do not checkpoint.
  private var transient: Set<String> = []
  private var isCheckpointing: [Int: Bool] = [:]

  init(_ configuration: SimulatedCluster.Configuration) {
    set = configuration.checkers
    conservation = ConservationChecker()
  }

  mutating func takeFound() -> [(checker: CheckerSet, text: String)] {
    defer { found = [] }
    return found
  }

  private mutating func note(_ checker: CheckerSet, _ text: String?) {
    if let text, set.contains(checker) { found.append((checker, text)) }
  }

  // MARK: The master

  /// A new process begins with an empty change log.
  mutating func masterStarted(_ contents: RegistryContents, _ configuration: MasterCore.Configuration) {
    conservation = ConservationChecker()
    note(.operators, operators.masterStarted(contents))
    folded = FoldChecker()
    terminal.masterStarted()
    registry.started(contents, configuration)
  }

  mutating func registryDurable(_ operations: [RegistryOperation]) { registry.durable(operations) }

  mutating func operatorAsked(_ token: CallToken, _ call: MasterCall) { operators.asked(token, call) }

  mutating func master(_ directive: MasterCore.Directive) {
    note(.durability, registry.check(directive))
    switch directive {
    case .answer(let token, let answer): operators.answered(token, answer)
    case .changed(let change): note(.operators, operators.check(change.kind))
    default: break
    }
    guard case .changed(let change) = directive else { return }
    if case .frameworkCompleted(let id, _) = change.kind { updates.frameworkCompleted(id) }
    if set.contains(.changes) { note(.changes, folded.apply(change)) }
    if set.contains(.terminalStates) { note(.terminalStates, terminal.apply(change.kind)) }
    if set.contains(.conservation) || set.contains(.quotaLimits) || set.contains(.progress) {
      let (used, quota) = conservation.apply(change)
      note(.conservation, used)
      note(.quotaLimits, quota)
    }
  }

  mutating func compare(_ core: MasterCore) {
    if set.contains(.changes) { note(.changes, folded.difference(from: core)) }
    if set.contains(.invariants) {
      let problems = core.checkInvariants()
      note(.invariants, problems.first.map { "master: \($0)" })
    }
  }

  // MARK: Agents

  mutating func agent(_ index: Int, _ directive: AgentCore.Directive) {
    let (update, durability) = updates.check(directive, of: index)
    note(.updates, update)
    note(.durability, durability)
  }

  mutating func agentDurable(_ index: Int, _ changes: [CheckpointChange]) {
    guard set.contains(.updates) || set.contains(.durability) || set.contains(.progress) else { return }
    let transient = transient
    note(.updates, updates.agentDurable(index, changes) { !transient.contains($0) })
  }

  mutating func look(_ index: Int, _ core: AgentCore) {
    if set.contains(.invariants) { note(.invariants, core.brokenInvariant().map { "agent \(index): \($0)" }) }
  }

  /// A volume that an agent has said to have, and no work is under way on, is a folder; and there are no others.
  mutating func look(_ index: Int, _ core: AgentCore, folders: Set<String>) {
    guard set.contains(.conservation), core.isVolumeWorkDone else { return }
    let wanted = Set(
      core.totalResources.persistentVolumes.entries.compactMap {
        VolumeFolder($0, workDirectory: core.configuration.workDirectory)?.path
      })
    let kept = (try? Resources(core.configuration.agentInfo.resources))?.quantities
    if kept != core.totalResources.quantities {
      note(
        .conservation, "agent \(index) has \(core.totalResources), which is more or less than it was configured with")
    }
    if wanted != folders {
      note(.conservation, "agent \(index) has the folders \(folders.sorted()) for the volumes \(wanted.sorted())")
    }
  }

  // MARK: Frameworks

  mutating func look(_ index: Int, _ core: SchedulerCore) {
    if set.contains(.invariants) { note(.invariants, core.brokenInvariant().map { "framework \(index): \($0)" }) }
  }

  mutating func added(framework index: Int, isCheckpointing: Bool) { self.isCheckpointing[index] = isCheckpointing }

  mutating func named(framework index: Int, _ id: FrameworkID) {
    if isCheckpointing[index] == false { transient.insert(id.value) }
  }

  mutating func sent(_ index: Int, _ call: SchedulerCall) { note(.updates, updates.sent(call)) }

  mutating func delivered(_ index: Int, _ update: TaskUpdate) {
    updates.delivered(update.status)
    note(.terminalStates, terminal.delivered(index, update))
  }

  /// What shows that not everything came to its end.
  mutating func progress(_ problem: String) { note(.progress, problem) }
}

extension SimulatedCluster {
  mutating func observe(_ directive: MasterCore.Directive) {
    checkers.master(directive)
    settleChecks()
  }

  mutating func observe(_ directive: AgentCore.Directive, of index: Int) {
    checkers.agent(index, directive)
    settleChecks()
  }

  /// Makes violations of what the checkers found.
  mutating func settleChecks() {
    guard !checkers.found.isEmpty else { return }
    for (checker, text) in checkers.takeFound() { violate(checker, text) }
  }

  /// The whole of it, which takes longer than a step.
  mutating func lookAtEverything() {
    guard !configuration.checkers.isDisjoint(with: [.changes, .invariants, .conservation]) else { return }
    if let core = master.core { checkers.compare(core) }
    for index in agents.indices {
      if let core = agents[index].core {
        checkers.look(index, core)
        checkers.look(index, core, folders: agents[index].volumes)
      }
    }
    for index in frameworks.indices {
      if let core = frameworks[index].core { checkers.look(index, core) }
    }
    settleChecks()
  }
}
