/// Resources that turn into others of the same amount: what an operation on an offer comes to.
///
/// A conversion is a value, so it can be planned where an operation is accepted and applied wherever the resources are counted: to what is
/// left of an offer, to the total of an agent, to what the allocator knows. Applying one takes ``consumed`` out, puts ``converted`` in and
/// looks whether its condition holds then; what cannot be applied changes nothing.
///
/// - Source: Apache Mesos `include/mesos/v1/resources.hpp`, `ResourceConversion`.
public struct ResourceConversion: Hashable, Sendable {
  /// What has to be there, and is gone afterwards.
  public var consumed: Resources
  /// What is there instead.
  public var converted: Resources
  /// Whether the conversion is of the last copy of ``consumed`` only: a shared volume is destroyed when nobody else has it.
  public var needsLastCopy: Bool

  /// A conversion of `consumed` into `converted`.
  ///
  /// - Parameters:
  ///   - consumed: What has to be there.
  ///   - converted: What is there instead.
  ///   - needsLastCopy: Whether nothing of `consumed` may be left afterwards.
  public init(consumed: Resources, converted: Resources, needsLastCopy: Bool = false) {
    self.consumed = consumed
    self.converted = converted
    self.needsLastCopy = needsLastCopy
  }

  /// Whether there is as much of every name before and after; a shared resource counts once, whatever its copies.
  public var preservesAmounts: Bool { ResourceTotals(consumed) == ResourceTotals(converted) }

  /// The conversion with what it consumes and what it gives allocated to no role: how it applies to the total of an agent.
  public var unallocated: ResourceConversion {
    ResourceConversion(
      consumed: consumed.unallocated, converted: converted.unallocated, needsLastCopy: needsLastCopy)
  }
}

extension Resources {
  /// These resources after `conversion`.
  ///
  /// - Throws: `OperationError` with code `.insufficient` when not all that is consumed is there, or `.copiesRemain` when it is not the last
  ///   copy of a shared volume that is destroyed.
  /// - Complexity: That of one subtraction and one addition.
  public func applying(_ conversion: ResourceConversion) throws(OperationError) -> Resources {
    guard contains(conversion.consumed) else {
      throw OperationError(.insufficient, "\(self) does not contain \(conversion.consumed)")
    }
    let result = self - conversion.consumed + conversion.converted
    if conversion.needsLastCopy, result.contains(conversion.consumed) {
      let volume = conversion.consumed.entries.map(\.resourceText).joined(separator: "; ")
      throw OperationError(
        .copiesRemain, "Persistent volume \(volume) cannot be removed due to additional shared copies")
    }
    return result
  }

  /// These resources after `conversions`, one after the other; all of them or none.
  ///
  /// - Throws: `OperationError` for the first that cannot be applied, see ``applying(_:)-(ResourceConversion)``.
  public func applying(_ conversions: some Sequence<ResourceConversion>) throws(OperationError) -> Resources {
    var result = self
    for conversion in conversions { result = try result.applying(conversion) }
    return result
  }

  /// These resources after `operation`, of a kind whose result is known before it is done, see
  /// ``MesosMessages/Offer/Operation/isSpeculative``.
  ///
  /// That the totals stay the same is checked afterwards: an operation never makes resources or loses them.
  ///
  /// - Parameter operation: As a framework or an operator sends it, its resources in either reservation format and, where these resources
  ///   are allocated, with its allocation; see ``MesosMessages/Offer/Operation/allocatedWhereMissing(to:)``.
  /// - Throws: `OperationError` when the operation is not for resources like these, or they are not there.
  /// - Source: Apache Mesos `src/common/resources.cpp`, `Resources::apply`.
  public func applying(_ operation: Offer.Operation) throws(OperationError) -> Resources {
    try checked(applying(operation.conversions()), after: operation)
  }

  /// These resources after an operation of either kind that has come to an end.
  ///
  /// An operation that failed, was refused or got lost leaves them as they are. One that is not speculative turns what it consumed into what
  /// the status says.
  ///
  /// - Throws: `OperationError` with code `.notFinished` when the status is of no end, or as ``applying(_:)-(Offer.Operation)`` and
  ///   ``MesosMessages/Offer/Operation/conversion(into:)`` do.
  public func applying(_ operation: Offer.Operation, endedWith status: OperationStatus) throws(OperationError)
    -> Resources
  {
    guard status.state.isTerminal else {
      throw OperationError(.notFinished, "The operation is in state \(status.state.wireName), which is not terminal")
    }
    guard status.state == .operationFinished else { return self }
    if operation.isSpeculative { return try applying(operation) }
    return try applying(operation.conversion(into: status.convertedResources))
  }

  private func checked(_ result: Resources, after operation: Offer.Operation) throws(OperationError) -> Resources {
    guard ResourceTotals(self) == ResourceTotals(result) else {
      throw OperationError(
        .amountsChange, "\(operation.type.wireName) would turn \(self) into \(result), which is not the same amount")
    }
    return result
  }
}

/// How much there is of each name, whatever its reservation, disk and so on.
struct ResourceTotals: Equatable {
  private var scalars: [String: Scalar] = [:]
  private var ranges: [String: ResourceRanges] = [:]
  private var sets: [String: ResourceSet] = [:]

  init(_ resources: Resources) {
    for entry in resources.entries {
      switch entry.amount {
      case .scalar(let amount): scalars[entry.name, default: .zero] += amount
      case .ranges(let amount): ranges[entry.name, default: ResourceRanges()] += amount
      case .set(let amount): sets[entry.name, default: ResourceSet()] += amount
      }
    }
  }
}
