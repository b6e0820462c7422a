import MesosModel
import Testing

private let page = "persistent-volume.md"
private let sharing = "shared-resources.md"
private let create = "`Offer::Operation::Create`"
private let destroy = "`Offer::Operation::Destroy`"
private let grow = "`Offer::Operation::GrowVolume`"
private let shrink = "`Offer::Operation::ShrinkVolume`"

private let reserved = #""role":"eng","reservation":{"principal":"me"}"#
private let staticallyReserved = #""role":"eng""#
private let ads = #""role":"ads","reservation":{"principal":"ops"}"#
private func volume(_ id: String = "v", mode: String = "RW", principal: String? = nil, source: String? = nil) -> String
{
  let creator = principal.map { #","principal":"\#($0)""# } ?? ""
  let source = source.map { #","source":\#($0)"# } ?? ""
  return
    #""disk":{"persistence":{"id":"\#(id)"\#(creator)},"volume":{"container_path":"data","mode":"\#(mode)"}\#(source)}"#
}
private let shared = #""shared":{}"#
private let toEngineering =
  #""allocation_info":{"role":"engineering"},"role":"engineering","reservation":{"principal":"me"}"#
private let mount = #"{"type":"MOUNT","mount":{"root":"/mnt"}}"#

private func creating(_ volumes: String...) -> String {
  #"{"type":"CREATE","create":{"volumes":\#(jsonList(volumes))}}"#
}
private func destroying(_ volumes: String...) -> String {
  #"{"type":"DESTROY","destroy":{"volumes":\#(jsonList(volumes))}}"#
}
private func growing(_ volume: String, by addition: String) -> String {
  #"{"type":"GROW_VOLUME","grow_volume":{"volume":\#(volume),"addition":\#(addition)}}"#
}
private func shrinking(_ volume: String, by amount: Double) -> String {
  #"{"type":"SHRINK_VOLUME","shrink_volume":{"volume":\#(volume),"subtract":{"value":\#(amount)}}}"#
}

private let disk = jsonScalar("disk", 2048, reserved)
private let created = jsonScalar("disk", 2048, reserved, volume())
private let createdByMe = jsonScalar("disk", 2048, reserved, volume(principal: "me"))

@Suite struct `Documented volumes` {
  static let examples: [Documented<OperationExample>] = [
    .init(
      page, "Usage, not from what is unreserved",
      OperationExample(
        resources: [jsonScalar("disk", 2048)], operation: creating(jsonScalar("disk", 2048, volume())),
        outcome: .invalid("Persistent volumes cannot be created from unreserved resources"))),
    .init(
      page, "Usage, from what is reserved by configuration",
      OperationExample(
        resources: [jsonScalar("disk", 2048, staticallyReserved)],
        operation: creating(jsonScalar("disk", 1024, staticallyReserved, volume())),
        outcome: .gives([
          jsonScalar("disk", 1024, staticallyReserved, volume()), jsonScalar("disk", 1024, staticallyReserved),
        ]))),
    .init(
      page, "Usage, not unreserved before it is destroyed",
      OperationExample(
        resources: [created], operation: #"{"type":"UNRESERVE","unreserve":{"resources":[\#(created)]}}"#,
        outcome: .invalid("Please destroy the persistent volume first"))),
    .init(
      page, "Usage, not destroyed while a task uses it",
      OperationExample(
        resources: [created], operation: destroying(created), outcome: .invalid("Persistent volumes in use"),
        used: [created])),
    .init(
      page, create,
      OperationExample(
        resources: [disk], operation: creating(createdByMe), outcome: .gives([created]), roles: ["eng"], principal: "me"
      )
    ),
    .init(
      page, create + ", the id is unique per role on the agent",
      OperationExample(
        resources: [disk, created], operation: creating(createdByMe),
        outcome: .invalid("Persistence ID 'v' is not unique"), roles: ["eng"], principal: "me")),
    .init(
      page, create + ", the id of another role does not matter",
      OperationExample(
        resources: [disk, jsonScalar("disk", 512, ads, volume())], operation: creating(created),
        outcome: .gives([created, jsonScalar("disk", 512, ads, volume())]))),
    .init(
      page, create + ", RW is the only mode",
      OperationExample(
        resources: [disk], operation: creating(jsonScalar("disk", 2048, reserved, volume(mode: "RO"))),
        outcome: .invalid("Read-only persistent volume not supported"), roles: ["eng"])),
    .init(
      page, create + ", the principal is that of the framework",
      OperationExample(
        resources: [disk], operation: creating(jsonScalar("disk", 2048, reserved, volume(principal: "you"))),
        outcome: .invalid("which does not match a volume in the operation with principal 'you'"), roles: ["eng"],
        principal: "me")),
    .init(
      page, create + ", the principal is not left unset",
      OperationExample(
        resources: [disk], operation: creating(created), outcome: .invalid("no principal set in 'disk.persistence'"),
        roles: ["eng"], principal: "me")),
    .init(
      page, create + ", a framework without a principal may leave it unset",
      OperationExample(resources: [disk], operation: creating(created), outcome: .gives([created]), roles: ["eng"])),
    .init(
      page, create + ", a framework without a principal may name any",
      OperationExample(
        resources: [disk], operation: creating(jsonScalar("disk", 2048, reserved, volume(principal: "you"))),
        outcome: .gives([created]), roles: ["eng"])),
    .init(
      page, destroy,
      OperationExample(
        resources: [created], operation: destroying(created), outcome: .gives([disk]), roles: ["eng"], principal: "me")),
    .init(
      page, destroy + ", the disk can be unreserved then",
      OperationExample(
        resources: [disk], operation: #"{"type":"UNRESERVE","unreserve":{"resources":[\#(disk)]}}"#,
        outcome: .gives([jsonScalar("disk", 2048)]), roles: ["eng"])),
    .init(
      page, destroy + ", the disk can have another volume then",
      OperationExample(
        resources: [disk], operation: creating(jsonScalar("disk", 2048, reserved, volume("w"))),
        outcome: .gives([jsonScalar("disk", 2048, reserved, volume("w"))]), roles: ["eng"])),
    .init(
      page, grow,
      OperationExample(
        resources: [disk, created], operation: growing(created, by: disk),
        outcome: .gives([jsonScalar("disk", 4096, reserved, volume())]), roles: ["eng"], principal: "me")),
    .init(
      page, grow + ", the addition has the same reservation",
      OperationExample(
        resources: [jsonScalar("disk", 2048, ads), created],
        operation: growing(created, by: jsonScalar("disk", 2048, ads)),
        outcome: .invalid("Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields"))),
    .init(
      page, grow + ", the addition has the same disk",
      OperationExample(
        resources: [disk, created],
        operation: growing(
          created, by: jsonScalar("disk", 2048, reserved, #""disk":{"source":{"type":"PATH","path":{"root":"/a"}}}"#)),
        outcome: .invalid("Incompatible resources"))),
    .init(
      page, shrink,
      OperationExample(
        resources: [created], operation: shrinking(created, by: 1024),
        outcome: .gives([jsonScalar("disk", 1024, reserved), jsonScalar("disk", 1024, reserved, volume())]),
        roles: ["eng"], principal: "me")),
    .init(
      page, shrink + ", restrictions: not on a MOUNT disk",
      OperationExample(
        resources: [jsonScalar("disk", 2048, reserved, volume(source: mount))],
        operation: shrinking(jsonScalar("disk", 2048, reserved, volume(source: mount)), by: 1024),
        outcome: .invalid("Shrinking a volume on a MOUNT disk is not supported"))),
    .init(
      page, grow + ", restrictions: not on a MOUNT disk",
      OperationExample(
        resources: [jsonScalar("disk", 2048, reserved, volume(source: mount))],
        operation: growing(
          jsonScalar("disk", 2048, reserved, volume(source: mount)),
          by: jsonScalar("disk", 2048, reserved, #""disk":{"source":\#(mount)}"#)),
        outcome: .invalid("Incompatible resources"))),
    .init(
      page, grow + ", restrictions: not of a provider",
      OperationExample(
        resources: [],
        operation: growing(
          jsonScalar("disk", 2048, reserved, volume(), #""provider_id":{"value":"lvm"}"#), by: disk),
        outcome: .invalid("Growing a volume from a resource provider is not supported"))),
    .init(
      page, shrink + ", restrictions: not of a provider",
      OperationExample(
        resources: [],
        operation: shrinking(
          jsonScalar("disk", 2048, reserved, volume(), #""provider_id":{"value":"lvm"}"#), by: 1024),
        outcome: .invalid("Shrinking a volume from a resource provider is not supported"))),
    .init(
      page, grow + ", restrictions: not while a task uses it, for then it is in no offer",
      OperationExample(
        resources: [disk], operation: growing(created, by: disk), outcome: .impossible("does not contain"),
        roles: ["eng"], used: [created])),
    .init(
      page, grow + ", restrictions: not of a shared one",
      OperationExample(
        resources: [jsonScalar("disk", 2048, reserved, volume(), shared), disk],
        operation: growing(jsonScalar("disk", 2048, reserved, volume(), shared), by: disk),
        outcome: .invalid("Growing a shared persistent volume is not supported"))),
    .init(
      page, shrink + ", restrictions: not of a shared one",
      OperationExample(
        resources: [jsonScalar("disk", 2048, reserved, volume(), shared)],
        operation: shrinking(jsonScalar("disk", 2048, reserved, volume(), shared), by: 1024),
        outcome: .invalid("Shrinking a shared persistent volume is not supported"))),
    .init(
      page, "`/create-volumes`",
      OperationExample(
        resources: [jsonScalar("disk", 2048, ads)],
        operation: creating(jsonScalar("disk", 512, ads, volume(principal: "ops"))),
        outcome: .gives([jsonScalar("disk", 1536, ads), jsonScalar("disk", 512, ads, volume())]), principal: "ops")),
    .init(
      page, "`/create-volumes`, the principal is that of the request",
      OperationExample(
        resources: [jsonScalar("disk", 2048, ads)],
        operation: creating(jsonScalar("disk", 512, ads, volume(principal: "ops"))),
        outcome: .invalid("authenticated principal 'me'"), principal: "me")),
    .init(
      page, "`/create-volumes`, 409: not enough disk",
      OperationExample(
        resources: [jsonScalar("disk", 511, ads)], operation: creating(jsonScalar("disk", 512, ads, volume())),
        outcome: .impossible("does not contain"))),
    .init(
      page, "`/create-volumes`, several at once",
      OperationExample(
        resources: [jsonScalar("disk", 512, ads)],
        operation: creating(
          jsonScalar("disk", 256, ads, volume("v")), jsonScalar("disk", 256, ads, volume("w"))),
        outcome: .gives([jsonScalar("disk", 256, ads, volume("v")), jsonScalar("disk", 256, ads, volume("w"))]))),
    .init(
      page, "`/destroy-volumes`",
      OperationExample(
        resources: [jsonScalar("disk", 512, ads, volume(principal: "ops"))],
        operation: destroying(jsonScalar("disk", 512, ads, volume())), outcome: .gives([jsonScalar("disk", 512, ads)]),
        principal: "ops")),
    .init(
      page, "`/destroy-volumes`, the volume is exactly the one there is",
      OperationExample(
        resources: [jsonScalar("disk", 512, ads, volume())],
        operation: destroying(jsonScalar("disk", 256, ads, volume())), outcome: .invalid("Persistent volumes not found")
      )),
    .init(
      page, "`/destroy-volumes`, several at once",
      OperationExample(
        resources: [jsonScalar("disk", 256, ads, volume("v")), jsonScalar("disk", 256, ads, volume("w"))],
        operation: destroying(
          jsonScalar("disk", 256, ads, volume("v")), jsonScalar("disk", 256, ads, volume("w"))),
        outcome: .gives([jsonScalar("disk", 512, ads)]))),
    .init(
      page, "Programming with Persistent Volumes, requests made twice add up",
      OperationExample(
        resources: [jsonScalar("cpus", 2), jsonScalar("cpus", 2, ads)],
        operation: #"{"type":"RESERVE","reserve":{"resources":[\#(jsonScalar("cpus", 2, ads))]}}"#,
        outcome: .gives([jsonScalar("cpus", 4, ads)]))),
    .init(
      sharing, "Creating Shared Volumes",
      OperationExample(
        resources: [jsonScalar("disk", 2048, toEngineering)],
        operation: creating(jsonScalar("disk", 2048, toEngineering, volume(), shared)),
        outcome: .gives([jsonScalar("disk", 2048, toEngineering, volume(), shared)]), roles: ["engineering"],
        sharesResources: true)),
    .init(
      sharing, "Using Shared Volumes, only with SHARED_RESOURCES",
      OperationExample(
        resources: [jsonScalar("disk", 2048, toEngineering)],
        operation: creating(jsonScalar("disk", 2048, toEngineering, volume(), shared)),
        outcome: .invalid("with no SHARED_RESOURCES capability"), roles: ["engineering"])),
    .init(
      sharing, "Destroying Shared Volumes",
      OperationExample(
        resources: [jsonScalar("disk", 2048, reserved, volume(), shared)],
        operation: destroying(jsonScalar("disk", 2048, reserved, volume(), shared)), outcome: .gives([disk]))),
    .init(
      sharing, "Destroying Shared Volumes, not while a task uses it",
      OperationExample(
        resources: [jsonScalar("disk", 2048, reserved, volume(), shared)],
        operation: destroying(jsonScalar("disk", 2048, reserved, volume(), shared)),
        outcome: .invalid("Persistent volumes in use"), used: [jsonScalar("disk", 2048, reserved, volume(), shared)])),
    .init(
      sharing, "Destroying Shared Volumes, not while there are further copies",
      OperationExample(
        resources: [
          jsonScalar("disk", 2048, reserved, volume(), shared), jsonScalar("disk", 2048, reserved, volume(), shared),
        ], operation: destroying(jsonScalar("disk", 2048, reserved, volume(), shared)),
        outcome: .impossible("cannot be removed due to additional shared copies"))),
  ]

  @Test(arguments: examples)
  func `are made, resized and destroyed`(row: Documented<OperationExample>) throws {
    try row.example.check("\(row.testDescription)")
  }

  /// `persistent-volume.md`, "Programming with Persistent Volumes": one ACCEPT reserves and creates, one after the other, not as one.
  @Test func `are created on what the same call reserved`() throws {
    let before = try Resources.parse("disk:2048")
    let reserve = try Offer.Operation(
      jsonBytes: Array(#"{"type":"RESERVE","reserve":{"resources":[\#(disk)]}}"#.utf8))
    let create = try Offer.Operation(jsonBytes: Array(creating(created).utf8))
    #expect(try before.applying(reserve).applying(create).persistentVolumes.scalar("disk") == 2048)
    #expect(throws: OperationError.self) { try before.applying(create) }
  }

  /// `shared-resources.md`, "Using Shared Volumes": several tasks of one ACCEPT use a volume, and it is offered still.
  @Test func `that are shared are there while tasks use them`() throws {
    let one = try Resources([Sample.volume("v", 2048, shared: true)])
    let offered = one + one
    #expect(offered.contains(one) && (offered - one).contains(one) && !(offered - one - one).contains(one))
    #expect(offered.scalar("disk") == 2048)
  }
}
