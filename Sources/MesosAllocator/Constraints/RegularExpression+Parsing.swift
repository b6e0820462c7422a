/// Why a text is no regular expression, in the words of RE2.
struct RegularExpressionError: Error, Hashable, Sendable {
  let message: String

  init(_ problem: String, _ part: some Sequence<Unicode.Scalar> = []) {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: part)
    message = text.isEmpty ? problem : "\(problem): \(String(text))"
  }
}

extension RegularExpressionError {
  static let tooLarge = RegularExpressionError("pattern too large - compile failed")
}

extension RegularExpression {
  /// What a pattern means, without the names and numbers of its groups.
  indirect enum Node: Hashable, Sendable {
    case empty
    case set(ScalarSet)
    case assertion(Assertion)
    case sequence([Node])
    case choice([Node])
    /// At least so often, and at most, nil for no bound.
    case repeated(Node, min: Int, max: Int?)
    case group(Node)
  }

  enum Assertion: Hashable, Sendable {
    case textStart, textEnd, lineStart, lineEnd, wordBoundary, noWordBoundary
  }

  /// Reads RE2's syntax but for `\C` and scripts (`\p{Greek}`).
  struct Parser {
    /// Groups within groups, and repetitions of repetitions multiplied.
    static let depthMax = 200
    static let repetitionMax = 1000

    private struct Flags {
      var ignoresCase = false
      var isMultiLine = false
      var dotIsAny = false
    }

    private let pattern: [Unicode.Scalar]
    private var position = 0
    private var flags = Flags()
    /// How much more may be read, in scalars and ranges of them, so that no pattern takes long.
    private var budget: Int

    init(_ pattern: String, budget: Int) {
      self.pattern = Array(pattern.unicodeScalars)
      self.budget = budget
    }

    private mutating func spend(_ amount: Int) throws(RegularExpressionError) {
      budget -= amount
      guard budget >= 0 else { throw RegularExpressionError.tooLarge }
    }

    mutating func parse() throws(RegularExpressionError) -> Node {
      let (node, _) = try parseChoice(depth: 0)
      guard position == pattern.count else { throw RegularExpressionError("unexpected )", pattern) }
      return node
    }

    private var next: Unicode.Scalar? { position < pattern.count ? pattern[position] : nil }

    private func isNext(_ text: StaticString) -> Bool {
      let wanted = Array("\(text)".unicodeScalars)
      return pattern[position...].starts(with: wanted)
    }

    /// - Returns: What was read, and the largest product of repetitions in it.
    private mutating func parseChoice(depth: Int) throws(RegularExpressionError) -> (Node, Int) {
      guard depth <= Parser.depthMax else { throw RegularExpressionError("expression nests too deeply", pattern) }
      var choices: [[Node]] = []
      var items: [Node] = []
      var products: [Int] = []
      var product = 1
      let outer = flags
      while let scalar = next, scalar != ")" {
        try spend(1)
        switch scalar {
        case "|":
          position += 1
          choices.append(items)
          (items, products) = ([], [])
        case "*", "+", "?", "{":
          guard let bounds = try parseRepetition() else {
            items.append(.set(ScalarSet(scalar.value)))
            products.append(1)
            position += 1
            continue
          }
          guard let last = items.last, let inner = products.last else {
            throw RegularExpressionError("no argument for repetition operator", pattern[bounds.start..<bounds.end])
          }
          let times = max(bounds.min, bounds.max ?? 0, 1)
          guard inner * times <= Parser.repetitionMax else {
            throw RegularExpressionError("invalid repetition size", pattern[bounds.start..<bounds.end])
          }
          items[items.count - 1] = .repeated(last, min: bounds.min, max: bounds.max)
          products[products.count - 1] = inner * times
          product = max(product, inner * times)
        case "(":
          guard let (node, inner) = try parseGroup(depth: depth) else { continue }
          items.append(node)
          products.append(inner)
          product = max(product, inner)
        default:
          let before = items.count
          try parseAtom(into: &items)
          products += Array(repeating: 1, count: items.count - before)
        }
      }
      choices.append(items)
      if depth > 0 { flags = outer }
      return (RegularExpression.choice(of: choices), product)
    }

