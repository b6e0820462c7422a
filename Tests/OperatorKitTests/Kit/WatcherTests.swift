import MesosHTTP
import MesosHTTPClient
import MesosHTTPServer
import MesosModel
import OperatorKit
import SwiftProtobuf
import Testing

private let eager: WatcherConfiguration = {
  var configuration = WatcherConfiguration()
  configuration.backoff = Backoff(initial: .milliseconds(1), limit: .milliseconds(2))
  return configuration
}()

struct WatcherTests {
  @Test(arguments: MessageEncoding.allCases)
  func `the state follows the stream`(encoding: MessageEncoding) async throws {
    let bytes = try Golden.bytes("streams/operator-\(Golden.name(encoding)).recordio")
    let master = StreamingMaster()
    try await master.serving(encoding) { client in
      try await withWatcher(of: client, configuration: eager) { watcher in
        await master.opened(1)
        master.send(.bytes(bytes))
        let state = try await watcher.wait { $0.completedFrameworks.count == 3 }
        #expect(state.completedTasks.count == 6)
        #expect(watcher.read { $0.agents.count } == 2)
        #expect(watcher.connection == .watching)
      }
    }
  }

  @Test func `changes are told in order, to each reader all of them`() async throws {
    let master = StreamingMaster()
    try await master.serving { client in
      try await withWatcher(of: client, configuration: eager) { watcher in
        await master.opened(1)
        master.send(.subscribed())
        var (state, first) = watcher.observe()
        while !state.isSynchronized {
          _ = await first.next()
          state = watcher.cluster
        }
        var second = watcher.updates.makeAsyncIterator()
        master.send(.added(.named("T")), MasterEvent(), .updated("T", .taskFinished))
        for index in 0..<2 {
          var changes: [ClusterChange] = []
          while changes.count < 3 {
            let update = index == 0 ? await first.next() : await second.next()
            guard case .change(let change)? = update else { continue }
            if case .synchronized = change { continue }
            changes.append(change)
          }
          #expect(changes[0] == .taskAdded(.named("T")))
          #expect(changes[1] == .ignored(.unknownType))
          guard case .taskUpdated(let task, previous: .taskRunning) = changes[2] else {
            Issue.record("\(changes[2])")
            continue
          }
          #expect(task.state == .taskFinished)
        }
      }
    }
  }

  @Test(
    arguments: [
      ("a cut", .cut), ("an end", .end), ("garbage", .bytes([0x78])),
      ("an event that cannot be read", .bytes(RecordIOEncoder.encode([0xff]))),
    ] as [(String, StreamingMaster.Output)])
  func `a stream that breaks is opened again, and what was missed is told`(
    broken: (String, StreamingMaster.Output)
  ) async throws {
    let master = StreamingMaster(refusals: [.text("not yet", status: 503)])
    try await master.serving { client in
      try await withWatcher(of: client, configuration: eager) { watcher in
        await master.opened(1)
        master.send(.subscribed(tasks: [.named("kept"), .named("ends"), .named("goes")]))
        _ = try await watcher.wait { $0.tasks.count == 3 }
        var (_, updates) = watcher.observe()
        master.send(broken.1)
        await master.opened(2)
        // What is known stays known meanwhile.
        #expect(watcher.cluster.tasks.count == 3)
        master.send(.subscribed(tasks: [.named("kept"), .named("ends", .taskFinished), .named("new")]))
        var connections: [WatchConnection] = []
        var changes: [ClusterChange] = []
        while changes.count < 4, let update = await updates.next() {
          switch update {
          case .connection(let connection): connections.append(connection)
          case .change(let change): changes.append(change)
          case .overflow: Issue.record("an overflow")
          }
        }
        guard case .waiting(let error, _)? = connections.first else {
          Issue.record("\(connections)")
          return
        }
        #expect(error.isTransient || error.code == .undecodable)
        #expect(connections.dropFirst() == [.connecting, .watching])
        #expect(
          changes == [
            .synchronized(isFirst: false), .taskForgotten(TaskReference(framework: "F", task: "goes")),
            .taskUpdated(.named("ends", .taskFinished), previous: .taskRunning), .taskAdded(.named("new")),
          ])
      }
    }
  }

  @Test func `a silent stream is opened again`() async throws {
    let master = StreamingMaster()
    try await master.serving {
      $0.missedHeartbeatsMax = 1
    } body: { client in
      try await withWatcher(of: client, configuration: eager) { watcher in
        await master.opened(1)
        master.send(.subscribed(heartbeat: 0.02))
        await master.opened(2)
        master.send(.subscribed(tasks: [.named("T")]))
        let state = try await watcher.wait { $0.tasks.count == 1 }
        #expect(state.isSynchronized)
      }
    }
  }

  @Test func `a watcher subscribes anew from time to time`() async throws {
    let master = StreamingMaster()
    try await master.serving { client in
      var configuration = eager
      configuration.refreshInterval = .zero
      // Anew at once, without a wait: none would end within this test.
      configuration.backoff = Backoff(initial: .seconds(3_600), limit: .seconds(3_600))
      try await withWatcher(of: client, configuration: configuration) { watcher in
        await master.opened(1)
        master.send(.subscribed(), .with { $0.type = .heartbeat })
        await master.opened(2)
        master.send(.subscribed(tasks: [.named("T")]))
        _ = try await watcher.wait { $0.tasks.count == 1 }
      }
    }
  }

  @Test(arguments: [(401, OperatorError.Code.unauthorized), (403, .forbidden), (501, .notImplemented)])
  func `a watcher stops where it may not watch`(status: Int, code: OperatorError.Code) async throws {
    let master = StreamingMaster(refusals: [.text("no", status: status)])
    try await master.serving { client in
      let watcher = Watcher(client, configuration: eager)
      #expect(await failure { () async throws(OperatorError) in try await watcher.run() }?.code == code)
      guard case .stopped(let error) = watcher.connection else {
        Issue.record("\(watcher.connection)")
        return
      }
      #expect(error?.code == code)
      // Whoever comes later is not left waiting.
      for await _ in watcher.updates { Issue.record("an update of a watcher that stopped") }
      #expect(await failure { () async throws(OperatorError) in try await watcher.wait { _ in false } }?.code == .ended)
    }
  }

  @Test func `a reader that is too slow is told how much it missed`() async throws {
    let master = StreamingMaster()
    try await master.serving { client in
      var configuration = eager
      configuration.updatesBufferedMax = 8
      try await withWatcher(of: client, configuration: configuration) { watcher in
        await master.opened(1)
        master.send(.subscribed())
        _ = try await watcher.wait { $0.isSynchronized }
        var (_, slow) = watcher.observe()
        for number in 0..<20 { master.send(.added(.named("T\(number)"))) }
        _ = try await watcher.wait { $0.tasks.count == 20 }
        #expect(await slow.next() == .overflow(dropped: 20))
        master.send(.added(.named("next")))
        #expect(await slow.next() == .change(.taskAdded(.named("next"))))
      }
    }
  }

  @Test func `waiting for a state ends with its task`() async throws {
    let master = StreamingMaster()
    try await master.serving { client in
      try await withWatcher(of: client, configuration: eager) { watcher in
        await withTaskGroup(of: OperatorError?.self) { group in
          group.addTask { await failure { () async throws(OperatorError) in try await watcher.wait { _ in false } } }
          await master.opened(1)
          group.cancelAll()
          #expect(await group.next()??.code == .cancelled)
        }
      }
    }
  }
}
