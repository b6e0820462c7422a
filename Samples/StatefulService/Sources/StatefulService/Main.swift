import ArgumentParser
import Foundation
import SchedulerKit

@main
struct StatefulService: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "statefulservice",
    abstract: "Runs a service that keeps its data in a persistent volume of a Mesos cluster.",
    discussion: """
      It reserves resources, makes a volume of the disk, runs a task that counts in it, kills the task, and shows that the next one goes \
      on counting. The volume stays, for the next start of the program, unless --cleanup is given.
      """)

  @Option(help: "The master as host:port, or several apart by commas.")
  var master: String

  @Option(help: "The role that the resources are reserved to; not '*', which is everybody's.")
  var role = "stateful"

  @Option(help: "The name of the volume.")
  var volume = "counter"

  @Option(help: "Processors of the service.")
  var cpus = 0.1

  @Option(help: "Memory of the service in MB.")
  var mem = 32.0

  @Option(help: "The size of the volume in MB.")
  var disk = 32.0

  @Option(help: "How often the service is started.")
  var runs = 2

  @Option(help: "Seconds after which it is killed.")
  var seconds = 2.0

  @Flag(help: "Destroys the volume at the end, with what is in it, and takes the reservation back.")
  var cleanup = false

  func validate() throws {
    guard role != "*", !volume.isEmpty, runs >= 0, seconds > 0 else {
      throw ArgumentParser.ValidationError("--role must not be '*', --volume not empty, --runs and --seconds positive")
    }
  }

  func run() async throws {
    do {
      try await cancelledBySignals {
        let configuration = try SchedulerConfiguration(
          master: master, framework: FrameworkSettings(name: "statefulservice", roles: [role]))
        try await withScheduler(configuration) { scheduler in
          try await withTaskFiles { files in
            var service = Service(settings: self, scheduler: scheduler, files: files)
            try await service.run()
          }
        }
      }
    } catch let error as ServiceError {
      say("statefulservice: \(error.message)")
      throw ExitCode(1)
    } catch let error as SchedulerError {
      say("statefulservice: \(error.message)")
      throw ExitCode(1)
    } catch is CancellationError {
      say("statefulservice: interrupted")
      throw ExitCode(130)
    }
  }
}

struct ServiceError: Error {
  let message: String
}

/// The service's way from nothing to a volume, to task after task on it, and to nothing again.
struct Service {
  /// What it waits for.
  enum Stage: Equatable {
    /// An offer with the volume, or one of which it can be made.
    case volume
    /// The end of operations, by id.
    case operations(Set<String>)
    /// An offer with the volume, to run on.
    case launch
    /// News of the task.
    case task(String)
    /// An offer with the volume, to destroy it.
    case cleanup
    case done
  }

  let settings: StatefulService
  let scheduler: Scheduler
  let files: TaskFiles
  private var stage = Stage.volume
  private var frameworkID = FrameworkID()
  private var sandbox: Sandbox?
  private var starts = 0
  /// Counts operations, each of which has an id of its own.
  private var operations = 0
  private var isCleaning = false
  /// The last number that a task was seen to find in the volume.
  private var found = 0

  init(settings: StatefulService, scheduler: Scheduler, files: TaskFiles) {
    self.settings = settings
    self.scheduler = scheduler
    self.files = files
  }

  mutating func run() async throws {
    for await update in scheduler.updates {
      switch update {
      case .subscribed(let subscription): frameworkID = subscription.frameworkID
      case .offers(let offers): try await use(offers)
      case .operation(let status): try ended(status)
      case .task(let update): try await heard(update)
      case .error(let error): throw error
      default: break
      }
      if stage == .done { return }
    }
    try Task.checkCancellation()
    throw SchedulerError(.stopped, "the scheduler ended before the service had")
  }

  // MARK: Offers

  private mutating func use(_ offers: [Offer]) async throws {
    // An offer that has the volume comes before all of which it could be made.
    let chosen = offers.first { self.volume(in: $0) != nil } ?? (stage == .volume ? offers.first(where: fits) : nil)
    let others = offers.filter { $0.id != chosen?.id }
    try await scheduler.decline(others, refuse: .seconds(1))
    guard let chosen else { return }
    switch (stage, volume(in: chosen)) {
    case (.volume, nil): try await makeVolume(of: chosen)
    case (.volume, let volume?), (.launch, let volume?): try await next(on: chosen, volume)
    case (.cleanup, let volume?): try await destroy(volume, chosen)
    default: try await scheduler.decline([chosen], refuse: .seconds(1))
    }
  }

  /// The service's volume, where the offer has it.
  private func volume(in offer: Offer) -> Resource? {
    offer.resources.first { $0.disk.persistence.id == settings.volume && $0.reservations.last?.role == settings.role }
  }

  private var amounts: [String: Scalar] {
    ["cpus": Scalar(settings.cpus) ?? .zero, "mem": Scalar(settings.mem) ?? .zero]
  }

  private func fits(_ offer: Offer) -> Bool {
    var pool = OfferPool([unreserved(offer)])
    return pool.take(amounts.merging(["disk": Scalar(settings.disk) ?? .zero]) { $1 }) != nil
  }

  private func unreserved(_ offer: Offer) -> Offer {
    var offer = offer
    offer.resources.removeAll { !$0.reservations.isEmpty }
    return offer
  }

