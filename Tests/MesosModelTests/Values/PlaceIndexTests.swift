import MesosModel
import MesosTestKit
import Testing

@Suite struct PlaceIndexTests {
  @Test(arguments: [UInt64(1), 2, 3]) func `an index holds what a dictionary holds, small and large`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    var index = PlaceIndex<TaskKey>()
    var naive: [TaskKey: Int] = [:]
    // Beyond the size at which it is divided, and back to nothing.
    for step in 0..<12_000 {
      let key = TaskKey("task-\(Int.random(in: 0..<5_000, using: &rng))")
      if step < 8_000 ? Int.random(in: 0..<10, using: &rng) > 0 : Bool.random(using: &rng) {
        #expect(index.update(key, step) == naive.updateValue(step, forKey: key), "seed \(seed), step \(step)")
      } else {
        #expect(index.remove(key) == naive.removeValue(forKey: key), "seed \(seed), step \(step)")
      }
      #expect(index.count == naive.count)
    }
    #expect(Dictionary(uniqueKeysWithValues: index.entries.map { ($0.key, $0.value) }) == naive)
    #expect(Set(index.keys) == Set(naive.keys))
    for number in 0..<5_000 { #expect(index[TaskKey("task-\(number)")] == naive[TaskKey("task-\(number)")]) }
    for key in naive.keys { #expect(index.remove(key) == naive[key]) }
    #expect(index.isEmpty && index.count == 0)
  }
}
