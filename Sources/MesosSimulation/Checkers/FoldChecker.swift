import MasterCore
import MesosModel

/// Folds the change log and compares it with the master's state.
struct FoldChecker: Sendable {
  private var state = MasterSnapshot()
  private var sequence: UInt64 = 0

  /// Returns what does not fit in the change.
  mutating func apply(_ change: Change) -> String? {
    sequence += 1
    guard change.sequence == sequence else { return "change \(change.sequence) came as number \(sequence)" }
    return state.fold(change.kind)
  }

  /// Returns the first difference between what readers see and what the master knows.
  func difference(from core: MasterCore) -> String? { core.snapshot().difference(fromFolded: state) }
}