  /// Reserves and creates in one call: the second operation uses what comes of the first.
  private mutating func makeVolume(of offer: Offer) async throws {
    var pool = OfferPool([unreserved(offer)])
    guard let free = pool.take(amounts.merging(["disk": Scalar(settings.disk) ?? .zero]) { $1 }) else { return }
    let reserved = free.map { resource in
      var resource = resource
      resource.reservations.append(
        .with {
          $0.type = .dynamic
          $0.role = settings.role
          // Tells what is this service's from what others of the role reserved.
          $0.labels.labels = [
            .with {
              $0.key = "service"
              $0.value = settings.volume
            }
          ]
        })
      return resource
    }
    let volumes = reserved.filter { $0.name == "disk" }.map { resource in
      var volume = resource
      volume.disk.persistence.id = settings.volume
      volume.disk.volume.mode = .rw
      volume.disk.volume.containerPath = "data"
      return volume
    }
    let (reserve, create) = (operationID("reserve"), operationID("create"))
    say("reserving on \(offer.hostname) and creating the volume '\(settings.volume)'")
    stage = .operations([reserve, create])
    try await scheduler.accept(
      [offer.id], [.reserve(reserved, id: reserve), .create(volumes, id: create)], refuse: .seconds(1))
  }

  private mutating func operationID(_ name: String) -> String {
    operations += 1
    return "\(name)-\(operations)"
  }

  private mutating func next(on offer: Offer, _ volume: Resource) async throws {
    guard starts < settings.runs else {
      guard settings.cleanup else {
        stage = .done
        return
      }
      return try await destroy(volume, offer)
    }
    var pool = OfferPool([offer])
    guard let rest = pool.take(amounts), let resources = try? Resources(rest + [volume]) else {
      return try await scheduler.decline([offer], refuse: .seconds(1))
    }
    starts += 1
    let id = "\(settings.volume)-\(starts)"
    let command = """
      n=$(cat data/counter 2>/dev/null || echo 0); echo "counter was $n"
      while true; do n=$((n+1)); echo $n >data/counter.new && mv data/counter.new data/counter; sleep 0.1; done
      """
    sandbox = AgentEndpoint(offer).map { Sandbox(agent: $0, frameworkID: frameworkID, executorID: id) }
    stage = .task(id)
    try await scheduler.accept(
      [offer], launch: [TaskInfo(id: id, on: offer, resources: resources, command: .shell(command))],
      refuse: .seconds(1))
  }

  private mutating func destroy(_ volume: Resource, _ offer: Offer) async throws {
    var disk = volume
    disk.clearDisk()
    let label = volume.reservations.last?.labels
    let reserved = offer.resources.filter { resource in
      !resource.hasDisk && resource.reservations.last?.role == settings.role
        && resource.reservations.last?.labels == label
    }
    let (destroy, unreserve) = (operationID("destroy"), operationID("unreserve"))
    stage = .operations([destroy, unreserve])
    isCleaning = true
    try await scheduler.accept(
      [offer.id], [.destroy([volume], id: destroy), .unreserve(reserved + [disk], id: unreserve)])
  }

  // MARK: News

  private mutating func ended(_ status: OperationStatus) throws {
    guard case .operations(var waiting) = stage, status.state.isTerminal,
      waiting.remove(status.operationID.value) != nil
    else { return }
    guard status.state == .operationFinished else {
      throw ServiceError(
        message: "the operation \(status.operationID.value) ended as \(status.state.wireName): \(status.message)")
    }
    say("\(status.operationID.value) is done")
    guard waiting.isEmpty else {
      stage = .operations(waiting)
      return
    }
    if isCleaning { say("the volume is destroyed and the reservation is taken back") }
    stage = isCleaning ? .done : .launch
  }

  private mutating func heard(_ update: TaskUpdate) async throws {
    let status = update.status
    guard case .task(let id) = stage, status.taskID.value == id else { return }
    if update.isTerminal {
      guard status.state == .taskKilled else {
        throw ServiceError(message: "\(id) ended as \(status.state): \(status.message)")
      }
      say("\(id) is killed")
      if starts < settings.runs {
        stage = .launch
      } else if settings.cleanup {
        stage = .cleanup
      } else {
        stage = .done
      }
    } else if status.state == .taskRunning, !update.isReconciliation {
      try await Task.sleep(for: .seconds(settings.seconds))
      try await readCounter(of: id)
      try await scheduler.kill(status.taskID)
    }
  }

  /// What the task says that it found in the volume.
  private mutating func readCounter(of id: String) async throws {
    guard let sandbox else { throw ServiceError(message: "the offer does not say where the agent is") }
    let output = String(decoding: try await files.contents(of: "stdout", in: sandbox), as: UTF8.self)
    let prefix = "counter was "
    guard let line = output.split(separator: "\n").last(where: { $0.hasPrefix(prefix) }),
      let number = Int(line.dropFirst(prefix.count))
    else { throw ServiceError(message: "\(id) does not say what it found in the volume") }
    say("\(id) found the counter at \(number)")
    guard starts == 1 || number > found else {
      throw ServiceError(message: "\(id) found \(number) where the one before had found \(found): the data is lost")
    }
    found = number
  }
}

private func say(_ text: String) { print(text) }
