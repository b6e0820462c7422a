import MesosModel
import MesosTestKit
import SwiftProtobuf

extension FuzzTarget {
  static let all: [FuzzTarget] = [
    resourcesText, resourcesJSON, resourceMessages, resourceBytes, values, attributes, attributeMessages, quantities,
    limits, roles, schedulerCalls, masterCalls,
  ]

  // MARK: Pieces of texts

  private static let names = ["cpus", "mem", "disk", "ports", "gpus", "zones", "é", "a b", "x-1", "名前"]
  private static let roleNames = ["*", "eng", "eng/web", "eng/web/front", "ops", "a-b", "é"]
  private static let numbers = [
    "0", "1", "4", "0.5", "0.001", "0.0004", "1.9995", "8192", "1e3", "1e12", "1e13", "1e308", "1e400", "1e-320", "-1",
    "-0", "+5", ".5", "5.", "0x1f", "0x1p3", "nan", "inf", "-inf", "Infinity", "nan(1)", "999999999999.999", "1_0",
    "18446744073709551615", "18446744073709551616", "9223372036854775807",
  ]
  private static let tokens =
    names + roleNames + numbers + [
      "[", "]", "{", "}", "(", ")", ":", ";", ",", "-", " ", "\t", "\n", "\0", "\u{8}", "\u{301}", "\u{200b}", "\u{a0}",
      "\r\n",
      "\"", "\\", "/", "//", "..", "[1-2]", "{a}", "<", ">", "=", "🦊",
    ]

  private static func amount(_ random: inout SplitMix64) -> String {
    switch Int.random(in: 0..<4, using: &random) {
    case 0, 1:
      return random.one(of: numbers)
    case 2:
      let ranges = (0..<Int.random(in: 0..<5, using: &random)).map { _ in
        let begin = UInt64.random(in: 0..<40, using: &random)
        if random.once(in: 20) { return "\(begin)-\(UInt64.max)" }
        return "\(begin)-\(begin + UInt64.random(in: 0..<10, using: &random))"
      }
      return "[" + ranges.joined(separator: random.one(of: [",", ", "])) + "]"
    default:
      return "{" + random.several(0...4, of: ["a", "b", "c", "sda1", "é"]).joined(separator: ",") + "}"
    }
  }

  private static func entries(_ random: inout SplitMix64, rolesOnceIn rarity: Int) -> String {
    (0..<Int.random(in: 0..<6, using: &random)).map { _ in
      let role = random.once(in: rarity) ? "(" + random.one(of: roleNames) + ")" : ""
      return random.one(of: names) + role + ":" + amount(&random)
    }.joined(separator: random.one(of: [";", "; "]))
  }

  private static func check(_ error: ResourceError, of text: String) throws(FuzzFinding) {
    try demand(!error.message.isEmpty, "a refusal without a reason")
    if let offset = error.offset {
      try demand((0...text.utf8.count).contains(offset), "a refusal at byte \(offset) of \(text.utf8.count)")
    }
  }

  // MARK: Resources

  /// The text form of what only has what the text form can say.
  private static func text(of resources: Resources) -> String {
    resources.entries.map { entry in
      let role = entry.reservationRole.map { "(\($0))" } ?? ""
      let amount =
        switch entry.amount {
        case .scalar(let scalar): scalar.description
        case .ranges(let ranges): ranges.description
        case .set(let set): set.description
        }
      return entry.name + role + ":" + amount
    }.joined(separator: "; ")
  }

  private static func checkInvariants(_ resources: Resources) throws(FuzzFinding) {
    for entry in resources.entries { try demand(!entry.amount.isEmpty, "an entry of nothing: \(entry)") }
    try demand(resources == resources && resources.contains(resources), "\(resources) is not itself")
    try demand((resources - resources).isEmpty, "\(resources) without itself is \(resources - resources)")
    let twice = resources + resources
    try demand(twice.contains(resources), "\(resources) is not part of twice itself, \(twice)")
    try demand(!resources.description.isEmpty || resources.isEmpty, "nothing is printed")
  }

