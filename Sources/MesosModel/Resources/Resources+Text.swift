extension Resources {
  /// Reads the text form: entries apart by `;`, each `name:value` or `name(role):value`, a value being a number, `[a-b, c-d]` or
  /// `{x, y}`. Blanks do not matter. A role other than `*` means a reservation by configuration.
  ///
  /// - Parameters:
  ///   - text: For instance `cpus:4;mem:8192;ports:[31000-32000];disk(eng):100;zones(*):{a,b}`.
  ///   - defaultRole: The role of entries that name none.
  /// - Throws: `ResourceError` with the place in the text.
  /// - Source: Apache Mesos, *Attributes & Resources*, the syntax of `--resources`.
  ///
  /// A text that begins with `[` is read as JSON, see ``parse(json:defaultRole:)``.
  public static func parse(_ text: String, defaultRole: String = RoleName.star) throws(ResourceError) -> Resources {
    if text.utf8.first(where: { !isBlank($0) }) == UInt8(ascii: "[") {
      return try parse(json: Array(text.utf8), defaultRole: defaultRole)
    }
    var text = text
    return try text.withUTF8 { bytes in
      Result { () throws(ResourceError) in
        var reader = ResourceTextReader(bytes: bytes, defaultRole: defaultRole)
        return try reader.resources()
      }
    }.get()
  }
}

/// Reads the text form of resources from its bytes.
private struct ResourceTextReader {
  let bytes: UnsafeBufferPointer<UInt8>
  let defaultRole: String
  private var entries: [Resources.Entry] = []
  private var offsets: [Int] = []

  init(bytes: UnsafeBufferPointer<UInt8>, defaultRole: String) {
    self.bytes = bytes
    self.defaultRole = defaultRole
  }

  mutating func resources() throws(ResourceError) -> Resources {
    var start = 0
    while start < bytes.count {
      let end = position(of: UInt8(ascii: ";"), in: start..<bytes.count) ?? bytes.count
      if start < end {
        entries.append(try entry(start..<end))
        offsets.append(start)
      }
      start = end + 1
    }
    try Resources.checkKinds(entries) { offsets[$0] }
    return Resources(entries)
  }

  private func entry(_ token: Range<Int>) throws(ResourceError) -> Resources.Entry {
    func malformed(_ message: String) -> ResourceError {
      ResourceError(.malformedText, message, offset: token.lowerBound)
    }
    // As Apache Mesos splits: colons that follow one another are as good as one.
    var parts: (first: Range<Int>, second: Range<Int>) = (0..<0, 0..<0)
    var count = 0
    var start = token.lowerBound
    while start < token.upperBound {
      let end = position(of: UInt8(ascii: ":"), in: start..<token.upperBound) ?? token.upperBound
      if start < end {
        if count == 0 { parts.first = start..<end } else { parts.second = start..<end }
        count += 1
      }
      start = end + 1
    }
    guard count == 2 else {
      throw malformed("Bad value for resources, missing or extra ':' in \(text(token))")
    }
    var name = trimmed(parts.first)
    var role = defaultRole
    let open = position(of: UInt8(ascii: "("), in: parts.first)
    let close = position(of: UInt8(ascii: ")"), in: parts.first)
    if open != nil || close != nil {
      guard let open, let close, open < close else {
        throw malformed("Bad value for resources, mismatched parentheses in \(text(token))")
      }
      name = trimmed(parts.first.lowerBound..<open)
      role = text(trimmed(open + 1..<close))
    }
    guard !name.isEmpty else { throw malformed("Empty resource name") }
    if role != RoleName.star { do { try RoleName.validate(role) } catch { throw malformed(error.message) } }
    let label = text(name)
    let amount = try amount(parts.second, of: label)
    let identity =
      role == RoleName.star
      ? ResourceIdentity.plain(label, amount.kind)
      : ResourceIdentity(name: label, kind: amount.kind, reservations: [Reservation(.configured, role: role)])
    return Resources.Entry(identity, amount)
  }

