/// Who makes a call, as an authenticator found out.
public struct Principal: Hashable, Sendable {
  /// The name, absent for principals known by claims alone.
  public var value: String?
  /// Further facts about the caller, such as an executor's ids.
  public var claims: [String: String]

  /// A caller of this name, about whom the claims are known besides.
  public init(value: String?, claims: [String: String] = [:]) {
    self.value = value
    self.claims = claims
  }
}
