/// A set of Unicode scalars, as sorted ranges of their values that do not touch.
struct ScalarSet: Hashable, Sendable {
  static let scalarMax: UInt32 = 0x10FFFF
  static let everything = ScalarSet([0...scalarMax])
  static let newline = ScalarSet([10...10])
  static let digits = ScalarSet([48...57])
  static let wordCharacters = ScalarSet([48...57, 65...90, 95...95, 97...122])
  static let spaces = ScalarSet([9...10, 12...13, 32...32])

  private(set) var ranges: [ClosedRange<UInt32>]

  init(_ ranges: [ClosedRange<UInt32>] = []) {
    self.ranges = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = self.ranges.last, range.lowerBound <= last.upperBound &+ 1 {
        self.ranges[self.ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        self.ranges.append(range)
      }
    }
  }

  init(_ scalar: UInt32) { ranges = [scalar...scalar] }

  /// The scalars of a general category such as `Lu`, or of all whose names begin with one letter.
  /// - Parameter ignoringCase: Whether letters of all cases belong to those of one.
  init?(category: String, ignoringCase: Bool) {
    let isCased = ["Lu", "Ll", "Lt"].contains(category)
    let names =
      isCased && ignoringCase
      ? ["Lu", "Ll", "Lt"]
      : ScalarSet.categories.keys.filter { $0 == category || (category.utf8.count == 1 && $0.hasPrefix(category)) }
    guard !names.isEmpty else { return nil }
    self.init(names.flatMap { ScalarSet.categories[$0].flatMap { ScalarSet.members[$0] } ?? [] })
  }

  /// The ranges of each category, found once.
  private static let members: [Unicode.GeneralCategory: [ClosedRange<UInt32>]] = {
    var members: [Unicode.GeneralCategory: [ClosedRange<UInt32>]] = [:]
    for value in 0...scalarMax {
      guard let category = Unicode.Scalar(value)?.properties.generalCategory else { continue }
      var ranges = members.removeValue(forKey: category) ?? []
      if let last = ranges.last, last.upperBound + 1 == value {
        ranges[ranges.count - 1] = last.lowerBound...value
      } else {
        ranges.append(value...value)
      }
      members[category] = ranges
    }
    return members
  }()

  var isEmpty: Bool { ranges.isEmpty }

  func contains(_ scalar: Unicode.Scalar) -> Bool {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < scalar.value { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].lowerBound <= scalar.value
  }

  var inverted: ScalarSet {
    var gaps: [ClosedRange<UInt32>] = []
    var next: UInt32 = 0
    for range in ranges {
      if range.lowerBound > next { gaps.append(next...range.lowerBound - 1) }
      next = range.upperBound + 1
    }
    if next <= ScalarSet.scalarMax { gaps.append(next...ScalarSet.scalarMax) }
    return ScalarSet(gaps)
  }

  /// With the other cases of all letters.
  var folded: ScalarSet {
    var others: [ClosedRange<UInt32>] = []
    for range in ranges {
      for (upper, lower) in zip(UInt32(65)...90, UInt32(97)...122) {
        if range.contains(upper) { others.append(lower...lower) }
        if range.contains(lower) { others.append(upper...upper) }
      }
      // The letters beyond ASCII whose other case is one of ASCII.
      if range.contains(0x4B) || range.contains(0x6B) { others.append(0x212A...0x212A) }
      if range.contains(0x53) || range.contains(0x73) { others.append(0x17F...0x17F) }
      guard range.upperBound >= 0x80 else { continue }
      for value in max(range.lowerBound, 0x80)...range.upperBound {
        guard let scalar = Unicode.Scalar(value) else { continue }
        for text in [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping] {
          let mapped = text.unicodeScalars
          if mapped.count == 1, let other = mapped.first { others.append(other.value...other.value) }
        }
      }
    }
    return ScalarSet(ranges + others)
  }

  /// How many steps a matcher of UTF-8 bytes would need for it, much as RE2 counts them.
  var byteSteps: Int {
    var steps = 0
    for range in ranges {
      // Letters of both cases are one step.
      let isUpper = range.lowerBound >= 65 && range.upperBound <= 90
      let isFolded = isUpper && ranges.contains(range.lowerBound + 32...range.upperBound + 32)
      if range.lowerBound < 0x80, !isFolded { steps += 1 }
      guard range.upperBound >= 0x80 else { continue }
      if range.lowerBound <= 0x80, range.upperBound == ScalarSet.scalarMax {
        steps += 6
      } else {
        steps += String(Unicode.Scalar(range.upperBound) ?? " ").utf8.count
      }
    }
    return steps
  }

  private static let categories: [String: Unicode.GeneralCategory] = [
    "Lu": .uppercaseLetter, "Ll": .lowercaseLetter, "Lt": .titlecaseLetter, "Lm": .modifierLetter,
    "Lo": .otherLetter, "Mn": .nonspacingMark, "Mc": .spacingMark, "Me": .enclosingMark, "Nd": .decimalNumber,
    "Nl": .letterNumber, "No": .otherNumber, "Pc": .connectorPunctuation, "Pd": .dashPunctuation,
    "Ps": .openPunctuation, "Pe": .closePunctuation, "Pi": .initialPunctuation, "Pf": .finalPunctuation,
    "Po": .otherPunctuation, "Sm": .mathSymbol, "Sc": .currencySymbol, "Sk": .modifierSymbol, "So": .otherSymbol,
    "Zs": .spaceSeparator, "Zl": .lineSeparator, "Zp": .paragraphSeparator, "Cc": .control, "Cf": .format,
    "Co": .privateUse,
  ]
}
