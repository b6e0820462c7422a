import Foundation
import MasterCore
import MesosHTTP
import MesosModel
import MesosTestKit
import SwiftProtobuf
import Testing

@testable import ClusterView

@Suite struct ClusterEventsTests {
  private static func agent(_ number: UInt64) -> Change {
    let stable = MasterResponse.GetAgents.Agent.with {
      $0.agentInfo.id.value = "A\(number)"
      $0.agentInfo.hostname = "host"
      $0.pid = "slave(1)@10.0.0.1:5051"
      $0.version = "1.11.0"
    }
    return Change(
      sequence: number,
      kind: .agent(
        AgentRow(
          id: AgentKey("A\(number)"), stable: (try? stable.serializedBytes(partial: true)) ?? [],
          status: .init(
            active: true, deactivated: false, reregisteredTime: nil, total: Resources(), allocated: Resources(),
            offered: Resources()))))
  }

  private func payload(_ event: ClusterEvent, _ encoding: MessageEncoding, isExtended: Bool = false) throws -> [UInt8] {
    var decoder = RecordIODecoder()
    decoder.append(event.record(encoding, isExtended: isExtended))
    let payload = try #require(try decoder.next())
    try decoder.finish()
    return payload
  }

  private func all(_ events: ClusterEvents) throws -> [ClusterEvent] {
    var result: [ClusterEvent] = []
    while case .events(let batch)? = try events.available() { result += batch }
    return result
  }

  @Test func `a reader gets a snapshot and every event after it`() async throws {
    let view = ClusterView()
    for number in 1...10 { view.fold(Self.agent(UInt64(number))) }
    let events = view.events()
    #expect(events.snapshot?.sequence == 10)
    for number in 11...30 { view.fold(Self.agent(UInt64(number))) }
    var seen: [UInt64] = []
    while seen.count < 20, case .events(let batch)? = try await events.next(maximum: 6) {
      seen += batch.map(\.sequence)
    }
    #expect(seen == Array(11...30))
  }

  @Test func `a reader that falls behind is told, and has cost nothing but the log`() async throws {
    let view = ClusterView(configuration: .init(eventsMax: 5))
    let slow = (0..<100).map { _ in view.events() }
    let fast = view.events()
    for number in 1...2_000 {
      view.fold(Self.agent(UInt64(number)))
      _ = try all(fast)
    }
    // What waits for a hundred readers that read nothing is what the log keeps, once.
    #expect(view.eventLogSize.count == 5)
    #expect(view.eventReaderCount == 101)
    for reader in slow {
      let error = await #expect(throws: ClusterViewError.self) { try await reader.next() }
      #expect(error == .fellBehind(sequence: 0))
      #expect(try await reader.next() == nil)
    }
    #expect(view.eventReaderCount == 1)
  }

  @Test func `the log is bounded by bytes, too`() throws {
    let view = ClusterView(configuration: .init(eventsMax: 1_000_000, eventBytesMax: 64 << 10))
    let reader = view.events()
    for number in 1...2_000 { view.fold(Self.agent(UInt64(number))) }
    #expect(view.eventLogSize.bytes <= 64 << 10)
    #expect(view.eventLogSize.count > 1)
    // What an event is counted with is enough for all of its forms.
    let late = view.events(after: 1_999)
    let event = try #require(try all(late).first)
    let forms = MessageEncoding.allCases.flatMap { encoding in
      [true, false].map { event.record(encoding, isExtended: $0) }
    }
    #expect(forms.reduce(0) { $0 + $1.count } <= event.cost)
    #expect(throws: ClusterViewError.fellBehind(sequence: 0)) { try reader.available() }
  }