  /// Sums may grow larger than what is read as one amount.
  private static func canBeWritten(_ resources: Resources) -> Bool {
    resources.entries.allSatisfy { entry in
      if case .scalar(let amount) = entry.amount { return amount.doubleValue <= Scalar.wireMax }
      return true
    }
  }

  static let resourcesText = FuzzTarget("resources text", tokens: tokens) { random in
    entries(&random, rolesOnceIn: 3)
  } check: { (input) throws(FuzzFinding) in
    let resources: Resources
    do throws(ResourceError) {
      resources = try Resources.parse(input)
    } catch {
      try demand(error.offset != nil, "a refusal without a place: \(error)")
      try check(error, of: input)
      return false
    }
    try checkInvariants(resources)
    let printed = text(of: resources)
    // A text whose first name begins with a bracket is JSON, wherever the name was before.
    guard canBeWritten(resources), !printed.hasPrefix("[") else { return true }
    let again = try accepted("\(resources) printed as '\(printed)'") { () throws(ResourceError) in
      try Resources.parse(printed)
    }
    try demand(again == resources, "\(resources) printed as '\(printed)' and read again is \(again)")
    return true
  }

  private static let documents: [String] = [
    #"[{"name":"cpus","type":"SCALAR","scalar":{"value":2.5}}]"#,
    #"[{"name":"mem","type":"SCALAR","scalar":{"value":512},"role":"eng"},"#
      + #"{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":4},{"begin":9,"end":9}]}}]"#,
    #"[{"name":"zones","type":"SET","set":{"item":["a","b"]},"reservations":[{"type":"STATIC","role":"eng"}]}]"#,
    #"[{"name":"disk","type":"SCALAR","scalar":{"value":1e3},"disk":{"source":{"type":"MOUNT","mount":{"root":"/m"}}}}]"#,
    #"[{"name":"disk","type":"SCALAR","scalar":{"value":9},"reservations":[{"type":"DYNAMIC","role":"eng","principal":"p"}],"#
      + #""disk":{"persistence":{"id":"v"},"volume":{"container_path":"d","mode":"RW"}},"shared":{}}]"#,
    #"[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"revocable":{},"provider_id":{"value":"x"}}]"#,
    "[]", "[ ]",
  ]
  private static let jsonTokens = [
    "{", "}", "[", "]", ",", ":", "\"", "\\", "null", "1e9", "1e400", "-1", "-", "NaN", "\"NaN\"", "\"\\ud800\"",
    "\\u0000",
    "true", "\0", "\u{80}", " ", "\"name\":\"\"", "\"role\":\"*\",", "\"type\":\"TEXT\",", "\"shared\":{},",
    "\"revocable\":{},", "\"scalar\":{\"value\":0},", "]}", "}]", ",{}",
    "\"ranges\":{\"range\":[{\"begin\":5,\"end\":1}]},",
  ]

  static let resourcesJSON = FuzzTarget("resources JSON", tokens: jsonTokens) { random in
    random.one(of: documents)
  } check: { (input) throws(FuzzFinding) in
    let resources: Resources
    do throws(ResourceError) {
      resources = try Resources.parse(json: Array(input.utf8))
    } catch {
      try check(error, of: input)
      return false
    }
    try checkInvariants(resources)
    guard canBeWritten(resources) else { return true }
    for format in [ResourceFormat.postReservationRefinement, .endpoint] {
      let list = resources.messages(in: format).map { String(decoding: $0.jsonBytes(), as: UTF8.self) }
      let printed = "[" + list.joined(separator: ",") + "]"
      let again = try accepted("\(resources) printed as \(printed)") { () throws(ResourceError) in
        try Resources.parse(json: Array(printed.utf8))
      }
      try demand(again == resources, "\(resources) printed as \(printed) and read again is \(again)")
    }
    return true
  }

  // MARK: Messages

  private static func value(_ random: inout SplitMix64) -> Double {
    random.one(of: [
      0, 1, 0.001, 0.0004, 2.5, 1e12, 1e13, 1e300, -1, -0.0, .nan, .infinity, -.infinity, .leastNonzeroMagnitude,
    ])
  }

