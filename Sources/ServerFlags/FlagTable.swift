/// The flags of one server.
public struct FlagTable: Sendable {
  /// Name of the program, for the help.
  public let program: String
  /// One sentence on what the program is, for the help.
  public let summary: String
  /// Sorted by name.
  public let definitions: [FlagDefinition]
  /// Environment variables that turn on something this version cannot do, with the reason. A value other than `0`, `false` or
  /// nothing is an error: somebody relies on it.
  public let refusedEnvironment: [String: String]
  private let index: [String: Int]

  /// - Precondition: No name, old names included, occurs twice.
  public init(
    program: String, summary: String, definitions: [FlagDefinition], refusedEnvironment: [String: String] = [:]
  ) {
    self.program = program
    self.summary = summary
    self.definitions = definitions.sorted { $0.name < $1.name }
    self.refusedEnvironment = refusedEnvironment
    var index: [String: Int] = [:]
    for (position, definition) in self.definitions.enumerated() {
      for name in [definition.name] + definition.deprecatedNames {
        precondition(index.updateValue(position, forKey: name) == nil, "flag \(name) is in the table twice")
      }
    }
    self.index = index
  }

  /// The row of `name`, which may be an old name.
  public func definition(_ name: String) -> FlagDefinition? { index[name].map { definitions[$0] } }
}