  private func amount(_ place: Range<Int>, of name: String) throws(ResourceError) -> Resources.Amount {
    if let scalar = decimal(trimmed(place)) { return .scalar(scalar) }
    let compact = bytes[place].filter { !Resources.isBlank($0) }
    func malformed(_ message: String) -> ResourceError {
      ResourceError(
        .malformedText, "Failed to parse resource \(name) value \(text(place)): \(message)", offset: place.lowerBound)
    }
    guard let first = compact.first, let last = compact.last else { throw malformed("Expecting non-empty string") }
    let parts = compact.dropFirst().dropLast().split(separator: UInt8(ascii: ","))
    switch first {
    case UInt8(ascii: "["):
      guard last == UInt8(ascii: "]"), !compact.dropFirst().contains(first), compact.count > 1 else {
        throw malformed("Mismatched brackets")
      }
      var intervals: [ResourceRanges.Interval] = []
      for part in parts {
        let ends = part.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard ends.count == 2, let begin = number(ends[0]), let end = number(ends[1]) else {
          throw malformed("Expecting one or more \"ranges\"")
        }
        guard begin <= end else { throw malformed("Invalid ranges resource: begin > end") }
        intervals.append(ResourceRanges.Interval(begin, end))
      }
      return .ranges(ResourceRanges(intervals))
    case UInt8(ascii: "{"):
      guard last == UInt8(ascii: "}"), !compact.dropFirst().contains(first), compact.count > 1 else {
        throw malformed("Mismatched brackets")
      }
      let items = parts.map { String(decoding: $0, as: UTF8.self) }
      let set = ResourceSet(items)
      guard set.items.count == items.count else { throw malformed("Invalid set resource: duplicated elements") }
      return .set(set)
    default:
      if compact.contains(UInt8(ascii: "[")) { throw malformed("Unexpected '[' found") }
      if compact.contains(UInt8(ascii: "{")) { throw malformed("Unexpected '{' found") }
      let text = String(decoding: compact, as: UTF8.self)
      guard let value = Double(text) else {
        throw ResourceError(
          .malformedText, "Bad type for resource \(name) value \(text) type TEXT", offset: place.lowerBound)
      }
      guard let scalar = Scalar(value) else { throw malformed("Invalid scalar value '\(text)'") }
      guard scalar > .zero || value == 0 else { throw malformed("Invalid scalar resource: value <= 0") }
      return .scalar(scalar)
    }
  }

  /// The usual numbers: up to twelve digits, and up to three behind a point.
  private func decimal(_ place: Range<Int>) -> Scalar? {
    var (value, whole, decimals): (Int64, Int, Int) = (0, 0, -1)
    for byte in bytes[place] {
      if byte == UInt8(ascii: "."), decimals < 0, whole > 0 {
        decimals = 0
      } else if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), whole < 12, decimals < 3 {
        value = value * 10 + Int64(byte - UInt8(ascii: "0"))
        if decimals < 0 { whole += 1 } else { decimals += 1 }
      } else {
        return nil
      }
    }
    guard whole > 0 else { return nil }
    for _ in max(0, decimals)..<3 { value *= 10 }
    return Scalar(thousandths: value)
  }

  private func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
    guard !digits.isEmpty else { return nil }
    var value: UInt64 = 0
    for byte in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carried) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
      guard !overflow, !carried else { return nil }
      value = sum
    }
    return value
  }

  private func text(_ place: Range<Int>) -> String { String(decoding: bytes[place], as: UTF8.self) }

  private func position(of byte: UInt8, in place: Range<Int>) -> Int? { place.first { bytes[$0] == byte } }

  private func trimmed(_ place: Range<Int>) -> Range<Int> {
    guard let first = place.first(where: { !Resources.isBlank(bytes[$0]) }),
      let last = place.last(where: { !Resources.isBlank(bytes[$0]) })
    else { return place.lowerBound..<place.lowerBound }
    return first..<last + 1
  }
}

