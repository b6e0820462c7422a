import ShellSupport
import Testing

/// Counts on a thread of its own.
private actor Counter {
  private let thread = ThreadExecutor(name: "counter")
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
  private var count = 0

  func next() -> Int {
    count += 1
    return count
  }

  nonisolated func stop() { thread.stop() }
}

@Suite(.timeLimit(.minutes(1))) struct ThreadExecutorTests {
  @Test func `who asks an actor whose thread was stopped is answered, in turn`() async {
    let counter = Counter()
    #expect(await counter.next() == 1)
    counter.stop()
    let answers = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<200 { group.addTask { await counter.next() } }
      return await group.reduce(into: Set<Int>()) { $0.insert($1) }
    }
    #expect(answers == Set(2...201))
    #expect(await counter.next() == 202)
  }
}
