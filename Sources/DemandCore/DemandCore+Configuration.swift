extension DemandCore {
  /// The choices and bounds of the demand layer.
  public struct Configuration: Hashable, Sendable {
    /// The roles that the framework is subscribed to.
    public var roles: [String]

    /// How long resources are refused that nothing wants; a new want revives them at once.
    public var refuseUnneeded: Duration = .seconds(3600)
    /// How long resources are refused that do not match what is wanted. More of them, or a change of the demand, come at once.
    public var refuseUnmatched: Duration = .seconds(60)
    /// How long resources are refused that may match soon, because it depends on where other instances are.
    public var refuseSoon: Duration = .seconds(2)
    /// How long an offer is kept that is likely to be used soon; zero for not at all.
    public var offerHoldMax: Duration = .seconds(2)
    /// Between two REVIVE calls for one role.
    public var reviveIntervalMin: Duration = .seconds(1)

    /// After taking over a framework that may have running tasks: how long to wait for news of them before anything is launched.
    public var adoptionWait: Duration = .seconds(10)
    /// An instance of which nothing was heard for so long after its launch is killed, and launched again.
    public var launchTimeout: Duration = .seconds(600)
    /// A kill without an effect is repeated after its grace period and this.
    public var killRetry: Duration = .seconds(30)
    /// Agents whose maintenance begins within so long get no new instances, and are left by those that can move.
    public var maintenanceAhead: Duration = .seconds(3600)

    /// Slots of all demands together.
    public var slotsMax = 100_000
    /// Agents whose last offer is remembered, for explanations and for the places of adopted tasks.
    public var agentsRememberedMax = 10_000
    /// Offers kept at once; those beyond are declined.
    public var offersMax = 10_000
    /// Instances remembered, of one demand, that were given up on and may come back.
    public var straysMax = 1_000
    /// Names remembered of demands that were removed, so that their tasks are killed when they are heard of.
    public var removedMax = 1_000

    /// The choices for a framework of these roles.
    public init(roles: [String]) { self.roles = roles }
  }
}
