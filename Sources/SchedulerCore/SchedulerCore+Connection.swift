import DequeModule
import MesosModel

extension SchedulerCore {
  mutating func start(as id: FrameworkID?, at now: Duration) {
    guard case .idle = phase else { return }
    if let id, !id.value.isEmpty { frameworkID = id }
    connect(to: nil, at: now)
  }

  /// Opens a stream to `master`, or to the detected leader, or to the next one of the list.
  mutating func connect(to master: MasterAddress?, at now: Duration) {
    guard let master = master ?? nextMaster else { return awaitDetection() }
    followed = detected
    lastStream += 1
    let stream = StreamNumber(lastStream)
    phase = .connecting(Connecting(stream: stream, master: master, deadline: now + configuration.subscribeTimeout))
    show(.connecting(master))
    directives.append(.openStream(stream, master, subscribeCall))
  }

  private var nextMaster: MasterAddress? {
    configuration.detectsMaster ? detected : configuration.masters[masterIndex % configuration.masters.count]
  }

  /// SUBSCRIBE with what the user wants now: its roles' suppression survives a re-subscription.
  private var subscribeCall: SchedulerCall {
    var subscribe = SchedulerCall.Subscribe()
    subscribe.frameworkInfo = configuration.framework
    subscribe.suppressedRoles = suppressedRoles.sorted()
    if let constraints = configuration.offerConstraints { subscribe.offerConstraints = constraints }
    var call = SchedulerCall()
    call.type = .subscribe
    if let frameworkID {
      subscribe.frameworkInfo.id = frameworkID
      call.frameworkID = frameworkID
    }
    call.subscribe = subscribe
    return call
  }

  mutating func streamOpened(
    _ stream: StreamNumber, _ head: StreamHead, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    guard case .connecting(var connecting) = phase, connecting.stream == stream else {
      return directives.append(.closeStream(stream))
    }
    let text = SchedulerError.excerpt(head.text)
    switch head.status {
    case 200:
      guard let id = head.streamID, !id.isEmpty else {
        return lose("the answer to SUBSCRIBE has no Mesos-Stream-Id", closing: stream, at: now, using: &rng)
      }
      connecting.streamID = id
      phase = .connecting(connecting)
    case 307, 301, 302, 308:
      let leader = head.location.flatMap { MasterAddress(location: $0, of: connecting.master) }
      redirects += 1
      if let leader, redirects <= configuration.redirectsMax {
        directives.append(.closeStream(stream))
        connect(to: leader, at: now)
      } else {
        let why = leader == nil ? "it redirects nowhere (\(head.status))" : "\(redirects) redirects in a row"
        lose(why, closing: stream, at: now, using: &rng)
      }
    case 400, 401, 403:
      let code: SchedulerError.Code = head.status == 400 ? .refused : .unauthorized
      ended(
        by: SchedulerError(
          code, "\(connecting.master) refuses SUBSCRIBE (\(head.status)): \(text)", status: head.status),
        at: now, using: &rng)
    default:
      lose("it answers \(head.status): \(text)", closing: stream, at: now, using: &rng)
    }
  }

  mutating func subscriptionConfirmed(
    _ connecting: Connecting, _ confirmation: SchedulerEvent.Subscribed, at now: Duration,
    using rng: inout some RandomNumberGenerator
  ) {
    guard !confirmation.frameworkID.value.isEmpty else {
      return lose("SUBSCRIBED without a framework id", closing: connecting.stream, at: now, using: &rng)
    }
    guard confirmation.frameworkID != frameworkID else {
      return subscribed(connecting, confirmation, isResubscription: true, at: now, using: &rng)
    }
    var connecting = connecting
    connecting.confirmation = confirmation
    phase = .connecting(connecting)
    directives.append(.saveFrameworkID(connecting.stream, confirmation.frameworkID))
  }

  mutating func frameworkIDSaved(_ stream: StreamNumber, at now: Duration, using rng: inout some RandomNumberGenerator)
  {
    guard case .connecting(let connecting) = phase, connecting.stream == stream,
      let confirmation = connecting.confirmation
    else { return }
    frameworkID = confirmation.frameworkID
    subscribed(connecting, confirmation, isResubscription: false, at: now, using: &rng)
  }

  mutating func frameworkIDNotSaved(_ stream: StreamNumber, _ reason: String) {
    guard case .connecting(let connecting) = phase, connecting.stream == stream else { return }
    let error = SchedulerError(
      .frameworkIDNotSaved, "The framework id could not be stored, so a restart would lose its tasks: \(reason)")
    deliver(.error(error))
    finish(error)
  }

