import MesosModel
import SwiftProtobuf
import Testing

private typealias Info = Resource.ReservationInfo

private func cpus(_ value: Double = 1, _ change: (inout Resource) -> Void = { _ in }) -> Resource {
  Resource.with {
    $0.name = "cpus"
    $0.type = .scalar
    $0.scalar.value = value
    change(&$0)
  }
}

private func dynamic(_ role: String, _ principal: String? = nil) -> Info {
  Info.with {
    $0.type = .dynamic
    $0.role = role
    if let principal { $0.principal = principal }
  }
}

private func ports(_ ranges: [(UInt64, UInt64)]) -> Resource {
  Resource.with {
    $0.name = "ports"
    $0.type = .ranges
    $0.ranges.range = ranges.map { range in
      MesosValue.Range.with {
        $0.begin = range.0
        $0.end = range.1
      }
    }
  }
}

private func disk(_ change: (inout Resource.DiskInfo) -> Void) -> Resource {
  cpus {
    $0.name = "disk"
    change(&$0.disk)
  }
}

/// The texts are what Apache Mesos 1.11.0 answered to tasks with such resources.
@Suite struct `Resources from messages` {
  static let refused: [(Resource, String)] = [
    (cpus(-1), "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0"),
    (cpus(0.0001), "Resource 'cpus:0' is invalid: Invalid scalar resource: value <= 0"),
    (cpus(1) { $0.name = "" }, "Resource ':1' is invalid: Empty resource name"),
    (cpus { $0.ranges = MesosValue.Ranges() }, "Resource 'cpus:1' is invalid: Invalid scalar resource"),
    (
      ports([(31005, 31001)]),
      "Resource 'ports:[31005-31001]' is invalid: Invalid ranges resource: begin > end"
    ),
    (
      ports([(31000, 31005), (31003, 31008)]),
      "Resource 'ports:[31000-31005, 31003-31008]' is invalid: Invalid ranges resource: overlapping ranges"
    ),
    (
      cpus {
        $0.name = "zones"
        $0.type = .set
        $0.clearScalar()
        $0.set.item = ["a", "a"]
      }, "Resource 'zones:{a, a}' is invalid: Invalid set resource: duplicated elements"
    ),
    (
      cpus {
        $0.role = "-x"
        $0.allocationInfo.role = "eng"
      }, "Resource 'cpus(allocated: eng):1' is invalid: Role component '-x' is invalid because it starts with a dash"
    ),
    (
      cpus { $0.reservation = Info() },
      "Resource 'cpus:1' is invalid: Invalid reservation: role \"*\" cannot be dynamically reserved"
    ),
    (
      cpus { $0.reservations = [Info.with { $0.role = "eng" }] },
      "Resource 'cpus(reservations: [(UNKNOWN,eng)]):1' is invalid: Invalid reservation: 'Resource.ReservationInfo.type' field "
        + "must be set."
    ),
    (
      cpus { $0.reservations = [Info.with { $0.type = .dynamic }] },
      "Resource 'cpus(reservations: [(DYNAMIC,)]):1' is invalid: Invalid reservation: 'Resource.ReservationInfo.role' field must "
        + "be set."
    ),
    (
      cpus { $0.reservations = [dynamic("*")] },
      "Resource 'cpus(reservations: [(DYNAMIC,*)]):1' is invalid: Invalid reservation: role \"*\" cannot be reserved"
    ),
    (
      cpus { $0.reservations = [dynamic("eng"), Reservation(.configured, role: "eng/a").message] },
      "Resource 'cpus(reservations: [(DYNAMIC,eng),(STATIC,eng/a)]):1' is invalid: Invalid refined reservation: A refined "
        + "reservation cannot be STATIC"
    ),
    (
      cpus { $0.reservations = [dynamic("eng"), dynamic("ops")] },
      "Resource 'cpus(reservations: [(DYNAMIC,eng),(DYNAMIC,ops)]):1' is invalid: Invalid refined reservation: role 'ops' is not "
        + "a refinement of 'eng'"
    ),
    (
      cpus {
        $0.role = "x"
        $0.reservations = [Reservation(.configured, role: "eng").message]
      },
      "Resource 'cpus(reservations: [(STATIC,eng)]):1' is invalid: Invalid resource format: 'Resource.role' field with 'x' does "
        + "not match the role 'eng' in 'Resource.reservations'"
    ),
    (
      cpus {
        $0.role = "eng"
        $0.reservation = Info()
        $0.reservations = [Reservation(.configured, role: "eng").message]
      },
      "Resource 'cpus(reservations: [(STATIC,eng)]):1' is invalid: Invalid resource format: 'Resource.reservation' must not be "
        + "set if the single reservation in 'Resource.reservations' is STATIC"
    ),
    (
      cpus {
        $0.role = "eng"
        $0.reservations = [dynamic("eng")]
      },
      "Resource 'cpus(reservations: [(DYNAMIC,eng)]):1' is invalid: Invalid resource format: 'Resource.role' and "
        + "'Resource.reservation' must either be both set or both not set if the single reservation in 'Resource.reservations' "
        + "is DYNAMIC"
    ),
    (
      cpus {
        $0.role = "eng"
        $0.reservation.principal = "q"
        $0.reservations = [dynamic("eng", "p")]
      },
      "Resource 'cpus(reservations: [(DYNAMIC,eng,p)]):1' is invalid: Invalid resource format: 'Resource.reservation.principal' "
        + "field with 'q' does not match the principal 'p' in 'Resource.reservations'"
    ),
    (
      cpus {
        $0.role = "eng"
        $0.reservations = [dynamic("eng"), dynamic("eng/x")]
      },
      "Resource 'cpus(reservations: [(DYNAMIC,eng),(DYNAMIC,eng/x)]):1' is invalid: Invalid resource format: 'Resource.role' must "
        + "not be set if there is more than one reservation in 'Resource.reservations'"
    ),
    (
      cpus {
        $0.reservation = Info()
        $0.reservations = [dynamic("eng"), dynamic("eng/x")]
      },
      "Resource 'cpus(reservations: [(DYNAMIC,eng),(DYNAMIC,eng/x)]):1' is invalid: Invalid resource format: "
        + "'Resource.reservation' must not be set if there is more than one reservation in 'Resource.reservations'"
    ),
    (
      cpus {
        $0.role = "eng"
        $0.reservation.type = .dynamic
      },
      "Resource 'cpus:1' is invalid: 'Resource.ReservationInfo.type' must not be set for the 'Resource.reservation' field"
    ),
    (
      cpus {
        $0.role = "eng"
        $0.reservation.role = "eng"
      },
      "Resource 'cpus:1' is invalid: 'Resource.ReservationInfo.role' must not be set for the 'Resource.reservation' field"
    ),
    (
      cpus { $0.shared = Resource.SharedInfo() }, "Resource 'cpus<SHARED>:1' is invalid: Resource cpus cannot be shared"
    ),
    (
      cpus {
        $0.name = "disk"
        $0.shared = Resource.SharedInfo()
      }, "Resource 'disk<SHARED>:1' is invalid: Only persistent volumes can be shared"
    ),
    (
      cpus { $0.disk = Resource.DiskInfo() },
      "Resource 'cpus[]:1' is invalid: DiskInfo should not be set for cpus resource"
    ),
    (cpus(.nan), "Resource 'cpus:nan' is invalid: Invalid scalar resource: value is too large"),
    (cpus(1e300), "Resource 'cpus:1e+300' is invalid: Invalid scalar resource: value is too large"),
    (
      cpus {
        $0.type = .text
        $0.clearScalar()
      }, "Resource 'cpus:' is invalid: Unsupported resource type"
    ),
    (Resource.with { $0.name = "cpus" }, "Resource 'cpus:0' is invalid: Invalid resource type"),
  ]

