import MesosModel
import MesosTestKit
import SwiftProtobuf
import Testing

struct ValidationTests {
  @Test func `an error says where it is in a larger message`() {
    let error = ValidationError(.invalidValue, "too small", path: "size").within("Box: ", field: "box")
    #expect(error == ValidationError(.invalidValue, "Box: too small", path: "box.size"))
    #expect(error.description == "Box: too small (in 'box.size')")
    #expect(ValidationError(.missingField, "none").within("").path == nil)
  }

  // MARK: Identifiers

  @Test(arguments: ["a", "task.1", "…", "...", "a b", String(repeating: "i", count: 255)])
  func `an identifier that can be the name of a folder is legal`(id: String) throws {
    try TaskKey(id).validate()
  }

  @Test(arguments: [
    ("", "ID must not be empty"), (".", "'.' is disallowed"), ("..", "'..' is disallowed"),
    ("a/b", "'a/b' contains invalid characters"), ("a\\b", "'a\\b' contains invalid characters"),
    ("a\u{7f}", "'a\u{7f}' contains invalid characters"), ("\n", "'\n' contains invalid characters"),
    (String(repeating: "é", count: 128), "ID must not be greater than 255 characters"),
  ])
  func `an identifier that cannot be the name of a folder is refused`(id: String, message: String) {
    let error = #expect(throws: ValidationError.self) { try ExecutorKey(id).validate() }
    #expect(error == ValidationError(.invalidIdentifier, message))
  }

  @Test func `the identifier of a container has its own rules`() throws {
    try ContainerKey(String(repeating: "c", count: 242)).validate()
    let error = #expect(throws: ValidationError.self) { try ContainerKey("a.b").validate() }
    #expect(error?.message == "'ContainerID.value' 'a.b' contains invalid characters")
  }

  @Test(arguments: Seeds.few(4))
  func `the identifiers of containers are random UUIDs from injected chance`(seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    var again = SplitMix64(seed: seed)
    var seen: Set<ContainerKey> = []
    for _ in 0..<100 {
      let key = ContainerKey(using: &generator)
      #expect(key == ContainerKey(using: &again))
      #expect(seen.insert(key).inserted)
      try key.validate()
      let parts = key.value.split(separator: "-").map { Array($0) }
      #expect(parts.map(\.count) == [8, 4, 4, 4, 12])
      #expect(parts[2][0] == "4" && "89ab".contains(parts[3][0]))
      #expect(key.value.allSatisfy { "0123456789abcdef-".contains($0) })
    }
  }

  // MARK: URIs

  @Test(
    arguments: [
      ("http://host/file.tar", nil, nil), ("relative/path", nil, "dir/file"), ("c://x", nil, nil),
      ("a\\b", "Illegal characters in URI", nil), ("a'b", "Illegal characters in URI", nil),
      ("a\0b", "Illegal characters in URI", nil), ("http://host", "Malformed URI (missing path): http://host", nil),
      ("http://host/", "Malformed URI (missing path): http://host/", nil),
      ("f", "URI output file path is empty", ""),
      ("f", "URI output file must be within the sandbox directory", "/etc/x"),
    ] as [(String, String?, String?)])
  func `a URI names something and becomes a file of the sandbox`(uri: String, message: String?, output: String?) throws
  {
    var command = CommandInfo()
    command.uris = [
      .with {
        $0.value = uri
        if let output { $0.outputFile = output }
      }
    ]
    guard let message else { return try CommandValidation.validateURIs(of: command) }
    let error = #expect(throws: ValidationError.self) { try CommandValidation.validateURIs(of: command) }
    #expect(error?.message == message)
  }

  // MARK: Frameworks

  @Test(arguments: [0, -1, 604_800, 9_223_372_036, -9_223_372_036] as [Double])
  func `a failover timeout is a span of time`(seconds: Double) throws {
    try FrameworkValidation.validate(failoverTimeout: seconds)
  }

  @Test(
    arguments: [
      (.nan, "nan"), (.infinity, "inf"), (-.infinity, "-inf"), (1e10, "1e+10"), (9_223_372_037, "9.22337e+09"),
      (-12_345_678_901.5, "-1.23457e+10"), (9_999_999_999, "1e+10"),
    ] as [(Double, String)])
  func `a failover timeout that is none is refused`(seconds: Double, text: String) {
    let error = #expect(throws: ValidationError.self) { try FrameworkValidation.validate(failoverTimeout: seconds) }
    #expect(error?.message == "The framework failover_timeout (\(text)) is invalid")
  }

