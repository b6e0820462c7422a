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
    var resources = Resources()
    var start = text.startIndex
    while true {
      let end = text[start...].firstIndex(of: ";") ?? text.endIndex
      if start != end {
        let entry = try parseEntry(text[start..<end], in: text, defaultRole: defaultRole)
        try resources.insist(entry)
      }
      guard end != text.endIndex else { return resources }
      start = text.index(after: end)
    }
  }

  mutating func insist(_ parsed: (entry: Entry, offset: Int)) throws(ResourceError) {
    let (entry, offset) = parsed
    if let other = entries.first(where: { $0.name == entry.name && $0.identity.kind != entry.identity.kind }) {
      throw ResourceError(
        .malformedText,
        "Resources with the same name ('\(other.name)') but different types are not allowed", offset: offset)
    }
    self += entry
  }

  private static func parseEntry(
    _ token: Substring, in text: String, defaultRole: String
  ) throws(ResourceError) -> (Entry, Int) {
    let offset = text.utf8.distance(from: text.startIndex, to: token.startIndex)
    func malformed(_ message: String) -> ResourceError { ResourceError(.malformedText, message, offset: offset) }
    let parts = token.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw malformed("Bad value for resources, missing or extra ':' in \(token)") }
    var name = parts[0].trimmed
    var role = defaultRole
    let (open, close) = (parts[0].firstIndex(of: "("), parts[0].firstIndex(of: ")"))
    if open != nil || close != nil {
      guard let open, let close, open < close else {
        throw malformed("Bad value for resources, mismatched parentheses in \(token)")
      }
      name = parts[0][..<open].trimmed
      role = parts[0][parts[0].index(after: open)..<close].trimmed
    }
    guard !name.isEmpty else { throw malformed("Empty resource name") }
    do { try RoleName.validate(role) } catch { throw malformed(error.message) }
    let amount = try parseAmount(parts[1], of: name, at: offset + parts[0].utf8.count + 1)
    let identity =
      role == RoleName.star
      ? ResourceIdentity.plain(name, amount.kind)
      : ResourceIdentity(name: name, kind: amount.kind, reservations: [Reservation(.configured, role: role)])
    return (Entry(identity, amount), offset)
  }

  private static func parseAmount(
    _ text: Substring, of name: String, at offset: Int
  ) throws(ResourceError) -> Amount {
    let compact = text.filter { !$0.isWhitespace }
    func malformed(_ message: String) -> ResourceError {
      ResourceError(.malformedText, "Failed to parse resource \(name) value \(text): \(message)", offset: offset)
    }
    guard let first = compact.first, let last = compact.last else { throw malformed("Expecting non-empty string") }
    switch first {
    case "[":
      guard last == "]", !compact.dropFirst().contains("[") else { throw malformed("Mismatched brackets") }
      var intervals: [ResourceRanges.Interval] = []
      for part in compact.dropFirst().dropLast().split(separator: ",") {
        let ends = part.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let begin = UInt64(ends[0]), let end = UInt64(ends[1]) else {
          throw malformed("Expecting one or more \"ranges\"")
        }
        guard begin <= end else { throw malformed("Invalid ranges resource: begin > end") }
        intervals.append(ResourceRanges.Interval(begin, end))
      }
      return .ranges(ResourceRanges(intervals))
    case "{":
      guard last == "}", !compact.dropFirst().contains("{") else { throw malformed("Mismatched brackets") }
      let items = compact.dropFirst().dropLast().split(separator: ",").map(String.init)
      let set = ResourceSet(items)
      guard set.items.count == items.count else { throw malformed("Invalid set resource: duplicated elements") }
      return .set(set)
    default:
      if compact.contains("[") { throw malformed("Unexpected '[' found") }
      if compact.contains("{") { throw malformed("Unexpected '{' found") }
      guard let value = Double(compact) else {
        throw ResourceError(
          .malformedText, "Bad type for resource \(name) value \(compact) type TEXT", offset: offset)
      }
      guard let scalar = Scalar(value) else { throw malformed("Invalid scalar value '\(compact)'") }
      guard scalar >= .zero else { throw malformed("Invalid scalar resource: value < 0") }
      return .scalar(scalar)
    }
  }
}

extension Substring {
  fileprivate var trimmed: String {
    guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace }) else {
      return ""
    }
    return String(self[first...last])
  }
}

extension Resources: CustomStringConvertible {
  /// The entries as Apache Mesos prints them: `cpus(allocated: eng):3.5; disk(reservations: [(DYNAMIC,eng,ops)])[v1:data]:10`.
  public var description: String { entries.map(\.description).joined(separator: "; ") }
}

extension Resources.Entry: CustomStringConvertible {
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
