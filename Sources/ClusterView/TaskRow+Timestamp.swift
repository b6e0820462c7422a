public import MasterCore

extension TaskRow {
  /// The time of the oldest status that is kept, in seconds since 1970; `nil` where there is none. The task is not decoded.
  public var firstTimestamp: Double? {
    guard let first = WireBytes.first(field: 8, in: status.encoded[...]),
      let time = WireBytes.fixed64(field: 6, in: first)
    else { return nil }
    return Double(bitPattern: time)
  }
}
