import MesosModel
import SwiftProtobuf
import Testing

/// An operation, what it is applied to, and what is there then.
struct AppliedOperation: Sendable, CustomTestStringConvertible {
  let name: String
  let before: [Resource]
  let operation: Offer.Operation
  let after: [Resource]
  var testDescription: String { name }

  init(_ name: String, _ before: [Resource], _ operation: Offer.Operation, _ after: [Resource]) {
    (self.name, self.before, self.operation, self.after) = (name, before, operation, after)
  }
}

/// An operation that cannot be applied, and why.
struct RefusedOperation: Sendable, CustomTestStringConvertible {
  let name: String
  let before: [Resource]
  let operation: Offer.Operation
  let code: OperationError.Code
  let reason: String
  var testDescription: String { name }

  init(
    _ name: String, _ before: [Resource], _ operation: Offer.Operation, _ code: OperationError.Code, _ reason: String
  ) {
    (self.name, self.before, self.operation, self.code, self.reason) = (name, before, operation, code, reason)
  }
}

private let s = Sample.self

@Suite struct `Operations on resources` {
  static let applied: [AppliedOperation] = [
    AppliedOperation(
      "RESERVE a part", [s.scalar("cpus", 4), s.ports(1...10)],
      s.reserve(s.scalar("cpus", 1.5, ["eng"]), s.ports(3...4, ["eng"])),
      [s.scalar("cpus", 2.5), s.scalar("cpus", 1.5, ["eng"]), s.ports(1...2), s.ports(5...10), s.ports(3...4, ["eng"])]),
    AppliedOperation(
      "RESERVE twice for one role adds up", [s.scalar("cpus", 4), s.scalar("cpus", 2, ["eng"])],
      s.reserve(s.scalar("cpus", 2, ["eng"])), [s.scalar("cpus", 2), s.scalar("cpus", 4, ["eng"])]),
    AppliedOperation(
      "RESERVE refines, over a level", [s.scalar("cpus", 4, ["eng"])],
      s.reserve(s.scalar("cpus", 1, ["eng", "eng/web/db"])),
      [s.scalar("cpus", 3, ["eng"]), s.scalar("cpus", 1, ["eng", "eng/web/db"])]),
    AppliedOperation(
      "RESERVE with a source moves a reservation", [s.scalar("cpus", 4, ["eng"])],
      s.reserve(s.scalar("cpus", 1, ["ops"]), from: [s.scalar("cpus", 1, ["eng"])]),
      [s.scalar("cpus", 3, ["eng"]), s.scalar("cpus", 1, ["ops"])]),
    AppliedOperation(
      "RESERVE with a source pushes two reservations", [s.scalar("cpus", 4)],
      s.reserve(s.scalar("cpus", 1, ["eng", "eng/web"]), from: [s.scalar("cpus", 1)]),
      [s.scalar("cpus", 3), s.scalar("cpus", 1, ["eng", "eng/web"])]),
    AppliedOperation(
      "RESERVE of what is allocated", [s.scalar("cpus", 4).allocated(to: "eng")],
      s.reserve(s.scalar("cpus", 1, ["eng"]).allocated(to: "eng")),
      [s.scalar("cpus", 3).allocated(to: "eng"), s.scalar("cpus", 1, ["eng"]).allocated(to: "eng")]),
    AppliedOperation(
      "UNRESERVE a part", [s.scalar("cpus", 4, ["eng"]), s.scalar("mem", 8, ["eng"])],
      s.unreserve(s.scalar("cpus", 1, ["eng"]), s.scalar("mem", 8, ["eng"])),
      [s.scalar("cpus", 3, ["eng"]), s.scalar("cpus", 1), s.scalar("mem", 8)]),
    AppliedOperation(
      "UNRESERVE gives back what was refined", [s.scalar("cpus", 4, ["eng", "eng/web"])],
      s.unreserve(s.scalar("cpus", 4, ["eng", "eng/web"])), [s.scalar("cpus", 4, ["eng"])]),
    AppliedOperation(
      "CREATE on a ROOT disk", [s.disk(10, ["eng"])], s.create(s.volume("v", 4), s.volume("w", 5)),
      [s.disk(1, ["eng"]), s.volume("v", 4), s.volume("w", 5)]),
    AppliedOperation(
      "CREATE on a PATH disk", [s.disk(10, ["eng"]).on(.path)], s.create(s.volume("v", 4).on(.path)),
      [s.disk(6, ["eng"]).on(.path), s.volume("v", 4).on(.path)]),
    AppliedOperation(
      "CREATE on all of a MOUNT disk", [s.disk(10, ["eng"]).on(.mount)], s.create(s.volume("v", 10).on(.mount)),
      [s.volume("v", 10).on(.mount)]),
    AppliedOperation(
      "CREATE a shared volume", [s.disk(10, ["eng"])], s.create(s.volume("v", 4, shared: true)),
      [s.disk(6, ["eng"]), s.volume("v", 4, shared: true)]),
    AppliedOperation(
      "DESTROY", [s.disk(1, ["eng"]), s.volume("v", 4), s.volume("w", 5)], s.destroy(s.volume("v", 4)),
      [s.disk(5, ["eng"]), s.volume("w", 5)]),
    AppliedOperation(
      "DESTROY the only copy of a shared volume", [s.volume("v", 4, shared: true)],
      s.destroy(s.volume("v", 4, shared: true)), [s.disk(4, ["eng"])]),
    AppliedOperation(
      "GROW_VOLUME", [s.disk(10, ["eng"]), s.volume("v", 4)], s.grow(s.volume("v", 4), by: s.disk(0.5, ["eng"])),
      [s.disk(9.5, ["eng"]), s.volume("v", 4.5)]),
    AppliedOperation(
      "SHRINK_VOLUME on a PATH disk", [s.volume("v", 4).on(.path)], s.shrink(s.volume("v", 4).on(.path), by: 3.999),
      [s.disk(3.999, ["eng"]).on(.path), s.volume("v", 0.001).on(.path)]),
    AppliedOperation("RESERVE nothing", [s.scalar("cpus", 4)], s.reserve(), [s.scalar("cpus", 4)]),
  ]

