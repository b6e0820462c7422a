/// A regular expression in the syntax of RE2, for texts that match it from their beginning to their end.
///
/// Swift's own `Regex` cannot take its place: it searches by backtracking, so that `(a|a)*b` against a row of `a` takes time
/// exponential in the row, it has references and looking ahead that RE2 refuses, and it is not `Sendable`. Patterns come from
/// frameworks and are evaluated for each agent, so the work must be bounded.
///
/// **Work.** A match takes O(*n* · *m*) for a text of *n* scalars and a program of *m* instructions: all states that the text can have
/// led to are followed side by side (Thompson, *Regular Expression Search Algorithm*, CACM 1968). Programs are limited to the size
/// that Apache Mesos limits those of RE2 to. What a program counts is what RE2 counts for literals, classes, repetitions and
/// groups, and close to that for scalars beyond ASCII.
///
/// - Source: Russ Cox, *Regular Expression Matching: the Virtual Machine Approach*, 2009; RE2, `doc/syntax.txt`; Apache Mesos,
///   `offer_constraints_filter.cpp`.
struct RegularExpression: Hashable, Sendable {
  private enum Instruction: Hashable, Sendable {
    case set(ScalarSet)
    case assertion(Assertion)
    case split(Int, Int)
    case match
  }

  /// As it was given.
  let pattern: String
  /// The instructions that RE2 would need, or about that many.
  let size: Int
  private let instructions: [Instruction]

  /// Reads a pattern.
  /// - Throws: `RegularExpressionError`, in the words of RE2 and Apache Mesos.
  init(_ pattern: String, limits: OfferConstraintsLimits) throws(RegularExpressionError) {
    func failed(_ reason: String) -> RegularExpressionError {
      RegularExpressionError("Failed to construct regex from pattern '\(pattern)': \(reason)")
    }
    let tooLarge = failed(RegularExpressionError.tooLarge.message)
    guard pattern.utf8.count <= limits.instructionsMax * 16 else { throw tooLarge }
    var parser = Parser(pattern, budget: limits.instructionsMax * 8)
    let node: Node
    do { node = try parser.parse() } catch { throw failed(error.message) }
    self.pattern = pattern
    size = RegularExpression.size(of: node)
    guard size <= limits.instructionsMax else { throw tooLarge }
    guard size <= limits.programSizeMax else {
      throw RegularExpressionError(
        "Regex '\(pattern)' is too complex: program size of \(size) is larger than maximum of \(limits.programSizeMax) "
          + "allowed")
    }
    var instructions: [Instruction] = []
    RegularExpression.emit(node, into: &instructions)
    instructions.append(.match)
    self.instructions = instructions
  }

  // MARK: Programs

  private static func size(of node: Node) -> Int {
    // RE2 begins with a search for the beginning of a match, and keeps anchors at the ends apart.
    var items: [Node] = [node]
    if case .sequence(let parts) = node { items = parts }
    var size = 4
    if items.first == .assertion(.textStart) {
      items.removeFirst()
      size -= 1
    }
    if items.last == .assertion(.textEnd) { items.removeLast() }
    for item in items { size = capped(size, cost(of: item)) }
    return size
  }

  private static func capped(_ left: Int, _ right: Int) -> Int { Swift.min(left + right, 1_000_000) }

  private static func cost(of node: Node) -> Int {
    switch node {
    case .empty: return 0
    case .set(let set): return max(1, set.byteSteps)
    case .assertion: return 1
    case .sequence(let items): return items.reduce(0) { capped($0, cost(of: $1)) }
    case .choice(let items): return items.reduce(0) { capped($0, max(1, cost(of: $1))) }
    case .group(let inner): return capped(cost(of: inner), 2)
    case .repeated(let inner, let least, let most):
      let once = max(1, cost(of: inner))
      guard let most else { return least == 0 ? once : capped(once * least, 1) }
      return capped(once * most, most - least)
    }
  }

  private static func emit(_ node: Node, into program: inout [Instruction]) {
    switch node {
    case .empty: break
    case .set(let set): program.append(.set(set))
    case .assertion(let assertion): program.append(.assertion(assertion))
    case .sequence(let items): for item in items { emit(item, into: &program) }
    case .group(let inner): emit(inner, into: &program)
    case .choice(let items):
      var ends: [Int] = []
      for (index, item) in items.enumerated() {
        guard index + 1 < items.count else {
          emit(item, into: &program)
          break
        }
        let split = program.count
        program.append(.match)
        emit(item, into: &program)
        ends.append(program.count)
        program.append(.match)
        program[split] = .split(split + 1, program.count)
      }
      for end in ends { program[end] = .split(program.count, program.count) }
    case .repeated(let inner, let min, let max):
      for _ in 0..<min { emit(inner, into: &program) }
      guard let max else {
        let split = program.count
        program.append(.match)
        emit(inner, into: &program)
        program.append(.split(split, split))
        program[split] = .split(split + 1, program.count)
        return
      }
      var splits: [Int] = []
      for _ in min..<max {
        splits.append(program.count)
        program.append(.match)
        emit(inner, into: &program)
      }
      for split in splits { program[split] = .split(split + 1, program.count) }
    }
  }

  // MARK: Matching

  /// Whether all of `text` matches.
  /// - Complexity: O(*n* · *m*) in the scalars of the text and the instructions of the program.
  func matches(_ text: String) -> Bool {
    let scalars = Array(text.unicodeScalars)
    var current = States(count: instructions.count)
    var following = States(count: instructions.count)
    follow(0, at: 0, in: scalars, &current)
    for position in scalars.indices {
      if current.consuming.isEmpty { return false }
      following.removeAll()
      for state in current.consuming {
        guard case .set(let set) = instructions[state], set.contains(scalars[position]) else { continue }
        follow(state + 1, at: position + 1, in: scalars, &following)
      }
      swap(&current, &following)
    }
    return current.isMatch
  }

  /// The instructions a match may have come to.
  private struct States {
    var isSeen: [Bool]
    var seen: [Int] = []
    /// Those that wait for a scalar.
    var consuming: [Int] = []
    var isMatch = false

    init(count: Int) { isSeen = Array(repeating: false, count: count) }

    mutating func removeAll() {
      for state in seen { isSeen[state] = false }
      seen.removeAll(keepingCapacity: true)
      consuming.removeAll(keepingCapacity: true)
      isMatch = false
    }
  }

  private func follow(_ start: Int, at position: Int, in text: [Unicode.Scalar], _ states: inout States) {
    var open = [start]
    while let state = open.popLast() {
      guard !states.isSeen[state] else { continue }
      states.isSeen[state] = true
      states.seen.append(state)
      switch instructions[state] {
      case .set: states.consuming.append(state)
      case .match: states.isMatch = true
      case .split(let first, let second):
        open.append(second)
        open.append(first)
      case .assertion(let assertion):
        if holds(assertion, at: position, in: text) { open.append(state + 1) }
      }
    }
  }

  private func holds(_ assertion: Assertion, at position: Int, in text: [Unicode.Scalar]) -> Bool {
    func isWord(_ index: Int) -> Bool { text.indices.contains(index) && ScalarSet.wordCharacters.contains(text[index]) }
    switch assertion {
    case .textStart: return position == 0
    case .textEnd: return position == text.count
    case .lineStart: return position == 0 || text[position - 1] == "\n"
    case .lineEnd: return position == text.count || text[position] == "\n"
    case .wordBoundary: return isWord(position - 1) != isWord(position)
    case .noWordBoundary: return isWord(position - 1) == isWord(position)
    }
  }
}
