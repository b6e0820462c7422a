/// What an `Accept` header allows, by the rules of Apache Mesos: a quality of 0 refuses, any other allows, and they do not rank.
///
/// The entry that names a type decides; else the one for `type/*`; else the one for `*/*`; else the type is refused.
struct AcceptList {
  private struct Entry {
    var type: Substring
    var subtype: Substring
    var isRefusal: Bool
  }

  private var entries: [Entry] = []

  init(_ header: String) {
    for item in header.split(separator: ",") {
      let parts = item.split(separator: ";", omittingEmptySubsequences: false)
      let name = trimmed(parts[0]).split(separator: "/", omittingEmptySubsequences: false)
      guard name.count == 2, !name[0].isEmpty, !name[1].isEmpty else { continue }
      entries.append(
        Entry(
          type: Substring(name[0].lowercased()), subtype: Substring(name[1].lowercased()),
          isRefusal: parts.dropFirst().contains(where: isRefusal)))
    }
  }

  func allows(_ mediaType: MediaType) -> Bool {
    let name = mediaType.name.split(separator: "/", maxSplits: 1)
    guard name.count == 2 else { return false }
    for (type, subtype) in [(name[0], name[1]), (name[0], "*"), ("*", "*")] {
      let matching = entries.filter { $0.type == type && $0.subtype == subtype }
      if !matching.isEmpty { return matching.allSatisfy { !$0.isRefusal } }
    }
    return false
  }
}

/// Whether a parameter is a `q` that is not a positive number.
private func isRefusal(_ parameter: Substring) -> Bool {
  let pair = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
  guard pair.count == 2, trimmed(pair[0]) == "q" else { return false }
  guard let quality = Double(trimmed(pair[1])) else { return true }
  return !(quality > 0)
}

private func trimmed(_ text: Substring) -> Substring {
  var text = text
  while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
  while let last = text.last, last == " " || last == "\t" { text.removeLast() }
  return text
}
