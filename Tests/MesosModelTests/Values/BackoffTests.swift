import MesosModel
import MesosTestKit
import Testing

struct BackoffTests {
  @Test(arguments: Seeds.all)
  func `waits double up to their limit and keep between half of it and all`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    let delay = Backoff(initial: .seconds(1), limit: .seconds(30))
    for (failures, bound) in [(0, 1), (1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (1_000, 30)] {
      let wait = delay.delay(after: failures, using: &rng)
      #expect(wait <= .seconds(bound) && wait >= .milliseconds(bound * 500))
    }
  }
}
