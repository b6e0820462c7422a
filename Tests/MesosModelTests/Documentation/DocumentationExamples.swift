// Written from the articles, see DocumentationTests.swift.
import MesosModel
import Testing

struct DocumentationExamples {
  @Test func `AttributesAndValues 1, Overview`() throws {
    let print = try Example("AttributesAndValues", 1)
    print(try TypedValue.parse("2.5"))  // → 2.5
    print(try TypedValue.parse("[7-9, 1-3]"))  // → [1-3, 7-9]
    print(try TypedValue.parse("{b, a}"))  // → {a, b}
    print(try TypedValue.parse("-1").type)  // → text
    do {
      print(try TypedValue.parse("[1-2"))
    } catch {
      print(error)  // → Mismatched brackets (at byte 0)
    }
    print.check()
  }

  @Test func `AttributesAndValues 2, Overview`() throws {
    let print = try Example("AttributesAndValues", 2)
    let attributes = try Attributes.parse("rack:r1;level:2.5;slots:[1-3, 7-9];rack:r2")
    print(attributes.text("rack") ?? "none")  // → r1
    print(attributes.scalar("level") ?? 0)  // → 2.5
    print(attributes.ranges("slots")?.contains(8) ?? false)  // → true
    print(attributes)  // → rack=r1; level=2.5; slots=[1-3, 7-9]; rack=r2
    print.check()
  }

  @Test func `AttributesAndValues 3, Agents that come back`() throws {
    let print = try Example("AttributesAndValues", 3)
    let before = try Attributes.parse("rack:r1;slots:[1-3]")
    try before.checkAdditiveChange(to: Attributes.parse("rack:r1;slots:[1-9];kernel:6.1"))
    do {
      try before.checkAdditiveChange(to: Attributes.parse("rack:r2;slots:[1-3]"))
    } catch {
      print(error.message)
      // → Configuration change not permitted under 'additive' policy: Value of text attribute 'rack'
      //   changed from r1 to r2
    }
    print.check()
  }

  @Test func `Identifiers 1, Overview`() throws {
    let print = try Example("Identifiers", 1)
    let master = "5f2c3a1e"
    print(AgentKey(master: master, number: 0))  // → 5f2c3a1e-S0
    print(FrameworkKey(master: master, number: 12))  // → 5f2c3a1e-0012
    print(OfferKey(master: master, number: 7))  // → 5f2c3a1e-O7

    let task: TaskKey = "web.1"
    var message = TaskID()
    message.value = "web.1"
    print(TaskID(task) == message, message.key == task)  // → true true
    print.check()
  }

  @Test func `Identifiers 2, Overview`() throws {
    let print = try Example("Identifiers", 2)
    let texts = ["web.1", "", "..", "a/b"]
    for text in texts {
      do {
        try IdentifierValidation.validate(text)
        print("legal")  // → legal
      } catch {
        print(error.message)
        // → ID must not be empty
        // → '..' is disallowed
        // → 'a/b' contains invalid characters
      }
    }
    print.check()
  }

  @Test func `Identifiers 3, Overview`() throws {
    let print = try Example("Identifiers", 3)
    var generator = SystemRandomNumberGenerator()
    let container = ContainerKey(using: &generator)
    print(container.value.count)  // → 36
    try container.validate()
    print.check()
  }

  @Test func `JSONCodec 1, Overview`() throws {
    let print = try Example("JSONCodec", 1)
    var call = SchedulerCall()
    call.type = .decline
    call.decline.offerIds = [OfferID("o1")]
    call.decline.filters.refuseSeconds = 60
    print(String(decoding: call.jsonBytes(), as: UTF8.self))
    // → {"type":"DECLINE","decline":{"offer_ids":[{"value":"o1"}],"filters":{"refuse_seconds":60.0}}}
    print.check()
  }

  @Test func `JSONCodec 2, Overview`() throws {
    let print = try Example("JSONCodec", 2)
    let text = #"{"name": "web", "task_id": {"value": "web.1"}, "agent_id": {"value": "a1"}, "more": []}"#
    let task = try TaskInfo(jsonBytes: Array(text.utf8))
    print(task.name, task.taskID.value)  // → web web.1
    print.check()
  }

