import MesosSimulation
import MesosTestKit
import Testing

struct FaultySeedTests {
  @Test(arguments: Seeds.few(4))
  func `whatever goes wrong, what must hold holds and what can end ends`(seed: UInt64) {
    let outcome = FaultySimulation().run(seed: seed)
    #expect(outcome.violation == nil, "SIM_SEED=\(seed); replay with: simulate-seeds --replay \(seed)")
    #expect(outcome.tasksEnded > 0)
  }

  @Test(arguments: Seeds.few(8))
  func `whatever operators do while things go wrong, what must hold holds and what can end ends`(seed: UInt64) {
    var simulation = FaultySimulation()
    simulation.actsMax = 40
    let outcome = simulation.run(seed: seed)
    #expect(outcome.violation == nil, "SIM_SEED=\(seed) with many acts of operators")
    #expect(outcome.tasksEnded > 0)
  }
}