  @Test(arguments: MessageEncoding.allCases)
  func `an event is encoded once, however many read it`(encoding: MessageEncoding) async throws {
    let view = ClusterView()
    let readers = (0..<50).map { view.events(isExtended: $0 % 2 == 0) }
    for number in 1...20 { view.fold(Self.agent(UInt64(number))) }
    try await withThrowingTaskGroup(of: Int.self) { group in
      for reader in readers {
        group.addTask {
          var count = 0
          while count < 20, case .events(let batch)? = try await reader.next() {
            for event in batch { _ = event.record(encoding, isExtended: reader.isExtended) }
            count += batch.count
          }
          return count
        }
      }
      for try await count in group { #expect(count == 20) }
    }
    #expect(view.statistics.eventEncodings == 20)
  }

  @Test func `readers that wait are woken, all of them`() async throws {
    let view = ClusterView()
    let readers = (0..<64).map { view.events(isExtended: $0 % 3 == 0) }
    let (started, continuation) = AsyncStream.makeStream(of: Void.self)
    try await withThrowingTaskGroup(of: UInt64?.self) { group in
      for reader in readers {
        group.addTask {
          continuation.yield()
          guard case .events(let batch)? = try await reader.next() else { return nil }
          return batch.first?.sequence
        }
      }
      var waiting = started.makeAsyncIterator()
      for _ in readers { _ = await waiting.next() }
      view.fold(Self.agent(1))
      for try await first in group { #expect(first == 1) }
    }
  }

  @Test func `a heartbeat comes when it was asked for`() async throws {
    let view = ClusterView()
    let events = view.events()
    events.requestHeartbeat()
    guard case .heartbeat? = try await events.next() else {
      Issue.record("no heartbeat")
      return
    }
    #expect(try events.available() == nil)
  }

  @Test func `one reader too many closes the oldest`() async throws {
    let view = ClusterView(configuration: .init(eventReadersMax: 2))
    let first = view.events()
    let second = view.events()
    async let ended = first.next()
    let third = view.events()
    #expect(try await ended == nil)
    #expect(view.eventReaderCount == 2)
    view.fold(Self.agent(1))
    #expect(try all(second).count == 1 && all(third).count == 1)
  }

  @Test func `a reader that leaves is forgotten, and one that is cancelled gets nothing`() async throws {
    let view = ClusterView()
    var events: ClusterEvents? = view.events()
    #expect(view.eventReaderCount == 1)
    _ = events
    events = nil
    #expect(view.eventReaderCount == 0)
    let other = view.events()
    let signal = try await withThrowingTaskGroup(of: ClusterEvents.Signal?.self) { group in
      group.addTask { try await other.next() }
      group.cancelAll()
      return try await group.next() ?? nil
    }
    #expect(signal == nil)
  }

  @Test func `who resumes gets what it missed, and a snapshot where that is not there any more`() throws {
    let view = ClusterView(configuration: .init(eventsMax: 10))
    for number in 1...30 { view.fold(Self.agent(UInt64(number))) }
    let resumed = view.events(after: 25)
    #expect(resumed.snapshot == nil)
    #expect(try all(resumed).map(\.sequence) == [26, 27, 28, 29, 30])
    #expect(view.events(after: 20).snapshot == nil)
    #expect(view.events(after: 19).snapshot?.sequence == 30)
    // A number that this master has not reached is another master's.
    #expect(view.events(after: 31).snapshot?.sequence == 30)
  }

  @Test(arguments: MessageEncoding.allCases)
  func `an ordinary reader sees nothing of what is extended`(encoding: MessageEncoding) throws {
    let view = ClusterView()
    let ordinary = view.events()
    let extended = view.events(isExtended: true)
    view.fold(Self.agent(1))
    view.fold(
      Change(
        sequence: 2,
        kind: .agentStatus(
          "A1",
          .init(
            active: false, deactivated: false, reregisteredTime: nil, total: Resources(), allocated: Resources(),
            offered: Resources()))))
    view.fold(Change(sequence: 3, kind: .agentRemoved("A1")))
    let plain = try all(ordinary)
    let rich = try all(extended)
    #expect(plain.map(\.typeName) == ["AGENT_ADDED", "AGENT_REMOVED"])
    #expect(rich.map(\.typeName) == ["AGENT_ADDED", "AGENT_UPDATED", "AGENT_REMOVED"])
    // The forms are made from one another, in either order.
    for event in rich {
      let extendedForm = try payload(event, encoding, isExtended: true)
      let plainForm = try payload(event, encoding)
      #expect(plainForm.count < extendedForm.count)
      let message = try encoding.decode(MasterEvent.self, from: plainForm)
      switch encoding {
      case .json:
        #expect(String(decoding: extendedForm, as: UTF8.self).hasSuffix(",\"sequence\":\(event.sequence)}"))
        #expect(!String(decoding: plainForm, as: UTF8.self).contains("sequence"))
        #expect(message == (try encoding.decode(MasterEvent.self, from: extendedForm)))
      case .protobuf:
        #expect(message.unknownFields.data.isEmpty == !event.isExtension)
        #expect(!(try encoding.decode(MasterEvent.self, from: extendedForm)).unknownFields.data.isEmpty)
      }
    }
  }

  @Test func `a task's update that is sent again makes no event`() throws {
    func status(_ state: TaskState, _ uuid: UInt8) throws -> TaskRow.Status {
      TaskRow.Status(
        state: state,
        encoded: try MesosTask.with {
          $0.state = state
          $0.statuses = [
            .with {
              $0.taskID.value = "T"
              $0.state = state
              $0.uuid = .init([UInt8](repeating: uuid, count: 16))
            }
          ]
        }.serializedBytes(partial: true))
    }
    let view = ClusterView()
    let events = view.events()
    let stable = MesosTask.with {
      $0.name = "task"
      $0.taskID.value = "T"
      $0.frameworkID.value = "F"
      $0.agentID.value = "A"
    }
    view.fold(
      Change(
        sequence: 1,
        kind: .task(
          TaskRow(
            id: "T", framework: "F", agent: "A", executor: nil, stable: try stable.serializedBytes(partial: true),
            status: TaskRow.Status(
              state: .taskStaging,
              encoded: try MesosTask.with { $0.state = .taskStaging }.serializedBytes(partial: true)),
            section: .active))))
    view.fold(Change(sequence: 2, kind: .taskStatus("F", "T", try status(.taskRunning, 1))))
    view.fold(Change(sequence: 3, kind: .taskStatus("F", "T", try status(.taskRunning, 1))))
    view.fold(Change(sequence: 4, kind: .taskStatus("F", "T", try status(.taskFinished, 2))))
    // Acknowledged.
    view.fold(Change(sequence: 5, kind: .taskMoved("F", "T", try status(.taskFinished, 2), to: .completed)))
    let told = try all(events)
    #expect(told.map(\.sequence) == [1, 2, 4])
    let update = try MasterEvent(serializedBytes: try payload(told[2], .protobuf)).taskUpdated
    #expect(update.state == .taskFinished && update.status.uuid.first == 2 && update.frameworkID.value == "F")
    let added = try MasterEvent(jsonBytes: try payload(told[0], .json))
    #expect(added.type == .taskAdded && added.taskAdded.task.name == "task")
  }

  @Test(arguments: MessageEncoding.allCases)
  func `SUBSCRIBED holds what GET_STATE answers`(encoding: MessageEncoding) async throws {
    let view = ClusterView()
    for number in 1...7 { view.fold(Self.agent(UInt64(number))) }
    let snapshot = try #require(view.events().snapshot)
    for isExtended in [false, true] {
      let answer = await view.subscribed(
        to: snapshot, encoding: encoding, heartbeatSeconds: 15, isExtended: isExtended)
      let bytes = answer.slices.flatMap(\.self)
      #expect(bytes.count == answer.length)
      let event = try encoding.decode(MasterEvent.self, from: bytes)
      let state = await view.answer(.getState, encoding: encoding).slices.flatMap(\.self)
      #expect(event.type == .subscribed && event.subscribed.heartbeatIntervalSeconds == 15)
      #expect(event.subscribed.getState == (try encoding.decode(MasterResponse.self, from: state)).getState)
      if encoding == .json {
        #expect(String(decoding: bytes, as: UTF8.self).hasSuffix(isExtended ? "15.0},\"sequence\":7}" : "15.0}}"))
      }
    }
  }
}
