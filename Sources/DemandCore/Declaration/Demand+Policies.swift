public import MesosModel

extension Demand {
  /// What follows the end of an instance that nobody asked to end.
  ///
  /// | the instance | `always` | `onFailure` | `never` |
  /// |---|---|---|---|
  /// | finished | a service's is run again, after a wait; a batch's slot is done | the slot is done | the slot is done |
  /// | failed, or was invalid | run again after a wait | run again after a wait, until the attempts are used up | the slot has failed |
  /// | was lost, gone, or killed by somebody else | run again at once | run again at once | the slot has failed |
  /// | never started (dropped, refused) | run again at once | run again at once | run again at once |
  ///
  /// A second loss in a row waits too. Waits double from ``backoff``'s first to its limit, with chance in them; an instance of a service
  /// that ran for ``stableAfter`` wipes the slate clean.
  public struct Replacement: Hashable, Sendable {
    enum Rule: Hashable, Sendable {
      case always
      case onFailure(attemptsMax: Int)
      case never
    }
    let rule: Rule
    /// The waits before an instance is run again.
    public var backoff = Backoff()
    /// An instance that ran so long has not failed at its start.
    public var stableAfter: Duration = .seconds(60)

    /// Instances are run again without end.
    public static func always(_ backoff: Backoff = Backoff()) -> Replacement {
      Replacement(rule: .always, backoff: backoff)
    }
    /// Those that failed are run again.
    ///
    /// - Parameter attemptsMax: How often one slot may fail; the last failure is for good.
    public static func onFailure(
      attemptsMax: Int, _ backoff: Backoff = Backoff()
    ) -> Replacement {
      Replacement(rule: .onFailure(attemptsMax: attemptsMax), backoff: backoff)
    }
    /// What may have run is not run again.
    public static let never = Replacement(rule: .never)
  }

  /// What follows when the agent of an instance cannot be reached (TASK_UNREACHABLE): the instance may go on running unseen.
  public struct Unreachable: Hashable, Sendable {
    /// What becomes of an instance that was replaced and then comes back.
    public enum Return: Hashable, Sendable {
      /// It is killed; the replacement stays.
      case killReturned
      /// It stays; the replacement is killed.
      case keepReturned
    }
    /// After so long the slot gets another instance; never where `nil`.
    public var replaceAfter: Duration?
    /// What becomes of an instance that was replaced and then comes back.
    public var onReturn: Return

    /// Five minutes, and the replacement stays, where nothing is said.
    public init(replaceAfter: Duration? = .seconds(300), onReturn: Return = .killReturned) {
      self.replaceAfter = replaceAfter
      self.onReturn = onReturn
    }
  }

  /// How a service's instances are replaced when its template, resources or role change.
  ///
  /// A batch's instances run to their end; only those launched later are new.
  public struct Rollout: Hashable, Sendable {
    /// So many slots may be without an available instance for it.
    public var unavailableMax: Int
    /// So many slots may have a new instance beside the old one, which is killed when the new one is available.
    public var surgeMax: Int
    /// How long an instance must have run, and be healthy if it has a health check, to count as available.
    public var readyAfter: Duration

    /// One at a time, the old one first, where nothing is said.
    public init(unavailableMax: Int = 1, surgeMax: Int = 0, readyAfter: Duration = .zero) {
      self.unavailableMax = unavailableMax
      self.surgeMax = surgeMax
      self.readyAfter = readyAfter
    }
  }

  /// What becomes of instances on a machine whose maintenance is planned.
  public enum Maintenance: Hashable, Sendable {
    /// Inverse offers are accepted; one at a time gets a replacement elsewhere, and is killed when that is available.
    case replaceFirst
    /// Inverse offers are accepted; instances are killed and replaced elsewhere, no more at a time than ``Rollout/unavailableMax``, but one.
    case killFirst
    /// Inverse offers are declined; instances run on until the machine goes down.
    case stay
  }
}
