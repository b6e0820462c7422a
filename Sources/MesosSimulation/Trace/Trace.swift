/// What a simulation keeps of its course.
struct Trace: Sendable {
  var hash = TraceHash()
  /// Whether anything is kept; without it the hash stays as it is.
  var isOn = true
  /// Takes each line, for a reader.
  var sink: (@Sendable (String) -> Void)?

  mutating func note(_ node: SimulatedNode, at now: Int64, _ event: some Traceable) {
    guard isOn || sink != nil else { return }
    add(node, at: now)
    hash.add((event.line() as TraceDigest).value)
    if let sink { sink("\(Self.seconds(now)) \(node): \((event.line() as TraceWords).text)") }
  }

  /// What happens so seldom that it says itself in words.
  mutating func note(_ node: SimulatedNode, at now: Int64, _ text: @autoclosure () -> String) {
    guard isOn || sink != nil else { return }
    let text = text()
    add(node, at: now)
    hash.add(text)
    sink?("\(Self.seconds(now)) \(node): \(text)")
  }

  /// What needs no words: the record of a connection that says no more than that somebody lives.
  mutating func note(bytes: [UInt8], at now: Int64) {
    guard isOn else { return }
    hash.add(UInt64(bitPattern: now))
    hash.add(bytes)
  }

  private mutating func add(_ node: SimulatedNode, at now: Int64) {
    hash.add(UInt64(bitPattern: now))
    switch node {
    case .master: hash.add(0)
    case .agent(let index): hash.add(UInt64(index) << 2 | 1)
    case .framework(let index): hash.add(UInt64(index) << 2 | 2)
    case .executor(let index): hash.add(UInt64(index) << 2 | 3)
    }
  }

  static func seconds(_ now: Int64) -> String {
    let digits = String(now % 1_000_000_000 / 1_000)
    return "\(now / 1_000_000_000)." + String(repeating: "0", count: 6 - digits.count) + digits
  }
}
