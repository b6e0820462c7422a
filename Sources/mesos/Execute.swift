import ArgumentParser
import Foundation
import MesosModel
import SchedulerKit
import ServerFlags

/// Runs one command on the cluster and tells how it ended, as Apache Mesos' `mesos-execute` does.
struct Execute: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs one command on a cluster.",
    discussion: """
      Each status of the task is printed. The exit code is 0 when it finished, 1 when it failed, 2 when it was killed, \
      3 when it could not run (TASK_ERROR), 4 when it was lost, dropped or gone, 5 when the cluster could not be used, \
      and 64 for wrong arguments.
      """)

  @Option(help: "The master as host:port, or several apart by commas.")
  var master: String

  @Option(help: "The name of the framework and its task; the task's id too.")
  var name: String

  @Option(help: "The command: a text for the shell, or with --no-shell a program.")
  var command: String

  @Flag(inversion: .prefixedNo, help: "Whether the shell runs the command.")
  var shell = true

  @Option(help: "What the task takes.")
  var resources = "cpus:1;mem:128"

  @Option(help: "The role whose offers are used.")
  var role = "*"

  @Option(help: "Environment variables as a JSON object of texts.")
  var env: String?

  @Option(name: .customLong("kill_after"), help: "A time after which the task is killed, such as 10secs.")
  var killAfter: String?

  @Option(
    name: .customLong("framework_capabilities"),
    help: "Further capabilities of the framework, apart by commas, such as GPU_RESOURCES.")
  var frameworkCapabilities: String?

  @Option(help: "The user that the task runs as; the present one where none is named.")
  var user: String?

  @Option(help: "Whom the framework shows to the master, with --secret.")
  var principal: String?

  @Option(help: "The principal's secret, or file:///PATH of a file that holds it: arguments can be seen by every user.")
  var secret: String?

  @Option(name: .customLong("token_file"), help: "A file with a bearer token, read again when it changes.")
  var tokenFile: String?

  @Option(name: .customLong("tls_ca_file"), help: "Certificates of whom to believe about a master of https://, in PEM.")
  var tlsAuthorities: String?

  @Option(name: .customLong("tls_cert_file"), help: "The certificate to show to masters that want one, in PEM.")
  var tlsCertificate: String?

  @Option(name: .customLong("tls_key_file"), help: "The key of --tls_cert_file, in PEM.")
  var tlsKey: String?

  @Flag(name: .customLong("tls_insecure"), help: "Takes any certificate for a master's: anybody can stand for it.")
  var tlsInsecure = false

  @Option(help: "The HTTP proxy to go through, as host:port.")
  var proxy: String?

  @Argument(help: "With --no-shell, the program's arguments.")
  var arguments: [String] = []

  func validate() throws {
    guard shell ? arguments.isEmpty : true else {
      throw ValidationError("Arguments need --no-shell; with a shell they are part of --command")
    }
    _ = try plan()
  }

  /// What the flags say, read.
  private struct Plan {
    var configuration: SchedulerConfiguration
    var amounts: [String: Scalar]
    var command: CommandInfo
    var killAfter: Duration?
  }

  private func plan() throws -> Plan {
    var settings = FrameworkSettings(name: name, user: user, roles: [role])
    settings.checkpoint = false
    for text in (frameworkCapabilities ?? "").split(separator: ",") {
      guard let capability = Execute.capabilities[String(text)] else {
        throw ValidationError(
          "'\(text)' is no framework capability; there are \(Execute.capabilities.keys.sorted().joined(separator: ", "))"
        )
      }
      if !settings.capabilities.contains(capability) { settings.capabilities.append(capability) }
    }
    var command = shell ? CommandInfo.shell(self.command) : CommandInfo.program(self.command, arguments)
    if let env {
      guard let variables = try? JSONDecoder().decode([String: String].self, from: Data(env.utf8)) else {
        throw ValidationError("--env is no JSON object of texts")
      }
      command.environment.variables = variables.sorted { $0.key < $1.key }.map { name, value in
        var variable = CommandEnvironment.Variable()
        variable.name = name
        variable.type = .value
        variable.value = value
        return variable
      }
    }
    do {
      if let principal { settings.principal = principal }
      var configuration = try SchedulerConfiguration(master: master, framework: settings)
      try secure(&configuration)
      return Plan(
        configuration: configuration, amounts: try amounts(),
        command: command,
        killAfter: try killAfter.map { text throws(FlagText.Malformed) in try FlagText.duration(text) })
    } catch let error as ValidationError {
      throw error
    } catch let error as FlagText.Malformed {
      throw ValidationError("--kill_after: \(error.message)")
    } catch {
      throw ValidationError("\(error)")
    }
  }

  /// Sets what the flags say of TLS, credentials and a proxy.
  private func secure(_ configuration: inout SchedulerConfiguration) throws {
    configuration.tls = try ClientTLS(
      authorities: tlsAuthorities.map { .file($0) }, certificate: tlsCertificate.map { .file($0) },
      key: tlsKey.map { .file($0) }, verification: tlsInsecure ? .none : .full)
    switch (principal, secret, tokenFile) {
    case (let principal?, let secret?, nil):
      configuration.credentials = try .basic(principal: principal, secret: try text(ofSecret: secret))
    case (_, nil, let file?): configuration.credentials = .bearer(file: file)
    case (_, nil, nil): break
    default: throw ArgumentParser.ValidationError("--secret needs --principal and no --token_file")
    }
    guard let proxy else { return }
    guard let colon = proxy.lastIndex(of: ":"), let port = Int(proxy[colon...].dropFirst()),
      (1...65_535).contains(port),
      colon > proxy.startIndex
    else { throw ArgumentParser.ValidationError("--proxy is written as host:port") }
    configuration.proxy = HTTPProxy(host: String(proxy[..<colon]), port: port)
  }

  private func text(ofSecret secret: String) throws -> String {
    guard secret.hasPrefix("file://") else { return secret }
    let path = String(secret.dropFirst("file://".count))
    guard let data = FileManager.default.contents(atPath: path) else {
      throw ArgumentParser.ValidationError("--secret: cannot read \(path)")
    }
    return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
  }

  private func amounts() throws -> [String: Scalar] {
    let parsed = try Resources.parse(resources)
    var amounts: [String: Scalar] = [:]
    for entry in parsed.entries {
      guard case .scalar(let amount) = entry.amount else {
        throw ValidationError("--resources takes plain amounts; '\(entry.name)' is none")
      }
      amounts[entry.name] = amount
    }
    guard !amounts.isEmpty else { throw ValidationError("--resources names nothing") }
    return amounts
  }

  private static let capabilities: [String: FrameworkInfo.Capability.TypeEnum] = [
    "REVOCABLE_RESOURCES": .revocableResources, "TASK_KILLING_STATE": .taskKillingState, "GPU_RESOURCES": .gpuResources,
    "SHARED_RESOURCES": .sharedResources, "PARTITION_AWARE": .partitionAware, "MULTI_ROLE": .multiRole,
    "RESERVATION_REFINEMENT": .reservationRefinement, "REGION_AWARE": .regionAware,
  ]

  func run() async throws {
    let plan = try plan()
    let state: TaskState
    do {
      state = try await cancelledBySignals {
        try await withScheduler(plan.configuration) { try await follow($0, plan) }
      }
    } catch is CancellationError {
      complain("interrupted; the framework was torn down")
      throw ExitCode(130)
    } catch {
      complain("\(error)")
      throw ExitCode(5)
    }
    switch state {
    case .taskFinished: return
    case .taskFailed: throw ExitCode(1)
    case .taskKilled: throw ExitCode(2)
    case .taskError: throw ExitCode(3)
    default: throw ExitCode(4)
    }
  }

  /// Launches the task on the first offer that has room and returns the state that it ends in.
  private func follow(_ scheduler: Scheduler, _ plan: Plan) async throws -> TaskState {
    try await withThrowingTaskGroup(of: Void.self) { group in
      defer { group.cancelAll() }
      var isLaunched = false
      var isKillArmed = false
      for await update in scheduler.updates {
        switch update {
        case .connection(.backingOff(let delay, let reason)):
          complain("not connected: \(reason); trying again in \(String(format: "%.1f", delay.inSeconds)) s")
        case .subscribed(let subscription):
          say("Subscribed with ID '\(subscription.frameworkID.value)'")
        case .offers(let offers):
          var unused = offers
          if !isLaunched,
            let index = unused.firstIndex(where: {
              var pool = OfferPool([$0]); return pool.take(plan.amounts) != nil
            })
          {
            let offer = unused.remove(at: index)
            isLaunched = try await launch(on: offer, plan, scheduler)
          }
          try await scheduler.decline(unused, refuse: isLaunched ? .seconds(3_600) : .seconds(5))
          if isLaunched { try await scheduler.suppress() }
        case .task(let update):
          report(update.status)
          if update.isTerminal { return update.status.state }
          if update.status.state == .taskRunning, let killAfter = plan.killAfter, !isKillArmed {
            isKillArmed = true
            let (task, agent) = (update.status.taskID, update.status.agentID)
            group.addTask {
              try await Task.sleep(for: killAfter)
              say("Asked to kill task '\(task.value)' after \(FlagText.text(killAfter))")
              try await scheduler.kill(task, on: agent)
            }
          }
        case .error(let error): throw error
        default: break
        }
      }
      try Task.checkCancellation()
      throw SchedulerError(.stopped, "The scheduler ended before the task")
    }
  }

  private func launch(on offer: Offer, _ plan: Plan, _ scheduler: Scheduler) async throws -> Bool {
    var pool = OfferPool([offer])
    guard let resources = pool.take(plan.amounts) else { return false }
    var task = TaskInfo()
    task.taskID.value = name
    task.name = name
    task.agentID = offer.agentID
    task.resources = resources
    task.command = plan.command
    do {
      try await scheduler.accept([offer], launch: [task])
      say("Submitted task '\(name)' to agent '\(offer.agentID.value)'")
      return true
    } catch let error as SchedulerError where error.code == .outcomeUnknown {
      complain("\(error); waiting for news of the task")
      return true
    } catch let error as SchedulerError where error.code == .offerNotHeld || error.code == .notConnected {
      return false
    }
  }

  private func report(_ status: TaskStatus) {
    say("Received status update \(text(status.state, prefix: "")) for task '\(status.taskID.value)'")
    if status.hasMessage, !status.message.isEmpty { say("  message: '\(status.message)'") }
    if status.hasSource { say("  source: \(text(status.source, prefix: "SOURCE_"))") }
    if status.hasReason { say("  reason: \(text(status.reason, prefix: "REASON_"))") }
    if status.hasHealthy { say("  healthy?: \(status.healthy)") }
  }

  /// The name of an enum's case as Mesos writes it.
  private func text(_ value: some Any, prefix: String) -> String {
    prefix + "\(value)".reduce(into: "") { $0 += $1.isUppercase ? "_\($1)" : $1.uppercased() }
  }

  /// Writes a line at once, whoever reads.
  private func say(_ message: String) {
    FileHandle.standardOutput.write(Data("\(message)\n".utf8))
  }

  private func complain(_ message: String) {
    FileHandle.standardError.write(Data("mesos execute: \(message)\n".utf8))
  }
}