  @Test(arguments: applied)
  func `that can be applied turn resources into others of the same amount`(row: AppliedOperation) throws {
    let (before, after) = (try Resources(row.before), try Resources(row.after))
    #expect(try before.applying(row.operation) == after)
    #expect(before.quantities == after.quantities)
    #expect(try before.applying(row.operation.conversions()) == after)
    #expect(row.operation.isSpeculative)

    let consumed = try row.operation.consumedResources()
    #expect(before.contains(consumed))
    #expect(try row.operation.conversions().allSatisfy(\.preservesAmounts))
    #expect(try before.unallocated.applying(row.operation.conversions().map(\.unallocated)) == after.unallocated)
    #expect(try before.unallocated.applying(row.operation.unallocated) == after.unallocated)

    let finished = OperationStatus.with { $0.state = .operationFinished }
    #expect(try before.applying(row.operation, endedWith: finished) == after)
    let failed = OperationStatus.with { $0.state = .operationFailed }
    #expect(try before.applying(row.operation, endedWith: failed) == before)
  }

  static let refused: [RefusedOperation] = [
    RefusedOperation(
      "RESERVE more than there is", [s.scalar("cpus", 1)], s.reserve(s.scalar("cpus", 1.001, ["eng"])), .insufficient,
      "cpus:1 does not contain cpus:1.001"),
    RefusedOperation(
      "RESERVE what is reserved to another", [s.scalar("cpus", 1, ["ops"])], s.reserve(s.scalar("cpus", 1, ["eng"])),
      .insufficient, "cpus(reservations: [(DYNAMIC,ops,of ops)]):1 does not contain cpus:1"),
    RefusedOperation(
      "RESERVE as by configuration", [s.scalar("cpus", 1)],
      s.reserve(s.scalar("cpus", 1) { $0.reservations = [Reservation(.configured, role: "eng").message] }),
      .notApplicable, "Resource cpus(reservations: [(STATIC,eng)]):1 is not dynamically reserved"),
    RefusedOperation(
      "RESERVE for nobody", [s.scalar("cpus", 1)], s.reserve(s.scalar("cpus", 1)), .notApplicable,
      "Resource cpus:1 is not dynamically reserved"),
    RefusedOperation(
      "RESERVE with a source of another amount", [s.scalar("cpus", 4, ["eng"])],
      s.reserve(s.scalar("cpus", 2, ["ops"]), from: [s.scalar("cpus", 1, ["eng"])]), .amountsChange,
      "Source and target resources should refer to identical resource quantities: cpus:1 vs. cpus:2"),
    RefusedOperation(
      "RESERVE what is no resource", [s.scalar("cpus", 4)], s.reserve(s.scalar("cpus", -1, ["eng"])), .invalidResource,
      "Resource 'cpus(reservations: [(DYNAMIC,eng,of eng)]):-1' is invalid: Invalid scalar resource: value <= 0"),
    RefusedOperation(
      "UNRESERVE what is not reserved", [s.scalar("cpus", 4)], s.unreserve(s.scalar("cpus", 1)), .notApplicable,
      "Resource cpus:1 is not dynamically reserved"),
    RefusedOperation(
      "UNRESERVE a volume", [s.volume("v", 1)], s.unreserve(s.volume("v", 1)), .notApplicable,
      "A dynamically reserved persistent volume disk(reservations: [(DYNAMIC,eng,of eng)])[v:data]:1 cannot be unreserved "
        + "directly. Please destroy the persistent volume first then unreserve the resource"),
    RefusedOperation(
      "UNRESERVE where one of two is not there", [s.scalar("cpus", 1, ["eng"])],
      s.unreserve(s.scalar("cpus", 1, ["eng"]), s.scalar("mem", 1, ["eng"])), .insufficient,
      "cpus:1 does not contain mem(reservations: [(DYNAMIC,eng,of eng)]):1"),
    RefusedOperation(
      "CREATE what is no volume", [s.disk(1, ["eng"])], s.create(s.disk(1, ["eng"])), .notApplicable,
      "Resource disk(reservations: [(DYNAMIC,eng,of eng)]):1 is not a persistent volume"),
    RefusedOperation(
      "CREATE a volume that is not reserved", [s.disk(1)], s.create(s.volume("v", 1, [])), .notApplicable,
      "Persistent volumes cannot be created from unreserved resources"),
    RefusedOperation(
      "CREATE a part of a MOUNT disk", [s.disk(10, ["eng"]).on(.mount)], s.create(s.volume("v", 4).on(.mount)),
      .insufficient,
      "disk(reservations: [(DYNAMIC,eng,of eng)])[MOUNT:/mnt/data]:10 does not contain "
        + "disk(reservations: [(DYNAMIC,eng,of eng)])[MOUNT:/mnt/data]:4"),
    RefusedOperation(
      "CREATE a shared volume that is there already", [s.disk(4, ["eng"]), s.volume("v", 4, shared: true)],
      s.create(s.volume("v", 4, shared: true)), .amountsChange, "is not the same amount"),
    RefusedOperation(
      "DESTROY a volume of another size", [s.volume("v", 4)], s.destroy(s.volume("v", 3)), .insufficient,
      "disk(reservations: [(DYNAMIC,eng,of eng)])[v:data]:4 does not contain "
        + "disk(reservations: [(DYNAMIC,eng,of eng)])[v:data]:3"),
    RefusedOperation(
      "DESTROY one of two copies", [s.volume("v", 4, shared: true), s.volume("v", 4, shared: true)],
      s.destroy(s.volume("v", 4, shared: true)), .copiesRemain,
      "Persistent volume disk(reservations: [(DYNAMIC,eng,of eng)])[v:data]<SHARED>:4 cannot be removed due to additional "
        + "shared copies"),
    RefusedOperation(
      "GROW_VOLUME by what is reserved to another", [s.disk(1, ["ops"]), s.volume("v", 4)],
      s.grow(s.volume("v", 4), by: s.disk(1, ["ops"])), .notApplicable,
      "Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields"),
    RefusedOperation(
      "GROW_VOLUME by memory", [s.scalar("mem", 1, ["eng"]), s.volume("v", 4)],
      s.grow(s.volume("v", 4), by: s.scalar("mem", 1, ["eng"])), .notApplicable,
      "Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields"),
    RefusedOperation(
      "GROW_VOLUME by nothing", [s.volume("v", 4)], s.grow(s.volume("v", 4), by: s.disk(0, ["eng"])), .notApplicable,
      "The size of 'GrowVolume.addition' field must be greater than zero"),
    RefusedOperation(
      "GROW_VOLUME of a provider", [s.volume("v", 4).from(provider: "lvm"), s.disk(1, ["eng"]).from(provider: "lvm")],
      s.grow(s.volume("v", 4).from(provider: "lvm"), by: s.disk(1, ["eng"]).from(provider: "lvm")), .unsupported,
      "Operation not supported for resource provider"),
    RefusedOperation(
      "GROW_VOLUME of a shared one", [s.volume("v", 4, shared: true), s.disk(1, ["eng"])],
      s.grow(s.volume("v", 4, shared: true), by: s.disk(1, ["eng"])), .notApplicable, "cannot be resized"),
    RefusedOperation(
      "SHRINK_VOLUME to nothing", [s.volume("v", 4)], s.shrink(s.volume("v", 4), by: 4), .notApplicable,
      "Value of 'ShrinkVolume.subtract' must be smaller than the size of 'ShrinkVolume.volume'"),
    RefusedOperation(
      "SHRINK_VOLUME by less than nothing", [s.volume("v", 4)], s.shrink(s.volume("v", 4), by: -1), .notApplicable,
      "Value of 'ShrinkVolume.subtract' must be greater than zero"),
    RefusedOperation(
      "SHRINK_VOLUME by what is no number", [s.volume("v", 4)], s.shrink(s.volume("v", 4), by: .nan), .notApplicable,
      "Value of 'ShrinkVolume.subtract' must be greater than zero"),
    RefusedOperation(
      "SHRINK_VOLUME on a MOUNT disk", [s.volume("v", 4).on(.mount)], s.shrink(s.volume("v", 4).on(.mount), by: 1),
      .notApplicable, "Shrinking a volume on a MOUNT disk is not supported"),
    RefusedOperation("no type", [], Offer.Operation(), .unknownOperation, "Unknown operation"),
    RefusedOperation(
      "LAUNCH", [], .with { $0.type = .launch }, .notAConversion, "LAUNCH uses resources and converts none"),
    RefusedOperation(
      "CREATE_DISK", [], s.createDisk(s.providedDisk(1, .raw), as: .mount), .resultNeeded,
      "What CREATE_DISK gives is known only when the provider of the disk has done it"),
  ]

