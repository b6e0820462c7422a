import SwiftProtobuf

/// The weights of roles: how much larger the claim of a role is than that of its siblings.
///
/// A role that is not named weighs ``defaultWeight``. Siblings share what their parent has a claim to in proportion to their weights; see
/// ``fairFraction(of:among:)``.
///
/// - Source: Apache Mesos, *Weights*; `master/weights_handler.cpp`.
public struct RoleWeights: Hashable, Sendable {
  /// The weight of a role that has none of its own.
  public static let defaultWeight = 1.0

  private var weights: [String: Double]

  /// The default weight for all roles.
  public init() { weights = [:] }

  /// Reads the value of `--weights`: `role=weight` apart by commas; of two for one role the last holds.
  ///
  /// - Parameters:
  ///   - text: For instance `eng=2,ads=3.5`.
  ///   - whitelist: The roles that may be used, nil when all may.
  /// - Throws: `RoleError`; a weight has to be a number and nothing more, where Apache Mesos reads as far as it can.
  public init(parsing text: String, whitelist: RoleWhitelist? = nil) throws(RoleError) {
    self.init()
    for token in text.split(separator: ",") {
      let start = text.utf8.distance(from: text.startIndex, to: token.startIndex)
      func invalid(_ code: RoleError.Code, _ problem: String, at offset: Int = 0) -> RoleError {
        RoleError(code, "Invalid weight: '\(token)'. \(problem)", offset: start + offset)
      }
      let pair = token.split(separator: "=").map(String.init)
      guard pair.count == 2 else {
        throw invalid(.malformedWeight, "--weights should be of the form 'role=weight,role=weight'")
      }
      do { try RoleName.validate(pair[0]) } catch { throw invalid(.invalidName, error.message, at: error.offset ?? 0) }
      if let whitelist, !whitelist.contains(pair[0]) {
        throw invalid(.unknownRole, "\(pair[0]) is not a valid role")
      }
      let number = token.utf8.count - pair[1].utf8.count
      guard let weight = Double(pair[1]) else {
        throw invalid(.malformedWeight, "'\(pair[1])' is not a number", at: number)
      }
      guard weight > 0, weight.isFinite else { throw invalid(.invalidWeight, "Weights must be positive", at: number) }
      weights[pair[0]] = weight
    }
  }

  /// The weight of `role`: its own, or the default.
  public subscript(role: String) -> Double { weights[role] ?? RoleWeights.defaultWeight }

  /// Whether `role` was given a weight, even one that is the default.
  public func isSet(_ role: String) -> Bool { weights[role] != nil }

  /// The weights that were given, in ascending order of roles, as GET_WEIGHTS answers them.
  public var infos: [WeightInfo] {
    weights.sorted { $0.key < $1.key }.map { role, weight in
      WeightInfo.with {
        $0.role = role
        $0.weight = weight
      }
    }
  }

  /// Applies what UPDATE_WEIGHTS asks for, all of it or nothing; blanks around roles do not matter.
  ///
  /// - Parameters:
  ///   - infos: The roles and their new weights; of two for one role the last holds.
  ///   - whitelist: The roles that may be used, nil when all may.
  /// - Returns: The roles whose weights are set, in the order of the request, for authorization and for the record.
  /// - Throws: `RoleError` with the message that Apache Mesos answers; a weight that is infinite or no number is refused too.
  @discardableResult
  public mutating func update(_ infos: [WeightInfo], whitelist: RoleWhitelist? = nil) throws(RoleError) -> [String] {
    let failure = "Failed to validate update weights request JSON"
    var updated = self
    var roles: [String] = []
    for info in infos {
      let role = RoleWeights.trimmed(info.role)
      do { try RoleName.validate(role) } catch {
        throw RoleError(.invalidName, "\(failure): Invalid role '\(role)': \(error.message)")
      }
      if let whitelist, !whitelist.contains(role) {
        throw RoleError(.unknownRole, "\(failure): Unknown role '\(role)'")
      }
      guard info.weight > 0, info.weight.isFinite else {
        throw RoleError(
          .invalidWeight,
          "\(failure) for role '\(role)': Invalid weight '\(RoleWeights.text(info.weight))': Weights must be positive")
      }
      updated.weights[role] = info.weight
      roles.append(role)
    }
    self = updated
    return roles
  }

  /// The fraction of a cluster that `role` may claim when `roles` all want as much as they can get.
  ///
  /// At each level of the tree siblings divide what their parent may claim in proportion to their weights. With `eng` of weight 2 and
  /// `ads` of weight 1, and below `eng` the roles `eng/web` and `eng/db` of weight 1, `eng` may claim 2/3 and `eng/web` 1/3.
  ///
  /// - Parameters:
  ///   - role: The role that asks, one of `roles` or above one.
  ///   - roles: The roles that frameworks ask in. Where a role asks and so does one below it, the frameworks of the role itself
  ///     compete with those below as one sibling of weight 1, and this gives what the whole subtree may claim.
  /// - Returns: A fraction in `0...1`; zero for a role that is not among `roles`.
  public func fairFraction<Value>(of role: String, among roles: RoleTree<Value>) -> Double {
    guard roles.contains(role) else { return 0 }
    var fraction = 1.0
    var parent: String?
    for node in RoleName.ancestors(of: role).reversed() + [role] {
      var sum = parent.map { roles[$0] != nil } == true ? RoleWeights.defaultWeight : 0
      for sibling in roles.children(of: parent) { sum += self[sibling] }
      fraction *= self[node] / sum
      parent = node
    }
    return fraction
  }

  private static func text(_ weight: Double) -> String {
    weight == weight.rounded() && weight.magnitude < 1e15 ? String(Int64(weight)) : String(weight)
  }

  private static func trimmed(_ role: String) -> String {
    func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || (0x09...0x0d).contains(byte) }
    let bytes = role.utf8
    guard let first = bytes.firstIndex(where: { !isBlank($0) }), let last = bytes.lastIndex(where: { !isBlank($0) })
    else {
      return ""
    }
    return String(Substring(bytes[first...last]))
  }
}
