/// A read that a view answers.
public enum ClusterQuery: Hashable, Sendable, CaseIterable {
  case getAgents
  case getFrameworks
  case getTasks
  case getExecutors
  case getState
  case getRoles
}

/// An encoded `MasterResponse`, in slices to be sent one after the other.
public struct ClusterAnswer: Sendable {
  /// Number of the last change that the answer shows.
  public let sequence: UInt64
  /// None is empty.
  public let slices: [[UInt8]]
  /// Bytes of all slices together.
  public let length: Int
}

/// A message or list of messages in slices.
struct Body {
  private(set) var slices: [[UInt8]] = []
  private(set) var length = 0

  mutating func append(_ slice: [UInt8]) {
    guard !slice.isEmpty else { return }
    // Headers and the brackets of JSON join the slice before them, so that slices stay worth sending.
    if slice.count < 128, let last = slices.indices.last, slices[last].count < 1 << 16 {
      slices[last] += slice
    } else {
      slices.append(slice)
    }
    length += slice.count
  }

  mutating func append(_ body: Body) {
    for slice in body.slices { append(slice) }
  }

  mutating func append(_ text: String) { append(Array(text.utf8)) }
}