  @Test(arguments: refused)
  func `that cannot be applied are refused with the reason`(row: RefusedOperation) throws {
    let before = try Resources(row.before)
    do {
      Issue.record("\(row.name) gave \(try before.applying(row.operation))")
    } catch {
      #expect(error.code == row.code)
      #expect(error.message.hasSuffix(row.reason) || error.message.contains(row.reason), "\(error)")
    }
  }

  @Test func `of either reservation format are the same`() throws {
    let old = Resource.with {
      $0 = s.scalar("cpus", 1)
      $0.role = "eng"
      $0.reservation.principal = "of eng"
    }
    #expect(try s.reserve(old).conversions() == s.reserve(s.scalar("cpus", 1, ["eng"])).conversions())
  }

  @Test func `know the provider, the allocation and whether they are speculative`() {
    let source = s.providedDisk(8, .raw, profile: "fast")
    #expect(s.createDisk(source, as: .mount).providerID == "lvm")
    #expect(s.reserve(s.scalar("cpus", 1, ["eng"])).providerID == nil)
    #expect(s.reserve().providerID == nil)
    for operation in [s.createDisk(source, as: .mount), s.destroyDisk(source), .with { $0.type = .launchGroup }] {
      #expect(!operation.isSpeculative)
    }
    let volume = s.volume("v", 4)
    let operations = [
      s.reserve(volume, from: [volume]), s.unreserve(volume), s.create(volume), s.destroy(volume),
      s.grow(volume, by: volume), s.shrink(volume, by: 1), s.createDisk(volume, as: .mount), s.destroyDisk(volume),
      .with {
        $0.type = .launch
        $0.launch.taskInfos = [
          .with {
            $0.resources = [volume]
            $0.executor.resources = [volume]
          }
        ]
      },
      .with {
        $0.type = .launchGroup
        $0.launchGroup.executor.resources = [volume]
        $0.launchGroup.taskGroup.tasks = [.with { $0.resources = [volume, volume.allocated(to: "ops")] }]
      },
    ]
    for operation in operations {
      let allocated = operation.allocatedWhereMissing(to: "eng")
      #expect(allocated != operation, "\(operation.type.wireName)")
      #expect(allocated.allocatedWhereMissing(to: "other") == allocated)
      if operation.type != .launchGroup { #expect(allocated.unallocated == operation) }
    }
  }

  @Test(arguments: [
    OperationState.operationPending, .operationUnknown, .operationUnreachable, .operationRecovering,
    .operationUnsupported,
  ])
  func `that have not come to an end say nothing about resources`(state: OperationState) {
    #expect(throws: OperationError.self) {
      try Resources().applying(s.reserve(), endedWith: OperationStatus.with { $0.state = state })
    }
  }
}

