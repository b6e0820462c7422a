import MesosModel
import Testing

private let page = "reservation.md"
private let reserve = "`Offer::Operation::Reserve` (without RESERVATION_REFINEMENT)"
private let unreserve = "`Offer::Operation::Unreserve` (without RESERVATION_REFINEMENT)"
private let refine = "`Offer::Operation::Reserve` (with RESERVATION_REFINEMENT)"
private let unrefine = "`Offer::Operation::Unreserve` (with RESERVATION_REFINEMENT)"

private let none = #""role":"*""#
private func old(_ role: String, _ principal: String) -> String {
  #""role":"\#(role)","reservation":{"principal":"\#(principal)"}"#
}
private func stack(_ infos: (role: String, principal: String)...) -> String {
  #""reservations":"#
    + jsonList(infos.map { #"{"type":"DYNAMIC","role":"\#($0.role)","principal":"\#($0.principal)"}"# })
}
private func allocated(_ role: String) -> String { #""allocation_info":{"role":"\#(role)"}"# }
private let toEngineering = allocated("engineering")
private let toBackend = allocated("engineering/backend")
private let one = stack(("engineering", "p"))
private let two = stack(("engineering", "p"), ("engineering/backend", "me"))
private let ads = stack(("ads", "ops"))
private let statically = #""reservations":[{"type":"STATIC","role":"eng"}]"#

private func operation(_ type: String, _ resources: String..., source: [String] = []) -> String {
  let from = source.isEmpty ? "" : #""source":\#(jsonList(source)),"#
  return #"{"type":"\#(type)","\#(type.lowercased())":{\#(from)"resources":\#(jsonList(resources))}}"#
}
private func labelled(_ label: String) -> String {
  #""reservations":[{"type":"DYNAMIC","role":"ads","labels":{"labels":[{"key":"for","value":"\#(label)"}]}}]"#
}

@Suite struct `Documented reservations` {
  /// `reservation.md`, "Static Reservation".
  @Test func `by configuration are in --resources`() throws {
    let resources = try Resources.parse("cpus:4;mem:2048;cpus(ads):8;mem(ads):4096")
    #expect(try resources.quantities == ResourceQuantities(parsing: "cpus:12;mem:6144"))
    #expect(try resources.reserved(to: "ads").quantities == ResourceQuantities(parsing: "cpus:8;mem:4096"))
    #expect(resources.reserved().entries.allSatisfy { !$0.isDynamicallyReserved })
  }

  static let examples: [Documented<OperationExample>] = [
    .init(
      page, "Dynamic Reservation, what is reserved by configuration cannot be reserved for another role",
      OperationExample(
        resources: [jsonScalar("cpus", 8, #""role":"eng""#)],
        operation: operation("RESERVE", jsonScalar("cpus", 8, ads)),
        outcome: .impossible("does not contain"), principal: "ops")),
    .init(
      page, "Dynamic Reservation, nor be unreserved",
      OperationExample(
        resources: [jsonScalar("cpus", 8, #""role":"eng""#)],
        operation: operation("UNRESERVE", jsonScalar("cpus", 8, #""role":"eng""#)),
        outcome: .invalid("is not dynamically reserved"))),
    .init(
      page, "Dynamic Reservation, two for one role are combined",
      OperationExample(
        resources: [jsonScalar("cpus", 4), jsonScalar("cpus", 2, ads)],
        operation: operation("RESERVE", jsonScalar("cpus", 3, ads)),
        outcome: .gives([jsonScalar("cpus", 1), jsonScalar("cpus", 5, ads)]))),
    .init(
      page, "Dynamic Reservation, partial unreserve",
      OperationExample(
        resources: [jsonScalar("cpus", 5, ads)], operation: operation("UNRESERVE", jsonScalar("cpus", 2, ads)),
        outcome: .gives([jsonScalar("cpus", 2), jsonScalar("cpus", 3, ads)]))),
    .init(
      page, "Dynamic Reservation, not unreserved under a volume",
      OperationExample(
        resources: [
          jsonScalar("disk", 5, ads, #""disk":{"persistence":{"id":"v"},"volume":{"container_path":"d","mode":"RW"}}"#)
        ],
        operation: operation(
          "UNRESERVE",
          jsonScalar(
            "disk", 5, ads, #""disk":{"persistence":{"id":"v"},"volume":{"container_path":"d","mode":"RW"}}"#)),
        outcome: .invalid("Please destroy the persistent volume first"))),
    .init(
      page, "Dynamic Reservation, the disk under a volume is not free",
      OperationExample(
        resources: [
          jsonScalar("disk", 5, ads, #""disk":{"persistence":{"id":"v"},"volume":{"container_path":"d","mode":"RW"}}"#)
        ], operation: operation("UNRESERVE", jsonScalar("disk", 5, ads)), outcome: .impossible("does not contain"))),
    .init(
      page, "Reservation Labels, different labels are not combined",
      OperationExample(
        resources: [jsonScalar("cpus", 4), jsonScalar("cpus", 2, labelled("web"))],
        operation: operation("RESERVE", jsonScalar("cpus", 3, labelled("batch"))),
        outcome: .gives([
          jsonScalar("cpus", 1), jsonScalar("cpus", 2, labelled("web")), jsonScalar("cpus", 3, labelled("batch")),
        ]))),
    .init(
      page, "Reservation Labels, one does not unreserve the other",
      OperationExample(
        resources: [jsonScalar("cpus", 2, labelled("web"))],
        operation: operation("UNRESERVE", jsonScalar("cpus", 1, labelled("batch"))),
        outcome: .impossible("does not contain"))),
    .init(
      page, "Reservation Refinement, eng to eng/backend",
      OperationExample(
        resources: [jsonScalar("cpus", 2, stack(("eng", "p")))],
        operation: operation("RESERVE", jsonScalar("cpus", 2, stack(("eng", "p"), ("eng/backend", "p")))),
        outcome: .gives([jsonScalar("cpus", 2, stack(("eng", "p"), ("eng/backend", "p")))]))),
    .init(
      page, "Reservation Refinement, of what is reserved by configuration",
      OperationExample(
        resources: [jsonScalar("cpus", 2, statically)],
        operation: operation(
          "RESERVE",
          jsonScalar(
            "cpus", 1, #""reservations":[{"type":"STATIC","role":"eng"},{"type":"DYNAMIC","role":"eng/backend"}]"#)),
        outcome: .gives([
          jsonScalar("cpus", 1, statically),
          jsonScalar(
            "cpus", 1, #""reservations":[{"type":"STATIC","role":"eng"},{"type":"DYNAMIC","role":"eng/backend"}]"#),
        ]))),
    .init(
      page, "Reservation Refinement, over a level",
      OperationExample(
        resources: [jsonScalar("cpus", 2, stack(("eng", "p")))],
        operation: operation("RESERVE", jsonScalar("cpus", 2, stack(("eng", "p"), ("eng/backend/db", "p")))),
        outcome: .gives([jsonScalar("cpus", 2, stack(("eng", "p"), ("eng/backend/db", "p")))]))),
    .init(
      page, "Reservation Refinement, unreserving gives back to the owner before",
      OperationExample(
        resources: [jsonScalar("cpus", 2, stack(("eng", "p"), ("eng/backend/db", "p")))],
        operation: operation("UNRESERVE", jsonScalar("cpus", 2, stack(("eng", "p"), ("eng/backend/db", "p")))),
        outcome: .gives([jsonScalar("cpus", 2, stack(("eng", "p")))]))),
    .init(
      page, "Reservation Refinement, not to a role beside",
      OperationExample(
        resources: [jsonScalar("cpus", 2, stack(("eng", "p")))],
        operation: operation("RESERVE", jsonScalar("cpus", 2, stack(("eng", "p"), ("ops/db", "p")))),
        outcome: .invalid("role 'ops/db' is not a refinement of 'eng'"))),
    .init(
      page, reserve,
      OperationExample(
        resources: [jsonScalar("cpus", 12, toEngineering, none), jsonScalar("mem", 6144, toEngineering, none)],
        operation: operation(
          "RESERVE", jsonScalar("cpus", 8, toEngineering, old("engineering", "me")),
          jsonScalar("mem", 4096, toEngineering, old("engineering", "me"))),
        outcome: .gives([
          jsonScalar("cpus", 8, toEngineering, old("engineering", "me")),
          jsonScalar("mem", 4096, toEngineering, old("engineering", "me")), jsonScalar("cpus", 4, toEngineering, none),
          jsonScalar("mem", 2048, toEngineering, none),
        ]), roles: ["engineering"], principal: "me")),
    .init(
      page, reserve + ", the role is that of the allocation",
      OperationExample(
        resources: [jsonScalar("cpus", 12, toEngineering, none)],
        operation: operation("RESERVE", jsonScalar("cpus", 8, toEngineering, old("ads", "me"))),
        outcome: .invalid("role 'ads', but the resource was allocated to role 'engineering'"),
        roles: ["ads", "engineering"], principal: "me")),
    .init(
      page, reserve + ", the principal is that of the framework",
      OperationExample(
        resources: [jsonScalar("cpus", 12, toEngineering, none)],
        operation: operation("RESERVE", jsonScalar("cpus", 8, toEngineering, old("engineering", "you"))),
        outcome: .invalid("authenticated principal 'me', which does not match a reserved resource"),
        roles: ["engineering"], principal: "me")),
    .init(
      page, reserve + ", the principal is not left unset",
      OperationExample(
        resources: [jsonScalar("cpus", 12, toEngineering, none)],
        operation: operation(
          "RESERVE", jsonScalar("cpus", 8, toEngineering, #""role":"engineering","reservation":{}"#)),
        outcome: .invalid("with no principal set"), roles: ["engineering"], principal: "me")),
    .init(
      page, reserve + ", a framework without a principal may leave it unset",
      OperationExample(
        resources: [jsonScalar("cpus", 8, toEngineering, none)],
        operation: operation(
          "RESERVE", jsonScalar("cpus", 8, toEngineering, #""role":"engineering","reservation":{}"#)),
        outcome: .gives([jsonScalar("cpus", 8, toEngineering, #""role":"engineering","reservation":{}"#)]),
        roles: ["engineering"])),
    .init(
      page, reserve + ", a framework without a principal may name any",
      OperationExample(
        resources: [jsonScalar("cpus", 8, toEngineering, none)],
        operation: operation("RESERVE", jsonScalar("cpus", 8, toEngineering, old("engineering", "you"))),
        outcome: .gives([jsonScalar("cpus", 8, toEngineering, old("engineering", "you"))]), roles: ["engineering"])),
    .init(
      page, unreserve,
      OperationExample(
        resources: [
          jsonScalar("cpus", 8, toEngineering, old("engineering", "me")),
          jsonScalar("mem", 4096, toEngineering, old("engineering", "me")),
        ],
        operation: operation(
          "UNRESERVE", jsonScalar("cpus", 8, toEngineering, old("engineering", "me")),
          jsonScalar("mem", 4096, toEngineering, old("engineering", "me"))),
        outcome: .gives([jsonScalar("cpus", 8, toEngineering, none), jsonScalar("mem", 4096, toEngineering, none)]),
        roles: ["engineering"], principal: "me")),
    .init(
      page, refine,
      OperationExample(
        resources: [jsonScalar("cpus", 12, toBackend, one), jsonScalar("mem", 6144, toBackend, one)],
        operation: operation("RESERVE", jsonScalar("cpus", 8, toBackend, two), jsonScalar("mem", 4096, toBackend, two)),
        outcome: .gives([
          jsonScalar("cpus", 8, toBackend, two), jsonScalar("mem", 4096, toBackend, two),
          jsonScalar("cpus", 4, toBackend, one), jsonScalar("mem", 2048, toBackend, one),
        ]), roles: ["engineering/backend"], principal: "me")),
    .init(
      page, refine + ", the refined role is that of the allocation",
      OperationExample(
        resources: [jsonScalar("cpus", 12, toEngineering, one)],
        operation: operation("RESERVE", jsonScalar("cpus", 8, toEngineering, two)),
        outcome: .invalid("role 'engineering/backend', but the resource was allocated to role 'engineering'"),
        roles: ["engineering/backend", "engineering"], principal: "me")),
    .init(
      page, unrefine,
      OperationExample(
        resources: [jsonScalar("cpus", 8, toBackend, two), jsonScalar("mem", 4096, toBackend, two)],
        operation: operation(
          "UNRESERVE", jsonScalar("cpus", 8, toBackend, two), jsonScalar("mem", 4096, toBackend, two)),
        outcome: .gives([jsonScalar("cpus", 8, toBackend, one), jsonScalar("mem", 4096, toBackend, one)]),
        roles: ["engineering/backend"], principal: "me")),
    .init(
      page, "`/reserve`",
      OperationExample(
        resources: [jsonScalar("cpus", 12), jsonScalar("mem", 6144)],
        operation: operation("RESERVE", jsonScalar("cpus", 8, ads), jsonScalar("mem", 4096, ads)),
        outcome: .gives([
          jsonScalar("cpus", 8, ads), jsonScalar("mem", 4096, ads), jsonScalar("cpus", 4), jsonScalar("mem", 2048),
        ]), principal: "ops")),
    .init(
      page, "`/reserve`, 409: not enough that is unreserved",
      OperationExample(
        resources: [jsonScalar("cpus", 7)], operation: operation("RESERVE", jsonScalar("cpus", 8, ads)),
        outcome: .impossible("cpus:7 does not contain cpus:8"), principal: "ops")),
    .init(
      page, "`/reserve`, the principal is that of the request",
      OperationExample(
        resources: [jsonScalar("cpus", 12)], operation: operation("RESERVE", jsonScalar("cpus", 8, ads)),
        outcome: .invalid("which does not match a reserved resource in the request with principal 'ops'"),
        principal: "me")),
    .init(
      page, "`/unreserve`",
      OperationExample(
        resources: [jsonScalar("cpus", 8, ads), jsonScalar("mem", 4096, ads)],
        operation: operation("UNRESERVE", jsonScalar("cpus", 8, ads), jsonScalar("mem", 4096, ads)),
        outcome: .gives([jsonScalar("cpus", 8), jsonScalar("mem", 4096)]), principal: "another")),
    .init(
      page, "`/unreserve`, 409: not enough that is reserved so",
      OperationExample(
        resources: [jsonScalar("cpus", 8, ads)], operation: operation("UNRESERVE", jsonScalar("cpus", 9, ads)),
        outcome: .impossible("does not contain"))),
  ]

  @Test(arguments: examples)
  func `are made and undone`(row: Documented<OperationExample>) throws {
    try row.example.check("\(row.testDescription)")
  }
}
