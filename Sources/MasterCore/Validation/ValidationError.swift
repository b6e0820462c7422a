/// Why a call, or a part of it, is refused.
struct ValidationError: Error, Hashable, Sendable {
  /// For the person who wrote the framework, in the words of Apache Mesos where it has some.
  let message: String

  init(_ message: String) { self.message = message }
}