  private static func reservation(_ random: inout SplitMix64) -> Resource.ReservationInfo {
    var info = Resource.ReservationInfo()
    if !random.once(in: 12) { info.type = random.one(of: [.dynamic, .dynamic, .static, .unknown]) }
    if !random.once(in: 12) { info.role = random.one(of: roleNames + [".", "-x", "", "a b"]) }
    if random.once(in: 3) { info.principal = random.one(of: ["", "ops", "é"]) }
    if random.once(in: 4) {
      info.labels.labels = random.several(0...2, of: ["a", "b", ""]).map { key in
        .with {
          $0.key = key
          if key != "b" { $0.value = key }
        }
      }
    }
    return info
  }

  private static func disk(_ random: inout SplitMix64) -> Resource.DiskInfo {
    var disk = Resource.DiskInfo()
    if random.once(in: 2) { disk.persistence.id = random.one(of: ["v1", "v2", "", "../x"]) }
    if random.once(in: 2) {
      disk.volume.containerPath = "data"
      if random.once(in: 2) { disk.volume.mode = random.one(of: [.rw, .ro]) }
      if random.once(in: 4) { disk.volume.hostPath = "/h" }
    }
    if random.once(in: 2) {
      disk.source.type = random.one(of: [.mount, .path, .block, .raw, .unknown])
      if random.once(in: 2) { disk.source.mount.root = "/m" }
      if random.once(in: 3) { disk.source.path.root = "/p" }
      if random.once(in: 3) { disk.source.id = "id" }
      if random.once(in: 3) { disk.source.profile = "fast" }
      if random.once(in: 4) { disk.source.metadata.labels = [.with { $0.key = "k" }] }
    }
    return disk
  }

  private static func resource(_ random: inout SplitMix64) -> Resource {
    var resource = Resource()
    if !random.once(in: 30) {
      resource.name = random.one(of: ["cpus", "mem", "disk", "disk", "disk", "ports", "zones", ""])
    }
    if !random.once(in: 30) { resource.type = random.one(of: [.scalar, .scalar, .scalar, .ranges, .set, .text]) }
    if resource.type == .scalar || random.once(in: 20) {
      resource.scalar.value =
        random.once(in: 3) ? value(&random) : Double(Int.random(in: 0..<5_000, using: &random)) / 8
    }
    if resource.type == .ranges || random.once(in: 20) {
      let ends: [UInt64] = [0, 1, 2, 3, 9, 10, .max - 1, .max]
      resource.ranges.range = (0..<Int.random(in: 0..<4, using: &random)).map { _ in
        let (a, b) = (random.one(of: ends), random.one(of: ends))
        let isReversed = random.once(in: 10)
        return .with { ($0.begin, $0.end) = isReversed ? (a, b) : (min(a, b), max(a, b)) }
      }
    }
    if resource.type == .set || random.once(in: 20) {
      resource.set.item = random.several(0...3, of: ["a", "b", "c", "d", "é"])
    }
    if random.once(in: 6) { resource.role = random.one(of: roleNames) }
    if random.once(in: 12) { resource.reservation = reservation(&random) }
    if random.once(in: 12) { resource.reservation.principal = "ops" }
    if random.once(in: 3) {
      resource.reservations = (0..<Int.random(in: 1...2, using: &random)).map { _ in reservation(&random) }
    }
    if resource.name == "disk" || random.once(in: 30), random.once(in: 2) { resource.disk = disk(&random) }
    if random.once(in: 8) { resource.revocable = .init() }
    if random.once(in: 8) { resource.shared = .init() }
    if random.once(in: 8) { resource.providerID.value = "provider" }
    if random.once(in: 4) { resource.allocationInfo.role = random.one(of: roleNames) }
    return resource
  }

