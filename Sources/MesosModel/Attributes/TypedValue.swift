import SwiftProtobuf

/// A value of one of the four types that Apache Mesos knows: a number, ranges of numbers, a set of names, or text.
///
/// Resources are numbers, ranges and sets; attributes are numbers, ranges and text.
///
/// - Source: Apache Mesos, *Attributes & Resources*, "Types"; `src/common/values.cpp`.
public enum TypedValue: Sendable {
  /// A number, all of it: frameworks see as many decimals as the agent was given. Equality and printing look at three.
  case scalar(Double)
  /// Numbers such as ports.
  case ranges(ResourceRanges)
  /// Names.
  case set(ResourceSet)
  /// What is none of the others.
  case text(String)

  /// The type as messages name it.
  public var type: MesosValue.TypeEnum {
    switch self {
    case .scalar: .scalar
    case .ranges: .ranges
    case .set: .set
    case .text: .text
    }
  }

  /// Whether this is at most `other`: no larger a number, numbers or names that are all there, or the same text.
  ///
  /// Values of different types never are.
  public func isContained(in other: TypedValue) -> Bool {
    switch (self, other) {
    case (.scalar(let left), .scalar(let right)):
      if let left = Scalar(left), let right = Scalar(right) { return left <= right }
      return left <= right
    case (.ranges(let left), .ranges(let right)): return right.contains(left)
    case (.set(let left), .set(let right)): return right.contains(left)
    case (.text(let left), .text(let right)): return left == right
    default: return false
    }
  }
}

extension TypedValue: Hashable {
  /// Whether both are the same value; numbers when they agree in three decimals.
  public static func == (left: TypedValue, right: TypedValue) -> Bool {
    switch (left, right) {
    case (.scalar(let left), .scalar(let right)):
      let (a, b) = (Scalar(left), Scalar(right))
      return a == b && (a != nil || left == right)
    case (.ranges(let left), .ranges(let right)): return left == right
    case (.set(let left), .set(let right)): return left == right
    case (.text(let left), .text(let right)): return left == right
    default: return false
    }
  }

  /// Hashes what equality looks at.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(type)
    switch self {
    case .scalar(let value):
      if let scalar = Scalar(value) { hasher.combine(scalar) } else { hasher.combine(value) }
    case .ranges(let value): hasher.combine(value)
    case .set(let value): hasher.combine(value)
    case .text(let value): hasher.combine(value)
    }
  }
}

extension TypedValue: CustomStringConvertible {
  /// The value as Apache Mesos prints it, numbers with three decimals at most: `2.5`, `[1-3, 7-9]`, `{a, b}`, `rack1`.
  public var description: String {
    switch self {
    case .scalar(let value): Scalar(value)?.description ?? String(value)
    case .ranges(let value): value.description
    case .set(let value): value.description
    case .text(let value): value
    }
  }
}

// MARK: Messages

extension TypedValue {
  /// The value as a message.
  public var message: MesosValue {
    .with {
      $0.type = type
      switch self {
      case .scalar(let value): $0.scalar.value = value
      case .ranges(let value): $0.ranges = value.message
      case .set(let value): $0.set.item = value.items
      case .text(let value): $0.text.value = value
      }
    }
  }

  /// Reads a message; a repetition in a set counts once, ranges may overlap.
  ///
  /// - Throws: `ValueError` with code `.invalidMessage` when the message has no type, no value of its type, a number that is not
  ///   finite or a range that ends before it begins.
  public init(_ message: MesosValue) throws(ValueError) {
    guard message.hasType else { throw ValueError(.invalidMessage, "Invalid value: 'type' must be set") }
    func absent(_ field: String) -> ValueError {
      ValueError(.invalidMessage, "Invalid value: its type is \(field.uppercased()) but '\(field)' is not set")
    }
    switch message.type {
    case .scalar:
      guard message.hasScalar else { throw absent("scalar") }
      guard message.scalar.value.isFinite else {
        throw ValueError(.invalidMessage, "Invalid scalar value '\(message.scalar.value)'")
      }
      self = .scalar(message.scalar.value)
    case .ranges:
      guard message.hasRanges else { throw absent("ranges") }
      var intervals: [ResourceRanges.Interval] = []
      for range in message.ranges.range {
        guard range.begin <= range.end else {
          throw ValueError(.invalidMessage, "Invalid ranges: begin > end in '\(range.begin)-\(range.end)'")
        }
        intervals.append(ResourceRanges.Interval(range.begin, range.end))
      }
      self = .ranges(ResourceRanges(intervals))
    case .set:
      guard message.hasSet else { throw absent("set") }
      self = .set(ResourceSet(message.set.item))
    case .text:
      guard message.hasText else { throw absent("text") }
      self = .text(message.text.value)
    }
  }
}

extension ResourceRanges {
  fileprivate var message: MesosValue.Ranges {
    .with {
      $0.range = intervals.map { interval in
        .with {
          $0.begin = interval.begin
          $0.end = interval.end
        }
      }
    }
  }
}
