import MesosModel

/// An offer that was neither answered nor taken back.
struct TrackedOffer: Sendable {
  var id: OfferKey
  /// Grows with each offer.
  var number: UInt64
  var framework: FrameworkKey
  var agent: AgentKey
  var role: String
  /// Allocated to ``role``.
  var resources: Resources
  /// As readers see it; a framework without certain capabilities is sent less of it.
  var message: Offer
}
