import MesosModel

/// A wish that a framework leave an agent, neither answered nor taken back.
struct TrackedInverseOffer: Sendable {
  var id: OfferKey
  /// Grows with each offer and inverse offer.
  var number: UInt64
  var framework: FrameworkKey
  var agent: AgentKey
  var message: InverseOffer
}
