import MesosModel
import Testing

/// One example that a page of Apache Mesos' documentation shows or describes.
struct Documented<Example: Sendable>: Sendable, CustomTestStringConvertible {
  /// The page, as in the folder `docs` of Apache Mesos.
  let page: String
  /// The section, and which example of it where there are several.
  let section: String
  let example: Example

  init(_ page: String, _ section: String, _ example: Example) {
    (self.page, self.section, self.example) = (page, section, example)
  }

  var testDescription: String { "\(page), \(section)" }
}

/// A scalar resource in JSON, with further fields.
func jsonScalar(_ name: String, _ value: Double, _ fields: String...) -> String {
  let start = #"{"name":"\#(name)","type":"SCALAR","scalar":{"value":\#(value)}"#
  return ([start] + fields).joined(separator: ",") + "}"
}

/// A list in JSON.
func jsonList(_ items: [String]) -> String { "[" + items.joined(separator: ",") + "]" }

/// An offer as the pages show it, with the resources given in JSON.
func offer(of resources: [String], to role: String) throws -> Offer {
  let text = #"""
    {"allocation_info":{"role":"\#(role)"},"id":{"value":"offer"},"framework_id":{"value":"framework"},
     "agent_id":{"value":"agent"},"hostname":"host","resources":\#(jsonList(resources))}
    """#
  return try Offer(jsonBytes: Array(text.utf8))
}

/// An operation in JSON on resources in JSON, and what comes of it.
struct OperationExample: Sendable {
  enum Outcome: Sendable {
    /// There are these resources then, in JSON.
    case gives([String])
    /// The operation breaks a rule; a part of the message.
    case invalid(String)
    /// The operation keeps the rules, but what it is for is not there; a part of the message.
    case impossible(String)
  }

  /// What is offered, or what the agent has when an operator asks.
  let resources: [String]
  let operation: String
  let outcome: Outcome
  /// The roles of the framework; none for an operator.
  var roles: [String] = []
  var sharesResources = false
  var principal: String?
  /// What tasks use.
  var used: [String] = []

  func check(_ comment: Comment) throws {
    let operation = try Offer.Operation(jsonBytes: Array(operation.utf8))
    var (context, before) = (OperationContext(principal: principal), try read(resources))
    if let role = roles.last {
      context.framework = .init(id: "framework", roles: roles, sharesResources: sharesResources)
      // The last is the role that the offer is for.
      before = try Resources(offer(of: resources, to: role).resources).allocatedWhereMissing(to: role)
    }
    context.checkpointed = before.unallocated.filter(\.needsCheckpointing)
    context.used = try read(used)
    let normalized = roles.last.map { operation.allocatedWhereMissing(to: $0) } ?? operation
    var result: Result<Resources, any Error>
    do {
      try OperationValidation.validate(normalized, in: context)
      result = Result { try before.applying(normalized) }
    } catch {
      result = .failure(error)
    }
    switch outcome {
    case .gives(let expected):
      let after = try read(expected)
      let given = try result.get()
      #expect(given == roles.last.map { after.allocatedWhereMissing(to: $0) } ?? after, comment)
      #expect(given.quantities == before.quantities, comment)
    case .invalid(let text):
      #expect(throws: ValidationError.self, comment) { try result.get() }
      #expect("\(result)".contains(text), "\(result)")
    case .impossible(let text):
      #expect(throws: OperationError.self, comment) { try result.get() }
      #expect("\(result)".contains(text), "\(result)")
    }
  }

  private func read(_ resources: [String]) throws -> Resources {
    try Resources(offer(of: resources, to: "*").resources)
  }
}
