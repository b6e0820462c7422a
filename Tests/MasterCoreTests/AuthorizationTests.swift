import AgentLinkModel
import MesosAuthorization
import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

/// What the master's rules keep from frameworks and operators. The words and statuses are those of Apache Mesos 1.11.0.
///
/// - Source: Apache Mesos, *Authorization*; `master/master.cpp`, `master/http.cpp`, `master/quota_handler.cpp`.
struct AuthorizationTests {
  private typealias Lists = AccessControlLists
  private static let nobody = Lists.Rule(.none, .any)
  private static let ops = Principal(value: "ops")

  private static func cluster(_ lists: [AccessControlList: [AccessControlLists.Rule]]) throws -> Cluster {
    var rules = AccessControlLists()
    for (list, entries) in lists { try rules.set(list, to: entries) }
    return Cluster { [rules] in $0.authorizer = rules }
  }

  private static func info(user: String = "alice", principal: String? = "fw") -> FrameworkInfo {
    var info = Cluster.info()
    info.user = user
    if let principal { info.principal = principal }
    return info
  }

  // MARK: Frameworks

  @Test func `a framework has to be allowed all of its roles to subscribe`() throws {
    var cluster = try Self.cluster([.registerFrameworks: [.init(.some(["fw"]), .some(["dev"])), .init(.any, .none)]])
    var info = Self.info()
    info.roles = ["prod", "dev"]
    let (refused, directives) = cluster.subscribe(info)
    #expect(
      directives.events(on: refused).map(\.error.message) == [
        "Not authorized to register framework  with roles { dev, prod }"
      ])
    #expect(directives.isClosed(refused))
    info.roles = ["dev"]
    #expect(cluster.framework { $0 = info }.id != "none")
    // Who says no principal is anybody, whom no rule names.
    let (unknown, answers) = cluster.subscribe(Self.info(principal: nil))
    #expect(answers.events(on: unknown).first?.type == .error)
  }

  @Test func `a framework cannot update itself to a role that it is not allowed`() throws {
    var cluster = try Self.cluster([.registerFrameworks: [.init(.any, .some(["dev"])), .init(.any, .none)]])
    let scheduler = cluster.framework()
    var info = scheduler.info
    info.roles = ["prod"]
    let answer = cluster.call(scheduler) {
      $0.type = .updateFramework
      $0.updateFramework.frameworkInfo = info
    }.answer
    // Somebody without a principal is not named by a rule for any one.
    #expect(
      answer == .rejected(status: 403, text: "Not authorized to register framework \(scheduler.id) with roles { prod }")
    )
  }

  @Test func `a task as a user that the framework may not use is TASK_ERROR, the others are launched`() throws {
    var cluster = try Self.cluster([.runTasks: [.init(.any, .some(["alice"])), Self.nobody]])
    let agent = try cluster.agent()
    let scheduler = cluster.framework {
      $0.user = "alice"
      $0.principal = "fw"
    }
    let offers = cluster.settle().offers(on: scheduler.connection)
    let tasks = [
      try sleeper("own", on: agent),
      // What is wrong with it besides is not looked at.
      try sleeper("root", on: agent, resources: "cpus:1000") { $0.command.user = "root" },
      try sleeper("executor", on: agent) {
        $0.clearCommand()
        $0.executor.executorID.value = "e"
        $0.executor.command.user = "root"
        $0.executor.command.value = "run"
        $0.executor.resources = (try? Resources.parse("cpus:0.1;mem:32").messages) ?? []
      },
    ]
    let statuses = cluster.launch(scheduler, tasks, on: offers).statuses(on: scheduler.connection)
    #expect(statuses.map(\.taskID.value) == ["root", "executor"])
    for status in statuses {
      #expect(status.state == .taskError && status.reason == .taskUnauthorized && status.source == .master)
      #expect(
        status.message
          == "Principal 'fw' no authorized to launch task \(status.taskID.value) of framework \(scheduler.id) under "
          + "user 'root'")
    }
    #expect(cluster.view.count(.active) == 1)
    #expect(cluster.metric("master/tasks_error") == 2)
  }

  @Test func `one task that is not allowed keeps its whole group from being launched`() throws {
    var cluster = try Self.cluster([.runTasks: [.init(.any, .some(["alice"])), Self.nobody]])
    let agent = try cluster.agent()
    let scheduler = cluster.framework { $0.user = "alice" }
    let offers = cluster.settle().offers(on: scheduler.connection)
    let tasks = [
      try sleeper("a", on: agent), try sleeper("b", on: agent) { $0.command.user = "root" },
      try sleeper("c", on: agent),
    ]
    let statuses = try cluster.accept(
      scheduler, offers,
      [
        .of(.launchGroup) {
          $0.launchGroup.executor.type = .custom
          $0.launchGroup.executor.executorID.value = "pod"
          $0.launchGroup.executor.frameworkID = FrameworkID(scheduler.id)
          $0.launchGroup.executor.command.value = "run"
          $0.launchGroup.executor.resources = try Resources.parse("cpus:0.1;mem:32").messages
          $0.launchGroup.taskGroup.tasks = tasks
        }
      ]
    ).statuses(on: scheduler.connection)
    #expect(statuses.map(\.taskID.value) == ["a", "b", "c"])
    #expect(statuses.allSatisfy { $0.state == .taskError && $0.reason == .taskGroupUnauthorized })
    #expect(
      Set(statuses.map(\.message)) == [
        "Task 'b' is not authorized tolaunch task b of framework \(scheduler.id) under user 'root'"
      ])
    #expect(cluster.view.count(.active) == 0)
  }

  @Test func `operations of a framework that it is not allowed are OPERATION_ERROR and change nothing`() throws {
    var cluster = try Self.cluster([
      .reserveResources: [.init(.any, .some(["dev"])), Self.nobody], .unreserveResources: [Self.nobody],
      .createVolumes: [Self.nobody], .destroyVolumes: [.init(.any, .some(["fw"])), Self.nobody],
    ])
    let agent = try cluster.agent()
    let scheduler = cluster.framework { $0.principal = "fw" }
    let resources = try reserved("cpus:1", to: "dev", principal: "fw", allocated: "dev")
    let offers = cluster.settle().offers(on: scheduler.connection)
    // Allowed to reserve, and not to give back.
    let directives = cluster.accept(
      scheduler, offers, [.reserve(resources, id: "r"), .unreserve(resources, id: "u")])
    let statuses = directives.operations(on: scheduler.connection)
    #expect(statuses.map(\.operationID.value) == ["u"])
    #expect(statuses.first?.state == .operationError)
    let message = statuses.first?.message ?? ""
    #expect(
      message.hasPrefix(
        #"Principal 'fw' no authorized to perform action UNRESERVE_RESOURCES on object {"value":"fw","resource":{"name":"cpus""#
      ), "\(message)")
    #expect(cluster.total(of: agent).reserved(to: "dev").scalar("cpus") == 1)
    let offered = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
    let volume = try reserved("disk:10", to: "dev", principal: "fw", allocated: "dev").map { disk in
      disk.with {
        $0.disk.persistence.id = "v"
        $0.disk.persistence.principal = "fw"
        $0.disk.volume.containerPath = "data"
        $0.disk.volume.mode = .rw
      }
    }
    let reserve = Offer.Operation.reserve(try reserved("disk:10", to: "dev", principal: "fw", allocated: "dev"))
    let refused = cluster.accept(scheduler, offered, [reserve, .create(volume, id: "c")])
    #expect(refused.operations(on: scheduler.connection).map(\.state) == [.operationError])
    #expect(cluster.total(of: agent).entries.allSatisfy { !$0.isPersistentVolume })
  }

  // MARK: Operators

  /// Each refused call, with the lists that refuse it and one that does not know its object but is told so first.
  @Test func `calls of operators that they are not allowed are answered 403 and change nothing`() throws {
    var cluster = try Self.cluster([
      .teardownFrameworks: [.init(.any, .some(["fw"])), Self.nobody], .reserveResources: [Self.nobody],
      .updateQuotas: [.init(.some(["ops"]), .some(["dev/%"])), Self.nobody], .updateWeights: [Self.nobody],
      .drainAgents: [.init(.some(["ops"]), .any), Self.nobody], .markAgentsGone: [Self.nobody],
      .deactivateAgents: [Self.nobody], .reactivateAgents: [Self.nobody], .updateMaintenanceSchedules: [Self.nobody],
    ])
    let agent = try cluster.agent()
    let scheduler = cluster.framework { $0.principal = "other" }
    let before = (cluster.view.frameworks.count, cluster.total(of: agent))
    func refuse(
      status: Int = 403, text: String = "403 Forbidden.", sourceLocation: SourceLocation = #_sourceLocation,
      _ build: (inout MasterCall) -> Void
    ) {
      let answer = cluster.operate(principal: Self.ops, build).answer
      #expect(answer == .rejected(status: status, text: text), sourceLocation: sourceLocation)
    }
    refuse {
      $0.type = .teardown
      $0.teardown.frameworkID = FrameworkID(scheduler.id)
    }
    refuse(status: 400, text: "No framework found with specified ID") {
      $0.type = .teardown
      $0.teardown.frameworkID.value = "x"
    }
    let reserve = MasterCall.reserve(try reserved("cpus:1", to: "prod", principal: "ops"), on: agent)
    refuse { $0 = reserve }
    // More than there is: who may not reserve learns nothing of that.
    let tooMuch = MasterCall.reserve(try reserved("cpus:1000", to: "prod", principal: "ops"), on: agent)
    refuse { $0 = tooMuch }
    refuse {
      $0.type = .setQuota
      $0.setQuota.quotaRequest.role = "dev"
      $0.setQuota.quotaRequest.guarantee = [
        .with { cpus in
          cpus.name = "cpus"
          cpus.type = .scalar
          cpus.scalar.value = 1_000_000
        }
      ]
    }
    refuse {
      $0.type = .updateQuota
      $0.updateQuota.quotaConfigs = [.with { $0.role = "prod" }]
    }
    refuse {
      $0.type = .updateWeights
      $0.updateWeights.weightInfos = [
        .with {
          $0.role = "dev"
          $0.weight = 2
        }
      ]
    }
    refuse { $0.type = .updateWeights }
    let unknown = AgentID.with { $0.value = "unknown" }
    for id in [AgentID(agent.id), unknown] {
      refuse {
        $0.type = .markAgentGone
        $0.markAgentGone.agentID = id
      }
      refuse {
        $0.type = .deactivateAgent
        $0.deactivateAgent.agentID = id
      }
      refuse {
        $0.type = .reactivateAgent
        $0.reactivateAgent.agentID = id
      }
      refuse {
        $0.type = .drainAgent
        $0.drainAgent.agentID = id
        $0.drainAgent.markGone = true
      }
    }
    refuse {
      $0.type = .updateMaintenanceSchedule
      $0.updateMaintenanceSchedule.schedule.windows = [.with { $0.machineIds = [.with { $0.hostname = "h" }] }]
    }
    #expect(before == (cluster.view.frameworks.count, cluster.total(of: agent)))
    #expect(cluster.core.registryCalls.waiting.isEmpty && cluster.core.conditions.isEmpty)

    // What is allowed is done.
    #expect(
      cluster.operate(principal: Self.ops) {
        $0.type = .updateQuota
        $0.updateQuota.quotaConfigs = [.with { $0.role = "dev/web" }]
        $0.updateQuota.force = true
      }.answer != .rejected(status: 403, text: "403 Forbidden."))
    #expect(
      cluster.operate(principal: Self.ops) {
        $0.type = .drainAgent
        $0.drainAgent.agentID = AgentID(agent.id)
      }.answer == .ok)
  }

  @Test func `machines are asked for after it is known that they can go down or come up`() throws {
    var cluster = try Self.cluster([.startMaintenances: [Self.nobody], .stopMaintenances: [Self.nobody]])
    func answer(_ type: MasterCall.TypeEnum, _ name: String) -> CallAnswer? {
      cluster.operate(principal: Self.ops) {
        $0.type = type
        let machine = MachineID.with { $0.hostname = name }
        if type == .startMaintenance {
          $0.startMaintenance.machines = [machine]
        } else {
          $0.stopMaintenance.machines = [machine]
        }
      }.answer
    }
    _ = cluster.operate {
      $0.type = .updateMaintenanceSchedule
      $0.updateMaintenanceSchedule.schedule.windows = [
        .with {
          $0.machineIds = [.with { $0.hostname = "h1" }]
          $0.unavailability.start.nanoseconds = 1
        }
      ]
    }
    #expect(answer(.startMaintenance, "h1") == .rejected(status: 403, text: "403 Forbidden."))
    guard case .rejected(400, _)? = answer(.startMaintenance, "zz") else {
      Issue.record("an unknown machine is told of")
      return
    }
    guard case .rejected(400, _)? = answer(.stopMaintenance, "h1") else {
      Issue.record("a machine that is not down is told of")
      return
    }
  }

  // MARK: Agents

  @Test func `an agent has to be allowed to join, and to have what it has reserved by itself`() throws {
    var cluster = try Self.cluster([.reserveResources: [.init(.any, .some(["dev"])), .init(.none, .any)]])
    func register(_ resources: String) throws -> [LinkDown.OneOf_Body] {
      let session = cluster.makeSession()
      var info = AgentInfo()
      info.hostname = "host"
      info.resources = try Resources.parse(resources).messages
      return cluster.handle(
        .agentMessage(
          session, .register(Cluster.register(info)), address: AgentAddress(hostname: "host", ip: "10.0.0.1", port: 1))
      ).toAgent(session)
    }
    #expect(try register("cpus:4").compactMap(\.registeredID).count == 1)
    #expect(try register("cpus:4;mem(dev):10").compactMap(\.registeredID).isEmpty)
    #expect(try register("cpus:4;mem(prod):10").compactMap(\.registeredID).isEmpty)
    #expect(cluster.view.agents.count == 1)

    cluster = try Self.cluster([.registerAgents: [Self.nobody]])
    #expect(try register("cpus:4").compactMap(\.registeredID).isEmpty)
  }
}
