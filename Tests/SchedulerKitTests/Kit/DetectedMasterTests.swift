import Foundation
import Logging
import MesosDiscovery
import MesosHTTPClient
import MesosModel
import MesosRuntime
import SchedulerKit
import Synchronization
import Testing

/// Says what the test tells it.
private final class ToldDetector: MasterDetector {
  private let broadcast = Broadcast<MasterDetection>()
  private let failure: DiscoveryError?
  let hasRun = Mutex(false)

  /// - Parameter failure: Why it gives up at once.
  init(failure: DiscoveryError? = nil) { self.failure = failure }

  var detections: Changes<MasterDetection> { broadcast.changes }

  func tell(_ port: Int?, trouble: DiscoveryError? = nil) {
    let master = port.map { LeadingMaster(address: MasterAddress(host: "127.0.0.1", port: $0)) }
    broadcast.send(MasterDetection(leader: master.map { .master($0) } ?? .none, trouble: trouble))
  }

  func run() async throws {
    hasRun.withLock { $0 = true }
    if let failure { throw failure }
    for await _ in detections {}
    try Task.checkCancellation()
  }
}

/// A scheduler that is told by a detector who leads.
@Suite(.timeLimit(.minutes(1))) struct DetectedMasterTests {
  private func configuration(_ detector: ToldDetector) throws -> SchedulerConfiguration {
    var configuration = try SchedulerConfiguration(
      framework: FrameworkSettings(name: "test", user: "nobody"), makeDetector: { _, _ in detector })
    configuration.policy.leaderChangeDelayMax = .milliseconds(2)
    configuration.policy.stopTimeout = .seconds(5)
    configuration.policy.reconciliation.isAutomatic = false
    return configuration
  }

  @Test func `a detector of the user's own is run, and what it says is followed`() async throws {
    let first = FakeMaster()
    let second = FakeMaster()
    try await FakeMaster.serving(first, second) { ports in
      let detector = ToldDetector()
      try await withScheduler(try configuration(detector)) { scheduler in
        var states: [ConnectionState] = []
        var notices: [Notice] = []
        var subscriptions = 0
        updates: for await update in scheduler.updates {
          switch update {
          case .connection(.backingOff): break
          case .connection(let state):
            states.append(state)
            if state == .detecting { detector.tell(ports[0]) }
          case .subscribed(let subscription):
            subscriptions += 1
            #expect(subscription.isResubscription == (subscriptions > 1))
            guard subscriptions == 1 else { break updates }
            // Neither ends anything: that nobody leads, and that nobody knows.
            detector.tell(nil)
            detector.tell(ports[0], trouble: DiscoveryError(.zooKeeper, "away"))
          case .notice(let notice):
            notices.append(notice)
            detector.tell(ports[1])
          default: break
          }
        }
        let addresses = ports.map { MasterAddress(host: "127.0.0.1", port: $0) }
        #expect(
          states == [
            .detecting, .connecting(addresses[0]), .subscribed(addresses[0]), .connecting(addresses[1]),
            .subscribed(addresses[1]),
          ])
        #expect(notices == [.detectionTroubled("away")])
      }
      #expect(detector.hasRun.withLock { $0 })
    }
  }

  @Test func `credentials are shown to a master that was detected`() async throws {
    let master = FakeMaster()
    master.require(authorization: "Bearer secret")
    try await FakeMaster.serving(master) { ports in
      let detector = ToldDetector()
      detector.tell(ports[0])
      var settings = try configuration(detector)
      settings.credentials = try .bearer("secret")
      try await withScheduler(settings) { scheduler in
        for await update in scheduler.updates {
          if case .subscribed = update { return }
          if case .error(let error) = update { throw error }
        }
      }
    }
    #expect(master.authorizations.allSatisfy { $0 == "Bearer secret" })
  }

  @Test func `a detector that gives up ends a scheduler that has no master`() async throws {
    let detector = ToldDetector(failure: DiscoveryError(.zooKeeper, "refused"))
    let error = await #expect(throws: SchedulerError.self) {
      try await withScheduler(try configuration(detector)) { scheduler in
        for await update in scheduler.updates {
          if case .error(let error) = update { throw error }
        }
        throw SchedulerError(.stopped, "ended")
      }
    }
    #expect(error?.code == .detectionFailed)
    #expect(error?.message.contains("refused") == true)
  }

  @Test(arguments: [
    "zk://h", "zk://u:secret@h", "zk:///mesos", "file:///no/such/file", "etcd://u:secret@h", "u:secret@h",
  ])
  func `a master that cannot be is refused, and no credentials are repeated`(text: String) {
    let error = #expect(throws: SchedulerError.self) {
      try SchedulerConfiguration(master: text, framework: FrameworkSettings(name: "test", user: "nobody"))
    }
    #expect(error?.code == .invalidAddress)
    #expect(error?.message.contains("secret") == false)
  }

  @Test func `what users write is taken`() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "swift-mesos-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data("m:5051\n".utf8).write(to: URL(filePath: path))
    for (text, isDetected) in [
      ("zk://u:p@h1,h2:2181/mesos", true), ("file://\(path)", true), ("h:5050", false), ("h1, h2:5051", false),
    ] {
      let configuration = try SchedulerConfiguration(
        master: text, framework: FrameworkSettings(name: "test", user: "nobody"))
      #expect(configuration.policy.detectsMaster == isDetected, "\(text)")
      #expect((configuration.makeDetector != nil) == isDetected, "\(text)")
      #expect(configuration.policy.masters.isEmpty == isDetected, "\(text)")
    }
  }

  @Test(arguments: [false, true]) func `masters without a scheme speak TLS where they are said to`(isSecure: Bool)
    async throws
  {
    let settings = FrameworkSettings(name: "test", user: "nobody")
    let named = try SchedulerConfiguration(master: "h1,http://h2,https://h3", isSecure: isSecure, framework: settings)
    #expect(named.policy.masters.map(\.isSecure) == [isSecure, false, true])

    let path = FileManager.default.temporaryDirectory.appending(path: "swift-mesos-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data("m:5051\n".utf8).write(to: URL(filePath: path))
    let configuration = try SchedulerConfiguration(master: "file://\(path)", isSecure: isSecure, framework: settings)
    let make = try #require(configuration.makeDetector)
    let detector = try make(Logger(label: "test"), Runtime.system)
    async let _ = detector.run()
    let found = await detector.detections.first { $0.master != nil }
    #expect(found?.master?.address == MasterAddress(host: "m", port: 5051, isSecure: isSecure))
  }
}
