extension Demand {
  /// A property of an agent.
  public struct Field: Hashable, Comparable, Sendable, CustomStringConvertible {
    enum Value: Hashable, Sendable {
      case agent, hostname, region, zone
      case attribute(String)
    }
    let value: Value

    /// The agent itself, by its id.
    public static let agent = Field(value: .agent)
    /// The agent's host name.
    public static let hostname = Field(value: .hostname)
    /// The region of the agent's fault domain.
    public static let region = Field(value: .region)
    /// The zone of the agent's fault domain, together with its region.
    public static let zone = Field(value: .zone)
    /// The first attribute of this name, as Mesos prints it: `r1`, `2.5`, `[1-3]`.
    public static func attribute(_ name: String) -> Field { Field(value: .attribute(name)) }

    /// For people: `hostname`, `attribute rack`.
    public var description: String {
      switch value {
      case .agent: "agent"
      case .hostname: "hostname"
      case .region: "region"
      case .zone: "zone"
      case .attribute(let name): "attribute \(name)"
      }
    }

    /// Orders by the descriptions.
    public static func < (left: Self, right: Self) -> Bool { left.description < right.description }
  }

  /// What must hold of the agent that an instance is put on.
  ///
  /// The words are Marathon's where it has one. An agent without the field satisfies ``absent(_:)``, ``differs(_:_:)`` and
  /// ``notIn(_:_:)`` alone. Patterns (LIKE) are not there: say the values with ``isIn(_:_:)``.
  public struct Constraint: Hashable, Sendable, CustomStringConvertible {
    enum Rule: Hashable, Sendable {
      case exists, absent
      case isIn([String])
      case notIn([String])
      case maxPer(Int)
      case groupBy(Int)
      case cluster
    }
    /// What it looks at.
    public let field: Field
    let rule: Rule

    /// The agent has the field.
    public static func exists(_ field: Field) -> Constraint { Constraint(field: field, rule: .exists) }
    /// The agent has it not.
    public static func absent(_ field: Field) -> Constraint { Constraint(field: field, rule: .absent) }
    /// It is `value`; Marathon's IS, and its CLUSTER with a value.
    public static func equals(_ field: Field, _ value: String) -> Constraint {
      Constraint(field: field, rule: .isIn([value]))
    }
    /// It is not `value`.
    public static func differs(_ field: Field, _ value: String) -> Constraint {
      Constraint(field: field, rule: .notIn([value]))
    }
    /// It is one of `values`.
    public static func isIn(_ field: Field, _ values: [String]) -> Constraint {
      Constraint(field: field, rule: .isIn(Set(values).sorted()))
    }
    /// It is none of `values`.
    public static func notIn(_ field: Field, _ values: [String]) -> Constraint {
      Constraint(field: field, rule: .notIn(Set(values).sorted()))
    }
    /// No two instances have the same value (UNIQUE).
    public static func unique(_ field: Field) -> Constraint { Constraint(field: field, rule: .maxPer(1)) }
    /// At most so many instances have the same value (MAX_PER).
    public static func maxPer(_ field: Field, _ most: Int) -> Constraint {
      Constraint(field: field, rule: .maxPer(most))
    }
    /// All instances have the value of the first one (CLUSTER).
    public static func cluster(_ field: Field) -> Constraint { Constraint(field: field, rule: .cluster) }
    /// The numbers of instances with each value differ by one at most (GROUP_BY): an instance waits until its turn's value is offered.
    ///
    /// - Parameter least: How many values there are at least, though not all were offered yet; those seen count where nothing is said.
    public static func groupBy(_ field: Field, atLeast least: Int = 1) -> Constraint {
      Constraint(field: field, rule: .groupBy(least))
    }

    /// Whether it depends on where other instances are.
    var isRelative: Bool {
      switch rule {
      case .maxPer, .groupBy, .cluster: true
      case .exists, .absent, .isIn, .notIn: false
      }
    }

    /// For people: `hostname unique`, `attribute rack in {r1, r2}`.
    public var description: String {
      switch rule {
      case .exists: "\(field) exists"
      case .absent: "\(field) is absent"
      case .isIn(let values):
        values.count == 1 ? "\(field) is '\(values[0])'" : "\(field) is in {\(values.joined(separator: ", "))}"
      case .notIn(let values):
        values.count == 1 ? "\(field) is not '\(values[0])'" : "\(field) is not in {\(values.joined(separator: ", "))}"
      case .maxPer(1): "\(field) is unique"
      case .maxPer(let most): "at most \(most) per \(field)"
      case .groupBy: "grouped by \(field)"
      case .cluster: "all of one \(field)"
      }
    }
  }
}
