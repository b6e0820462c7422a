import Foundation
import MesosHTTP
import MesosHTTPClient
import MesosModel
import SchedulerKit
import SwiftProtobuf
import Testing

/// Reservations and volumes on real disks, under real executors.
struct VolumeTests {
  private static func disk(_ size: Double, volume: String? = nil) -> Resource {
    .with {
      $0.name = "disk"
      $0.type = .scalar
      $0.scalar.value = size
      $0.reservations = [
        .with {
          $0.type = .dynamic
          $0.role = "db/main"
        }
      ]
      if let volume {
        $0.disk.persistence.id = volume
        $0.disk.volume.mode = .rw
        $0.disk.volume.containerPath = "data"
      }
    }
  }

  private static func operate(_ cluster: TestCluster, _ call: MasterCall) async throws -> Int {
    try await TestCluster.post(
      cluster.master, "/api/v1", MessageEncoding.json.encode(call), headers: ["Content-Type": "application/json"]
    ).status
  }

  private static func agent(_ cluster: TestCluster) async throws -> AgentID {
    try #require(try await cluster.state().getAgents.agents.first).agentInfo.id
  }

  /// Waits until the agent has said how everything went.
  private static func waitForOperations(_ cluster: TestCluster) async throws {
    while try await !cluster.read(.with { $0.type = .getOperations }).getOperations.operations.isEmpty {
      try Task.checkCancellation()
    }
  }

  @Test(.timeLimit(.minutes(3)))
  func `what a task writes in a volume is there for the next, until the volume is destroyed`() async throws {
    try await TestCluster.with { cluster in
      let agent = try await Self.agent(cluster)
      let folder = cluster.folder + "/agent-0/volumes/roles/db main/v"
      #expect(
        try await Self.operate(
          cluster,
          .with {
            $0.type = .reserveResources
            $0.reserveResources.agentID = agent
            $0.reserveResources.resources = [Self.disk(64)]
          }) == 202)
      #expect(
        try await Self.operate(
          cluster,
          .with {
            $0.type = .createVolumes
            $0.createVolumes.agentID = agent
            $0.createVolumes.volumes = [Self.disk(64, volume: "v")]
          }) == 202)
      try await Self.waitForOperations(cluster)
      #expect(FileManager.default.fileExists(atPath: folder))

      var settings = FrameworkSettings(name: "stateful", roles: ["db/main"])
      settings.failoverTimeout = .seconds(3_600)
      let configuration = try SchedulerConfiguration(master: cluster.master, framework: settings)
      try await withScheduler(configuration) { scheduler in
        var jobs = [
          ("first", "echo one >data/file"), ("second", "test $(cat data/file) = one && echo two >>data/file"),
        ]
        var launched: Set<String> = []
        for await update in scheduler.updates {
          switch update {
          case .offers(let offers):
            for offer in offers {
              guard let volume = offer.resources.first(where: { $0.disk.persistence.id == "v" }), let job = jobs.first,
                // What a task used may be offered before its end is told.
                launched.insert(job.0).inserted
              else {
                try await scheduler.decline([offer], refuse: .milliseconds(100))
                continue
              }
              var pool = OfferPool([offer])
              var task = TaskInfo()
              task.name = job.0
              task.taskID.value = job.0
              task.agentID = offer.agentID
              let resources = pool.take(["cpus": 0.1, "mem": 32])
              task.resources = try #require(resources) + [volume]
              task.command = .shell(job.1)
              try await scheduler.accept([offer], launch: [task], refuse: .zero)
            }
          case .task(let update) where update.isTerminal:
            #expect(update.status.state == .taskFinished, "\(update.status.message)")
            jobs.removeFirst()
          case .error(let error): throw error
          default: break
          }
          if jobs.isEmpty { break }
        }
      }
      #expect(try String(contentsOfFile: folder + "/file", encoding: .utf8) == "one\ntwo\n")
      let destroy = MasterCall.with {
        $0.type = .destroyVolumes
        $0.destroyVolumes.agentID = agent
        $0.destroyVolumes.volumes = [Self.disk(64, volume: "v")]
      }
      #expect(try await Self.operate(cluster, destroy) == 202)
      try await Self.waitForOperations(cluster)
      #expect(!FileManager.default.fileExists(atPath: folder))
    }
  }

  @Test(.timeLimit(.minutes(3)))
  func `the endpoints from before the v1 API take forms`() async throws {
    try await TestCluster.with { cluster in
      let agent = try await Self.agent(cluster).value
      func post(_ path: String, _ fields: [(String, String)], method: String = "POST") async throws -> (Int, String) {
        let allowed = CharacterSet.alphanumerics
        let body = fields.map { "\($0.0)=\($0.1.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")" }
          .joined(separator: "&")
        let answer = try await TestCluster.post(
          cluster.master, path, Array(body.utf8), headers: ["Content-Type": "application/x-www-form-urlencoded"],
          method: method)
        return (answer.status, String(decoding: answer.body, as: UTF8.self))
      }
      let reservation = #""reservations":[{"type":"DYNAMIC","role":"db/main"}]"#
      let disk = #"[{"name":"disk","type":"SCALAR","scalar":{"value":64},\#(reservation)}]"#
      let volume =
        #"[{"name":"disk","type":"SCALAR","scalar":{"value":64},\#(reservation),"#
        + #""disk":{"persistence":{"id":"v"},"volume":{"mode":"RW","container_path":"data"}}}]"#
      #expect(try await post("/master/reserve", [("slaveId", agent), ("resources", disk)]).0 == 202)
      #expect(try await post("/create-volumes", [("slaveId", agent), ("volumes", volume)]).0 == 202)
      #expect(try await post("/master/unreserve", [("slaveId", agent), ("resources", disk)]).0 == 409)
      #expect(try await post("/destroy-volumes", [("slaveId", agent), ("volumes", volume)]).0 == 202)
      #expect(try await post("/unreserve", [("slaveId", agent), ("resources", disk)]).0 == 202)
      #expect(
        try await post("/reserve", [("resources", disk)]) == (
          400, "Missing 'slaveId' query parameter in the request body"
        ))
      #expect(
        try await post("/create-volumes", [("slaveId", agent)]) == (
          400, "Missing 'volumes' query parameter in the request body"
        ))
      let garbage = try await post("/reserve", [("slaveId", agent), ("resources", "nonsense")])
      #expect(garbage.0 == 400)
      #expect(garbage.1.hasPrefix("Error parsing 'resources' query parameter in the request body: "))
      #expect(
        try await post("/reserve", [("slaveId", "nosuch"), ("resources", disk)]).1 == "No agent found with specified ID"
      )
      #expect(try await post("/reserve", [], method: "PUT").0 == 405)
    }
  }
}