  @Test(arguments: refused.indices)
  func `that break a rule are refused in the words of Apache Mesos`(row: Int) {
    let (message, text) = Self.refused[row]
    do {
      Issue.record("\(message) was read as \(try Resources([cpus(1), message]))")
    } catch {
      #expect(error.code == .invalidResource)
      #expect(error.index == 1)
      #expect(error.message == text)
    }
  }

  static let printed: [(Resource, String)] = [
    (cpus { $0.allocationInfo.role = "eng" }, "cpus(allocated: eng):1"),
    (cpus { $0.revocable = Resource.RevocableInfo() }, "cpus{REV}:1"),
    (cpus(10000.12345), "cpus:10000.123"),
    (
      cpus {
        $0.allocationInfo.role = "eng"
        $0.reservations = [dynamic("eng", "p"), dynamic("eng/a", "q")]
        $0.reservations[1].labels.labels = [
          MesosLabel.with {
            $0.key = "k"
            $0.value = "v"
          }, MesosLabel.with { $0.key = "z" },
        ]
      }, "cpus(allocated: eng)(reservations: [(DYNAMIC,eng,p),(DYNAMIC,eng/a,q,{k: v, z})]):1"
    ),
    (
      disk {
        $0.persistence.id = "v"
        $0.volume.containerPath = "x"
        $0.volume.mode = .rw
      }, "disk[v:x]:1"
    ),
    (
      disk {
        $0.source.type = .path
        $0.source.path.root = "/p"
      }, "disk[PATH:/p]:1"
    ),
    (
      disk {
        $0.source.type = .mount
        $0.source.mount.root = "/p"
        $0.source.id = "i"
        $0.source.profile = "pr"
        $0.source.vendor = "ve"
      }, "disk[MOUNT(ve,i,pr)]:1"
    ),
    (
      disk {
        $0.source.type = .raw
        $0.source.id = "i"
      }, "disk[RAW(,i,)]:1"
    ),
    (
      disk {
        $0.source.type = .block
        $0.source.vendor = "i"
      }, "disk[BLOCK]:1"
    ),
  ]