    /// - Returns: nil for flags that hold for the rest of the group.
    private mutating func parseGroup(depth: Int) throws(RegularExpressionError) -> (Node, Int)? {
      let outer = flags
      position += 1
      var isCaptured = true
      if next == "?" {
        if isNext("?P<") {
          try skipName()
        } else {
          isCaptured = false
          guard try parseFlags() else { return nil }
        }
      }
      let (node, product) = try parseChoice(depth: depth + 1)
      guard next == ")" else { throw RegularExpressionError("missing )", pattern) }
      position += 1
      flags = outer
      return (isCaptured ? .group(node) : node, product)
    }

    private mutating func skipName() throws(RegularExpressionError) {
      let start = position - 1
      position += 3
      let begin = position
      while let scalar = next, ScalarSet.wordCharacters.contains(scalar) { position += 1 }
      guard next == ">", position > begin else {
        throw RegularExpressionError(
          "invalid named capture group", pattern[start..<min(position + 1, pattern.count)])
      }
      position += 1
    }

    /// - Returns: Whether a group follows.
    private mutating func parseFlags() throws(RegularExpressionError) -> Bool {
      let start = position - 1
      position += 1
      var isOn = true
      var isSaid = false
      while let scalar = next {
        position += 1
        switch scalar {
        case "i": flags.ignoresCase = isOn
        case "m": flags.isMultiLine = isOn
        case "s": flags.dotIsAny = isOn
        // Which of several matches is preferred does not matter here.
        case "U": break
        case "-" where isOn:
          isOn = false
          isSaid = false
          continue
        case ":" where isOn || isSaid: return true
        case ")" where isSaid: return false
        default: throw RegularExpressionError("invalid perl operator", pattern[start..<position])
        }
        isSaid = true
      }
      throw RegularExpressionError("invalid perl operator", pattern[start..<position])
    }

    private struct Bounds {
      let min: Int
      let max: Int?
      let start: Int
      let end: Int
    }

    /// - Returns: nil for a brace that is one.
    private mutating func parseRepetition() throws(RegularExpressionError) -> Bounds? {
      let start = position
      guard let (min, max) = try parseOperator() else { return nil }
      let end = position
      if next == "?" { position += 1 }
      let again = position
      if let scalar = next, "*+?{".unicodeScalars.contains(scalar), try parseOperator() != nil {
        throw RegularExpressionError("bad repetition operator", pattern[start..<position])
      }
      position = again
      return Bounds(min: min, max: max, start: start, end: end)
    }

    private mutating func parseOperator() throws(RegularExpressionError) -> (min: Int, max: Int?)? {
      let start = position
      position += 1
      switch pattern[start] {
      case "*": return (0, nil)
      case "+": return (1, nil)
      case "?": return (0, 1)
      default: break
      }
      guard let min = parseNumber() else {
        position = start
        return nil
      }
      var max: Int? = min
      if next == "," {
        position += 1
        max = next == "}" ? nil : parseNumber() ?? -1
      }
      guard next == "}", max != -1 else {
        position = start
        return nil
      }
      position += 1
      guard min <= Parser.repetitionMax, max.map({ $0 <= Parser.repetitionMax && $0 >= min }) ?? true else {
        throw RegularExpressionError("invalid repetition size", pattern[start..<position])
      }
      return (min, max)
    }

    private mutating func parseNumber() -> Int? {
      let start = position
      var number = 0
      while let scalar = next, ScalarSet.digits.contains(scalar) {
        number = Swift.min(number * 10 + Int(scalar.value - 48), Parser.repetitionMax + 1)
        position += 1
      }
      return position > start ? number : nil
    }

    // MARK: Single items

    private mutating func parseAtom(into items: inout [Node]) throws(RegularExpressionError) {
      let scalar = pattern[position]
      switch scalar {
      case ".":
        items.append(.set(flags.dotIsAny ? .everything : ScalarSet.newline.inverted))
      case "^": items.append(.assertion(flags.isMultiLine ? .lineStart : .textStart))
      case "$": items.append(.assertion(flags.isMultiLine ? .lineEnd : .textEnd))
      case "[":
        items.append(.set(try parseClass()))
        return
      case "\\":
        try parseEscape(into: &items)
        return
      default: items.append(try literal(scalar.value))
      }
      position += 1
    }

    private mutating func literal(_ value: UInt32) throws(RegularExpressionError) -> Node {
      .set(try cased(ScalarSet(value)))
    }

    private mutating func cased(_ set: ScalarSet) throws(RegularExpressionError) -> ScalarSet {
      guard flags.ignoresCase else { return set }
      for range in set.ranges where range.upperBound >= 0x80 {
        try spend(Int(range.upperBound - max(range.lowerBound, 0x80)) / 4)
      }
      return set.folded
    }

