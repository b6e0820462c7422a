import MesosModel

extension Demand {
  /// The longest name.
  public static let nameLengthMax = 128

  static func isName(_ text: some StringProtocol) -> Bool {
    !text.isEmpty && text.utf8.count <= nameLengthMax
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }

  /// The slots it has at most.
  var slotsMax: Int { completions ?? count + max(0, rollout.surgeMax) }

  /// Checks that it makes sense by itself.
  ///
  /// - Throws: `DemandError` with code `.invalidDemand` that names the demand and what is wrong.
  public func validate() throws(DemandError) {
    func require(_ holds: Bool, _ message: @autoclosure () -> String) throws(DemandError) {
      guard holds else {
        throw DemandError(.invalidDemand, "Demand '\(name.prefix(Demand.nameLengthMax))': \(message())")
      }
    }
    try require(Demand.isName(name), "its name is to be letters, digits, '-' and '_', at most \(Demand.nameLengthMax)")
    try require(count >= 0, "its count is negative")
    try require(
      completions.map { $0 >= 0 && count > 0 } ?? true, "a batch needs completions and a positive parallelism")
    try require(!resources.isEmpty, "it asks for no resources")
    for (name, amount) in resources.sorted(by: { $0.key < $1.key }) {
      try require(
        !name.isEmpty && amount > .zero, "it asks for \(amount) of '\(name)'; leave out what it does not need")
      try require(name != "ports" || amount.thousandths % 1000 == 0, "ports are whole numbers")
    }
    do { try RoleName.validate(role) } catch { throw DemandError(.invalidDemand, "Demand '\(name)': \(error.message)") }
    try require(
      template.hasCommand != template.hasExecutor, "its template has to have a command or an executor, and not both")
    try require(template.executor.resources.isEmpty, "resources of an executor are not supported: count them in")
    try require(
      template.taskID.value.isEmpty && template.agentID.value.isEmpty && template.resources.isEmpty,
      "task id, agent and resources of the template are filled in, and have to be empty")
    for constraint in constraints {
      switch constraint.rule {
      case .isIn(let values): try require(!values.isEmpty, "no value satisfies '\(constraint)'")
      case .maxPer(let most): try require(most > 0, "'\(constraint)' forbids all instances")
      case .groupBy(let least): try require(least > 0, "groupBy's number of values is not positive")
      case .exists, .absent, .notIn, .cluster: break
      }
    }
    if case .onFailure(let attempts) = replacement.rule { try require(attempts > 0, "attemptsMax is not positive") }
    try require(
      replacement.backoff.initial >= .zero && replacement.backoff.limit >= replacement.backoff.initial,
      "the back-off's limit is below its first wait")
    try require(unreachable.replaceAfter ?? .zero >= .zero, "unreachable.replaceAfter is negative")
    try require(rollout.unavailableMax >= 0 && rollout.surgeMax >= 0, "the rollout's numbers are negative")
    try require(
      rollout.unavailableMax > 0 || rollout.surgeMax > 0,
      "a rollout with unavailableMax and surgeMax of 0 can replace nothing")
    try require(killGrace ?? .zero >= .zero, "killGrace is negative")
    try require(finishedBefore.isEmpty || !isService, "finishedBefore is for batches")
  }

  /// Checks demands that are to be in force together.
  ///
  /// - Parameters:
  ///   - roles: What the framework is subscribed to.
  ///   - slotsMax: How many slots they may have together.
  /// - Throws: `DemandError`.
  static func validate(_ demands: [Demand], roles: [String], slotsMax: Int) throws(DemandError) {
    var names: Set<String> = []
    var slots = 0
    for demand in demands {
      try demand.validate()
      guard names.insert(demand.name).inserted else {
        throw DemandError(.duplicateName, "Two demands are named '\(demand.name)'")
      }
      guard roles.contains(demand.role) else {
        throw DemandError(
          .unknownRole,
          "Demand '\(demand.name)' wants offers of role '\(demand.role)'; the framework is subscribed to "
            + roles.map { "'\($0)'" }.joined(separator: ", "))
      }
      let (sum, overflow) = slots.addingReportingOverflow(demand.slotsMax)
      slots = sum
      guard !overflow, slots <= slotsMax else {
        throw DemandError(.tooMany, "The demands have more than \(slotsMax) instances together")
      }
    }
  }
}