  @Test(arguments: printed.indices)
  func `print as Apache Mesos prints them`(row: Int) throws {
    #expect(try Resources([Self.printed[row].0]).description == Self.printed[row].1)
  }

  @Test func `of nothing are left out`() throws {
    #expect(try Resources([cpus(0), ports([])]).isEmpty)
  }

  @Test func `show reservations in the format of the reader`() throws {
    let resources = try Resources([cpus(2) { $0.reservations = [dynamic("eng", "p")] }, cpus()])
    let post = resources.messages
    #expect(post[0].reservations == [dynamic("eng", "p")])
    #expect(!post[0].hasRole && !post[0].hasReservation && !post[1].hasRole)
    let pre = resources.messages(in: .preReservationRefinement)
    #expect(
      pre[0].role == "eng" && pre[0].reservation == Info.with { $0.principal = "p" } && pre[0].reservations.isEmpty)
    #expect(pre[1].hasRole && pre[1].role == "*" && !pre[1].hasReservation)
    let endpoint = resources.messages(in: .endpoint)
    #expect(
      endpoint[0].role == "eng" && endpoint[0].reservation.principal == "p" && endpoint[0].reservations.count == 1)
    #expect(endpoint[1].role == "*" && endpoint[1].reservations.isEmpty)
  }

  @Test func `whole disks and volumes neither merge nor split`() throws {
    let mount = disk {
      $0.source.type = .mount
      $0.source.mount.root = "/m"
    }
    let half = Resource.with {
      $0 = mount
      $0.scalar.value = 0.5
    }
    let two = try Resources([mount, mount])
    #expect(two.entries.count == 2)
    #expect(two.scalar("disk") == 2)
    #expect(try !two.contains(Resources([half])))
    #expect(try two - Resources([mount]) == Resources([mount]))
    let path = disk {
      $0.source.type = .path
      $0.source.path.root = "/m"
    }
    #expect(try Resources([path, path]).entries.count == 1)
  }

  @Test func `a shared volume is counted in copies`() throws {
    let volume = disk {
      $0.persistence.id = "v"
      $0.volume.containerPath = "x"
      $0.volume.mode = .rw
    }
    let shared = try Resources([
      Resource.with {
        $0 = volume
        $0.shared = Resource.SharedInfo()
      }
    ])
    let two = shared + shared
    #expect(two.entries.count == 1 && two.entries[0].copies == 2)
    #expect(two.scalar("disk") == 1)
    #expect("\(two)" == "disk[v:x]<SHARED>:1<2>")
    #expect(two - shared == shared)
    #expect(!shared.contains(two))
    #expect((two - shared - shared).isEmpty)
  }

  @Test func `taking more than there is is an error`() throws {
    let four = try Resources.parse("cpus:4")
    do {
      _ = try four.subtracting(Resources.parse("cpus:4.001"))
      Issue.record("there was more than there is")
    } catch {
      #expect(error.code == .insufficient)
      #expect(error.message == "cpus:4 does not contain cpus:4.001")
    }
    #expect(try (four - Resources.parse("cpus:5;mem:1")).isEmpty)
  }
}