  @Test func `an update keeps principal, user and checkpoint`() throws {
    let old = FrameworkInfo.with {
      $0.user = "u"
      $0.principal = "p"
      $0.checkpoint = true
    }
    try FrameworkValidation.validateUpdate(from: old, to: old)
    let changes: [(@Sendable (inout FrameworkInfo) -> Void, String)] = [
      ({ $0.principal = "q" }, "Changing framework's principal is not allowed."),
      ({ $0.clearPrincipal() }, "Changing framework's principal is not allowed."),
      (
        { $0.user = "v" },
        "Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'u' to 'v'"
      ),
      (
        { $0.checkpoint = false },
        "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from 'true' to 'false'"
      ),
    ]
    for (change, message) in changes {
      var new = old
      change(&new)
      let error = #expect(throws: ValidationError.self) { try FrameworkValidation.validateUpdate(from: old, to: new) }
      #expect(error?.message == message)
      #expect(error?.code == .immutable)
    }
  }

  @Test func `only roles of the framework can be suppressed or constrained`() throws {
    try FrameworkValidation.validate(suppressedRoles: ["eng"], of: ["eng", "ops"])
    let suppressed = #expect(throws: ValidationError.self) {
      try FrameworkValidation.validate(suppressedRoles: ["eng", "x"], of: ["eng", "ops"])
    }
    #expect(suppressed?.message == "Suppressed role 'x' is not contained in the list of roles")
    let constraints = OfferConstraints.with { $0.roleConstraints["x"] = OfferConstraints.RoleConstraints() }
    let constrained = #expect(throws: ValidationError.self) {
      try OfferConstraintsValidation.validate(constraints, roles: ["eng"])
    }
    #expect(
      constrained?.message
        == "Offer constraints specify `role_constraints` for a role 'x'not contained in the set of roles")
  }

  @Test(
    arguments: [
      (#"{"role_constraints":{}}"#, nil),
      (
        #"{"role_constraints":{"r":{"groups":[{"attribute_constraints":[{"selector":{"attribute_name":"a"},"#
          + #""predicate":{"exists":{}}}]}]}}}"#, nil
      ),
      (
        #"{"role_constraints":{"r":{}}}"#,
        "'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role r"
      ),
      (
        #"{"role_constraints":{"r":{"groups":[{}]}}}"#,
        "'OfferConstraints::RoleConstraints::groups' for role rcontains an empty RoleConstraints::Group"
      ),
      (
        #"{"role_constraints":{"r":{"groups":[{"attribute_constraints":[{"selector":{},"predicate":{"exists":{}}}]}]}}}"#,
        "A role r has an invalid 'AttributeConstraint': Exactly one of 'AttributeConstraint::Selector::name' or "
          + "'AttributeConstraint::Selector::pseudoattribute_type' must be set"
      ),
      (
        #"{"role_constraints":{"r":{"groups":[{"attribute_constraints":[{"selector":{"attribute_name":"a"},"#
          + #""predicate":{}}]}]}}}"#,
        "A role r has an invalid 'AttributeConstraint': Unknown predicate type"
      ),
    ] as [(String, String?)])
  func `offer constraints have something to evaluate`(json: String, message: String?) throws {
    let constraints = try OfferConstraints(jsonBytes: Array(json.utf8))
    guard let message else { return try OfferConstraintsValidation.validate(constraints) }
    let error = #expect(throws: ValidationError.self) { try OfferConstraintsValidation.validate(constraints) }
    #expect(error?.message == message)
  }

  @Test func `a scheduler speaks for its own principal`() throws {
    var call = SchedulerCall()
    call.type = .subscribe
    call.subscribe.frameworkInfo = .with {
      $0.user = "u"
      $0.name = "n"
      $0.principal = "p"
    }
    try CallValidation.validate(call)
    try CallValidation.validate(call, principal: Principal(value: "p"))
    let error = #expect(throws: ValidationError.self) {
      try CallValidation.validate(call, principal: Principal(value: "q"))
    }
    #expect(
      error?.message == "Authenticated principal 'q' does not match principal 'p' set in `FrameworkInfo`")
  }

  // MARK: Offers

  private static let offers: [OfferKey: OfferValidation.Terms] = [
    "o1": .init(framework: "f", agent: "a", role: "eng"), "o2": .init(framework: "f", agent: "a", role: "eng"),
    "o3": .init(framework: "f", agent: "b", role: "eng"), "o4": .init(framework: "f", agent: "a", role: "ops"),
    "o5": .init(framework: "g", agent: "a", role: "eng"),
  ]

  @Test(
    arguments: [
      (["o1", "o2"], nil), ([], "No offers specified"), (["o1", "o2", "o1"], "Duplicate offer o1 in offer list"),
      (["o1", "o9"], "Offer o9 is no longer valid"),
      (["o1", "o5"], "Offer o5 has invalid framework g while framework f is expected"),
      (
        ["o1", "o4"],
        "Aggregated offers must be allocated to the same role. Offer o4 uses role 'ops but another is using role 'eng"
      ),
      (
        ["o1", "o3"],
        "Aggregated offers must belong to one single agent. Offer o3 uses agent b and agent a"
      ),
    ] as [([OfferKey], String?)])
  func `offers are accepted together when they are of one framework, role and agent`(
    keys: [OfferKey], message: String?
  ) throws {
    guard let message else {
      return try OfferValidation.validate(keys, of: "f") { ValidationTests.offers[$0] }
    }
    let error = #expect(throws: ValidationError.self) {
      try OfferValidation.validate(keys, of: "f") { ValidationTests.offers[$0] }
    }
    #expect(error?.message == message)
  }

  @Test func `inverse offers are of no role, and none at all is legal`() throws {
    try OfferValidation.validate(inverse: [], of: "f") { _ in nil }
    try OfferValidation.validate(inverse: ["o1", "o4"], of: "f") { ValidationTests.offers[$0] }
    let error = #expect(throws: ValidationError.self) {
      try OfferValidation.validate(inverse: ["x"], of: "f") { _ in nil }
    }
    #expect(error?.message == "Inverse offer x is no longer valid")
  }

  // MARK: Resources

  @Test func `resources of an operation are of one provider`() {
    func resource(_ provider: String?) -> Resource {
      .with { if let provider { $0.providerID.value = provider } }
    }
    let cases: [([Resource], String?)] = [
      ([resource("p"), resource("p")], nil), ([resource(nil)], nil),
      ([resource("p"), resource(nil)], "Some resources have a resource provider and some do not"),
      ([resource("q"), resource("p")], "The resources have multiple resource providers: p, q"),
      ([], "The resources have multiple resource providers: "),
    ]
    for (resources, message) in cases {
      var refusal: String?
      do throws(ValidationError) { try ResourceValidation.validateSingleProvider(resources) } catch {
        refusal = error.message
      }
      #expect(refusal == message)
    }
  }

  @Test func `copies of a shared volume are no overlap and no second volume`() throws {
    let volume = try Resources([
      Resource.with {
        $0.name = "disk"
        $0.type = .scalar
        $0.scalar.value = 8
        $0.reservations = [Reservation(.dynamic, role: "eng").message]
        $0.disk.persistence.id = "v"
        $0.disk.volume.containerPath = "p"
        $0.disk.volume.mode = .rw
        $0.shared = Resource.SharedInfo()
      }
    ])
    try ResourceValidation.validateUniquePersistenceIDs(volume + volume)
    #expect(!ResourceValidation.overlap([volume, volume]))
    let ports = try Resources.parse("ports:[1-5]")
    #expect(ResourceValidation.overlap([ports, volume, try Resources.parse("ports:[5-9]")]))
    #expect(!ResourceValidation.overlap([ports, try Resources.parse("ports:[6-9]")]))
    #expect(!ResourceValidation.overlap([ports, try Resources.parse("ports(eng):[1-5]")]))
  }

  // MARK: Maintenance

  @Test func `a machine that is down stays in the schedule`() {
    let machine = MachineID.with { $0.hostname = "h" }
    let error = #expect(throws: ValidationError.self) {
      try MaintenanceValidation.validate(MaintenanceSchedule(), down: [machine])
    }
    #expect(error?.message == #"Machine '{"hostname":"h"}' is deactivated and cannot be removed from the schedule"#)
  }
}