  private static func check(_ messages: [Resource]) throws(FuzzFinding) -> Bool {
    let resources: Resources
    do throws(ResourceError) {
      resources = try Resources(messages)
    } catch {
      try demand(!error.message.isEmpty, "a refusal without a reason")
      try demand(error.index.map(messages.indices.contains) == true, "a refusal of no message: \(error)")
      return false
    }
    try checkInvariants(resources)
    guard canBeWritten(resources) else { return true }
    // The older format has no place for what else than a role is said of a reservation by configuration.
    let isPlain = resources.entries.allSatisfy { entry in
      entry.reservations.allSatisfy { $0.kind == .dynamic || ($0.principal == nil && $0.labels == nil) }
    }
    for format in [ResourceFormat.postReservationRefinement, .preReservationRefinement, .endpoint]
    where isPlain || format != .preReservationRefinement {
      var messages = resources.messages(in: format)
      // Copies of one shared resource are one entry, and messages have no place for how many there are.
      for entry in resources.entries where entry.copies > 1 {
        messages += Array(repeating: entry.message(in: format), count: entry.copies - 1)
      }
      let again = try accepted("\(resources) as \(format) messages") { () throws(ResourceError) in
        try Resources(messages)
      }
      try demand(again == resources, "\(resources) as \(format) messages and read again is \(again)")
    }
    return true
  }

  static let resourceMessages = FuzzTarget("resource messages") { (random) throws(FuzzFinding) in
    var messages: [Resource] = []
    for _ in 0..<Int.random(in: 0..<4, using: &random) { messages.append(resource(&random)) }
    if let last = messages.last, random.once(in: 4) { messages.append(last) }
    do {
      return try check(messages)
    } catch {
      throw FuzzFinding(description: "\(error) — the input is \(messages)")
    }
  }

