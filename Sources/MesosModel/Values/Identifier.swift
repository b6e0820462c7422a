import SwiftProtobuf

/// An identifier of one kind of thing, as cores and tables use it.
///
/// The messages `AgentID`, `TaskID`, … carry the same text on the wire; an identifier is cheaper to hash and compare, and an
/// agent's cannot be passed where a task's is asked for. The text is hashed once, when the identifier is made: a master looks each task up
/// in a dozen tables, and texts of forty bytes are slow to hash.
public struct Identifier<Subject>: Hashable, Comparable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  /// The text as it stands on the wire.
  public let value: String
  /// The hash of the text, another one in each process.
  @usableFromInline let digest: Int

  /// The identifier with this text; see ``IdentifierValidation`` for which texts are legal.
  @inlinable
  public init(_ value: String) {
    self.value = value
    digest = value.hashValue
  }
  /// The identifier with this text.
  @inlinable public init(stringLiteral value: String) { self.init(value) }
  /// The text.
  public var description: String { value }
  /// Whether the texts are equal.
  @inlinable
  public static func == (left: Self, right: Self) -> Bool { left.digest == right.digest && left.value == right.value }
  /// Feeds what was reckoned of the text.
  @inlinable public func hash(into hasher: inout Hasher) { hasher.combine(digest) }
  /// Orders by the texts.
  public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// The kinds of things that have identifiers.
public enum Subjects {
  /// An agent, named by the master.
  public enum Agent {}
  /// A framework, named by the master.
  public enum Framework {}
  /// An offer or an inverse offer, named by the master.
  public enum Offer {}
  /// A task, named by its framework.
  public enum Task {}
  /// An executor, named by its framework.
  public enum Executor {}
  /// A container, named by the agent or by who launches it inside another.
  public enum Container {}
  /// A resource provider, named by its agent.
  public enum ResourceProvider {}
}

/// The identifier of an agent.
public typealias AgentKey = Identifier<Subjects.Agent>
/// The identifier of a framework.
public typealias FrameworkKey = Identifier<Subjects.Framework>
/// The identifier of an offer.
public typealias OfferKey = Identifier<Subjects.Offer>
/// The identifier of a task.
public typealias TaskKey = Identifier<Subjects.Task>
/// The identifier of an executor.
public typealias ExecutorKey = Identifier<Subjects.Executor>
/// The identifier of a container, without its parents.
public typealias ContainerKey = Identifier<Subjects.Container>
/// The identifier of a resource provider.
public typealias ResourceProviderKey = Identifier<Subjects.ResourceProvider>

extension AgentID {
  /// The identifier as a message.
  public init(_ key: AgentKey) { self = .with { $0.value = key.value } }
  /// The identifier as a value.
  public var key: AgentKey { AgentKey(value) }
}

extension FrameworkID {
  /// The identifier as a message.
  public init(_ key: FrameworkKey) { self = .with { $0.value = key.value } }
  /// The identifier as a value.
  public var key: FrameworkKey { FrameworkKey(value) }
}

extension OfferID {
  /// The identifier as a message.
  public init(_ key: OfferKey) { self = .with { $0.value = key.value } }
  /// The identifier as a value.
  public var key: OfferKey { OfferKey(value) }
}

extension TaskID {
  /// The identifier as a message.
  public init(_ key: TaskKey) { self = .with { $0.value = key.value } }
  /// The identifier as a value.
  public var key: TaskKey { TaskKey(value) }
}

extension ExecutorID {
  /// The identifier as a message.
  public init(_ key: ExecutorKey) { self = .with { $0.value = key.value } }
  /// The identifier as a value.
  public var key: ExecutorKey { ExecutorKey(value) }
}

extension ContainerID {
  /// The identifier as a message.
  public init(_ key: ContainerKey) { self = .with { $0.value = key.value } }
  /// The identifier as a value, without the parents.
  public var key: ContainerKey { ContainerKey(value) }
}

extension ResourceProviderID {
  /// The identifier as a message.
  public init(_ key: ResourceProviderKey) { self = .with { $0.value = key.value } }
  /// The identifier as a value.
  public var key: ResourceProviderKey { ResourceProviderKey(value) }
}
