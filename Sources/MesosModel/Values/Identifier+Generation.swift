extension Identifier where Subject == Subjects.Agent {
  /// `<master>-S0`, `<master>-S1`, …
  public init(master: String, number: Int) { self.init("\(master)-S\(number)") }
}

extension Identifier where Subject == Subjects.Framework {
  /// `<master>-0000`, `<master>-0001`, …; of four digits at least.
  public init(master: String, number: Int) {
    let digits = String(number)
    self.init("\(master)-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits)
  }
}

extension Identifier where Subject == Subjects.Offer {
  /// `<master>-O0`, `<master>-O1`, …
  public init(master: String, number: Int) { self.init("\(master)-O\(number)") }
}