extension Resources {
  /// Checks that no two entries have the same name and amounts of different kinds, as a configuration may not.
  static func checkKinds(_ entries: [Entry], offset: (Int) -> Int) throws(ResourceError) {
    guard let first = entries.first, !entries.allSatisfy({ $0.kind == first.kind }) else { return }
    var kinds: [String: Kind] = [:]
    for index in entries.indices where !entries[index].amount.isEmpty {
      let (name, kind) = (entries[index].name, entries[index].kind)
      guard kinds.updateValue(kind, forKey: name) ?? kind == kind else {
        throw ResourceError(
          .malformedText, "Resources with the same name ('\(name)') but different types are not allowed",
          offset: offset(index))
      }
    }
  }
}

extension Resources: CustomStringConvertible {
  /// The entries as Apache Mesos prints them: `cpus(allocated: eng):3.5; disk(reservations: [(DYNAMIC,eng,ops)])[v1:data]:10`.
  /// Nothing prints as `{}`.
  public var description: String {
    entries.isEmpty ? "{}" : entries.map(\.description).joined(separator: "; ")
  }
}

extension Resources.Entry: CustomStringConvertible {
  /// The entry as Apache Mesos prints it, the copies of a shared one behind it: `disk[v1:data]<SHARED>:10<2>`.
  public var description: String { message().text + (isShared ? "<\(copies)>" : "") }
}

extension Resource {
  /// The message as Apache Mesos prints it, valid or not.
  var text: String {
    var text = name
    if hasAllocationInfo { text += "(allocated: \(allocationInfo.role))" }
    if !reservations.isEmpty {
      text += "(reservations: [" + reservations.map(\.text).joined(separator: ",") + "])"
    }
    if hasDisk { text += "[\(disk.text)]" }
    if hasRevocable { text += "{REV}" }
    if hasShared { text += "<SHARED>" }
    text += ":"
    switch type {
    case .scalar:
      text += Scalar(scalar.value)?.description ?? String(scalar.value)
    case .ranges:
      text += "[" + ranges.range.map { "\($0.begin)-\($0.end)" }.joined(separator: ", ") + "]"
    case .set:
      text += "{" + set.item.joined(separator: ", ") + "}"
    case .text:
      break
    }
    return text
  }
}

extension Resource.ReservationInfo {
  fileprivate var text: String {
    let kind =
      switch type {
      case .static: "STATIC"
      case .dynamic: "DYNAMIC"
      case .unknown: "UNKNOWN"
      }
    var text = "(\(kind),\(role)"
    if hasPrincipal { text += ",\(principal)" }
    if hasLabels { text += ",\(labels.text)" }
    return text + ")"
  }
}

extension Resource.DiskInfo {
  fileprivate var text: String {
    var parts: [String] = []
    if hasSource { parts.append(source.text) }
    if hasPersistence { parts.append(persistence.id) }
    var text = parts.joined(separator: ",")
    if hasVolume {
      text += ":"
      if volume.hasHostPath {
        text += volume.hostPath + ":" + volume.containerPath
        if volume.hasMode { text += volume.mode == .rw ? ":rw" : ":ro" }
      } else {
        text += volume.containerPath
      }
    }
    return text
  }
}

extension Resource.DiskInfo.Source {
  /// The name of the type as Apache Mesos prints it.
  var typeName: String {
    switch type {
    case .mount: "MOUNT"
    case .path: "PATH"
    case .block: "BLOCK"
    case .raw: "RAW"
    case .unknown: "UNKNOWN"
    }
  }

  var text: String {
    let csi = hasID || hasProfile ? "(\(vendor),\(id),\(profile))" : ""
    switch type {
    case .mount where csi.isEmpty && mount.hasRoot: return typeName + ":" + mount.root
    case .path where csi.isEmpty && path.hasRoot: return typeName + ":" + path.root
    case .unknown: return typeName
    default: return typeName + csi
    }
  }
}

extension MesosLabels {
  var text: String {
    "{" + labels.map { $0.hasValue ? "\($0.key): \($0.value)" : $0.key }.joined(separator: ", ") + "}"
  }
}
