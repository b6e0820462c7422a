import MasterCore
import MesosHTTP
import MesosModel
import MesosTestKit
import SwiftProtobuf
import Testing

@testable import ClusterView

@Suite struct ClusterViewTests {
  private func view(rows: Int = 3, jsonBytesMax: Int = 1 << 30) -> ClusterView {
    ClusterView(configuration: .init(rowsPerChunk: rows, jsonBytesMax: jsonBytesMax))
  }

  /// Compares an answer with the message it should be; in JSON by what both say when they are written out.
  private func expect(
    _ answer: ClusterAnswer, _ encoding: MessageEncoding, is expected: MasterResponse, _ comment: Comment
  ) throws {
    let bytes = answer.slices.flatMap { $0 }
    #expect(bytes.count == answer.length)
    #expect(answer.slices.allSatisfy { !$0.isEmpty })
    switch encoding {
    case .protobuf: #expect(try MasterResponse(serializedBytes: bytes) == expected, comment)
    case .json:
      let found = try MasterResponse(jsonBytes: bytes).jsonBytes()
      #expect(found == (try MasterResponse(jsonBytes: expected.jsonBytes()).jsonBytes()), comment)
    }
  }

  private func expected(_ query: ClusterQuery, _ naive: NaiveCluster) -> MasterResponse {
    .with {
      $0.type = query.type
      switch query {
      case .getAgents: $0.getAgents = naive.getAgents
      case .getFrameworks: $0.getFrameworks = naive.getFrameworks
      case .getTasks: $0.getTasks = naive.getTasks
      case .getExecutors: $0.getExecutors = naive.getExecutors
      case .getRoles: $0.getRoles = naive.getRoles
      case .getState:
        $0.getState = .with {
          $0.getTasks = naive.getTasks
          $0.getExecutors = naive.getExecutors
          $0.getFrameworks = naive.getFrameworks
          $0.getAgents = naive.getAgents
        }
      }
    }
  }

  @Test(arguments: Seeds.few(6))
  func `the folded view gives the answers that plain lists give`(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    var naive = NaiveCluster()
    let view = view(
      rows: Int.random(in: 1...5, using: &random), jsonBytesMax: Bool.random(using: &random) ? 0 : 1 << 20)
    for step in 0..<400 {
      view.fold(naive.step(using: &random))
      guard step % 37 == 0 || step == 399 else { continue }
      #expect(Array(view.snapshot().operationMessages) == naive.operationMessages, "SIM_SEED=\(seed) step \(step)")
      for query in ClusterQuery.allCases {
        for encoding in MessageEncoding.allCases {
          let answer = await view.answer(query, encoding: encoding)
          #expect(answer.sequence == naive.sequence)
          try expect(answer, encoding, is: expected(query, naive), "SIM_SEED=\(seed) step \(step) \(query) \(encoding)")
        }
      }
    }
    #expect(view.unmatchedChanges == 0)
  }