  private mutating func subscribed(
    _ connecting: Connecting, _ confirmation: SchedulerEvent.Subscribed, isResubscription: Bool, at now: Duration,
    using rng: inout some RandomNumberGenerator
  ) {
    guard let streamID = connecting.streamID else {
      return lose("a record came before the answer's head", closing: connecting.stream, at: now, using: &rng)
    }
    let seconds = confirmation.heartbeatIntervalSeconds
    // A broken interval must neither switch the watchdog off nor make it bite at once.
    let interval =
      seconds > 0.001 && seconds < 86_400 ? Duration.seconds(seconds) : configuration.defaultHeartbeatInterval
    redirects = 0
    settleCallsOfEarlierStreams(at: now, using: &rng)
    ordered.pausedUntil = nil
    acknowledgements.pausedUntil = nil
    phase = .subscribed(
      Subscribed(
        stream: connecting.stream, master: connecting.master, streamID: streamID, heartbeatInterval: interval,
        since: now,
        heard: now))
    show(.subscribed(connecting.master))
    deliver(
      .subscribed(
        Subscription(
          frameworkID: confirmation.frameworkID, master: connecting.master,
          masterInfo: confirmation.hasMasterInfo ? confirmation.masterInfo : nil, heartbeatInterval: interval,
          isResubscription: isResubscription)))
    beginReconciliation(at: now, using: &rng)
  }

  mutating func setReading(_ isReading: Bool, _ stream: StreamNumber, at now: Duration) {
    guard case .subscribed(var subscribed) = phase, subscribed.stream == stream else { return }
    subscribed.heard = isReading ? now : nil
    phase = .subscribed(subscribed)
  }

  mutating func streamEnded(
    _ stream: StreamNumber, reason: String, mayArriveLate: Bool, at now: Duration,
    using rng: inout some RandomNumberGenerator
  ) {
    guard stream == currentStream else { return }
    lose(
      SchedulerError.excerpt(reason), closing: nil, mayArriveLate: mayArriveLate && !hasAnswer, at: now, using: &rng)
  }

  mutating func streamMalformed(
    _ stream: StreamNumber, _ reason: String, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    guard stream == currentStream else { return }
    let reason = SchedulerError.excerpt(reason)
    deliver(.notice(.malformedStream(reason)))
    lose(reason, closing: stream, mayArriveLate: !hasAnswer, at: now, using: &rng)
  }

  /// Whether the present SUBSCRIBE was answered: then it has reached its master.
  private var hasAnswer: Bool {
    if case .connecting(let connecting) = phase { connecting.streamID != nil } else { true }
  }

  var currentStream: StreamNumber? {
    switch phase {
    case .connecting(let connecting): connecting.stream
    case .subscribed(let subscribed): subscribed.stream
    default: nil
    }
  }

  /// Gives the present attempt or subscription up and waits for the next one, at `leader` where one was named.
  ///
  /// - Parameters:
  ///   - mayArriveLate: A SUBSCRIBE left and was not answered: it may still reach the master, and take a later one's place.
  ///   - pause: How long to wait; by the failures so far where it is not given.
  mutating func lose(
    _ reason: String, closing stream: StreamNumber?, leader: MasterAddress? = nil, mayArriveLate: Bool = false,
    at now: Duration, after pause: Duration? = nil, using rng: inout some RandomNumberGenerator
  ) {
    if mayArriveLate { abandoned += 1 }
    leave(closing: stream, at: now)
    if let stopping, stopping.mode == .keepFramework { return finish(nil) }
    failures += 1
    redirects = 0
    masterIndex = (masterIndex + 1) % max(1, configuration.masters.count)
    let delay = pause ?? configuration.reconnectBackoff.delay(after: failures, using: &rng)
    phase = .backingOff(until: now + delay, to: leader)
    show(.backingOff(delay, reason: reason))
  }

  /// The present attempt or subscription is over: its stream is closed, and what belonged to it ends.
  mutating func leave(closing stream: StreamNumber?, at now: Duration) {
    if let stream { directives.append(.closeStream(stream)) }
    guard case .subscribed(let subscribed) = phase else { return }
    // Only a subscription that lasted clears the count: a master that takes us and drops us at once is no progress.
    if now - subscribed.since >= subscribed.heartbeatInterval { failures = 0 }
    offersHeld = [:]
    inverseOffersHeld = []
    reconciling = Reconciling()
    refuseQueuedOffers()
  }

  mutating func stop(_ mode: StopMode, at now: Duration) {
    guard stopping == nil else { return }
    stopping = Stopping(mode: mode, deadline: now + configuration.stopTimeout)
    switch (phase, mode) {
    case (.subscribed, _): break  // `pump` ends it when the lanes are empty
    case (_, .keepFramework): finish(nil)
    case (.idle, .tearDown) where frameworkID == nil, (.detecting, .tearDown) where frameworkID == nil: finish(nil)
    case (.deciding(let error), .tearDown) where error.code == .frameworkRemoved:
      directives.append(.forgetFrameworkID)
      finish(nil)
    case (_, .tearDown): break  // waits for a subscription, up to the deadline
    }
  }

  /// Ends everything; what waits is told.
  mutating func finish(_ error: SchedulerError?) {
    if let stream = currentStream { directives.append(.closeStream(stream)) }
    phase = .finished
    for lane in [ordered, acknowledgements] {
      for item in lane.inFlight.sorted(by: { $0.key < $1.key }).map(\.value) {
        complete(item, SchedulerError(.outcomeUnknown, "The scheduler ended before the call was answered"))
      }
      for item in lane.queue { complete(item, error ?? stoppedError) }
    }
    ordered = Lane()
    acknowledgements = Lane()
    unhandled = [:]
    offersHeld = [:]
    inverseOffersHeld = []
    reconciling = Reconciling()
    asked = [:]
    show(.disconnected)
    directives.append(.finished(error))
  }
}
