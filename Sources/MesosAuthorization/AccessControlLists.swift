public import MesosModel

/// Authorization by lists of rules, the default of Apache Mesos.
///
/// The rules of an action are looked at in their order. The first whose principals and objects both match decides; where none does,
/// ``isPermissive`` says what holds. Roles are matched as a tree: `eng/%` stands for every role below `eng`, without `eng` itself.
///
/// A request by somebody unknown, or about no object in particular, is one by or about *any*: only rules of `ANY` and `NONE` match it.
///
/// - Source: Apache Mesos 1.11, *Authorization*; `authorizer/local/authorizer.cpp`.
public struct AccessControlLists: Authorizer, Hashable, Sendable {
  /// Whom or what a rule is about.
  public enum Entity: Hashable, Sendable {
    case some([String])
    case any
    case none
  }

  /// One rule: allowed to these principals on these objects, and refused to others that it matches.
  public struct Rule: Hashable, Sendable {
    public var principals: Entity
    public var objects: Entity

    public init(_ principals: Entity, _ objects: Entity) {
      self.principals = principals
      self.objects = objects
    }
  }

  /// Whether what no rule matches is allowed.
  public var isPermissive: Bool
  private var rules: [AccessControlList: [Matcher]] = [:]

  /// - Parameter isPermissive: Whether what no rule matches is allowed.
  public init(isPermissive: Bool = true) { self.isPermissive = isPermissive }

  /// The rules of one list, in their order.
  ///
  /// - Throws: ``AuthorizationError`` for objects that the list cannot tell apart.
  public mutating func set(_ list: AccessControlList, to rules: [Rule]) throws(AuthorizationError) {
    for rule in rules {
      guard case .some(let names) = rule.objects else { continue }
      switch list.objects {
      case .roles, .names: break
      case .all:
        throw AuthorizationError(.invalidRule, "ACL.\(list.messageName) type must be either NONE or ANY")
      case .paths:
        for path in names where !AccessControlList.authorizedPaths.contains(path) {
          throw AuthorizationError(.invalidRule, "Path: '\(path)' is not an authorizable path")
        }
      }
    }
    self.rules[list] = rules.flatMap { Matcher.all($0, list) }
  }

  public func permits(_ action: AuthorizedAction, by principal: Principal?, on object: String?) -> Bool {
    let subject: Request
    if let principal {
      // Who is known by claims alone matches no rule, and nothing of this speaks for such callers.
      guard let name = principal.value else { return false }
      subject = .one(name)
    } else {
      subject = .any
    }
    let object = object.map { Request.one($0) } ?? .any
    return AccessControlList.of(action).allSatisfy { list in
      for rule in rules[list] ?? [] {
        if let decision = rule.decides(subject, object) { return decision }
      }
      return isPermissive
    }
  }

  public func permitsAll(_ action: AuthorizedAction, by principal: Principal?) -> Bool {
    if let principal, principal.value == nil { return false }
    let subject = principal?.value.map { Request.one($0) } ?? .any
    return AccessControlList.of(action).allSatisfy { list in
      for rule in rules[list] ?? [] where subject.matches(rule.principals) {
        // It matches one object at least, and the next rules may decide about others.
        return rule.prefix == nil && rule.objects == .any && subject.isAllowed(by: rule.principals)
      }
      return isPermissive
    }
  }

  /// Who asks, or about what.
  private enum Request {
    case one(String)
    case any

    func matches(_ entity: Entity) -> Bool {
      switch (self, entity) {
      case (_, .any), (_, .none): true
      case (.one(let name), .some(let names)): names.contains(name)
      case (.any, .some): false
      }
    }

    func isAllowed(by entity: Entity) -> Bool {
      switch (self, entity) {
      case (_, .any): true
      case (_, .none): false
      case (.one(let name), .some(let names)): names.contains(name)
      case (.any, .some): false
      }
    }
  }

  private struct Matcher: Hashable, Sendable {
    var principals: Entity
    var objects: Entity
    /// Roles below this one, with the slash at its end, are meant.
    var prefix: String?

    /// A rule of roles with `/%` is a rule for each of these, and one for the rest.
    static func all(_ rule: Rule, _ list: AccessControlList) -> [Matcher] {
      guard list.objects == .roles, case .some(let roles) = rule.objects else {
        return [Matcher(principals: rule.principals, objects: rule.objects)]
      }
      let trees = roles.filter { $0.hasSuffix("/%") }.map {
        Matcher(principals: rule.principals, objects: .any, prefix: String($0.dropLast()))
      }
      let others = roles.filter { !$0.hasSuffix("/%") }
      return others.isEmpty ? trees : trees + [Matcher(principals: rule.principals, objects: .some(others))]
    }

    /// Whether the request is allowed; `nil` where the rule says nothing of it.
    func decides(_ subject: Request, _ object: Request) -> Bool? {
      if let prefix {
        guard case .one(let role) = object, role.hasPrefix(prefix) else { return nil }
      }
      guard subject.matches(principals), object.matches(objects) else { return nil }
      return subject.isAllowed(by: principals) && object.isAllowed(by: objects)
    }
  }
}

/// Why rules cannot be used.
public struct AuthorizationError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    private enum Value { case invalidRule }
    private let value: Value
    /// A rule has objects that its list does not know.
    public static let invalidRule = Code(value: .invalidRule)
  }

  public let code: Code
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