@Suite struct `Operations on disks of a provider` {
  private func finished(_ converted: [Resource]) -> OperationStatus {
    .with {
      $0.state = .operationFinished
      $0.convertedResources = converted
    }
  }

  @Test func `turn room in a pool into a disk and back`() throws {
    let pool = s.providedDisk(8, .raw, profile: "fast").allocated(to: "eng")
    let before = try Resources([pool, s.scalar("cpus", 1)])
    let create = s.createDisk(pool, as: .mount)
    let disk = create.createDisk.disk(
      id: "lv0", metadata: .with { $0.labels = [.with { $0.key = "k" }] }, mountRoot: "m")
    #expect(disk.disk.source.type == .mount && disk.disk.source.id == "lv0" && disk.disk.source.mount.root == "m")
    let after = try before.applying(create, endedWith: finished([disk]))
    #expect(try after == Resources([disk, s.scalar("cpus", 1)]))
    #expect(try create.consumedResources() == Resources([pool]))

    let destroy = s.destroyDisk(disk)
    let back = try #require(destroy.destroyDisk.disk(deprovisioned: true, isProfileKnown: true))
    #expect(try after.applying(destroy, endedWith: finished([back])) == before)

    // What stays provisioned is a disk that was there before, and has no profile.
    let kept = try #require(destroy.destroyDisk.disk(deprovisioned: false, isProfileKnown: true))
    #expect(!kept.disk.source.hasProfile && kept.disk.source.id == "lv0")
    let preexisting = try after.applying(destroy, endedWith: finished([kept]))
    let again = s.createDisk(kept, as: .block, profile: "slow")
    let block = again.createDisk.disk(id: "lv0")
    #expect(block.disk.source.type == .block && block.disk.source.profile == "slow")
    #expect(try preexisting.applying(again, endedWith: finished([block])).quantities == before.quantities)

    // Of a profile that is gone nothing comes back.
    #expect(destroy.destroyDisk.disk(deprovisioned: true, isProfileKnown: false) == nil)
    #expect(try after.applying(destroy, endedWith: finished([])) == Resources([s.scalar("cpus", 1)]))
  }

