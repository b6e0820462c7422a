import MesosModel
import MesosTestKit
import SwiftProtobuf
import Testing

@Suite struct `Quantities and limits as text and messages` {
  @Test(arguments: [
    ("", "{}"), (";;", "{}"), ("cpus:0", "{}"), ("cpus:0.01", "cpus:0.01"), ("mem:32;cpus:0.5", "cpus:0.5; mem:32"),
    (" cpus : 1 0 ;", "cpus:10"), ("cpus:1;cpus:2.5", "cpus:3.5"), ("c p us:10", "c p us:10"), ("cpus::1", "cpus:1"),
    ("cpus:0.0004", "{}"), ("cpus:0.0005", "cpus:0.001"), ("mem:1099511627776", "mem:1099511627776"),
  ])
  func `quantities are read and printed as Apache Mesos does`(text: String, printed: String) throws {
    let quantities = try ResourceQuantities(parsing: text)
    #expect(quantities.description == printed)
    if !quantities.isEmpty { #expect(try ResourceQuantities(parsing: printed) == quantities) }
  }

  @Test(arguments: [("", "{}"), ("cpus:0", "cpus:0"), ("mem:32;cpus:0.5", "cpus:0.5; mem:32")])
  func `limits are read and printed as Apache Mesos does`(text: String, printed: String) throws {
    let limits = try ResourceLimits(parsing: text)
    #expect(limits.description == printed)
  }

  @Test(arguments: [
    ("cpus", "Failed to parse 'cpus': missing or extra ':'", 0),
    ("mem:1;cpus:1:2", "Failed to parse 'cpus:1:2': missing or extra ':'", 6),
    ("cpus:", "Failed to parse 'cpus:': missing or extra ':'", 0),
    ("cpus: ", "Failed to parse ' ' to quantity: Expecting non-empty string", 5),
    ("mem:1;cpus:x", "Failed to parse 'x' to quantity: only scalar values are allowed", 11),
    ("ports:[1-2]", "Failed to parse '[1-2]' to quantity: only scalar values are allowed", 6),
    ("cpus:nan", "Failed to parse 'nan' to quantity: only scalar values are allowed", 5),
    ("cpus:1e999", "Failed to parse '1e999' to quantity: only scalar values are allowed", 5),
    ("cpus:-1", "Failed to parse '-1' to quantity: negative values are not allowed", 5),
    ("cpus:1e13", "Failed to parse '1e13' to quantity: the value is too large", 5),
    (" :1", "Failed to parse '1' to quantity: missing resource name", 2),
    ("cpus(eng):1", "Failed to parse '1' to quantity: 'cpus(eng)' names a role, and roles are not allowed", 10),
  ])
  func `what is wrong is told with its place`(text: String, message: String, offset: Int) {
    #expect(throws: ResourceError(.malformedText, message, offset: offset)) { try ResourceQuantities(parsing: text) }
    #expect(throws: ResourceError.self) { try ResourceLimits(parsing: text) }
  }

  @Test func `a limit may stand there once`() {
    #expect(
      throws: ResourceError(.malformedText, "Failed to parse '2' to limit: duplicate names are not allowed", offset: 12)
    ) { try ResourceLimits(parsing: "cpus:1;cpus:2") }
  }

  @Test(arguments: Seeds.few(4))
  func `no text makes a reader trap`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    let alphabet = Array("cpus:;.0123456789e-+ x()[]{}\tä\u{0}")
    for _ in 0..<5_000 {
      let text = String(
        (0..<Int.random(in: 0...12, using: &rng)).map { _ in alphabet.randomElement(using: &rng) ?? ":" })
      if let quantities = try? ResourceQuantities(parsing: text), !quantities.isEmpty {
        #expect((try? ResourceQuantities(parsing: quantities.description)) == quantities, "\(text)")
      }
      _ = try? ResourceLimits(parsing: text)
    }
  }

  private func scalar(_ value: Double) -> MesosValue.Scalar { MesosValue.Scalar.with { $0.value = value } }

  @Test func `messages carry both`() throws {
    let map = ["cpus": scalar(0.1), "mem": scalar(0)]
    #expect(try ResourceQuantities(map) == ["cpus": 0.1])
    #expect(try ResourceLimits(map) == ["cpus": 0.1, "mem": 0])
    #expect(try ResourceLimits(ResourceLimits(map).messages) == ["cpus": 0.1, "mem": 0])
    #expect(try ResourceQuantities(ResourceQuantities(map).messages) == ["cpus": 0.1])
  }

  @Test(
    arguments: [
      (-1, "Negative values not supported"), (.nan, "NaN not supported"), (.infinity, "Infinite values not supported"),
      (-.infinity, "Infinite values not supported"), (.leastNonzeroMagnitude, "Subnormal values not supported"),
      (1e13, "the value is too large"),
    ] as [(Double, String)])
  func `messages with amounts that are none are refused`(value: Double, problem: String) {
    let map = ["cpus": scalar(1), "mem": scalar(value)]
    #expect(throws: ResourceError(.invalidResource, "Invalid resource quantity for 'mem': \(problem)")) {
      try ResourceQuantities(map)
    }
    #expect(throws: ResourceError(.invalidResource, "Invalid resource limit for 'mem': \(problem)")) {
      try ResourceLimits(map)
    }
  }

  @Test func `resources count by name, and ranges and sets by size where asked`() throws {
    let resources = try Resources.parse("cpus:1;cpus(eng):0.5;ports:[1-10,21-30];zones:{a,b,c}")
    #expect(ResourceQuantities(resources) == ["cpus": 1.5])
    #expect(ResourceQuantities(resources, counting: .everything) == ["cpus": 1.5, "ports": 20, "zones": 3])
    let endless = try Resources.parse("ports:[0-18446744073709551615]")
    #expect(ResourceQuantities(endless, counting: .everything)["ports"] == Scalar(thousandths: .max))
  }

  @Test func `a shared resource counts once however many copies there are`() throws {
    let volume = Resource.with {
      $0.name = "disk"
      $0.type = .scalar
      $0.scalar.value = 10
      $0.reservations = [Reservation(.dynamic, role: "eng").message]
      $0.disk.persistence.id = "v"
      $0.disk.volume.containerPath = "data"
      $0.disk.volume.mode = .rw
      $0.shared = Resource.SharedInfo()
    }
    let resources = try Resources([volume])
    #expect(ResourceQuantities(resources + resources) == ["disk": 10])
  }
}