  @Test func `JSONCodec 3, Overview`() throws {
    let print = try Example("JSONCodec", 3)
    let text = #"{"type": "DECLINE", "decline": {"offer_ids": [{"value": 7}]}}"#
    do {
      print(try SchedulerCall(jsonBytes: Array(text.utf8)))
    } catch {
      print(error.message)  // → Not expecting a JSON number for field 'value'
      print(error.path, "at byte", error.offset)  // → decline.offer_ids[0].value at byte 56
    }
    print.check()
  }

  @Test func `MesosModel 1, Overview`() throws {
    let print = try Example("MesosModel", 1)
    let offered = try Resources.parse("cpus:4;mem:8192;ports:[31000-31009]")
    let task = try Resources.parse("cpus:1;mem:1024;ports:[31000-31000]")
    print(offered.contains(task))  // → true
    print(offered - task)  // → cpus:3; mem:7168; ports:[31001-31009]
    print.check()
  }

  @Test func `OperationsAndConversions 1, Overview`() throws {
    let print = try Example("OperationsAndConversions", 1)
    let agent = try Resources.parse("cpus:8;mem:4096")
    let reserved = try Resources.parse("cpus:2")
      .pushingReservation(Reservation(.dynamic, role: "eng", principal: "ops"))

    var reserve = Offer.Operation()
    reserve.type = .reserve
    reserve.reserve.resources = reserved.messages

    let after = try agent.applying(reserve)
    print(after)  // → cpus:6; mem:4096; cpus(reservations: [(DYNAMIC,eng,ops)]):2
    print(after.quantities == agent.quantities)  // → true

    for conversion in try reserve.conversions() {
      print(conversion.consumed)  // → cpus:2
      print(conversion.converted == reserved, conversion.preservesAmounts)  // → true true
    }
    print.check()
  }

  @Test func `OperationsAndConversions 2, Overview`() throws {
    let print = try Example("OperationsAndConversions", 2)
    let agent = try Resources.parse("cpus:1")
    var reserve = Offer.Operation()
    reserve.type = .reserve
    reserve.reserve.resources = try Resources.parse("cpus:2")
      .pushingReservation(Reservation(.dynamic, role: "eng")).messages
    do {
      print(try agent.applying(reserve))
    } catch {
      print(error.code)  // → insufficient
      print(error.message)  // → cpus:1 does not contain cpus:2
    }
    print.check()
  }

  @Test func `OperationsAndConversions 3, Rules first`() throws {
    let print = try Example("OperationsAndConversions", 3)
    var operation = Offer.Operation()
    operation.type = .reserve
    operation.reserve.resources = try Resources.parse("cpus:2")
      .pushingReservation(Reservation(.dynamic, role: "eng", principal: "ada")).messages
    try OperationValidation.validate(operation, in: OperationContext(principal: "ada"))
    do {
      try OperationValidation.validate(operation, in: OperationContext(principal: "bob"))
    } catch {
      print(error.message)
      // → A reserve operation was attempted by authenticated principal 'bob', which does not match a
      //   reserved resource in the request with principal 'ada'
    }
    print.check()
  }

  @Test func `OperationsAndConversions 4, Known at once, or later`() throws {
    let print = try Example("OperationsAndConversions", 4)
    var raw = try Resources.parse("disk(eng):1024").messages[0]
    raw.providerID.value = "storage"
    raw.disk.source.type = .raw
    raw.disk.source.profile = "fast"

    var operation = Offer.Operation()
    operation.type = .createDisk
    operation.createDisk.source = raw
    operation.createDisk.targetType = .mount
    print(operation.isSpeculative)  // → false

    let made = operation.createDisk.disk(id: "volume-7", mountRoot: "/mnt/volume-7")
    let conversion = try operation.conversion(into: [made])
    print(conversion.preservesAmounts)  // → true
    print(try Resources([raw]).applying(conversion).disks(of: .mount) == Resources([made]))  // → true
    print.check()
  }

