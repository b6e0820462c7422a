import MesosModel
import SwiftProtobuf
import Testing

/// An operation that breaks a rule, and what is said about it.
struct InvalidOperation: Sendable, CustomTestStringConvertible {
  let message: String
  let path: String
  let operation: Offer.Operation
  let context: OperationContext
  var testDescription: String { "\(operation.type.wireName): \(message)" }

  init(_ operation: Offer.Operation, _ context: OperationContext, _ path: String, _ message: String) {
    (self.operation, self.context, self.path, self.message) = (operation, context, path, message)
  }

  init(_ operation: Offer.Operation, _ path: String, _ message: String) {
    self.init(operation, OperationContext(), path, message)
  }
}

private let s = Sample.self
private let framework = OperationContext(framework: .init(id: "f", roles: ["eng", "ads"]))
private let eng = "(reservations: [(DYNAMIC,eng,of eng)])"
private let engAllocated = "(allocated: eng)(reservations: [(DYNAMIC,eng,of eng)])"

private func by(_ principal: String) -> OperationContext { OperationContext(principal: principal) }

private func agent(_ capabilities: AgentInfo.Capability.TypeEnum..., checkpointed: [Resource] = []) throws
  -> OperationContext
{
  try OperationContext(agentCapabilities: Set(capabilities), checkpointed: Resources(checkpointed))
}

