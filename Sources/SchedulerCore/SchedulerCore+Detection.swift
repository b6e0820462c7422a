import MesosModel

/// Where the leading master is found by a detector rather than named: the connection follows what that says.
extension SchedulerCore {
  /// The detector says who leads; `nil` when nobody does.
  ///
  /// Only another leader than the one followed ends a stream. That nobody leads does not: the master at the other end knows better.
  mutating func masterDetected(
    _ leader: MasterAddress?, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    guard configuration.detectsMaster else { return }
    detected = leader
    guard let leader else {
      if case .backingOff = phase { awaitDetection() }
      return
    }
    let present: MasterAddress
    var stream: StreamNumber?
    var mayArriveLate = false
    switch phase {
    case .idle, .deciding, .finished: return
    case .detecting where lastStream == 0: return connect(to: nil, at: now)
    case .detecting, .backingOff:
      failures = 0
      redirects = 0
      let delay = leaderChangeDelay(using: &rng)
      phase = .backingOff(until: now + delay, to: nil)
      return show(.backingOff(delay, reason: "\(leader) leads"))
    case .connecting(let connecting):
      present = connecting.master
      stream = connecting.stream
      mayArriveLate = connecting.streamID == nil
    case .subscribed(let subscribed):
      present = subscribed.master
      stream = subscribed.stream
    }
    guard leader != present, leader != followed else { return }
    failures = 0
    lose(
      "\(leader) leads now", closing: stream, mayArriveLate: mayArriveLate, at: now,
      after: leaderChangeDelay(using: &rng), using: &rng)
  }

  /// Chance keeps all of a cluster's schedulers from coming at once; little of it, as they are waited for.
  private func leaderChangeDelay(using rng: inout some RandomNumberGenerator) -> Duration {
    .nanoseconds(Int64.random(in: 0...max(0, configuration.leaderChangeDelayMax.wholeNanoseconds), using: &rng))
  }

  /// There is no use in another attempt before a leader is detected.
  mutating func awaitDetection() {
    guard detectionError == nil else { return finish(detectionError) }
    phase = .detecting
    show(.detecting)
  }

  /// The detector will say no more.
  mutating func detectionEnded(_ reason: String) {
    guard configuration.detectsMaster, detectionError == nil else { return }
    let error = SchedulerError(
      .detectionFailed, "No leading master can be detected: \(reason.prefix(SchedulerError.foreignTextMax))")
    detectionError = error
    deliver(.error(error))
    if case .detecting = phase { finish(error) }
  }
}