  @Test func `QuantitiesAndLimits 1, Overview`() throws {
    let print = try Example("QuantitiesAndLimits", 1)
    let agent = try Resources.parse("cpus:4;cpus(eng):2;mem:4096;ports:[31000-31009]")
    let quantities = agent.quantities
    print(quantities)  // → cpus:6; mem:4096
    print(quantities["cpus"], quantities["gpus"])  // → 6 0
    print(quantities.contains(["cpus": 6, "mem": 1024]))  // → true
    print(quantities - ["cpus": 10])  // → mem:4096
    print.check()
  }

  @Test func `QuantitiesAndLimits 2, Overview`() throws {
    let print = try Example("QuantitiesAndLimits", 2)
    let agent = try Resources.parse("cpus:4;ports:[31000-31009];zones:{a,b}")
    print(ResourceQuantities(agent))  // → cpus:4
    print(ResourceQuantities(agent, counting: .everything))  // → cpus:4; ports:10; zones:2
    print.check()
  }

  @Test func `QuantitiesAndLimits 3, Overview`() throws {
    let print = try Example("QuantitiesAndLimits", 3)
    let limits: ResourceLimits = ["cpus": 10, "gpus": 0]
    print(limits.contains(["cpus": 10, "mem": 1_000_000]))  // → true
    print(limits.contains(["gpus": 1]))  // → false
    print(limits - ["cpus": 4])  // → cpus:6; gpus:0
    print(limits.capping(["cpus": 16, "gpus": 2, "mem": 512]))  // → cpus:10; mem:512
    print(ResourceLimits.tightest(limits, ["cpus": 2, "disk": 100]))  // → cpus:2; disk:100; gpus:0
    print.check()
  }

  @Test func `QuantitiesAndLimits 4, Overview`() throws {
    let print = try Example("QuantitiesAndLimits", 4)
    print(try ResourceQuantities(parsing: "cpus:0.01;mem:32"))  // → cpus:0.01; mem:32
    do {
      print(try ResourceLimits(parsing: "cpus:many"))
    } catch {
      print(error)  // → Failed to parse 'many' to limit: only scalar values are allowed (at byte 5)
    }
    print.check()
  }

  @Test func `QuantitiesAndLimits 5, Overview`() throws {
    let print = try Example("QuantitiesAndLimits", 5)
    let agent = try Resources.parse("cpus:8;mem:4096;disk:100")
    print(agent.shrunk(to: ["cpus": 3, "mem": 8192]))  // → cpus:3; mem:4096
    print.check()
  }

  @Test func `QuotaOfRoles 1, Overview`() throws {
    let print = try Example("QuotaOfRoles", 1)
    let context = QuotaContext(capacity: ["cpus": 100, "mem": 65_536], consumption: QuotaConsumption())
    let dev = Quota(guarantees: ["cpus": 10], limits: ["cpus": 20])
    let tree = try QuotaTree().updating([dev.config(role: "dev")], in: context)
    print(tree["dev"].limits)  // → cpus:20
    print(tree["test"].isNone)  // → true
    do {
      let backwards = Quota(guarantees: ["cpus": 30], limits: ["cpus": 20])
      print(try tree.updating([backwards.config(role: "dev")], in: context))
    } catch {
      print(error.message)
      // → Invalid QuotaConfig: 'QuotaConfig.guarantees' { cpus: 30 } is not contained within the
      //   'QuotaConfig.limits' { cpus: 20 }
    }
    print.check()
  }

  @Test func `QuotaOfRoles 2, What a role consumes`() throws {
    let print = try Example("QuotaOfRoles", 2)
    let total = try Resources.parse("cpus:10;cpus(eng):4")
    let used = try Resources.parse("cpus:1;cpus(eng):3").allocated(to: "eng/web")
    let charge = QuotaCharge(total: total, allocated: used)
    for share in charge.shares {
      print(share.role, share.quantities)
      // → eng cpus:5
      // → eng/web cpus:4
    }
    var consumption = QuotaConsumption([charge])
    consumption.add(["cpus": 2], to: "eng/db")
    print(consumption["eng"])  // → cpus:7
    print.check()
  }

