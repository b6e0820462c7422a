import Foundation
import MesosHTTP
import MesosModel

/// A `mesos-master` in a process of its own: agents that register again, reads of a large cluster by one and by many, calls of schedulers with
/// and without readers beside them, reconciliation, first offers; with memory and processor time of the master.
///
/// With an Apache Mesos that was brought to the same state, each of these is measured of both in turn.
enum MasterBenchmarks {
  /// Apache Mesos 1.11 on two cores, where none is measured beside: what the floors refer to.
  private enum Measured {
    static let seconds: [MeasuredMaster.Read: Double] = [.stateProtobuf: 1.58, .stateJSON: 3.81, .page: 2.98]
  }

  static func run(_ harness: inout Harness, programs: String, beside: MeasuredMaster?) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "mesos-bench-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    await harness.point("master: fail-over") { harness in
      try failOver(&harness, programs: programs, folder: folder + "/failover")
    }
    await harness.point("master: state") { harness in
      try await state(&harness, programs: programs, folder: folder + "/state", beside: beside)
    }
    await harness.point("master: offers") { harness in
      try firstOffers(&harness, programs: programs, folder: folder + "/offers")
    }
  }

  // MARK: Fail-over

  /// 8,000 agents with 80,000 tasks over loopback, at a master whose registry knows them.
  private static func failOver(_ harness: inout Harness, programs: String, folder: String) throws {
    let name = "master: fail-over over loopback, 8,000 agents, 80,000 tasks"
    guard harness.wants(name) else { return }
    let shape = ClusterShape(agents: harness.isSmoke ? 20 : 8_000)
    let records = try records(of: shape)
    let before = try MasterProcess(programs: programs, folder: folder)
    let first = try LinkLoad(port: before.port, records: records)
    _ = try first.join()
    before.kill()
    first.leave()
    let master = try MasterProcess(programs: programs, folder: folder)
    let second = try LinkLoad(port: master.port, records: records)
    let joining = try second.join()
    let processor = master.observed.processorSeconds
    second.leave()
    func record(_ what: String, _ value: Double, _ unit: String, _ better: Figure.Better, floor: Double? = nil) {
      harness.record(
        Figure(
          name: "\(name): \(what)", value: value, unit: unit, better: better, floor: harness.isSmoke ? nil : floor))
    }
    let agents = Double(shape.agents)
    record("registered again", agents / joining.registered, "agents/s", .higher, floor: 6_000)
    record("connected", agents / joining.connected, "agents/s", .higher)
    record("processor time of the master, of one agent", processor / agents * 1e6, "us", .lower)
  }

  private static func records(of shape: ClusterShape) throws -> [[UInt8]] {
    try (0..<shape.agents).map { try shape.record(of: $0, extra: $0 == 0 ? 0..<shape.frameworks : 0..<0) }
  }

  // MARK: A large state

  /// 10,000 agents, 100,000 running and 100,000 finished tasks.
  private static func state(
    _ harness: inout Harness, programs: String, folder: String, beside: MeasuredMaster?
  ) async throws {
    guard harness.wants("master: state") || harness.wants("master: calls") else { return }
    let shape =
      harness.isSmoke
      ? ClusterShape(agents: 20, completedPerAgent: 1) : ClusterShape(agents: 10_000, completedPerAgent: 10)
    // Brought to the state by agents that it did not know, so that what follows is the state after a fail-over.
    let master = try MasterProcess(programs: programs, folder: folder)
    let empty = master.observed.megabytes
    let load = try LinkLoad(port: master.port, records: try records(of: shape))
    _ = try load.join()
    defer { load.leave() }
    let ours = MeasuredMaster(label: "", port: master.port, process: master.observed)
    let masters = [ours] + (beside.map { [$0] } ?? [])
    let agents = Double(shape.agents)
    harness.record(
      Figure(
        name: "master: state: memory, of one agent with its 20 tasks and its connection",
        value: (master.observed.megabytes - empty) * 1_024 / agents, unit: "KB", better: .lower))

    try reads(&harness, masters)
    let readers = harness.isSmoke ? 2 : 20
    for master in masters {
      master.process.forgetPeak()
      let times = try await master.readers(readers, .stateJSON)
      let isOurs = master.label.isEmpty && !harness.isSmoke
      harness.record(
        Figure(
          name: "master: state: \(readers) readers of GET_STATE, JSON, mean\(master.label)",
          value: times.reduce(0, +) / Double(times.count), unit: "s", better: .lower, floor: isOurs ? 6 : nil))
      harness.record(
        Figure(
          name: "master: state: \(readers) readers of GET_STATE, JSON, peak memory\(master.label)",
          value: master.process.peakMegabytes, unit: "MB", better: .lower, floor: isOurs ? 1_500 : nil))
    }
    for master in masters { try await calls(&harness, master) }
    for master in masters {
      let begin = master.process.processorSeconds
      try await Task.sleep(for: .seconds(harness.isSmoke ? 0.1 : 10))
      harness.record(
        Figure(
          name: "master: state: processor of the idle master\(master.label)",
          value: (master.process.processorSeconds - begin) / (harness.isSmoke ? 0.1 : 10) * 100, unit: "%",
          better: .lower))
    }
  }

  /// The first read of each kind, then more, the masters in turn.
  private static func reads(_ harness: inout Harness, _ masters: [MeasuredMaster]) throws {
    for read in MeasuredMaster.Read.allCases {
      var times: [[Double]] = masters.map { _ in [] }
      var bytes = masters.map { _ in 0 }
      for _ in 0..<(harness.isSmoke ? 2 : 6) {
        for (index, master) in masters.enumerated() {
          let answer = try master.read(read)
          times[index].append(answer.seconds)
          bytes[index] = answer.count
        }
      }
      let warm = times.map { $0.dropFirst().sorted()[($0.count - 1) / 2] }
      let other = masters.count > 1 ? warm[1] : Measured.seconds[read] ?? 0
      let hasFloor = !harness.isSmoke && read != .page
      for (index, master) in masters.enumerated() {
        let isOurs = index == 0
        harness.record(
          Figure(
            name: "master: state: first \(read.rawValue)\(master.label)", value: times[index][0], unit: "s",
            better: .lower, floor: hasFloor && isOurs ? other : nil))
        harness.record(
          Figure(
            name: "master: state: \(read.rawValue)\(master.label)", value: warm[index], unit: "s", better: .lower,
            floor: hasFloor && isOurs ? other / 10 : nil))
        harness.record(
          Figure(
            name: "master: state: \(read.rawValue), size\(master.label)", value: Double(bytes[index]) / 1e6, unit: "MB",
            better: .lower))
      }
    }
  }

  // MARK: Calls

  private static func calls(_ harness: inout Harness, _ master: MeasuredMaster) async throws {
    let isOurs = master.label.isEmpty && !harness.isSmoke
    let seconds = harness.isSmoke ? 0.1 : 3.0
    func record(_ what: String, _ value: Double, _ unit: String, _ better: Figure.Better, floor: Double? = nil) {
      harness.record(
        Figure(
          name: "master: calls: \(what)\(master.label)", value: value, unit: unit, better: better,
          floor: isOurs ? floor : nil))
    }
    let isSmoke = harness.isSmoke
    var idle = 0.0
    for call in MeasuredMaster.Call.allCases {
      for connections in [1, 8, 64] {
        let outcome = try await master.calls(call, .protobuf, connections: connections, seconds: seconds)
        let floor = call == .reconcile ? [8: 5_000.0, 64: 15_000][connections] : nil
        record("\(call.rawValue), \(connections) connections", outcome.perSecond, "per second", .higher, floor: floor)
        record("\(call.rawValue), \(connections) connections, p99", outcome.percentile(0.99), "ms", .lower)
        if call == .reconcile, connections == 8 { idle = outcome.perSecond }
      }
    }
    let (busy, reads) = try await master.whileReading(isSmoke ? 1 : 5, .stateJSON) {
      try await master.calls(.reconcile, .protobuf, connections: 8, seconds: isSmoke ? 0.1 : 15)
    }
    record(
      "RECONCILE, 8 connections, 5 readers loop", busy.perSecond, "per second", .higher, floor: idle / 2)
    record("RECONCILE, 8 connections, 5 readers loop, p99", busy.percentile(0.99), "ms", .lower, floor: 20)
    record("RECONCILE, 8 connections, 5 readers loop, longest", busy.percentile(1), "ms", .lower)
    record("reads beside them", reads, "per second", .higher)
    for encoding in [MessageEncoding.protobuf, .json] {
      let outcome = try master.reconcile(harness.isSmoke ? 100 : 100_000, encoding)
      record("RECONCILE of 100,000 tasks, \(encoding), accepted", outcome.accepted, "s", .lower)
      record("RECONCILE of 100,000 tasks, \(encoding), last update", outcome.updated, "s", .lower)
    }
  }

  // MARK: Offers

  private static func firstOffers(_ harness: inout Harness, programs: String, folder: String) throws {
    let name = "master: offers: 10,000 agents, 1,000 frameworks, first OFFERS"
    guard harness.wants(name) else { return }
    let shape = ClusterShape(agents: harness.isSmoke ? 20 : 10_000, tasksPerAgent: 0)
    let master = try MasterProcess(programs: programs, folder: folder)
    let empty = master.observed.megabytes
    let load = try LinkLoad(port: master.port, records: try records(of: shape))
    _ = try load.join()
    defer { load.leave() }
    harness.record(
      Figure(
        name: "master: offers: memory, of one agent and its connection",
        value: (master.observed.megabytes - empty) * 1_024 / Double(shape.agents), unit: "KB", better: .lower))
    let times = try OfferLoad(port: master.port).firstOffers(harness.isSmoke ? 5 : 1_000)
    harness.record(
      Figure(
        name: name + ", median framework", value: times[times.count / 2], unit: "s", better: .lower,
        floor: harness.isSmoke ? nil : 1))
    harness.record(Figure(name: name + ", last framework", value: times.last ?? 0, unit: "s", better: .lower))
  }
}
