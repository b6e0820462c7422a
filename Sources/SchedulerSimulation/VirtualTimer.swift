/// Something due at a virtual time; equal times go in the order in which they were asked for.
struct VirtualTimer: Comparable, Sendable {
  enum Subject: Sendable {
    case sleeper
    case action(@Sendable () -> Void)
  }

  let deadline: Duration
  let number: UInt64
  let subject: Subject

  static func < (left: Self, right: Self) -> Bool {
    (left.deadline, left.number) < (right.deadline, right.number)
  }
  static func == (left: Self, right: Self) -> Bool { left.number == right.number }
}
