/// Why a quota, or a change of quotas, is refused.
public struct QuotaError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of the error; the set may grow.
  public struct Code: Hashable, Sendable {
    private enum Value {
      case missingRole, invalidRole, unknownRole, nestedRole, emptyGuarantee, invalidResource, reserved, disk,
        revocable, notScalar
      case duplicateResource, tooLarge, invalidAmount, guaranteeAboveLimit, alreadySet, notSet, childrenAboveParent
      case limitAboveAncestor, overcommit, belowConsumption
    }
    private let value: Value

    /// No role is named.
    public static let missingRole = Code(value: .missingRole)
    /// The role is no valid name.
    public static let invalidRole = Code(value: .invalidRole)
    /// The role is not on the list of roles that may be used.
    public static let unknownRole = Code(value: .unknownRole)
    /// The role has a role above it, and the rules allow quotas at the top alone.
    public static let nestedRole = Code(value: .nestedRole)
    /// A request guarantees nothing.
    public static let emptyGuarantee = Code(value: .emptyGuarantee)
    /// A guaranteed resource is no valid resource.
    public static let invalidResource = Code(value: .invalidResource)
    /// A guaranteed resource is reserved.
    public static let reserved = Code(value: .reserved)
    /// A guaranteed resource describes a disk.
    public static let disk = Code(value: .disk)
    /// A guaranteed resource is revocable.
    public static let revocable = Code(value: .revocable)
    /// A guaranteed resource is no scalar, and the rules count scalars alone.
    public static let notScalar = Code(value: .notScalar)
    /// A resource is guaranteed twice.
    public static let duplicateResource = Code(value: .duplicateResource)
    /// An amount is above what quotas support.
    public static let tooLarge = Code(value: .tooLarge)
    /// An amount is negative, infinite, subnormal or no number.
    public static let invalidAmount = Code(value: .invalidAmount)
    /// More is guaranteed of a resource than its limit lets the role have.
    public static let guaranteeAboveLimit = Code(value: .guaranteeAboveLimit)
    /// The role has a quota, and this call does not change one.
    public static let alreadySet = Code(value: .alreadySet)
    /// The role has no quota that could be removed.
    public static let notSet = Code(value: .notSet)
    /// The roles just below a role are together guaranteed more than it is.
    public static let childrenAboveParent = Code(value: .childrenAboveParent)
    /// A role may have more than a role above it.
    public static let limitAboveAncestor = Code(value: .limitAboveAncestor)
    /// More is guaranteed than the cluster has; `force` overrides this.
    public static let overcommit = Code(value: .overcommit)
    /// The role has more already than it shall be limited to; `force` overrides this.
    public static let belowConsumption = Code(value: .belowConsumption)
  }

  /// The kind of the error.
  public let code: Code
  /// What is wrong and with what, in the words of Apache Mesos where it has some.
  public let message: String
  /// The role that the error is about, nil when none is to blame alone.
  public let role: String?
  /// The resource that the error is about: the first in ascending order when there are several.
  public let resource: String?

  /// An error of the given kind.
  public init(_ code: Code, _ message: String, role: String? = nil, resource: String? = nil) {
    self.code = code
    self.message = message
    self.role = role
    self.resource = resource
  }

  /// The message.
  public var description: String { message }

  /// This error as a part of what was attempted.
  func during(_ attempt: String) -> QuotaError { QuotaError(code, attempt + message, role: role, resource: resource) }
}
