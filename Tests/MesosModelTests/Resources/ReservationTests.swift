import MesosModel
import SwiftProtobuf
import Testing

@Suite struct `Reservations` {
  private let eng = Reservation(.dynamic, role: "eng", principal: "ops")

  @Test func `are pushed and popped`() throws {
    let plain = try Resources.parse("cpus:4;ports:[1-5]")
    let reserved = try plain.pushingReservation(eng)
    #expect(
      "\(reserved)" == "cpus(reservations: [(DYNAMIC,eng,ops)]):4; ports(reservations: [(DYNAMIC,eng,ops)]):[1-5]")
    let refined = try reserved.pushingReservation(Reservation(.dynamic, role: "eng/web"))
    #expect(refined.entries.allSatisfy { $0.hasRefinedReservation && $0.reservationRole == "eng/web" })
    #expect(try refined.poppingReservation() == reserved)
    #expect(try refined.poppingReservation().poppingReservation() == plain)
    #expect(refined.withoutReservations == plain)
  }

  @Test func `merge what became the same`() throws {
    let mixed = try Resources.parse("cpus:1;cpus(eng):2;cpus(ops):4")
    #expect(try mixed.withoutReservations == Resources.parse("cpus:7"))
    #expect(mixed.withoutReservations.entries.count == 1)
  }

  @Test(arguments: [
    ("cpus:1", Reservation(.dynamic, role: "*"), "Invalid reservation: role \"*\" cannot be reserved"),
    ("cpus:1", Reservation(.dynamic, role: "a//b"), "Role 'a//b' cannot contain two adjacent slashes"),
    (
      "cpus(eng):1", Reservation(.dynamic, role: "ops"),
      "Invalid refined reservation: role 'ops' is not a refinement of 'eng'"
    ),
    (
      "cpus(eng):1", Reservation(.dynamic, role: "eng"),
      "Invalid refined reservation: role 'eng' is not a refinement of 'eng'"
    ),
    (
      "cpus(eng):1", Reservation(.configured, role: "eng/web"),
      "Invalid refined reservation: A refined reservation cannot be STATIC"
    ),
  ])
  func `that may not be made are refused`(text: String, reservation: Reservation, reason: String) throws {
    let resources = try Resources.parse(text)
    do {
      Issue.record("\(try resources.pushingReservation(reservation)) was made")
    } catch {
      #expect(error.code == .invalidResource && error.message == reason)
    }
  }

  @Test func `cannot be popped where there are none`() throws {
    let resources = try Resources.parse("cpus(eng):1;mem:1")
    #expect(throws: ResourceError(.invalidResource, "Resource 'mem:1' is not reserved")) {
      try resources.poppingReservation()
    }
  }

  @Test func `have a common part`() throws {
    let plain = try Resources.parse("cpus:1")
    let a = try plain.pushingReservation(eng).pushingReservation(Reservation(.dynamic, role: "eng/a"))
    let b = try plain.pushingReservation(eng).pushingReservation(Reservation(.dynamic, role: "eng/b"))
    #expect(a.commonReservations(with: b) == [eng])
    #expect(a.commonReservations(with: a).count == 2)
    #expect(a.commonReservations(with: plain) == [])
    #expect(Resources().commonReservations(with: Resources()) == [])
  }

  @Test func `are told apart by principal and labels, and not by the order of labels`() throws {
    func labels(_ keys: String...) -> MesosLabels {
      MesosLabels.with { $0.labels = keys.map { key in MesosLabel.with { $0.key = key } } }
    }
    let plain = try Resources.parse("cpus:1")
    func reserved(_ labels: MesosLabels?, _ principal: String? = "p") throws -> Resources {
      try plain.pushingReservation(Reservation(.dynamic, role: "eng", principal: principal, labels: labels))
    }
    #expect(try (reserved(labels("a", "b")) + reserved(labels("b", "a"))).entries.count == 1)
    #expect(try (reserved(labels("a", "b")) + reserved(labels("a"))).entries.count == 2)
    #expect(try (reserved(nil) + reserved(labels())).entries.count == 2)
    #expect(try (reserved(nil) + reserved(nil, nil)).entries.count == 2)
    #expect(try reserved(labels("a", "b")).hashValue == reserved(labels("b", "a")).hashValue)
  }

  /// The first four rows are the expectations of Apache Mesos' own test of `find`.
  @Test(
    arguments: [
      (
        "cpus(role1):2;mem(role1):10;cpus:4;mem:20", "cpus(role1):3;mem(role1):15",
        "cpus(role1):2;mem(role1):10;cpus:1;mem:5"
      ),
      (
        "cpus(role1):1;mem(role1):5;cpus(role2):2;mem(role2):8;cpus:1;mem:7", "cpus(role1):3;mem(role1):15",
        "cpus(role1):1;mem(role1):5;cpus:1;mem:7;cpus(role2):1;mem(role2):3"
      ),
      ("cpus(role1):5;mem(role1):5;cpus:5;mem:5", "cpus:6;mem:6", "cpus:5;mem:5;cpus(role1):1;mem(role1):1"),
      ("cpus(role1):1;mem(role1):1", "cpus(role1):2;mem(role1):2", nil),
      ("cpus(a):1;cpus(b):1;cpus(c):1", "cpus:3", "cpus(a):1;cpus(b):1;cpus(c):1"),
      ("ports(a):[1-5];ports:[6-9]", "ports:[4-8]", "ports(a):[4-5];ports:[6-8]"),
      ("zones(a):{x,y};zones:{z}", "zones(a):{y,z}", "zones(a):{y};zones:{z}"),
      ("cpus:2", "cpus:1;cpus(a):2", nil), ("cpus:2", "mem:1", nil), ("cpus:2", "", ""),
    ] as [(String, String, String?)])
  func `are found by preference`(all: String, targets: String, found: String?) throws {
    #expect(try Resources.parse(all).find(Resources.parse(targets)) == found.map { try Resources.parse($0) })
  }

  /// From here to the end: roles of a tree.
  @Test func `to a role belong to the roles below it`() throws {
    let all = try Resources.parse("cpus:1;cpus(eng):2;cpus(eng/web):4;cpus(english):8;cpus(ops):16")
    #expect(all.allocatable(to: "eng").scalar("cpus") == 3)
    #expect(all.allocatable(to: "eng/web").scalar("cpus") == 7)
    #expect(all.allocatable(to: "eng/web/front").scalar("cpus") == 7)
    #expect(all.reserved(toSubtreeOf: "eng").scalar("cpus") == 6)
    #expect(all.reserved(to: "eng").scalar("cpus") == 2)
    #expect(all.reservations.map(\.role) == ["eng", "eng/web", "english", "ops"])
    let allocated = all.reserved(to: "eng").allocated(to: "eng/web") + all.unreserved.allocated(to: "english")
    #expect(allocated.allocated(toSubtreeOf: "eng").scalar("cpus") == 2)
  }

  @Test func `that are dynamic, and volumes, are what an agent keeps unless a provider does`() throws {
    let configured = try Resources.parse("cpus(eng):1;mem:1")
    let dynamic = try Resources.parse("disk:1").pushingReservation(eng)
    #expect((configured + dynamic).needingCheckpoint == dynamic)
    let provided = try Resources(
      dynamic.messages.map { message in
        Resource.with {
          $0 = message
          $0.providerID.value = "csi"
        }
      })
    #expect(provided.needingCheckpoint.isEmpty && provided.entries[0].hasResourceProvider)
    #expect(try provided.provider() == "csi" && configured.provider() == nil)
    #expect((provided + dynamic).provided(by: "csi") == provided && (provided + dynamic).provided(by: nil) == dynamic)
    #expect(throws: ResourceError(.invalidResource, "Resources are from multiple resource providers")) {
      try (provided + dynamic).provider()
    }
    #expect(throws: ResourceError.self) { try Resources().provider() }
  }
}
