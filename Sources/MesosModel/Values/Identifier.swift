import SwiftProtobuf

/// An identifier of one kind of thing, as cores and tables use it.
///
/// The messages `AgentID`, `TaskID`, … carry the same text on the wire; an identifier is cheaper to hash and compare, and an
/// agent's cannot be passed where a task's is asked for.
public struct Identifier<Subject>: Hashable, Comparable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  /// The text as it stands on the wire.
  public let value: String

  public init(_ value: String) { self.value = value }
  public init(stringLiteral value: String) { self.value = value }
  public var description: String { value }
  public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// The kinds of things that have identifiers.
public enum Subjects {
  public enum Agent {}
  public enum Framework {}
  public enum Offer {}
  public enum Task {}
  public enum Executor {}
  public enum Container {}
}

public typealias AgentKey = Identifier<Subjects.Agent>
public typealias FrameworkKey = Identifier<Subjects.Framework>
public typealias OfferKey = Identifier<Subjects.Offer>
public typealias TaskKey = Identifier<Subjects.Task>
public typealias ExecutorKey = Identifier<Subjects.Executor>
public typealias ContainerKey = Identifier<Subjects.Container>

extension AgentID {
  public init(_ key: AgentKey) { self = .with { $0.value = key.value } }
  public var key: AgentKey { AgentKey(value) }
}

extension FrameworkID {
  public init(_ key: FrameworkKey) { self = .with { $0.value = key.value } }
  public var key: FrameworkKey { FrameworkKey(value) }
}

extension OfferID {
  public init(_ key: OfferKey) { self = .with { $0.value = key.value } }
  public var key: OfferKey { OfferKey(value) }
}

extension TaskID {
  public init(_ key: TaskKey) { self = .with { $0.value = key.value } }
  public var key: TaskKey { TaskKey(value) }
}

extension ExecutorID {
  public init(_ key: ExecutorKey) { self = .with { $0.value = key.value } }
  public var key: ExecutorKey { ExecutorKey(value) }
}

extension ContainerID {
  public init(_ key: ContainerKey) { self = .with { $0.value = key.value } }
  public var key: ContainerKey { ContainerKey(value) }
}
