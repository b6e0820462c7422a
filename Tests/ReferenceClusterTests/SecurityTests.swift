import Foundation
import MesosAuthorization
import MesosHTTP
import MesosHTTPClient
import MesosModel
import MesosSecurity
import OperatorKit
import ReferenceMaster
import SchedulerKit
import ServerFlags
import SwiftProtobuf
import Testing

/// A master that asks who its callers are and keeps things from some of them. Statuses and texts are those of Apache Mesos 1.11.0.
@Suite(.serialized)
struct SecurityTests {
  private static let secrets = ["ops": "s1", "dev": "s2", "fw": "s3"]

  private static func policy(
    _ lists: [AccessControlList: [AccessControlLists.Rule]], authenticates: Bool = true
  ) throws -> SecurityPolicy {
    var policy = SecurityPolicy()
    if authenticates {
      let entries = secrets.sorted { $0.key < $1.key }.map { #"{"principal":"\#($0.key)","secret":"\#($0.value)"}"# }
      let store = try CredentialStore(
        json: #"{"credentials":[\#(entries.joined(separator: ","))]}"#.utf8, source: "test")
      for realm in ["mesos-master-readonly", "mesos-master-readwrite", "mesos-master-scheduler"] {
        try policy.authenticate(realm: realm, by: "basic", store)
      }
    }
    var rules = AccessControlLists()
    for (list, entries) in lists { try rules.set(list, to: entries) }
    policy.authorizer = rules
    return policy
  }

  private static func authorization(_ name: String?) -> HeaderFields {
    guard let name, let secret = secrets[name] else { return [:] }
    return ["Authorization": "Basic " + Data("\(name):\(secret)".utf8).base64EncodedString()]
  }

  private static func get(_ master: String, _ path: String, as name: String?) async throws -> ClientResponse {
    try await TestCluster.post(master, path, [], headers: authorization(name), method: "GET")
  }

  private static func call(
    _ master: String, as name: String?, _ encoding: MessageEncoding = .json, _ build: (inout MasterCall) -> Void
  ) async throws -> ClientResponse {
    var headers = authorization(name)
    headers.append(name: "Content-Type", value: encoding.contentType)
    headers.append(name: "Accept", value: encoding.contentType)
    return try await TestCluster.post(master, "/api/v1", encoding.encode(MasterCall.with(build)), headers: headers)
  }

  /// A master alone, with the policy.
  private static func with(
    _ policy: SecurityPolicy, _ body: @escaping @Sendable (String) async throws -> Void
  ) async throws {
    var configuration = MasterConfiguration(host: "127.0.0.1", port: 0, registry: .memory)
    configuration.security = policy
    configuration.flags = [("acls", "{}"), ("port", "0")]
    let master = ReferenceMaster(configuration: configuration, logger: TestCluster.quiet)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await master.run() }
      let (host, port) = try await master.address()
      let address = "\(host):\(port)"
      while try await get(address, "/health", as: nil).status != 200 { try Task.checkCancellation() }
      try await body(address)
      group.cancelAll()
      while await group.nextResult() != nil {}
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `endpoints ask who calls, by the realm of each`() async throws {
    try await Self.with(try Self.policy([:])) { master in
      let realms: [(String, [String])] = [
        (
          "mesos-master-readonly",
          [
            "/state", "/master/state", "/state-summary", "/slaves", "/frameworks", "/tasks", "/roles", "/flags",
            "/metrics/snapshot", "/metrics", "/maintenance/status", "/explain", "/files/browse",
          ]
        ),
        (
          "mesos-master-readwrite",
          [
            "/api/v1", "/quota", "/weights", "/maintenance/schedule", "/machine/down", "/machine/up", "/reserve",
            "/unreserve", "/create-volumes", "/destroy-volumes", "/logging/toggle",
          ]
        ),
        ("mesos-master-scheduler", ["/api/v1/scheduler", "/master/api/v1/scheduler"]),
      ]
      for (realm, paths) in realms {
        for path in paths {
          let answer = try await Self.get(master, path, as: nil)
          #expect(answer.status == 401, "\(path)")
          #expect(answer.headers["WWW-Authenticate"] == "Basic realm=\"\(realm)\"", "\(path)")
          #expect(String(decoding: answer.body, as: UTF8.self) == "401 Unauthorized.", "\(path)")
          #expect(try await Self.get(master, path, as: "ops").status != 401, "\(path)")
        }
      }
      for path in ["/health", "/version", "/redirect"] {
        #expect(try await Self.get(master, path, as: nil).status != 401, "\(path)")
      }
      #expect(try await Self.get(master, "/nothing", as: nil).status == 404)
    }
  }

  @Test(.timeLimit(.minutes(1)), arguments: MessageEncoding.allCases)
  func `what is refused to a principal is answered 403 or left out`(encoding: MessageEncoding) async throws {
    let dev = AccessControlLists.Entity.some(["dev"])
    let policy = try Self.policy([
      .viewFlags: [.init(dev, .none)], .setLogLevel: [.init(dev, .none)], .updateWeights: [.init(dev, .none)],
      .getQuotas: [.init(dev, .some(["dev"])), .init(dev, .none)],
      .viewRoles: [.init(dev, .some(["dev"])), .init(dev, .none)],
      .getMaintenanceSchedules: [.init(dev, .none)], .getMaintenanceStatuses: [.init(dev, .none)],
      .getEndpoints: [.init(dev, .some(["/logging/toggle"])), .init(dev, .none)],
    ])
    try await Self.with(policy) { master in
      func read(_ type: MasterCall.TypeEnum, as name: String) async throws -> MasterResponse {
        let answer = try await Self.call(master, as: name, encoding) { $0.type = type }
        #expect(answer.status == 200, "\(type) as \(name)")
        return try encoding.decode(MasterResponse.self, from: answer.body)
      }
      func status(as name: String, _ build: (inout MasterCall) -> Void) async throws -> Int {
        let answer = try await Self.call(master, as: name, encoding, build)
        if answer.status == 403 { #expect(String(decoding: answer.body, as: UTF8.self) == "403 Forbidden.") }
        return answer.status
      }
      #expect(
        try await status(as: "ops") {
          $0.type = .updateWeights
          $0.updateWeights.weightInfos = ["dev", "hidden"].map { role in
            .with {
              $0.role = role
              $0.weight = 2
            }
          }
        } == 200)
      #expect(
        try await status(as: "ops") {
          $0.type = .updateQuota
          $0.updateQuota.quotaConfigs = ["dev", "hidden"].map { role in
            .with {
              $0.role = role
              $0.limits["cpus"] = .with { $0.value = 1 }
            }
          }
        } == 200)
      #expect(
        try await status(as: "ops") {
          $0.type = .updateMaintenanceSchedule
          $0.updateMaintenanceSchedule.schedule.windows = [
            .with {
              $0.machineIds = [.with { $0.hostname = "h" }]
              $0.unavailability.start.nanoseconds = 1
            }
          ]
        } == 200)
      #expect(
        try await status(as: "dev") {
          $0.type = .updateWeights
          $0.updateWeights.weightInfos = [
            .with {
              $0.weight = 1; $0.role = "dev"
            }
          ]
        } == 403)
      #expect(try await status(as: "dev") { $0.type = .getFlags } == 403)
      #expect(try await read(.getFlags, as: "ops").getFlags.flags.count == 2)
      #expect(
        try await status(as: "dev") {
          $0.type = .setLoggingLevel
          $0.setLoggingLevel.level = 1
          $0.setLoggingLevel.duration.nanoseconds = 1
        } == 403)

