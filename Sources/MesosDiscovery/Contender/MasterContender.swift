public import ServiceLifecycle

/// How a master's candidacy fares.
public enum Candidacy: Hashable, Sendable {
  /// Another one leads, or it is not known yet who does.
  case contending
  /// This one leads.
  case elected
  /// This one led and leads no more, or cannot be sure to: it must stop acting as the leader at once.
  case lost(reason: String)
}

/// Stands for election as the leading master.
public protocol MasterContender: Service {
  /// The present candidacy and each change of it.
  var candidacies: Changes<Candidacy> { get }
  /// Stands for election until it is cancelled, shut down, or has led and lost. To be called once.
  ///
  /// Cancelled or shut down it withdraws, so that the next one leads at once.
  /// - Throws: When there is no use in trying on.
  func run() async throws
}