    private mutating func parseEscape(into items: inout [Node]) throws(RegularExpressionError) {
      guard position + 1 < pattern.count else { throw RegularExpressionError("trailing \\") }
      let assertion: Assertion? =
        switch pattern[position + 1] {
        case "A": .textStart
        case "z": .textEnd
        case "b": .wordBoundary
        case "B": .noWordBoundary
        default: nil
        }
      if let assertion {
        position += 2
        items.append(.assertion(assertion))
        return
      }
      if pattern[position + 1] == "Q" {
        position += 2
        while position < pattern.count, !isNext("\\E") {
          try spend(1)
          items.append(try literal(pattern[position].value))
          position += 1
        }
        position = min(position + 2, pattern.count)
        return
      }
      if let set = try parseClassEscape() {
        items.append(.set(set))
        return
      }
      let value = try parseScalarEscape()
      items.append(try literal(value))
    }

    /// `\d` and the like, and `\pL`.
    private mutating func parseClassEscape() throws(RegularExpressionError) -> ScalarSet? {
      guard position + 1 < pattern.count else { return nil }
      let start = position
      let letter = pattern[position + 1]
      let set: ScalarSet? =
        switch letter {
        case "d": .digits
        case "D": ScalarSet.digits.inverted
        case "w": .wordCharacters
        case "W": ScalarSet.wordCharacters.inverted
        case "s": .spaces
        case "S": ScalarSet.spaces.inverted
        default: nil
        }
      if let set {
        position += 2
        return set
      }
      guard letter == "p" || letter == "P" else { return nil }
      position += 2
      var name = String.UnicodeScalarView()
      if next == "{" {
        guard let end = pattern[position...].firstIndex(of: "}") else {
          throw RegularExpressionError("invalid character class range", pattern[start...])
        }
        name.append(contentsOf: pattern[(position + 1)..<end])
        position = end + 1
      } else if let scalar = next {
        name.append(scalar)
        position += 1
      }
      var isInverted = letter == "P"
      if name.first == "^" {
        name.removeFirst()
        isInverted.toggle()
      }
      let text = String(name)
      guard let set = text == "Any" ? .everything : ScalarSet(category: text, ignoringCase: flags.ignoresCase) else {
        throw RegularExpressionError("invalid character class range", pattern[start..<position])
      }
      try spend(set.ranges.count)
      return isInverted ? set.inverted : set
    }

    private mutating func parseScalarEscape() throws(RegularExpressionError) -> UInt32 {
      let start = position
      func invalid(_ end: Int) -> RegularExpressionError {
        RegularExpressionError("invalid escape sequence", pattern[start..<min(end, pattern.count)])
      }
      guard position + 1 < pattern.count else { throw RegularExpressionError("trailing \\") }
      let scalar = pattern[position + 1]
      position += 2
      switch scalar {
      case "n": return 10
      case "r": return 13
      case "t": return 9
      case "a": return 7
      case "f": return 12
      case "v": return 11
      case "x":
        if next == "{" {
          position += 1
          var value: UInt32 = 0
          var count = 0
          while let digit = hexDigit() {
            value = min(value * 16 + digit, ScalarSet.scalarMax + 1)
            count += 1
          }
          guard next == "}", count > 0, value <= ScalarSet.scalarMax else { throw invalid(position + 1) }
          position += 1
          return value
        }
        guard let high = hexDigit(), let low = hexDigit() else { throw invalid(position + 1) }
        return high * 16 + low
      case "0"..."7":
        // One digit above zero, and no more, would be a reference to a group.
        guard scalar == "0" || next.map({ ("0"..."7").contains($0) }) ?? false else { throw invalid(position) }
        var value = scalar.value - 48
        for _ in 0..<2 {
          guard let digit = next, ("0"..."7").contains(digit) else { break }
          value = value * 8 + digit.value - 48
          position += 1
        }
        return value
      default:
        guard scalar.value < 0x80, !ScalarSet.wordCharacters.contains(scalar) || scalar == "_" else {
          throw invalid(position)
        }
        return scalar.value
      }
    }

    private mutating func hexDigit() -> UInt32? {
      guard let scalar = next else { return nil }
      let value: UInt32
      switch scalar {
      case "0"..."9": value = scalar.value - 48
      case "a"..."f": value = scalar.value - 87
      case "A"..."F": value = scalar.value - 55
      default: return nil
      }
      position += 1
      return value
    }