  @Test(arguments: [
    (
      ClusterQuery.getTasks,
      #"{"type":"GET_TASKS","get_tasks":{"tasks":[],"unreachable_tasks":[],"completed_tasks":[]}}"#
    ),
    (.getExecutors, #"{"type":"GET_EXECUTORS","get_executors":{"executors":[]}}"#),
    (.getFrameworks, #"{"type":"GET_FRAMEWORKS","get_frameworks":{"frameworks":[],"completed_frameworks":[]}}"#),
    (.getAgents, #"{"type":"GET_AGENTS","get_agents":{"agents":[],"recovered_agents":[]}}"#),
    (.getRoles, #"{"type":"GET_ROLES","get_roles":{}}"#),
    (
      .getState,
      #"{"type":"GET_STATE","get_state":{"get_tasks":{"tasks":[],"unreachable_tasks":[],"completed_tasks":[]},"#
        + #""get_executors":{"executors":[]},"get_frameworks":{"frameworks":[],"completed_frameworks":[]},"#
        + #""get_agents":{"agents":[],"recovered_agents":[]}}}"#
    ),
  ])
  func `an empty cluster answers with the keys of Apache Mesos`(query: ClusterQuery, text: String) async {
    let answer = await view().answer(query, encoding: .json)
    #expect(String(decoding: answer.slices.flatMap { $0 }, as: UTF8.self) == text)
  }

  @Test(arguments: Seeds.few(3)) func `a snapshot does not see later changes`(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    var naive = NaiveCluster()
    let view = view()
    var kept: [(ClusterSnapshot, NaiveCluster)] = []
    for step in 0..<300 {
      view.fold(naive.step(using: &random))
      if step % 25 == 0 { kept.append((view.snapshot(), naive)) }
    }
    for (snapshot, naive) in kept {
      #expect(snapshot.sequence == naive.sequence)
      #expect(snapshot.taskCount(.active) == naive.tasks.count)
      #expect(Array(snapshot.tasks(.completed)).map(\.id) == naive.ended.map(\.id))
      #expect(Array(snapshot.agents).map(\.id) == naive.agents.map(\.id))
      #expect(
        Array(snapshot.frameworks).map { $0.offers.map(\.id.value) }
          == naive.frameworks.map { row in naive.offers.filter { $0.frameworkID.key == row.id }.map(\.id.value) })
      try expect(
        await snapshot.answer(.getState, encoding: .protobuf), .protobuf, is: expected(.getState, naive),
        "SIM_SEED=\(seed) at \(naive.sequence)")
    }
  }

  private func task(_ number: Int, _ sequence: UInt64) -> Change {
    let stable = MesosTask.with {
      $0.name = "task"
      $0.taskID.value = "T\(number)"
      $0.frameworkID.value = "F"
      $0.agentID.value = "A"
    }
    return Change(
      sequence: sequence,
      kind: .task(
        TaskRow(
          id: TaskKey("T\(number)"), framework: "F", agent: "A", executor: nil, stable: encoded(stable),
          status: status(.taskStaging), section: .active)))
  }

  private func status(_ state: TaskState) -> TaskRow.Status {
    TaskRow.Status(state: state, encoded: encoded(MesosTask.with { $0.state = state }))
  }

  @Test func `a record is encoded once for all readers, and again only when it changed`() async {
    let view = view(rows: 16)
    for number in 1...100 { view.fold(task(number, UInt64(number))) }
    for _ in 0..<3 {
      _ = await view.answer(.getTasks, encoding: .json)
      _ = await view.answer(.getState, encoding: .json)
      _ = await view.answer(.getTasks, encoding: .protobuf)
    }
    #expect(view.statistics.jsonEncodings == 100)
    #expect(view.statistics.protobufEncodings == 0)
    view.fold(Change(sequence: 101, kind: .taskStatus("F", "T50", status(.taskRunning))))
    _ = await view.answer(.getState, encoding: .json)
    _ = await view.answer(.getTasks, encoding: .json)
    #expect(view.statistics.jsonEncodings == 101)
  }

  @Test func `readers at the same time share one encoding of each record`() async {
    let view = view(rows: 16)
    for number in 1...200 { view.fold(task(number, UInt64(number))) }
    let lengths = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<8 { group.addTask { await view.answer(.getTasks, encoding: .json).length } }
      return await group.reduce(into: Set()) { $0.insert($1) }
    }
    #expect(lengths.count == 1)
    #expect(view.statistics.jsonEncodings == 200)
  }

  @Test func `twenty readers of the whole state, while it changes, encode each version of a record at most once`() async
  {
    let view = view(rows: 64)
    for number in 1...2_000 { view.fold(task(number, UInt64(number))) }
    await withTaskGroup(of: Int.self) { group in
      for reader in 0..<20 {
        group.addTask {
          var bytes = 0
          for _ in 0..<10 {
            bytes += await view.answer(.getState, encoding: reader % 2 == 0 ? .json : .protobuf).length
          }
          return bytes
        }
      }
      group.addTask { [self] in
        for number in 1...200 {
          let status = status(number % 2 == 0 ? .taskRunning : .taskStarting)
          view.fold(Change(sequence: UInt64(2_000 + number), kind: .taskStatus("F", TaskKey("T\(number)"), status)))
          await Task.yield()
        }
        return 0
      }
      for await _ in group {}
    }
    let encoded = view.statistics
    #expect(encoded.jsonEncodings >= 2_000 && encoded.jsonEncodings <= 2_200)
    // Tasks come encoded.
    #expect(encoded.protobufEncodings == 0)
  }

  @Test func `equal reads of an unchanged cluster share one body`() async throws {
    let view = view()
    for number in 1...20 { view.fold(task(number, UInt64(number))) }
    let first = await view.answer(.getTasks, encoding: .json)
    let second = await view.answer(.getTasks, encoding: .json)
    func address(_ answer: ClusterAnswer) throws -> UnsafeRawPointer? {
      try #require(answer.slices.last).withUnsafeBytes { $0.baseAddress }
    }
    #expect(try address(first) == address(second))
    view.fold(task(21, 21))
    #expect(await view.answer(.getTasks, encoding: .json).sequence == 21)
    #expect(first.sequence == 20)
  }

  @Test(arguments: MessageEncoding.allCases)
  func `a change leaves the slices of other chunks as they were, for the answers before and after`(
    encoding: MessageEncoding
  ) async throws {
    // Wide enough that no slice joins another.
    let view = view(rows: 200)
    for number in 1...1_000 { view.fold(task(number, UInt64(number))) }
    let before = await view.answer(.getTasks, encoding: encoding)
    let kept = await view.answer(.getTasks, encoding: encoding).slices.flatMap(\.self)
    view.fold(Change(sequence: 1_001, kind: .taskStatus("F", "T990", status(.taskFailed))))
    let after = await view.answer(.getTasks, encoding: encoding)
    func addresses(_ answer: ClusterAnswer) -> Set<UnsafeRawPointer?> {
      Set(answer.slices.filter { $0.count > 1_000 }.map { $0.withUnsafeBytes { $0.baseAddress } })
    }
    #expect(addresses(before).intersection(addresses(after)).count >= 3)
    #expect(before.slices.flatMap(\.self) == kept)
    #expect(after.slices.flatMap(\.self) != kept)
    let message = try encoding.decode(MasterResponse.self, from: after.slices.flatMap(\.self))
    #expect(message.getTasks.tasks.count == 1_000)
    #expect(message.getTasks.tasks.first { $0.taskID.value == "T990" }?.state == .taskFailed)
  }

  @Test func `JSON beyond the budget is not kept, and what is forgotten is given back`() async {
    let view = view(jsonBytesMax: 500)
    for number in 1...50 { view.fold(task(number, UInt64(number))) }
    _ = await view.answer(.getTasks, encoding: .json)
    #expect(view.statistics.jsonBytesKept > 0)
    #expect(view.statistics.jsonBytesKept <= 500)
    for number in 1...50 {
      view.fold(Change(sequence: UInt64(50 + number), kind: .taskForgotten("F", TaskKey("T\(number)"))))
    }
    #expect(view.statistics.jsonBytesKept == 0)
    #expect(view.snapshot().taskCount(.active) == 0)
  }

  @Test func `bytes of an agent that are no task neither trap nor spoil the other tasks in JSON`() async throws {
    let view = view()
    view.fold(task(1, 1))
    view.fold(
      Change(
        sequence: 2,
        kind: .task(
          TaskRow(
            id: "bad", framework: "F", agent: "A", executor: nil, stable: [0xFF, 0xFF], status: status(.taskRunning),
            section: .active))))
    let answer = await view.answer(.getTasks, encoding: .json)
    let tasks = try MasterResponse(jsonBytes: answer.slices.flatMap { $0 }).getTasks.tasks
    #expect(tasks.map(\.taskID.value) == ["T1", "bad"])
    #expect(tasks.last?.state == .taskRunning)
  }

  @Test func `changes of rows that are not there are counted`() {
    let view = view()
    view.fold(Change(sequence: 1, kind: .agentRemoved("none")))
    view.fold(Change(sequence: 2, kind: .taskStatus("F", "none", status(.taskRunning))))
    #expect(view.unmatchedChanges == 2)
  }

  @Test func `a gap in the numbers is a mistake of the program`() async {
    await #expect(processExitsWith: .failure) {
      ClusterView().fold(Change(sequence: 2, kind: .agentRemoved("a")))
    }
  }
}

private struct Item: SlabRow, Hashable {
  var key: Int
  var value: Int
}

@Suite struct SlabTests {
  @Test(arguments: Seeds.few(6)) func `a slab is a list with an index`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var slab = Slab<Item>(chunkSize: Int.random(in: 1...6, using: &random))
    var list: [Item] = []
    var snapshots: [(SlabRows<Item>, [Item])] = []
    for step in 0..<3_000 {
      // Keys grow, as those of tasks do; old ones go.
      let key = step / 8 + Int.random(in: 0..<12, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0, 1:
        slab.put(Item(key: key, value: step))
        if let index = list.firstIndex(where: { $0.key == key }) {
          list[index].value = step
        } else {
          list.append(Item(key: key, value: step))
        }
      case 2:
        let old = list.randomElement(using: &random)?.key ?? key
        let expected = list.firstIndex { $0.key == old }.map { list.remove(at: $0) }
        #expect(slab.remove(old) == expected)
      default:
        let index = list.firstIndex { $0.key == key }
        if let index { list[index].value = -step }
        #expect(slab.update(key) { $0.value = -step } == (index != nil))
      }
      if step % 100 == 0 { snapshots.append((slab.rows, list)) }
      #expect(slab[key] == list.first { $0.key == key })
    }
    #expect(Array(slab.rows.rows) == list)
    #expect(slab.rows.count == list.count)
    for (rows, list) in snapshots { #expect(Array(rows.rows) == list, "SIM_SEED=\(seed)") }
  }

  @Test func `memory of removed rows is given back`() {
    var slab = Slab<Item>(chunkSize: 8)
    for key in 0..<10_000 {
      slab.put(Item(key: key, value: 0))
      if key >= 20 { slab.remove(key - 20) }
    }
    #expect(slab.rows.count == 20)
    #expect(slab.rows.chunks.count < 20)
    // The same with one that stays, which holds the front.
    for key in 10_000..<20_000 {
      slab.put(Item(key: key, value: 0))
      if key >= 10_020 { slab.remove(key - 20) }
    }
    #expect(slab.rows.chunks.reduce(0) { $0 + $1.count } < 500)
  }
}