  @Test func `that failed change nothing`() throws {
    let pool = s.providedDisk(8, .raw, profile: "fast")
    for state in [OperationState.operationFailed, .operationError, .operationDropped, .operationGoneByOperator] {
      let status = OperationStatus.with { $0.state = state }
      #expect(try Resources([pool]).applying(s.createDisk(pool, as: .mount), endedWith: status) == Resources([pool]))
    }
  }

  @Test func `keep the allocation of their source`() throws {
    let pool = s.providedDisk(8, .raw, profile: "fast").allocated(to: "eng")
    let create = s.createDisk(pool, as: .mount)
    var disk = create.createDisk.disk(id: "lv0")
    disk.clearAllocationInfo()
    #expect(try create.conversion(into: [disk]).converted.allocations.map(\.role) == ["eng"])
  }

  static let impossible: [([Resource], OperationError.Code)] = [
    ([], .amountsChange), ([s.providedDisk(7, .mount, id: "x", profile: "fast")], .amountsChange),
    ([s.providedDisk(8, .block, id: "x", profile: "fast")], .notApplicable),
    ([s.providedDisk(8, .mount, profile: "fast")], .notApplicable),
    ([s.providedDisk(8, .mount, id: "x", profile: "fast", ["eng"])], .notApplicable),
    ([s.providedDisk(8, .mount, id: "x").from(provider: "other")], .notApplicable),
    ([s.providedDisk(4, .mount, id: "x"), s.providedDisk(4, .mount, id: "y")], .notApplicable),
    ([s.scalar("disk", -1)], .invalidResource), ([s.scalar("mem", 8)], .amountsChange),
  ]

  @Test(arguments: impossible)
  func `cannot give something else`(converted: [Resource], code: OperationError.Code) throws {
    let operation = s.createDisk(s.providedDisk(8, .raw, profile: "fast"), as: .mount)
    do {
      Issue.record("gave \(try operation.conversion(into: converted))")
    } catch {
      #expect(error.code == code, "\(error)")
    }
    #expect(throws: OperationError.self) { try s.reserve().conversion(into: []) }
  }
}