/// The texts are those of `src/master/validation.cpp` in Apache Mesos.
@Suite struct `Rules of operations` {
  static func broken() throws -> [InvalidOperation] {
    let volume = s.volume("v", 4)
    let shared = s.volume("v", 4, shared: true)
    let provided = s.providedDisk(8, .raw, profile: "fast")
    let readOnly = s.volume("v", 4) { $0.disk.volume.mode = .ro }
    let revocable = s.scalar("cpus", 1, ["eng"]) { $0.revocable = Resource.RevocableInfo() }
    let anonymous = s.scalar("cpus", 1) { $0.reservations = [Reservation(.dynamic, role: "eng").message] }
    return [
      InvalidOperation(Offer.Operation(), "type", "Unknown offer operation"),
      // RESERVE
      InvalidOperation(
        s.reserve(s.scalar("cpus", 1, ["*"])), "reserve.resources",
        "Invalid resources: Invalid resources: Resource 'cpus(reservations: [(DYNAMIC,*,of *)]):1' is invalid: Invalid "
          + "reservation: role \"*\" cannot be reserved"),
      InvalidOperation(
        s.reserve(revocable), "reserve.resources",
        "Invalid resources: Invalid ReservationInfo: Dynamically reserved resource cpus\(eng){REV}:1 cannot be created from "
          + "revocable resources"),
      InvalidOperation(
        s.reserve(s.scalar("gpus", 0.5, ["eng"])), "reserve.resources",
        "Invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer"),
      InvalidOperation(
        s.reserve(s.scalar("cpus", 1, ["eng"]), from: [s.scalar("cpus", -1)]), "reserve.source",
        "Invalid source: Invalid resources: Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0"),
      InvalidOperation(
        s.reserve(from: [s.scalar("cpus", 1)]), "reserve.resources", "Invalid resources: Resource cannot be empty"),
      InvalidOperation(
        s.reserve(s.scalar("cpus", 2, ["ads"]), from: [s.scalar("cpus", 1, ["eng"])]), "reserve.source",
        "Source and target resources should refer to identical resource quantities: cpus:1 vs. cpus:2"),
      InvalidOperation(
        s.reserve(), "reserve.resources.provider_id",
        "Invalid resources: The resources have multiple resource providers: "),
      InvalidOperation(
        s.reserve(s.scalar("cpus", 1, ["eng"]), s.scalar("mem", 1, ["eng"]).from(provider: "b")),
        "reserve.resources.provider_id",
        "Invalid resources: Some resources have a resource provider and some do not"),
      InvalidOperation(
        s.reserve(s.scalar("cpus", 1, ["eng"]).from(provider: "b"), s.scalar("mem", 1, ["eng"]).from(provider: "a")),
        "reserve.resources.provider_id",
        "Invalid resources: The resources have multiple resource providers: a, b"),
      InvalidOperation(
        s.reserve(s.scalar("cpus", 1)), "reserve.resources", "Resource cpus:1 is not dynamically reserved"),
      InvalidOperation(
        s.reserve(s.scalar("cpus", 1, ["a/b"])), try agent(.reservationRefinement), "reserve.resources",
        "Resource cpus(reservations: [(DYNAMIC,a/b,of a/b)]):1 with reservation for hierarchical role 'a/b' cannot be reserved "
          + "on an agent without HIERARCHICAL_ROLE capability"),
      InvalidOperation(
        s.reserve(s.scalar("cpus", 1, ["a", "a/b"])), try agent(.hierarchicalRole), "reserve.resources",
        "Resource cpus(reservations: [(DYNAMIC,a,of a),(DYNAMIC,a/b,of a/b)]):1 with reservation refinement cannot be reserved "
          + "on an agent without RESERVATION_REFINEMENT capability"),
      InvalidOperation(
        s.reserve(anonymous), by("me"), "reserve.resources",
        "A reserve operation was attempted by principal 'me', but there is a reserved resource in the request with no "
          + "principal set"),
      InvalidOperation(
        s.reserve(s.scalar("cpus", 1, ["eng"])), by("me"), "reserve.resources",
        "A reserve operation was attempted by authenticated principal 'me', which does not match a reserved resource in the "
          + "request with principal 'of eng'"),
      InvalidOperation(
        s.reserve(s.scalar("cpus", 1, ["eng"])), framework, "reserve.resources",
        "A reserve operation was attempted on unallocated resource cpus\(eng):1, but frameworks can only perform "
          + "reservations on allocated resources"),
      InvalidOperation(
        s.reserve(s.scalar("cpus", 1, ["eng"]).allocated(to: "ads")), framework, "reserve.resources",
        "A reserve operation was attempted for a resource with role 'eng', but the resource was allocated to role 'ads'"
      ),
      InvalidOperation(
        s.reserve(s.scalar("cpus", 1, ["ops"]).allocated(to: "ops")), framework, "reserve.resources",
        "A reserve operation was attempted for a resource allocated to role 'ops', but the framework only has roles "
          + "'{ ads, eng }'"),
      InvalidOperation(
        s.reserve(s.scalar("cpus", 1, ["eng"]).allocated(to: "eng")), "reserve.resources",
        "A reserve operation was attempted with an allocated resource, but the operator API only allows reservations to be "
          + "made to unallocated resources"),
      InvalidOperation(
        s.reserve(
          s.scalar("cpus", 1, ["eng"]).allocated(to: "eng"), s.scalar("mem", 1, ["ads"]).allocated(to: "ads")),
        framework, "reserve.resources.allocation_info.role",
        "Invalid reservation resources: The resources have multiple allocation roles ('ads' and 'eng') but only one "
          + "allocation role is allowed"),
      // UNRESERVE
      InvalidOperation(
        s.unreserve(s.scalar("cpus", 1)), "unreserve.resources", "Resource cpus:1 is not dynamically reserved"),
      InvalidOperation(
        s.unreserve(volume), "unreserve.resources",
        "A dynamically reserved persistent volume disk\(eng)[v:data]:4 cannot be unreserved directly. Please destroy the "
          + "persistent volume first then unreserve the resource"),
      // CREATE
      InvalidOperation(
        s.create(s.disk(4, ["eng"])), "create.volumes.disk",
        "Not a persistent volume: Resource disk\(eng):4 does not have DiskInfo"),
      InvalidOperation(
        s.create(s.disk(4, ["eng"]).on(.path)), "create.volumes.disk",
        "Not a persistent volume: 'persistence' is not set in DiskInfo"),
      InvalidOperation(
        s.create(s.volume("v", 4, [])), "create.volumes.disk",
        "Invalid resources: Invalid DiskInfo: Persistent volumes cannot be created from unreserved resources"),
      InvalidOperation(
        s.create(s.volume("v/w", 4)), "create.volumes.disk.persistence.id",
        "Invalid resources: Invalid DiskInfo: Invalid persistence ID for persistent volume: 'v/w' contains invalid "
          + "characters"),
      InvalidOperation(
        s.create(readOnly), "create.volumes.disk", "Not a persistent volume: Read-only persistent volume not supported"),
      InvalidOperation(
        s.create(volume, volume), "create.volumes.disk.persistence.id", "Persistence ID 'v' is not unique"),
      InvalidOperation(
        s.create(volume), try agent(checkpointed: [s.volume("v", 1)]), "create.volumes.disk.persistence.id",
        "Persistence ID 'v' is not unique"),
      InvalidOperation(
        s.create(shared.allocated(to: "eng")), framework, "create.volumes",
        "Create volume operation for 'disk\(engAllocated)[v:data]<SHARED>:4' has been attempted by framework 'f' with no "
          + "SHARED_RESOURCES capability"),
      InvalidOperation(
        s.create(s.volume("v", 4, ["a/b"])), try agent(), "create.volumes",
        "Volume disk(reservations: [(DYNAMIC,a/b,of a/b)])[v:data]:4 with reservation for hierarchical role 'a/b' cannot be "
          + "created on an agent without HIERARCHICAL_ROLE capability"),
      InvalidOperation(
        s.create(s.volume("v", 4, ["a", "a/b"])), try agent(.hierarchicalRole), "create.volumes",
        "Volume disk(reservations: [(DYNAMIC,a,of a),(DYNAMIC,a/b,of a/b)])[v:data]:4 with reservation refinement cannot be "
          + "created on an agent without RESERVATION_REFINEMENT capability"),
      InvalidOperation(
        s.create(volume), by("me"), "create.volumes",
        "Create volume operation attempted by principal 'me', but there is a volume in the operation with no principal set "
          + "in 'disk.persistence'"),
      InvalidOperation(
        s.create(s.volume("v", 4) { $0.disk.persistence.principal = "you" }), by("me"), "create.volumes",
        "Create volume operation attempted by authenticated principal 'me', which does not match a volume in the operation "
          + "with principal 'you' set in 'disk.persistence'"),
      InvalidOperation(
        s.create(volume), framework, "create.volumes.allocation_info",
        "Invalid volume resources: The resources are not allocated to a role"),
      // DESTROY
      InvalidOperation(
        s.destroy(s.disk(4, ["eng"])), "destroy.volumes.disk",
        "Not a persistent volume: Resource disk\(eng):4 does not have DiskInfo"),
      InvalidOperation(s.destroy(volume), "destroy.volumes", "Persistent volumes not found"),
      InvalidOperation(
        s.destroy(shared.allocated(to: "eng")),
        try OperationContext(checkpointed: Resources([shared]), used: Resources([shared.allocated(to: "ads")])),
        "destroy.volumes", "Persistent volumes in use"),
      // GROW_VOLUME
      InvalidOperation(
        s.grow(s.volume("v", -4), by: s.disk(1, ["eng"])), "grow_volume.volume",
        "Invalid resource in the 'GrowVolume.volume' field: Invalid scalar resource: value <= 0"),
      InvalidOperation(
        s.grow(volume, by: s.disk(-1, ["eng"])), "grow_volume.addition",
        "Invalid resource in the 'GrowVolume.addition' field: Invalid scalar resource: value <= 0"),
      InvalidOperation(
        s.grow(volume, by: s.disk(0, ["eng"])), "grow_volume.addition",
        "The size of 'GrowVolume.addition' field must be greater than zero"),
      InvalidOperation(
        s.grow(volume.from(provider: "lvm"), by: s.disk(1, ["eng"])), "grow_volume.volume",
        "Growing a volume from a resource provider is not supported"),
      InvalidOperation(
        s.grow(s.disk(4, ["eng"]), by: s.disk(1, ["eng"])), "grow_volume.volume.disk",
        "Invalid persistent volume in the 'GrowVolume.volume' field: Resource disk\(eng):4 does not have DiskInfo"),
      InvalidOperation(
        s.grow(shared, by: s.disk(1, ["eng"])), "grow_volume.volume",
        "Growing a shared persistent volume is not supported"),
      InvalidOperation(
        s.grow(volume.on(.mount), by: s.disk(1, ["eng"]).on(.mount)), "grow_volume.addition",
        "Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields"),
      InvalidOperation(
        s.grow(volume, by: s.disk(1, ["eng"])), try agent(), "grow_volume.volume",
        "Volume disk\(eng)[v:data]:4 cannot be grown on an agent without RESIZE_VOLUME capability"),
      // SHRINK_VOLUME
      InvalidOperation(
        s.shrink(volume, by: 0), "shrink_volume.subtract",
        "Value of 'ShrinkVolume.subtract' must be greater than zero"),
      InvalidOperation(
        s.shrink(volume, by: 4), "shrink_volume.subtract",
        "Value of 'ShrinkVolume.subtract' must be smaller than the size of 'ShrinkVolume.volume'"),
      InvalidOperation(
        s.shrink(volume.from(provider: "lvm"), by: 1), "shrink_volume.volume",
        "Shrinking a volume from a resource provider is not supported"),
      InvalidOperation(
        s.shrink(volume.on(.mount), by: 1), "shrink_volume.volume",
        "Shrinking a volume on a MOUNT disk is not supported"),
      InvalidOperation(
        s.shrink(readOnly, by: 1), "shrink_volume.volume.disk",
        "Invalid persistent volume in the 'ShrinkVolume.volume' field: Read-only persistent volume not supported"),
      InvalidOperation(
        s.shrink(shared, by: 1), "shrink_volume.volume", "Shrinking a shared persistent volume is not supported"),
      InvalidOperation(
        s.shrink(volume, by: 1), try agent(), "shrink_volume.volume",
        "Volume disk\(eng)[v:data]:4 cannot be shrunk on an agent without RESIZE_VOLUME capability"),
      // CREATE_DISK
      InvalidOperation(
        s.createDisk(s.disk(1), as: .mount), "create_disk.source", "'source' is not managed by a resource provider"),
      InvalidOperation(
        s.createDisk(s.providedDisk(1, .mount, id: "x"), as: .mount), "create_disk.source",
        "'source' is not a RAW disk resource"),
      InvalidOperation(
        s.createDisk(provided, as: .path), "create_disk.target_type", "'target_type' is neither MOUNT or BLOCK"),
      InvalidOperation(
        s.createDisk(provided, as: .mount, profile: "slow"), "create_disk.target_profile",
        "'target_profile' must not be set when 'source' has a profile"),
      InvalidOperation(
        s.createDisk(s.providedDisk(1, .raw, id: "x"), as: .block), "create_disk.target_profile",
        "'target_profile' must be set when 'source' has no profile"),
      // DESTROY_DISK
      InvalidOperation(
        s.destroyDisk(s.disk(1).on(.mount)), "destroy_disk.source", "'source' is not managed by a resource provider"),
      InvalidOperation(
        s.destroyDisk(s.disk(1).on(.path).from(provider: "lvm")), "destroy_disk.source",
        "'source' is neither a MOUNT, BLOCK or RAW disk resource"),
      InvalidOperation(s.destroyDisk(provided), "destroy_disk.source", "'source' is not backed by a CSI volume"),
      InvalidOperation(
        s.destroyDisk(
          s.volume("v", 4) {
            $0.disk.source.type = .mount
            $0.disk.source.id = "x"
            $0.providerID = .with { $0.value = "lvm" }
          }), "destroy_disk.source",
        "A disk resource containing a persistent volume disk\(eng)[MOUNT(,x,),v:data]:4 cannot be destroyed directly. Please "
          + "destroy the persistent volume first then destroy the disk resource"),
    ]
  }

