public import MesosAllocator

extension MasterCore {
  /// The allocator as it is, to be asked with ``MesosAllocator/Allocator/explain(framework:roles:agents:at:)`` by who has the time for it.
  public var allocatorNow: Allocator { allocator }

  /// Allocation cycles that were begun.
  public var allocationRuns: Int { allocator.cycleCount }
}
