import MesosModel

/// Something that happens in a simulation and makes a line of its course.
///
/// The line is written down once and read in two ways: as words for a reader, and as a number for the hash. The number is made of the
/// line's parts as they are, so that no text is put together for it, and of all bytes where the words show the first few.
protocol Traceable {
  func line<Line: TraceLine>() -> Line
}

/// One reading of a line.
protocol TraceLine: ExpressibleByStringInterpolation
where StringInterpolation: TraceParts, StringLiteralType == StaticString {}

/// What lines are made of.
protocol TraceParts: StringInterpolationProtocol where StringLiteralType == StaticString {
  mutating func appendInterpolation(_ text: String)
  mutating func appendInterpolation(_ number: some FixedWidthInteger)
  mutating func appendInterpolation(_ amount: Scalar)
  mutating func appendInterpolation(_ part: some Traceable)
  mutating func appendInterpolation(list parts: [some Traceable])
  /// A list of which words name the first.
  mutating func appendInterpolation(run parts: [some Traceable])
  mutating func appendInterpolation(bytes: some Collection<UInt8>)
}

extension TraceParts {
  mutating func appendInterpolation(_ key: Identifier<some Any>) { appendInterpolation(key.value) }

  mutating func appendInterpolation(_ condition: Bool) { appendInterpolation(condition ? "true" : "false") }

  /// What has no shorter way to say itself than its description, which takes long.
  mutating func appendInterpolation(described subject: some Any) { appendInterpolation("\(subject)") }
}

/// A line as a number.
struct TraceDigest: TraceLine {
  let value: UInt64

  init(stringLiteral text: StaticString) {
    var parts = StringInterpolation(literalCapacity: 0, interpolationCount: 0)
    parts.appendLiteral(text)
    value = parts.hash.value
  }

  init(stringInterpolation parts: StringInterpolation) { value = parts.hash.value }

  struct StringInterpolation: TraceParts {
    var hash = TraceHash()

    init(literalCapacity: Int, interpolationCount: Int) {}

    mutating func appendLiteral(_ text: StaticString) {
      text.withUTF8Buffer { hash.add(UnsafeRawBufferPointer($0)) }
    }

    mutating func appendInterpolation(_ text: String) { hash.add(text) }

    mutating func appendInterpolation(_ number: some FixedWidthInteger) { hash.add(UInt64(truncatingIfNeeded: number)) }

    mutating func appendInterpolation(_ amount: Scalar) { hash.add(UInt64(bitPattern: amount.thousandths)) }

    mutating func appendInterpolation(_ part: some Traceable) { hash.add((part.line() as TraceDigest).value) }

    mutating func appendInterpolation(list parts: [some Traceable]) {
      hash.add(UInt64(parts.count))
      for part in parts { appendInterpolation(part) }
    }

    mutating func appendInterpolation(run parts: [some Traceable]) { appendInterpolation(list: parts) }

    mutating func appendInterpolation(bytes: some Collection<UInt8>) { hash.add(bytes) }
  }
}

/// A line as words.
struct TraceWords: TraceLine {
  let text: String

  init(stringLiteral text: StaticString) { self.text = text.description }

  init(stringInterpolation parts: StringInterpolation) { text = parts.text }

  struct StringInterpolation: TraceParts {
    var text = ""

    init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity) }

    mutating func appendLiteral(_ text: StaticString) { self.text += text.description }

    mutating func appendInterpolation(_ text: String) { self.text += text }

    mutating func appendInterpolation(_ number: some FixedWidthInteger) { text += String(number) }

    mutating func appendInterpolation(_ amount: Scalar) { text += amount.description }

    mutating func appendInterpolation(_ part: some Traceable) { text += (part.line() as TraceWords).text }

    mutating func appendInterpolation(list parts: [some Traceable]) {
      text += "[" + parts.map { ($0.line() as TraceWords).text }.joined(separator: ", ") + "]"
    }

    mutating func appendInterpolation(run parts: [some Traceable]) {
      text += "\(parts.count) from " + (parts.first.map { ($0.line() as TraceWords).text } ?? "nothing")
    }

    mutating func appendInterpolation(bytes: some Collection<UInt8>) {
      for byte in bytes.prefix(4) { text += (byte < 16 ? "0" : "") + String(byte, radix: 16) }
    }
  }
}