  @Test func `QuotaOfRoles 3, What a role consumes`() throws {
    let print = try Example("QuotaOfRoles", 3)
    var consumption = QuotaConsumption()
    consumption.add(["cpus": 11], to: "dev")
    let context = QuotaContext(capacity: ["cpus": 100], consumption: consumption)
    let configs = [Quota(limits: ["cpus": 10]).config(role: "dev")]
    do {
      print(try QuotaTree().updating(configs, in: context))
    } catch {
      print(error.code == .belowConsumption)  // → true
    }
    print(try QuotaTree().updating(configs, in: context, force: true)["dev"].limits)  // → cpus:10
    print.check()
  }

  @Test func `QuotaOfRoles 4, Headroom`() throws {
    let print = try Example("QuotaOfRoles", 4)
    var tree = QuotaTree()
    tree["eng"] = Quota(guarantees: ["cpus": 10])
    var headroom = QuotaHeadroom(quotas: tree, consumption: QuotaConsumption(), available: ["cpus": 14])
    print(headroom.required, headroom.surplus)  // → cpus:10 cpus:4
    print(headroom.offering(of: ["cpus": 8], to: "dev").total)  // → cpus:4
    print(headroom.offering(of: ["cpus": 8], to: "eng").total)  // → cpus:8
    headroom.give(["cpus": 8], to: "eng")
    print(headroom.required, headroom.surplus)  // → cpus:2 cpus:4
    print.check()
  }

  @Test func `ReservationStacks 1, Overview`() throws {
    let print = try Example("ReservationStacks", 1)
    let plain = try Resources.parse("cpus:4")
    let eng = try plain.pushingReservation(Reservation(.dynamic, role: "eng", principal: "ops"))
    let web = try eng.pushingReservation(Reservation(.dynamic, role: "eng/web"))
    print(web)  // → cpus(reservations: [(DYNAMIC,eng,ops),(DYNAMIC,eng/web)]):4
    print(try web.poppingReservation() == eng)  // → true
    print(web.withoutReservations == plain)  // → true
    do {
      print(try eng.pushingReservation(Reservation(.dynamic, role: "ads")))
    } catch {
      print(error.message)  // → Invalid refined reservation: role 'ads' is not a refinement of 'eng'
    }
    print.check()
  }

  @Test func `ReservationStacks 2, Who is offered what`() throws {
    let print = try Example("ReservationStacks", 2)
    let agent = try Resources.parse("cpus:1;cpus(eng):2;cpus(eng/web):4;cpus(ads):8")
    print(agent.allocatable(to: "eng/web").scalar("cpus"))  // → 7
    print(agent.allocatable(to: "eng").scalar("cpus"))  // → 3
    print(agent.reserved(toSubtreeOf: "eng").scalar("cpus"))  // → 6
    for (role, resources) in agent.reservations {
      print(role, resources.scalar("cpus"))
      // → ads 8
      // → eng 2
      // → eng/web 4
    }
    print.check()
  }

  @Test func `ReservationStacks 3, Labels`() throws {
    let print = try Example("ReservationStacks", 3)
    func labelled(_ value: String) -> Reservation {
      var label = MesosLabel()
      label.key = "database"
      label.value = value
      var labels = MesosLabels()
      labels.labels = [label]
      return Reservation(.dynamic, role: "eng", labels: labels)
    }
    let cpu = try Resources.parse("cpus:1")
    let users = try cpu.pushingReservation(labelled("users"))
    let orders = try cpu.pushingReservation(labelled("orders"))
    print((users + users).entries.count)  // → 1
    print((users + orders).entries.count)  // → 2
    print((users + orders).contains(users + users))  // → false
    print.check()
  }

  @Test func `ReservationStacks 4, Two formats on the wire`() throws {
    let print = try Example("ReservationStacks", 4)
    let reserved = try Resources.parse("cpus(eng):4")
    print(reserved.messages[0].reservations.count, reserved.messages[0].hasRole)  // → 1 false
    let older = reserved.messages(in: .preReservationRefinement)
    print(older[0].reservations.count, older[0].role)  // → 0 eng
    print(try Resources(older) == reserved)  // → true
    print.check()
  }

  @Test func `ResourceAlgebra 1, Canonical form`() throws {
    let print = try Example("ResourceAlgebra", 1)
    let sum = try Resources.parse("cpus:1;cpus(eng):1;cpus:2;ports:[1-3];ports:[4-6];mem:0")
    print(sum)  // → cpus:3; cpus(reservations: [(STATIC,eng)]):1; ports:[1-6]
    print(try sum == Resources.parse("ports:[1-6];cpus:3;cpus(eng):1"))  // → true
    print.check()
  }

