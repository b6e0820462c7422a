public import MesosModel
public import ServiceLifecycle

/// What is known of the leading master.
public struct MasterDetection: Hashable, Sendable {
  public enum Leader: Hashable, Sendable {
    /// Nothing was found out yet.
    case unknown
    /// There is none.
    case none
    case master(LeadingMaster)
  }

  /// The leader as last seen; what stands in the way of seeing more does not change it.
  public var leader: Leader
  /// What stands in the way now, if anything does: ZooKeeper is away, a node cannot be read. It is being tried again.
  public var trouble: DiscoveryError?

  public init(leader: Leader, trouble: DiscoveryError? = nil) {
    self.leader = leader
    self.trouble = trouble
  }

  /// The leading master, if there is one.
  public var master: LeadingMaster? {
    if case .master(let master) = leader { master } else { nil }
  }
}

/// Finds the leading master and says when another one leads.
///
/// ```swift
/// let detector = try makeMasterDetector("zk://zk1,zk2,zk3/mesos")
/// try await withThrowingTaskGroup(of: Void.self) { group in
///   group.addTask { try await detector.run() }
///   for await detection in detector.detections { print(detection.master?.address as Any) }
/// }
/// ```
/// A type of your own sends what it finds to a ``Broadcast`` and gives its changes.
public protocol MasterDetector: Service {
  /// The present detection, once there is one, and each that differs from the one before it.
  var detections: Changes<MasterDetection> { get }
  /// Detects until it is cancelled or shut down. To be called once.
  ///
  /// - Throws: When there is no use in trying on.
  func run() async throws
}

/// Says that one master leads, whatever happens.
public final class FixedMasterDetector: MasterDetector {
  private let broadcast = Broadcast<MasterDetection>(valuesMax: 1)

  public init(_ address: MasterAddress) {
    broadcast.send(MasterDetection(leader: .master(LeadingMaster(address: address))))
  }

  public var detections: Changes<MasterDetection> { broadcast.changes }

  public func run() async throws {
    try? await gracefulShutdown()
    try Task.checkCancellation()
  }
}
