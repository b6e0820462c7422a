/// The rules about lists of offers that are accepted or declined together.
///
/// - Source: Apache Mesos, `src/master/validation.cpp`, namespace `offer`; `Master::accept`.
public enum OfferValidation {
  /// What the rules look at of an offer or an inverse offer that is outstanding.
  public struct Terms: Hashable, Sendable {
    /// Whom it was made to.
    public var framework: FrameworkKey
    /// The agent it is of.
    public var agent: AgentKey
    /// The role it is allocated to; nil for an inverse offer, which is for none.
    public var role: String?

    /// The terms of an offer, or of an inverse offer when `role` is nil.
    public init(framework: FrameworkKey, agent: AgentKey, role: String?) {
      self.framework = framework
      self.agent = agent
      self.role = role
    }
  }

  /// Checks that offers can be accepted together: at least one, none twice, all outstanding, of this framework, one role and one agent.
  ///
  /// - Parameters:
  ///   - keys: The offers in the order of the call.
  ///   - framework: Who accepts.
  ///   - terms: What is known of an offer, nil when there is none of this id.
  /// - Throws: `ValidationError` about the first rule broken, in the order of Apache Mesos.
  /// - Complexity: O(*n*).
  public static func validate(
    _ keys: [OfferKey], of framework: FrameworkKey, terms: (OfferKey) -> Terms?
  ) throws(ValidationError) {
    guard !keys.isEmpty else { throw ValidationError(.missingField, "No offers specified", path: "offer_ids") }
    let offers = try known(keys, as: "Offer", of: framework, terms: terms)
    for (key, offer) in zip(keys, offers) where offer.role != offers[0].role {
      throw ValidationError(
        .mismatch,
        "Aggregated offers must be allocated to the same role. Offer \(key) uses role '\(offer.role ?? "") but another "
          + "is using role '\(offers[0].role ?? "")", path: "offer_ids")
    }
    try validateAgent(keys, offers)
  }

  /// Checks that inverse offers can be answered together: none twice, all outstanding, of this framework and one agent.
  ///
  /// - Parameters:
  ///   - keys: The inverse offers in the order of the call.
  ///   - framework: Who answers.
  ///   - terms: What is known of an inverse offer, nil when there is none of this id.
  /// - Throws: `ValidationError` about the first rule broken, in the order of Apache Mesos.
  /// - Complexity: O(*n*).
  public static func validate(
    inverse keys: [OfferKey], of framework: FrameworkKey, terms: (OfferKey) -> Terms?
  ) throws(ValidationError) {
    try validateAgent(keys, known(keys, as: "Inverse offer", of: framework, terms: terms))
  }

  private static func known(
    _ keys: [OfferKey], as kind: String, of framework: FrameworkKey, terms: (OfferKey) -> Terms?
  ) throws(ValidationError) -> [Terms] {
    var seen: Set<OfferKey> = []
    for key in keys where !seen.insert(key).inserted {
      throw ValidationError(.duplicate, "Duplicate offer \(key) in offer list", path: "offer_ids")
    }
    var offers: [Terms] = []
    for key in keys {
      guard let offer = terms(key) else {
        throw ValidationError(.unknownReference, "\(kind) \(key) is no longer valid", path: "offer_ids")
      }
      offers.append(offer)
    }
    for (key, offer) in zip(keys, offers) where offer.framework != framework {
      throw ValidationError(
        .mismatch,
        "Offer \(key) has invalid framework \(offer.framework) while framework \(framework) is expected",
        path: "offer_ids")
    }
    return offers
  }

  private static func validateAgent(_ keys: [OfferKey], _ offers: [Terms]) throws(ValidationError) {
    for (key, offer) in zip(keys, offers) where offer.agent != offers[0].agent {
      throw ValidationError(
        .mismatch,
        "Aggregated offers must belong to one single agent. Offer \(key) uses agent \(offer.agent) and agent "
          + "\(offers[0].agent)", path: "offer_ids")
    }
  }
}