  @Test func `ResourceAlgebra 2, Canonical form`() throws {
    let print = try Example("ResourceAlgebra", 2)
    let tenth = try Resources.parse("cpus:0.1")
    let fifth = try Resources.parse("cpus:0.2")
    print(try tenth + fifth == Resources.parse("cpus:0.3"))  // → true
    print(try Resources.parse("cpus:1.5123"))  // → cpus:1.512
    print.check()
  }

  @Test func `ResourceAlgebra 3, Taking away`() throws {
    let print = try Example("ResourceAlgebra", 3)
    let offered = try Resources.parse("cpus:2;mem:512")
    let wanted = try Resources.parse("cpus:4;mem:128")
    print(offered.contains(wanted))  // → false
    print(offered - wanted)  // → mem:384
    do {
      print(try offered.subtracting(wanted))
    } catch {
      print(error.message)  // → cpus:2; mem:512 does not contain cpus:4; mem:128
    }
    print.check()
  }

  @Test func `ResourceAlgebra 4, Asking`() throws {
    let print = try Example("ResourceAlgebra", 4)
    let agent = try Resources.parse("cpus:8;cpus(eng):4;mem:4096;ports:[31000-31099]")
    print(agent.scalar("cpus"))  // → 12
    print(agent.ranges("ports").count)  // → 100
    print(agent.unreserved)  // → cpus:8; mem:4096; ports:[31000-31099]
    print(agent.reserved(to: "eng"))  // → cpus(reservations: [(STATIC,eng)]):4
    print(agent.quantities)  // → cpus:12; mem:4096
    for entry in agent.filter({ $0.name == "cpus" }).entries {
      print(entry.reservationRole ?? "*", entry.amount)
      // → * scalar(8)
      // → eng scalar(4)
    }
    print.check()
  }

  @Test func `ResourceAlgebra 5, Asking`() throws {
    let print = try Example("ResourceAlgebra", 5)
    let total = try Resources.parse("cpus:8")
    let offer = try Resources.parse("cpus:2").allocated(to: "eng")
    print(offer)  // → cpus(allocated: eng):2
    print(total.contains(offer), total.contains(offer.unallocated))  // → false true
    print.check()
  }

  @Test func `ResourceAlgebra 6, Text and JSON`() throws {
    let print = try Example("ResourceAlgebra", 6)
    let json = #"[{"name": "cpus", "type": "SCALAR", "scalar": {"value": 4}, "role": "eng"}]"#
    print(try Resources.parse(json) == Resources.parse("cpus(eng):4"))  // → true
    do {
      print(try Resources.parse("cpus:4;ports:[1-"))
    } catch {
      print(error)  // → Failed to parse resource ports value [1-: Mismatched brackets (at byte 13)
    }
    print.check()
  }

  @Test func `RolesAndWeights 1, Overview`() throws {
    let print = try Example("RolesAndWeights", 1)
    print(RoleName.ancestors(of: "eng/web/front"))  // → ["eng/web", "eng"]
    print(RoleName.isStrictSubrole("eng/web", of: "eng"))  // → true
    print(RoleName.isStrictSubrole("eng-ops", of: "eng"))  // → false
    do {
      try RoleName.validate("eng//web")
    } catch {
      print(error.message)  // → Role 'eng//web' cannot contain two adjacent slashes
    }
    print.check()
  }

  @Test func `RolesAndWeights 2, The tree`() throws {
    let print = try Example("RolesAndWeights", 2)
    var tree: RoleTree<Int> = ["eng-ops": 2, "eng/web": 1, "ads": 3]
    print(tree.entries().map(\.role))  // → ["ads", "eng/web", "eng-ops"]
    print(tree.children(of: nil))  // → ["ads", "eng", "eng-ops"]
    print(tree.contains("eng"), tree["eng"] == nil)  // → true true
    tree["eng/web"] = nil
    print(tree.contains("eng"))  // → false
    print.check()
  }

