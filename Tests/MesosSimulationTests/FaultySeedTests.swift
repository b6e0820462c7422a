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
}