      for (name, roles) in [("ops", ["dev", "hidden"]), ("dev", ["dev"])] {
        #expect(try await read(.getWeights, as: name).getWeights.weightInfos.map(\.role) == roles)
        #expect(try await read(.getQuota, as: name).getQuota.status.configs.map(\.role) == roles)
        #expect(try await read(.getRoles, as: name).getRoles.roles.map(\.name) == roles)
        let page = String(decoding: try await Self.get(master, "/roles", as: name).body, as: UTF8.self)
        #expect(page.contains("\"hidden\"") == (name == "ops"))
        let windows = try await read(.getMaintenanceSchedule, as: name).getMaintenanceSchedule.schedule.windows
        #expect(windows.count == (name == "ops" ? 1 : 0))
        let status = try await read(.getMaintenanceStatus, as: name).getMaintenanceStatus.status
        #expect(status.drainingMachines.count == (name == "ops" ? 1 : 0))
        let state = String(decoding: try await Self.get(master, "/state", as: name).body, as: UTF8.self)
        #expect(state.contains("\"flags\"") == (name == "ops"))
      }
      for (path, status) in [("/flags", 403), ("/metrics/snapshot", 403), ("/metrics", 403), ("/logging/toggle", 200)] {
        #expect(try await Self.get(master, path, as: "dev").status == status, "\(path)")
        #expect(try await Self.get(master, path, as: "ops").status == 200, "\(path)")
      }
    }
  }

  /// Frameworks of two users, of which one reader sees one: in GET_STATE, in the pages and in the event stream.
  @Test(.timeLimit(.minutes(1)), arguments: MessageEncoding.allCases)
  func `a reader sees the frameworks, tasks and events of the users that it may see`(
    encoding: MessageEncoding
  ) async throws {
    let dev = AccessControlLists.Entity.some(["dev"])
    let policy = try Self.policy(
      [
        .viewFrameworks: [.init(dev, .some(["alice"])), .init(dev, .none)], .runTasks: [.init(.any, .some(["evil"]))],
        .registerFrameworks: [.init(.some(["fw"]), .any), .init(.none, .any)],
      ])
    try await Self.with(policy) { master in
      func configuration(_ name: String?) throws -> OperatorConfiguration {
        var configuration = OperatorConfiguration()
        configuration.encoding = encoding
        if let name, let secret = Self.secrets[name] {
          configuration.http.credentials = try .basic(principal: name, secret: secret)
        }
        return configuration
      }
      func framework(_ user: String, as principal: String?) throws -> SchedulerConfiguration {
        var settings = FrameworkSettings(name: "of \(user)")
        settings.user = user
        var configuration = try SchedulerConfiguration(master: master, framework: settings)
        if let principal, let secret = Self.secrets[principal] {
          configuration.credentials = try .basic(principal: principal, secret: secret)
        }
        return configuration
      }
      try await withMasterClient(master, configuration: try configuration("dev")) { client in
        let events = try await client.subscribe()
        var iterator = events.makeAsyncIterator()
        #expect(try await iterator.next()?.type == .subscribed)
        for user in ["bob", "alice"] {
          try await withScheduler(try framework(user, as: "fw")) { scheduler in
            for await update in scheduler.updates {
              guard case .subscribed = update else { continue }
              break
            }
            let seen = try await client.getFrameworks().frameworks.map(\.frameworkInfo.name)
            #expect(seen == (user == "alice" ? ["of alice"] : []))
            for path in ["/state", "/frameworks", "/state-summary"] {
              let page = String(decoding: try await Self.get(master, path, as: "dev").body, as: UTF8.self)
              #expect(page.contains("of \(user)") == (user == "alice"), "\(path)")
              let all = String(decoding: try await Self.get(master, path, as: "ops").body, as: UTF8.self)
              #expect(all.contains("of \(user)"), "\(path)")
            }
            try await scheduler.teardown()
          }
        }
        var names: [String] = []
        while let event = try await iterator.next() {
          if event.type == .frameworkAdded { names.append(event.frameworkAdded.framework.frameworkInfo.name) }
          if event.type == .frameworkRemoved {
            names.append(event.frameworkRemoved.frameworkInfo.name)
            break
          }
        }
        #expect(names == ["of alice", "of alice"])
      }
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `the flags of Apache Mesos set it up, and say what is missing`() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "security-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = folder + "/credentials"
    try #"{"credentials":[{"principal":"ops","secret":"hidden-one"}]}"#.write(
      toFile: file, atomically: true, encoding: .utf8)
    func configuration(_ flags: [String]) throws -> MasterConfiguration {
      try MasterConfiguration(
        MasterFlags.table.parse(arguments: ["--work_dir=\(folder)"] + flags, environment: [:]))
    }
    func message(_ flags: [String]) -> String {
      do {
        _ = try configuration(flags)
        return "nothing"
      } catch { return "\(error)" }
    }
    let set = try configuration([
      "--credentials=\(file)", "--authenticate_http_readonly", "--authenticate_http_readwrite",
      "--authenticate_http_frameworks", "--http_framework_authenticators=basic",
      #"--acls={"permissive":false}"#,
    ])
    #expect(
      set.security.authenticators.keys.sorted() == [
        "mesos-master-readonly", "mesos-master-readwrite", "mesos-master-scheduler",
      ])
    #expect(!set.security.permits(.viewFlags, by: Principal(value: "ops")))
    #expect(set.flags.first { $0.name == "credentials" }?.value == "<redacted>")
    #expect(!"\(set)".contains("hidden-one"))

    #expect(
      message(["--authenticate_http_readonly"])
        == "No credentials provided for the default 'basic' HTTP authenticator for realm 'mesos-master-readonly'")
    #expect(
      message(["--credentials=\(file)", "--authenticate_http_frameworks"]).hasPrefix(
        "Missing `--http_framework_authenticators` flag."))
    #expect(message(["--credentials=\(folder)/none"]).contains("Failed to read credentials file"))
    #expect(message([#"--acls={"run_task":[]}"#]).contains("'run_task' is no list of rules"))
    #expect(message(["--http_authenticators=kerberos"]).contains("modules are not built yet"))
  }
}