  @Test func `RolesAndWeights 3, Weights`() throws {
    let print = try Example("RolesAndWeights", 3)
    let weights = try RoleWeights(parsing: "eng=2")
    let asking: RoleTree<Bool> = ["ads": true, "eng/web": true, "eng/db": true]
    print(weights["eng"], weights["ads"])  // → 2.0 1.0
    for role in ["eng", "ads", "eng/web"] {
      print(role, Int((weights.fairFraction(of: role, among: asking) * 100).rounded()), "%")
      // → eng 67 %
      // → ads 33 %
      // → eng/web 33 %
    }
    print.check()
  }

  @Test func `RolesAndWeights 4, Weights`() throws {
    let print = try Example("RolesAndWeights", 4)
    var weights = RoleWeights()
    var first = WeightInfo()
    first.role = "eng"
    first.weight = 2
    var second = WeightInfo()
    second.role = "ads"
    second.weight = -1
    do {
      try weights.update([first, second])
    } catch {
      print(error.message)
      // → Failed to validate update weights request JSON for role 'ads': Invalid weight '-1': Weights must
      //   be positive
    }
    print(weights.isSet("eng"))  // → false
    print(try weights.update([first]))  // → ["eng"]
    print.check()
  }

  @Test func `SharedResources 1, Overview`() throws {
    let print = try Example("SharedResources", 1)
    var message = try Resources.parse("disk(eng):1024").messages[0]
    message.disk.persistence.id = "data"
    message.disk.volume.containerPath = "data"
    message.disk.volume.mode = .rw
    message.shared = Resource.SharedInfo()
    let volume = try Resources([message])

    let used = volume + volume + volume
    print(used.entries.count, used.entries[0].copies)  // → 1 3
    print(used.scalar("disk"))  // → 1024
    print(used.contains(volume + volume))  // → true
    print((used - volume).entries[0].copies)  // → 2
    print((used - volume - volume - volume).isEmpty)  // → true
    print.check()
  }

  @Test func `SharedResources 2, Destroying one`() throws {
    let print = try Example("SharedResources", 2)
    var message = try Resources.parse("disk:1024").messages[0]
    message.reservations = [Reservation(.dynamic, role: "eng").message]
    message.disk.persistence.id = "data"
    message.disk.volume.containerPath = "data"
    message.disk.volume.mode = .rw
    message.shared = Resource.SharedInfo()
    let volume = try Resources([message])

    var destroy = Offer.Operation()
    destroy.type = .destroy
    destroy.destroy.volumes = [message]
    print(try volume.applying(destroy))  // → disk(reservations: [(DYNAMIC,eng)]):1024
    do {
      print(try (volume + volume).applying(destroy))
    } catch {
      print(error.code)  // → copiesRemain
    }
    print.check()
  }

  @Test func `TaskStates 1, Overview`() throws {
    let print = try Example("TaskStates", 1)
    print(TaskState.taskLost.isTerminal, TaskState.taskLost.mayStillRun)  // → true true
    print(TaskState.taskUnreachable.isTerminal, TaskState.taskUnreachable.canReschedule)  // → false true
    print(TaskState.taskError.canReschedule)  // → false
    print.check()
  }

  @Test func `TaskStates 2, Causes`() throws {
    let print = try Example("TaskStates", 2)
    if let cause = TaskStatusCause.find(state: .taskError, source: .master, reason: .taskInvalid) {
      print(cause.advice)  // → fix
      print(cause.meaning)
      // → The task's description, or what it takes from the offer, does not pass the master's checks;
      //   the message names the check.
    }
    print(TaskStatusCause.outdatedResources.advice)  // → reschedule
    print.check()
  }

  @Test func `TaskStates 3, Causes`() throws {
    let print = try Example("TaskStates", 3)
    var id = TaskID()
    id.value = "web.1"
    let status = TaskStatus(id, .containerLimitationMemory)
    print(status.state.wireName, status.source.wireName, status.reason.wireName)
    // → TASK_FAILED SOURCE_AGENT REASON_CONTAINER_LIMITATION_MEMORY
    print(status.cause == .containerLimitationMemory)  // → true
    print.check()
  }

