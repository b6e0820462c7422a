extension Resources {
  /// Reads the JSON form of `--resources`: an array of `Resource` objects, in either reservation format.
  ///
  /// - Parameters:
  ///   - json: The text, in UTF-8.
  ///   - defaultRole: The role of entries that name none.
  /// - Throws: `ResourceError` for text that is no such array, and for what a configuration cannot hold: persistent volumes, dynamic
  ///   reservations and revocable resources, which only come into being later.
  /// - Source: Apache Mesos, *Attributes & Resources*, the JSON form of `--resources`.
  public static func parse(
    json: [UInt8], defaultRole: String = RoleName.star
  ) throws(ResourceError) -> Resources {
    // No message is a bare list: the list is read as the one field of a message that has a list of resources. It must be one value by
    // itself first, so that nothing in it can close the object around it.
    let list = json.withUnsafeBytes { bytes in
      var reader = JSONReader(bytes)
      reader.skipValue()
      reader.expectEnd()
      return reader.failure
    }
    if let list { throw ResourceError(.malformedText, list.message, offset: list.offset) }
    guard json.first(where: { !isBlank($0) }) == UInt8(ascii: "[") else {
      throw ResourceError(.malformedText, "Expecting a JSON array", offset: 0)
    }
    let prefix = Array(#"{"resources":"#.utf8)
    let request: ResourceRequest
    do {
      request = try ResourceRequest(jsonBytes: prefix + json + [UInt8(ascii: "}")])
    } catch {
      throw ResourceError(
        .malformedText, "Some JSON resources were not formatted properly: \(error.message)",
        offset: min(json.count, max(0, error.offset - prefix.count)))
    }
    var messages = request.resources
    for index in messages.indices where !messages[index].hasRole && messages[index].reservations.isEmpty {
      messages[index].role = defaultRole
    }
    let offsets = elementOffsets(json)
    func offset(_ index: Int) -> Int { index < offsets.count ? offsets[index] : 0 }
    var entries: [Entry] = []
    for (index, message) in messages.enumerated() {
      func refused(_ text: String) -> ResourceError {
        ResourceError(.invalidResource, "\(text) in '\(message.text)'", offset: offset(index))
      }
      let entry: Entry
      do {
        entry = try Entry(message)
      } catch {
        throw ResourceError(
          .invalidResource, "Resource '\(message.text)' is invalid: \(error.message)", offset: offset(index))
      }
      if entry.isPersistentVolume { throw refused("Persistent volumes cannot be specified at the command line") }
      if entry.isRevocable {
        throw refused(
          "Revocable resources cannot be specified at the command line; do not include a 'revocable' key in the "
            + "resources JSON")
      }
      if entry.isDynamicallyReserved {
        throw refused(
          "Dynamic reservations cannot be specified at the command line; do not include a reservation with DYNAMIC "
            + "type in the resources JSON")
      }
      entries.append(entry)
    }
    try checkKinds(entries, offset: offset)
    return Resources(entries)
  }

  /// Where the elements of an array begin, in text that is known to be one array.
  private static func elementOffsets(_ json: [UInt8]) -> [Int] {
    var offsets: [Int] = []
    var (depth, isInString, isEscaped) = (0, false, false)
    var startsElement = false
    for (position, byte) in json.enumerated() {
      if isInString {
        if !isEscaped, byte == UInt8(ascii: "\"") { isInString = false }
        isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
        continue
      }
      if startsElement, !isBlank(byte) {
        offsets.append(position)
        startsElement = false
      }
      switch byte {
      case UInt8(ascii: "\""): isInString = true
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        depth += 1
        if depth == 1 { startsElement = true }
      case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
      case UInt8(ascii: ",") where depth == 1: startsElement = true
      default: break
      }
    }
    return offsets
  }

  /// Whether a byte is a blank, a tab or an end of line.
  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
}