  static let resourceBytes = FuzzTarget("resource messages with bytes changed") { (random) throws(FuzzFinding) in
    var message = resource(&random)
    for _ in 0..<5 where (try? Resources([message])) == nil { message = resource(&random) }
    guard var bytes = try? message.serializedBytes() as [UInt8], !bytes.isEmpty else { return false }
    if random.once(in: 3) {
      bytes = mutate(bytes, with: ["\0", "\u{7f}", "disk", "a/b"], using: &random)
    } else {
      bytes[Int.random(in: bytes.indices, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    }
    guard let changed = try? Resource(serializedBytes: bytes) else { return false }
    do {
      return try check([changed])
    } catch {
      throw FuzzFinding(description: "\(error) — the input is \(bytes)")
    }
  }

  // MARK: Values and attributes

  private static func check(_ error: ValueError, of text: String) throws(FuzzFinding) {
    try demand(!error.message.isEmpty, "a refusal without a reason")
    guard let offset = error.offset else { throw FuzzFinding(description: "a refusal without a place: \(error)") }
    try demand((0...text.utf8.count).contains(offset), "a refusal at byte \(offset) of \(text.utf8.count)")
  }

  static let values = FuzzTarget("values", tokens: tokens) { random in
    amount(&random)
  } check: { (input) throws(FuzzFinding) in
    let value: TypedValue
    do throws(ValueError) {
      value = try TypedValue.parse(input)
    } catch {
      try check(error, of: input)
      return false
    }
    // Parentheses have to match over the whole of a set, and its items are printed in ascending order.
    if case .set(let set) = value, set.items.contains(where: { $0.utf8.contains(UInt8(ascii: "(")) }) { return true }
    let printed = value.description
    let again = try accepted("'\(printed)'") { () throws(ValueError) in try TypedValue.parse(printed) }
    try demand(again == value, "\(value) printed and read again is \(again)")
    try demand(again.hashValue == value.hashValue, "\(value) and \(again) are equal with different hashes")
    let copy = try accepted("the message of \(value)") { () throws(ValueError) in try TypedValue(value.message) }
    try demand(copy == value, "\(value) as a message is \(copy)")
    try demand(value.isContained(in: again) && again.isContained(in: value), "\(value) is not contained in itself")
    return true
  }

  static let attributes = FuzzTarget("attributes", tokens: tokens) { random in
    (0..<Int.random(in: 0..<6, using: &random)).map { _ in
      let value =
        random.once(in: 3) ? random.one(of: ["r1", "a:b", "a,b", "west coast", "-5", "é", "(x)"]) : amount(&random)
      return random.one(of: names) + ":" + value
    }.joined(separator: random.one(of: [";", "\n"]))
  } check: { (input) throws(FuzzFinding) in
    let attributes: Attributes
    do throws(ValueError) {
      attributes = try Attributes.parse(input)
    } catch {
      try check(error, of: input)
      return false
    }
    let text = attributes.text
    let again = try accepted("'\(text)'") { () throws(ValueError) in try Attributes.parse(text) }
    try demand(again == attributes, "'\(text)' read again is '\(again.text)'")
    try demand(again.hashValue == attributes.hashValue, "equal attributes have different hashes")
    let copy = try accepted("the messages of '\(text)'") { () throws(ValueError) in
      try Attributes(attributes.messages)
    }
    try demand(copy == attributes, "the messages of '\(text)' are '\(copy)'")
    if Set(attributes.entries.map(\.name)).count == attributes.entries.count {
      try accepted("no change of '\(text)'") { () throws(ValueError) in try attributes.checkAdditiveChange(to: again) }
    }
    return true
  }

  static let attributeMessages = FuzzTarget("attribute messages") { (random) throws(FuzzFinding) in
    var messages: [Attribute] = []
    for _ in 0..<Int.random(in: 0..<4, using: &random) {
      let source = resource(&random)
      messages.append(
        .with {
          if source.hasName { $0.name = source.name }
          if source.hasType { $0.type = source.hasRole ? .text : source.type }
          if source.hasScalar { $0.scalar = source.scalar }
          if source.hasRanges { $0.ranges = source.ranges }
          if source.hasRole { $0.text.value = source.role }
        })
    }
    let attributes: Attributes
    do throws(ValueError) {
      attributes = try Attributes(messages)
    } catch {
      try demand(!error.message.isEmpty, "a refusal without a reason")
      try demand(messages.indices.contains(error.index ?? -1), "a refusal of no message: \(error)")
      return false
    }
    try demand(attributes.entries.count == messages.count, "\(attributes) of \(messages)")
    let copy = try accepted("\(attributes)") { () throws(ValueError) in try Attributes(attributes.messages) }
    try demand(copy == attributes, "the messages of \(attributes) are \(copy)")
    return true
  }

  // MARK: Quantities and roles

  static let quantities = FuzzTarget("quantities", tokens: tokens) { random in
    (0..<Int.random(in: 0..<6, using: &random)).map { _ in
      random.one(of: names) + ":" + random.one(of: numbers)
    }.joined(separator: ";")
  } check: { (input) throws(FuzzFinding) in
    let quantities: ResourceQuantities
    do throws(ResourceError) {
      quantities = try ResourceQuantities(parsing: input)
    } catch {
      try check(error, of: input)
      return false
    }
    let names = quantities.quantities.map(\.name)
    try demand(names == Set(names).sorted(), "names are not in order: \(names)")
    // Nothing is printed as `{}`, as Apache Mesos does, and that is no text of quantities; sums may be more than is read as one amount.
    guard !quantities.isEmpty, quantities.quantities.allSatisfy({ $0.amount.doubleValue <= Scalar.wireMax }) else {
      return true
    }
    let again = try accepted("'\(quantities)'") { () throws(ResourceError) in
      try ResourceQuantities(parsing: quantities.description)
    }
    try demand(again == quantities, "'\(quantities)' read again is '\(again)'")
    try demand((quantities - quantities).isEmpty, "'\(quantities)' without itself is something")
    return true
  }

  static let limits = FuzzTarget("limits", tokens: tokens) { random in
    random.several(0...5, of: names).map { $0 + ":" + random.one(of: numbers) }.joined(separator: ";")
  } check: { (input) throws(FuzzFinding) in
    let limits: ResourceLimits
    do throws(ResourceError) {
      limits = try ResourceLimits(parsing: input)
    } catch {
      try check(error, of: input)
      return false
    }
    // Nothing is printed as `{}`, as Apache Mesos does, and that is no text of limits.
    guard !limits.isEmpty else { return true }
    let again = try accepted("'\(limits)'") { () throws(ResourceError) in
      try ResourceLimits(parsing: limits.description)
    }
    try demand(again == limits, "'\(limits)' read again is '\(again)'")
    return true
  }

  static let roles = FuzzTarget("roles", tokens: tokens + [".", "-", "*", "\r"]) { random in
    random.several(1...4, of: ["eng", "web", "a-b", "é", "x", "*", "..", "-a", "a b", ""]).joined(separator: "/")
  } check: { (input) throws(FuzzFinding) in
    do throws(RoleError) {
      try RoleName.validate(input)
    } catch {
      try demand(!error.message.isEmpty, "a refusal without a reason")
      try demand(error.offset.map((0...input.utf8.count).contains) == true, "a refusal of no place: \(error)")
      return false
    }
    try demand(!RoleName.isStrictSubrole(input, of: input), "'\(input)' is below itself")
    for ancestor in RoleName.ancestors(of: input) {
      try demand(RoleName.isStrictSubrole(input, of: ancestor), "'\(input)' is not below its ancestor '\(ancestor)'")
      try accepted("the ancestor '\(ancestor)' of '\(input)'") { () throws(RoleError) in
        try RoleName.validate(ancestor)
      }
    }
    return true
  }

  // MARK: Calls

  private static func check<Message: JSONMessage & Equatable>(
    _: Message.Type, _ input: String
  ) throws(FuzzFinding) -> Bool {
    let message: Message
    do throws(JSONMessageError) {
      message = try Message(jsonBytes: Array(input.utf8))
    } catch {
      try demand(!error.message.isEmpty, "a refusal without a reason")
      try demand(
        (0...input.utf8.count).contains(error.offset), "a refusal at byte \(error.offset) of \(input.utf8.count)")
      return false
    }
    let printed = message.jsonBytes()
    let again = try accepted("\(message) as it is printed") { () throws(JSONMessageError) in
      try Message(jsonBytes: printed)
    }
    try demand(again.jsonBytes() == printed, "\(message) printed and read again is \(again)")
    return true
  }

  static let schedulerCalls = FuzzTarget("scheduler calls", tokens: jsonTokens) { random in
    random.one(of: [
      #"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n","roles":["eng"],"failover_timeout":1.5,"#
        + #""capabilities":[{"type":"MULTI_ROLE"}]}},"framework_id":{"value":"f"}}"#,
      #"{"type":"ACCEPT","accept":{"offer_ids":[{"value":"o"}],"operations":[{"type":"LAUNCH","launch":{"task_infos":["#
        + #"{"name":"t","task_id":{"value":"t"},"agent_id":{"value":"a"},"resources":[{"name":"cpus","type":"SCALAR","#
        + #""scalar":{"value":0.1}}],"command":{"value":"true"},"data":"aGVsbG8="}]}}],"filters":{"refuse_seconds":5}}}"#,
      #"{"type":"ACKNOWLEDGE","acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"},"uuid":"AAECAw=="}}"#,
      #"{"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"value":"\u00e9\n"}}]}}"#, #"{"type":"REVIVE"}"#,
    ])
  } check: { (input) throws(FuzzFinding) in
    try check(SchedulerCall.self, input)
  }

  static let masterCalls = FuzzTarget("master calls", tokens: jsonTokens) { random in
    random.one(of: [
      #"{"type":"UPDATE_QUOTA","update_quota":{"force":true,"quota_configs":[{"role":"eng","guarantees":{"cpus":{"value":1}},"#
        + #""limits":{"mem":{"value":512}}}]}}"#,
      #"{"type":"RESERVE_RESOURCES","reserve_resources":{"agent_id":{"value":"a"},"resources":"# + documents[4] + "}}",
      #"{"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[{"role":"eng","weight":2.5}]}}"#,
      #"{"type":"SET_LOGGING_LEVEL","set_logging_level":{"level":1,"duration":{"nanoseconds":60000000000}}}"#,
      #"{"type":"GET_STATE"}"#,
    ])
  } check: { (input) throws(FuzzFinding) in
    try check(MasterCall.self, input)
  }
}
