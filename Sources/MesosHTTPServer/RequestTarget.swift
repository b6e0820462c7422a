import MesosHTTP

/// A request's target taken apart: `/path?query`, or the same behind `http://host`.
struct RequestTarget {
  let rawPath: String
  let rawQuery: String?
  let path: String
  let query: [IncomingRequest.QueryItem]

  /// - Throws: 400 for a target that does not begin with a slash or whose percent encoding is broken in the query; a path with broken
  ///   encoding is left as it stands and so matches nothing.
  init(_ target: String) throws(HTTPFailure) {
    var text = Substring(target)
    if text.hasPrefix("http://") || text.hasPrefix("https://") {
      text = text.drop { $0 != ":" }.dropFirst(3)
      text = text.firstIndex { $0 == "/" || $0 == "?" }.map { text[$0...] } ?? "/"
    }
    if let fragment = text.firstIndex(of: "#") { text = text[..<fragment] }
    guard text.first == "/" else { throw .badRequest("Request URL path must start with '/'") }
    let mark = text.firstIndex(of: "?") ?? text.endIndex
    rawPath = String(text[..<mark])
    rawQuery = mark == text.endIndex ? nil : String(text[mark...].dropFirst())
    path = percentDecoded(text[..<mark], plusIsSpace: false) ?? rawPath
    var items: [IncomingRequest.QueryItem] = []
    for pair in text[mark...].dropFirst().split(whereSeparator: { $0 == "&" || $0 == ";" }) {
      let equals = pair.firstIndex(of: "=") ?? pair.endIndex
      guard let name = percentDecoded(pair[..<equals], plusIsSpace: true),
        let value = percentDecoded(pair[equals...].dropFirst(), plusIsSpace: true)
      else { throw .badRequest("Failed to decode the query of the request") }
      items.append(IncomingRequest.QueryItem(name: name, value: value))
    }
    query = items
  }
}

/// Returns `text` with each `%XX` as its byte, or `nil` where two hexadecimal digits are missing or the bytes are no UTF-8.
package func percentDecoded(_ text: Substring, plusIsSpace: Bool) -> String? {
  guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else { return String(text) }
  var bytes: [UInt8] = []
  var iterator = text.utf8.makeIterator()
  while let byte = iterator.next() {
    switch byte {
    case UInt8(ascii: "%"):
      guard let high = iterator.next().flatMap(hexadecimal), let low = iterator.next().flatMap(hexadecimal) else {
        return nil
      }
      bytes.append(high << 4 | low)
    case UInt8(ascii: "+") where plusIsSpace:
      bytes.append(UInt8(ascii: " "))
    default:
      bytes.append(byte)
    }
  }
  return String(validating: bytes, as: UTF8.self)
}

private func hexadecimal(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
  case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
  default: nil
  }
}
