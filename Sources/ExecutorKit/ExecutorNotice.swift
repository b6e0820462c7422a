/// What an ``ExecutorDriver`` does nothing about, and a careful user wants to know of.
public enum ExecutorNotice: Hashable, Sendable {
  /// Something of the agent's was skipped: an event of an unknown type, out of place, or without what its type asks for; a record that is
  /// no event.
  case ignored(String)
  /// What came was no stream of records in the encoding asked for; it is given up for another.
  case malformedStream(String)

  /// How many are kept for a reader that is behind.
  static let keptMax = 64
}
