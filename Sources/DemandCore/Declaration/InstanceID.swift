public import MesosModel

/// Names one instance of a demand: its demand, slot, template version and incarnation, all of which its task id carries.
///
/// The task id is `NAME.SLOT.VERSION.INCARNATION`, for instance `web.3.5f3a9c21.018c2f6a9b104e21`: the slot in decimal, the version as 8
/// hexadecimal digits, the incarnation as 16. An incarnation is the wall clock's milliseconds at the launch times 2^16, with chance in
/// the low bits, so that the later of two instances of a slot is known by it, and none is named twice, over restarts of the scheduler too.
/// A scheduler that is given its demands again knows its running tasks by these ids.
public struct InstanceID: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The name of the demand.
  public let demand: String
  /// Which of the demand's instances it is.
  public let slot: Int
  /// The demand's ``Demand/templateVersion`` at the launch.
  public let version: UInt32
  /// Greater than those of the slot's instances before.
  public let incarnation: UInt64

  /// The id of these parts.
  public init(demand: String, slot: Int, version: UInt32, incarnation: UInt64) {
    self.demand = demand
    self.slot = slot
    self.version = version
    self.incarnation = incarnation
  }

  /// Reads a task id; `nil` for one that is not of this form.
  public init?(_ task: TaskKey) {
    let parts = task.value.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4, Demand.isName(parts[0]), let slot = Int(parts[1]), slot >= 0, String(slot) == parts[1],
      let version = InstanceID.number(parts[2], digits: 8), let incarnation = InstanceID.number(parts[3], digits: 16)
    else { return nil }
    self.init(
      demand: String(parts[0]), slot: slot, version: UInt32(truncatingIfNeeded: version), incarnation: incarnation)
  }

  /// The id of the task.
  public var task: TaskKey {
    TaskKey(
      "\(demand).\(slot).\(InstanceID.text(UInt64(version), digits: 8)).\(InstanceID.text(incarnation, digits: 16))")
  }

  /// The task id.
  public var description: String { task.value }

  /// Orders by demand, slot, incarnation, version.
  public static func < (left: Self, right: Self) -> Bool {
    (left.demand, left.slot, left.incarnation, left.version)
      < (right.demand, right.slot, right.incarnation, right.version)
  }

  private static func text(_ number: UInt64, digits: Int) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  private static func number(_ text: Substring, digits: Int) -> UInt64? {
    guard text.utf8.count == digits, text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else { return nil }
    return UInt64(text, radix: 16)
  }
}