  @Test func `TaskStates 4, Frameworks without partition awareness`() throws {
    let print = try Example("TaskStates", 4)
    print(TaskStatusCause.agentUnreachable)  // → TASK_UNREACHABLE, SOURCE_MASTER, REASON_AGENT_REMOVED
    print(TaskStatusCause.agentUnreachable.reported(toPartitionAware: false))
    // → TASK_LOST, SOURCE_MASTER, REASON_AGENT_REMOVED
    print.check()
  }

  @Test func `ValidatingMessages 1, Overview`() throws {
    let print = try Example("ValidatingMessages", 1)
    var call = SchedulerCall()
    call.type = .decline
    do {
      try CallValidation.validate(call)
    } catch {
      print(error.code, "|", error.message)  // → missingField | Expecting 'framework_id' to be present
    }
    print.check()
  }

  @Test func `ValidatingMessages 2, Overview`() throws {
    let print = try Example("ValidatingMessages", 2)
    var check = CheckInfo()
    check.type = .http
    check.http.port = 8080
    check.delaySeconds = -1
    do {
      try CheckValidation.validate(check)
    } catch {
      print(error.message)  // → Expecting 'delay_seconds' to be non-negative
      print(error.path ?? "none")  // → delay_seconds
      print(error.within("Task uses invalid check: ", field: "check"))
      // → Task uses invalid check: Expecting 'delay_seconds' to be non-negative (in 'check.delay_seconds')
    }
    print.check()
  }

  @Test func `ValidatingMessages 3, Launching a task`() throws {
    let print = try Example("ValidatingMessages", 3)
    var task = TaskInfo()
    task.name = "web"
    task.taskID.value = "web.1"
    task.agentID.value = "agent"
    task.command.value = "sleep 60"
    task.resources = try Resources.parse("cpus:1;mem:64").messages

    let offered = try Resources.parse("cpus:4;mem:1024").allocated(to: "eng")
    var context = LaunchContext(
      framework: "framework", agent: "agent", agentTakesResourceLimits: true, available: offered)
    let candidate = try LaunchCandidate(task, role: "eng", framework: "framework")
    let taken = try TaskValidation.validate(candidate, in: context, use: .free)
    print(offered - taken)  // → cpus(allocated: eng):3; mem(allocated: eng):960

    context.available = try Resources.parse("cpus:0.5;mem:1024").allocated(to: "eng")
    do {
      print(try TaskValidation.validate(candidate, in: context, use: .free))
    } catch {
      print(error.code)  // → insufficient
    }
    print.check()
  }

  @Test func `VolumesAndDisks 1, Overview`() throws {
    let print = try Example("VolumesAndDisks", 1)
    var volume = try Resources.parse("disk(eng):1024").messages[0]
    volume.disk.persistence.id = "logs"
    volume.disk.volume.containerPath = "data"
    volume.disk.volume.mode = .rw
    let volumes = try Resources([volume])
    print(volumes)  // → disk(reservations: [(STATIC,eng)])[logs:data]:1024
    print(try (volumes + Resources.parse("disk(eng):512")).entries.count)  // → 2
    print(volumes.withoutVolumes)  // → disk(reservations: [(STATIC,eng)]):1024

    volume.scalar.value = 100
    print(try volumes.contains(Resources([volume])))  // → false
    print.check()
  }

  @Test func `VolumesAndDisks 2, Overview`() throws {
    let print = try Example("VolumesAndDisks", 2)
    var mount = try Resources.parse("disk:2000").messages[0]
    mount.disk.source.type = .mount
    mount.disk.source.mount.root = "/mnt/data"
    let agent = try Resources([mount]) + Resources.parse("disk:500;cpus:4")
    print(agent.disks(of: .mount))  // → disk[MOUNT:/mnt/data]:2000
    print(agent.persistentVolumes.isEmpty)  // → true
    print(agent.scalar("disk"))  // → 2500
    print.check()
  }

  @Test func `VolumesAndDisks 3, Overview`() throws {
    let print = try Example("VolumesAndDisks", 3)
    let reservation = Reservation(.dynamic, role: "eng")
    let dynamic = try Resources.parse("cpus:2").pushingReservation(reservation)
    let agent = try Resources.parse("cpus:4;mem(eng):512") + dynamic
    print(agent.needingCheckpoint == dynamic)  // → true
    print.check()
  }
}
