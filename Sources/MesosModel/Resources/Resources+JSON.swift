extension Resources {
  /// Reads the JSON form of `--resources`: an array of `Resource` objects, in either reservation format.
  ///
  /// - Parameter defaultRole: The role of entries that name none.
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
    let resources = try Resources(messages)
    for entry in resources.entries {
      func refused(_ text: String) -> ResourceError { ResourceError(.invalidResource, "\(text): \(entry)") }
      if entry.isPersistentVolume { throw refused("Persistent volumes cannot be specified at the command line") }
      if entry.isRevocable { throw refused("Revocable resources cannot be specified at the command line") }
      if entry.reservations.contains(where: { $0.kind == .dynamic }) {
        throw refused("Dynamic reservations cannot be specified at the command line")
      }
    }
    var result = Resources()
    for entry in resources.entries { try result.insist((entry, 0)) }
    return result
  }

  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
}