  @Test(arguments: try broken())
  func `that are broken are told in the words of Apache Mesos`(row: InvalidOperation) throws {
    do {
      try OperationValidation.validate(row.operation, in: row.context)
      Issue.record("\(row.operation.type.wireName) passed, not: \(row.message)")
    } catch {
      #expect(error.message == row.message)
      #expect(error.path == row.path)
    }
  }

  @Test func `name the reservations that are mixed`() throws {
    let operation = s.reserve(
      s.scalar("cpus", 1, ["eng"]), s.scalar("mem", 1, ["ads"]), from: [s.scalar("cpus", 1), s.scalar("mem", 1)])
    do {
      try OperationValidation.validate(operation, in: OperationContext())
      Issue.record("mixed reservations passed")
    } catch {
      #expect(
        error.message.hasPrefix(#"Invalid resources: Mixed reservations are not supported[{"name":"cpus""#), "\(error)")
      #expect(error.path == "reserve.resources")
    }
  }

  static func kept() throws -> [(Offer.Operation, OperationContext)] {
    let volume = s.volume("v", 4) { $0.disk.persistence.principal = "me" }
    let shared = s.volume("v", 4, shared: true).allocated(to: "eng")
    return [
      (s.reserve(s.scalar("cpus", 1, ["eng"])), by("of eng")),
      (s.reserve(s.scalar("cpus", 1, ["eng"])), OperationContext()),
      (s.reserve(s.scalar("cpus", 1, ["eng"]).allocated(to: "eng")), framework),
      (s.reserve(s.scalar("cpus", 1, ["a", "a/b"])), try agent(.hierarchicalRole, .reservationRefinement)),
      (s.reserve(s.scalar("cpus", 1, ["ops"]), from: [s.scalar("cpus", 1, ["eng"])]), OperationContext()),
      (s.unreserve(s.scalar("cpus", 1, ["eng"]), s.scalar("mem", 1, ["ads"])), by("anybody")),
      (s.create(volume), by("me")), (s.create(s.volume("v", 4, ["ads"])), try agent(checkpointed: [volume])),
      (s.create(shared), OperationContext(framework: .init(id: "f", roles: ["eng"], sharesResources: true))),
      (s.create(s.volume("v", 4, shared: true)), OperationContext()),
      (s.destroy(volume), try agent(checkpointed: [volume])),
      (s.destroy(s.volume("v", 4).from(provider: "lvm")), OperationContext()),
      (s.grow(volume, by: s.disk(1, ["eng"])), try agent(.resizeVolume)),
      (s.grow(volume.on(.path), by: s.disk(1, ["eng"]).on(.path)), try agent(.resizeVolume)),
      (s.shrink(volume, by: 3.999), try agent(.resizeVolume)),
      (s.createDisk(s.providedDisk(8, .raw, profile: "fast"), as: .mount), OperationContext()),
      (s.createDisk(s.providedDisk(8, .raw, id: "x"), as: .block, profile: "fast"), OperationContext()),
      (s.destroyDisk(s.providedDisk(8, .mount, id: "x", profile: "fast")), OperationContext()),
      (s.destroyDisk(s.providedDisk(8, .raw, id: "x")), OperationContext()),
      (.with { $0.type = .launch }, OperationContext()),
    ]
  }

  @Test(arguments: try kept())
  func `that are kept let the operation pass`(operation: Offer.Operation, context: OperationContext) throws {
    try OperationValidation.validate(operation, in: context)
  }
}