    private mutating func parseClass() throws(RegularExpressionError) -> ScalarSet {
      let start = position
      position += 1
      var isInverted = false
      if next == "^" {
        isInverted = true
        position += 1
      }
      var ranges: [ClosedRange<UInt32>] = []
      var isFirst = true
      while true {
        try spend(1)
        guard let scalar = next else { throw RegularExpressionError("missing ]", pattern[start...]) }
        if scalar == "]", !isFirst { break }
        isFirst = false
        if isNext("[:"), let named = try parseNamedClass() {
          ranges += try cased(named).ranges
          continue
        }
        if scalar == "\\", let escaped = try parseClassEscape() {
          ranges += escaped.ranges
          continue
        }
        let low = position
        let first = try parseClassScalar()
        var last = first
        if next == "-", position + 1 < pattern.count, pattern[position + 1] != "]" {
          position += 1
          last = try parseClassScalar()
          guard first <= last else {
            throw RegularExpressionError("invalid character class range", pattern[low..<position])
          }
        }
        ranges += try cased(ScalarSet([first...last])).ranges
      }
      position += 1
      let set = ScalarSet(ranges)
      return isInverted ? set.inverted : set
    }

    private mutating func parseClassScalar() throws(RegularExpressionError) -> UInt32 {
      guard let scalar = next else { throw RegularExpressionError("missing ]", pattern) }
      if scalar == "\\" { return try parseScalarEscape() }
      position += 1
      return scalar.value
    }

    /// - Returns: nil when it is none, as the `[` of `[[.]`.
    private mutating func parseNamedClass() throws(RegularExpressionError) -> ScalarSet? {
      let rest = pattern[(position + 2)...]
      guard let colon = rest.firstIndex(of: ":"), colon + 1 < pattern.count, pattern[colon + 1] == "]" else {
        return nil
      }
      let isInverted = rest.first == "^"
      var name = String.UnicodeScalarView()
      name.append(contentsOf: rest[(isInverted ? position + 3 : position + 2)..<colon])
      guard let set = Parser.namedClasses[String(name)] else {
        throw RegularExpressionError("invalid character class range", pattern[position...colon + 1])
      }
      position = colon + 2
      return isInverted ? set.inverted : set
    }

    private static let namedClasses: [String: ScalarSet] = [
      "alnum": ScalarSet([48...57, 65...90, 97...122]), "alpha": ScalarSet([65...90, 97...122]),
      "ascii": ScalarSet([0...127]), "blank": ScalarSet([9...9, 32...32]), "cntrl": ScalarSet([0...31, 127...127]),
      "digit": .digits, "graph": ScalarSet([33...126]), "lower": ScalarSet([97...122]),
      "print": ScalarSet([32...126]), "punct": ScalarSet([33...47, 58...64, 91...96, 123...126]),
      "space": ScalarSet([9...13, 32...32]), "upper": ScalarSet([65...90]), "word": .wordCharacters,
      "xdigit": ScalarSet([48...57, 65...70, 97...102]),
    ]
  }

  // MARK: Choices

  /// A choice in which neighbours share what they begin with, and single scalars are one set.
  static func choice(of choices: [[Node]]) -> Node {
    guard choices.count > 1 else { return sequence(choices.first ?? []) }
    var result: [Node] = []
    var index = 0
    while index < choices.count {
      var end = index + 1
      if let first = choices[index].first, case .set = first {
        while end < choices.count, choices[end].first == first { end += 1 }
      }
      if end - index > 1 {
        let group = choices[index..<end]
        let shortest = group.map(\.count).min() ?? 0
        var shared = 1
        while shared < shortest, group.allSatisfy({ $0[shared] == group[index][shared] }) { shared += 1 }
        let rest = choice(of: group.map { Array($0[shared...]) })
        result.append(sequence(Array(choices[index][..<shared]) + (rest == .empty ? [] : [rest])))
      } else if case .set(let set)? = choices[index].first, choices[index].count == 1,
        case .set(let last)? = result.last
      {
        result[result.count - 1] = .set(ScalarSet(last.ranges + set.ranges))
      } else if result.isEmpty || result.last != sequence(choices[index]) {
        result.append(sequence(choices[index]))
      }
      index = end
    }
    return result.count == 1 ? result[0] : .choice(result)
  }

  private static func sequence(_ items: [Node]) -> Node {
    items.isEmpty ? .empty : items.count == 1 ? items[0] : .sequence(items)
  }
}
