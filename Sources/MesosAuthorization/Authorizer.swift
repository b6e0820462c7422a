public import MesosModel

/// Says who may do what.
///
/// A master and an agent ask it before each action and for each row that a reader may see, on whatever thread they are, so an answer must
/// be fast, must not block, and must be the same whenever the same is asked: what an authorizer has to fetch it fetches beforehand.
public protocol Authorizer: Sendable {
  /// Whether `principal` may do `action` to `object`.
  ///
  /// - Parameters:
  ///   - principal: Who asks; `nil` for somebody who was not authenticated.
  ///   - object: The role, user, principal or path that the action is about; `nil` for any.
  func permits(_ action: AuthorizedAction, by principal: Principal?, on object: String?) -> Bool

  /// Whether `principal` may do `action` to every object there is or may be. `false` where that is not known: then each is asked for.
  func permitsAll(_ action: AuthorizedAction, by principal: Principal?) -> Bool
}

extension Authorizer {
  public func permitsAll(_ action: AuthorizedAction, by principal: Principal?) -> Bool { false }
}
