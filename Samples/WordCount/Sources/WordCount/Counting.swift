import SchedulerKit

/// Runs the map tasks, collects what they leave, adds it up.
struct Counting {
  let job: Job
  let scheduler: Scheduler
  let files: TaskFiles

  /// Map tasks of this framework on one agent at once, so that all agents get some.
  static let tasksPerAgentMax = 2
  static let attemptsMax = 3
  static let resources: [String: Scalar] = ["cpus": 0.1, "mem": 32]
  /// Counts the words of the files that are its arguments into the file `counts` of its sandbox.
  static let script = """
    for file do
      [ -r "$file" ] || { echo "cannot read $file" >&2; exit 1; }
    done
    cat -- "$@" | LC_ALL=C tr -cs 'A-Za-z\\200-\\377' '\\n' | LC_ALL=C tr 'A-Z' 'a-z' | LC_ALL=C sort | LC_ALL=C uniq -c \
    | LC_ALL=C awk '$2 != "" { print $1, $2 }' >counts.part && mv counts.part counts
    """

  func run() async throws -> [String: Int] {
    var counts: [String: Int] = [:]
    for await update in scheduler.updates {
      switch update {
      case .connection(let state): job.change { $0.connection = state.text }
      case .offers(let offers): try await use(offers)
      case .task(let update):
        if let shard = try await follow(update) {
          try await collect(shard, into: &counts)
          if job.snapshot.counts.done == job.shards.count { return counts }
        }
      case .error(let error): throw error
      default: break
      }
    }
    try Task.checkCancellation()
    throw SchedulerError(.stopped, "the scheduler ended before all shards were counted")
  }

  // MARK: Launching

  private func use(_ offers: [Offer]) async throws {
    job.change { $0.lastOffer = .now }
    var unused: [Offer] = []
    // Those with the fewest tasks first, so that the work spreads.
    for offer in offers.sorted(by: { (load(of: $0), $0.agentID.value) < (load(of: $1), $1.agentID.value) }) {
      if try await !launch(on: offer) { unused.append(offer) }
    }
    let isDone = job.snapshot.counts.waiting == 0
    try await scheduler.decline(unused, refuse: isDone ? .seconds(3_600) : .seconds(1))
    if isDone { try await scheduler.suppress() }
  }

  private func load(of offer: Offer) -> Int {
    job.snapshot.phases.count { phase in
      if case .launched(_, let place, _, _) = phase { place.id == offer.agentID.value } else { false }
    }
  }

  private func launch(on offer: Offer) async throws -> Bool {
    guard let endpoint = AgentEndpoint(offer) else { return false }
    let place = Job.Place(id: offer.agentID.value, name: "\(offer.hostname):\(endpoint.port)", endpoint: endpoint)
    var pool = OfferPool([offer])
    var tasks: [TaskInfo] = []
    var taken: [Int] = []
    let waiting = job.snapshot.phases.indices.filter { index in
      if case .waiting = job.snapshot.phases[index] { true } else { false }
    }
    for shard in waiting.prefix(max(0, Counting.tasksPerAgentMax - load(of: offer))) {
      guard let resources = pool.take(Counting.resources) else { break }
      let id = job.change { state in
        state.attempts[shard] += 1
        let id = "map-\(shard + 1)" + (state.attempts[shard] > 1 ? "-again-\(state.attempts[shard] - 1)" : "")
        state.phases[shard] = .launched(task: id, on: place, since: .now, isRunning: false)
        return id
      }
      var task = TaskInfo()
      task.taskID.value = id
      task.name = id
      task.agentID = offer.agentID
      task.resources = resources
      // The paths are arguments of their own: no shell reads them, whatever characters they have.
      task.command = .program("/bin/sh", ["-c", Counting.script, "wordcount"] + job.shards[shard].files)
      tasks.append(task)
      taken.append(shard)
    }
    guard !tasks.isEmpty else { return false }
    do {
      try await scheduler.accept([offer], launch: tasks, refuse: .zero)
    } catch let error as SchedulerError where error.code == .outcomeUnknown {
      // Whether they run is found out by the library and told as updates.
    } catch is SchedulerError {
      // They were not launched: the shards wait for other offers.
      for shard in taken {
        job.change { state in
          state.attempts[shard] -= 1
          state.phases[shard] = .waiting
        }
      }
    }
    return true
  }

  // MARK: Following

  /// The shard that this update finishes.
  private func follow(_ update: TaskUpdate) async throws -> Int? {
    let id = update.status.taskID.value
    let shard = job.snapshot.phases.firstIndex { phase in
      if case .launched(id, _, _, _) = phase { true } else { false }
    }
    guard let shard, !update.isProvisional else { return nil }
    switch update.status.state {
    case .taskRunning:
      job.change { state in
        if case .launched(let task, let place, let since, _) = state.phases[shard] {
          state.phases[shard] = .launched(task: task, on: place, since: since, isRunning: true)
        }
      }
      return nil
    case .taskFinished: return shard
    case .taskError: throw JobError("task \(id) cannot run: \(update.status.message)")
    case let state where state.isTerminal:
      try await again(shard, because: "\(state.text) \(update.status.message)")
      return nil
    default: return nil
    }
  }

  private func again(_ shard: Int, because reason: String) async throws {
    let attempts = job.snapshot.attempts[shard]
    guard attempts <= Counting.attemptsMax else {
      throw JobError(
        "shard \(shard + 1) failed \(attempts) times; the last time: \(reason)\(await complaint(of: shard))")
    }
    job.change { $0.phases[shard] = .waiting }
    try await scheduler.revive()
  }

  /// The end of what the shard's last task wrote to its standard error, if it can be had.
  private func complaint(of shard: Int) async -> String {
    guard case .launched(let task, let place, _, _) = job.snapshot.phases[shard],
      let frameworkID = scheduler.frameworkID,
      let bytes = try? await files.contents(
        of: "stderr", in: Sandbox(agent: place.endpoint, frameworkID: frameworkID, executorID: task)),
      !bytes.isEmpty
    else { return "" }
    return "; its standard error ends with:\n" + String(decoding: bytes.suffix(500), as: UTF8.self)
  }

  // MARK: Collecting

  private func collect(_ shard: Int, into counts: inout [String: Int]) async throws {
    guard case .launched(let task, let place, let since, _) = job.snapshot.phases[shard],
      let frameworkID = scheduler.frameworkID
    else { return }
    let took = ContinuousClock.now - since
    let sandbox = Sandbox(agent: place.endpoint, frameworkID: frameworkID, executorID: task)
    let bytes: [UInt8]
    do {
      bytes = try await files.contents(of: "counts", in: sandbox)
    } catch {
      return try await again(shard, because: "its result could not be read: \(error.message)")
    }
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 1)
      guard fields.count == 2, let count = Int(String(decoding: fields[0], as: UTF8.self)) else {
        throw JobError("task \(task) left a line that is no count: \(String(decoding: line.prefix(80), as: UTF8.self))")
      }
      counts[String(decoding: fields[1], as: UTF8.self), default: 0] += count
    }
    job.change { $0.phases[shard] = .counted(task: task, on: place, took: took) }
  }
}

extension ConnectionState {
  /// For people.
  var text: String {
    switch self {
    case .disconnected: "not connected"
    case .detecting: "no leading master is known"
    case .connecting(let master): "connecting to \(master)"
    case .subscribed(let master): "subscribed to \(master)"
    case .backingOff(_, let reason): "not connected (\(reason))"
    }
  }
}

extension TaskState {
  /// The name as Mesos writes it.
  var text: String {
    let name = "\(self)"
    return name.reduce(into: "") { $0 += $1.isUppercase ? "_\($1)" : $1.uppercased() }
  }
}
