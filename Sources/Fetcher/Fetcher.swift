import Glibc
public import Logging
public import MesosModel
public import ProcessLaunch

/// Whom something is fetched for: it is read and written with their rights.
public struct FetchUser: Hashable, Sendable {
  public var name: String
  public var identity: UserIdentity

  public init(name: String, identity: UserIdentity) {
    self.name = name
    self.identity = identity
  }
}

/// Brings the URIs of commands into sandboxes, through a cache where they ask for it.
///
/// The work is done by the program `mesos-fetcher`, as the task's user and in a process of its own: what it parses may be hostile, and what
/// hangs can be killed. What goes through the cache is downloaded once, however many ask for it; where the cache cannot take it (its
/// size is not known, there is no room), it is brought into the sandbox directly.
///
/// - Source: Apache Mesos, *Fetcher*, *Fetcher Cache Internals*.
public actor Fetcher {
  public struct Configuration: Sendable {
    /// Absolute path of `mesos-fetcher`.
    public var program: String
    /// Absolute path of the cache's folder. What an earlier agent left in it is removed.
    public var cacheDirectory: String
    /// In bytes.
    public var cacheSize: Int64
    /// A download that brings less than a byte a second for this long fails.
    public var stallTimeout: Duration
    /// Where relative URIs begin.
    public var frameworksHome: String?
    /// The environment of the program, for proxies and Hadoop; nothing that is the agent's alone.
    public var environment: [String: String]

    public init(
      program: String, cacheDirectory: String, cacheSize: Int64 = 2 << 30, stallTimeout: Duration = .seconds(60),
      frameworksHome: String? = nil, environment: [String: String] = [:]
    ) {
      self.program = program
      self.cacheDirectory = cacheDirectory
      self.cacheSize = cacheSize
      self.stallTimeout = stallTimeout
      self.frameworksHome = frameworksHome
      self.environment = environment
    }
  }

  /// What was counted, and how full the cache is.
  public struct Metrics: Hashable, Sendable {
    public var fetchesSucceeded = 0
    public var fetchesFailed = 0
    /// In bytes.
    public var cacheSizeTotal: Int64 = 0
    public var cacheSizeUsed: Int64 = 0
  }

  private struct Job {
    var process: LaunchedProcess?
    var isKilled = false
  }

  private struct Waiter {
    var container: String
    var continuation: CheckedContinuation<Bool, Never>
  }

  private let configuration: Configuration
  private let watcher: ProcessWatcher
  private let logger: Logger
  private let folder: CacheFolder
  private var cache: FetcherCache
  private var isPrepared = false
  private var jobs: [String: Job] = [:]
  private var waiters: [FetcherCache.Key: [Waiter]] = [:]
  private var counted = Metrics()

  public init(configuration: Configuration, watcher: ProcessWatcher, logger: Logger) {
    self.configuration = configuration
    self.watcher = watcher
    self.logger = logger
    folder = CacheFolder(path: configuration.cacheDirectory)
    cache = FetcherCache(capacity: configuration.cacheSize)
  }

  public var metrics: Metrics {
    var metrics = counted
    metrics.cacheSizeTotal = cache.capacity
    metrics.cacheSizeUsed = cache.used
    return metrics
  }

  /// How many fetches wait for the download of another.
  public var waitingCount: Int { waiters.values.reduce(0) { $0 + $1.count } }

  /// Brings all of `uris` into the folder `sandbox`, in their order, and returns when they are there.
  ///
  /// What the program has to say goes to `stderr` there. Cancelling the task kills the program, as does ``kill(_:)``.
  ///
  /// - Parameters:
  ///   - container: Names the fetch for ``kill(_:)``.
  ///   - isWanted: Asked once, when ``kill(_:)`` has its effect already: so a kill that came before is not missed.
  /// - Throws: `FetcherError`; then a part may be there already.
  public func fetch(
    _ uris: [CommandInfo.URI], container: String, sandbox: String, user: FetchUser?,
    isWanted: @Sendable () -> Bool = { true }
  ) async throws(FetcherError) {
    guard !uris.isEmpty else { return }
    jobs[container] = Job()
    defer { jobs[container] = nil }
    do throws(FetcherError) {
      guard isWanted() else { throw Self.killed }
      var sources: [FetchSource] = []
      for uri in uris { sources.append(try FetchSource(uri, frameworksHome: configuration.frameworksHome)) }
      var claims: [FetcherCache.Key] = []
      defer { for key in claims { cache.release(key) } }
      var items: [FetchOrder.Item] = []
      for (uri, source) in zip(uris, sources) {
        var item = FetchOrder.Item(uri: uri)
        if uri.cache {
          let key = FetcherCache.Key(user: user?.name, uri: uri.value)
          do throws(FetcherError) {
            item.cachedFile = try await cached(key, uri, source, container, sandbox, user)
            claims.append(key)
          } catch {
            guard error.code != .killed else { throw error }
            logger.warning(
              "fetching without the cache",
              metadata: ["uri": "\(FetchSource.shown(uri.value))", "why": "\(error.message)"])
          }
        }
        items.append(item)
      }
      _ = try await run(.place(sandbox: sandbox), items, container, sandbox, user)
      counted.fetchesSucceeded += 1
    } catch {
      counted.fetchesFailed += 1
      throw error
    }
  }

  /// Ends the fetch for a container, which then fails with code `.killed`; does nothing where there is none.
  public func kill(_ container: String) {
    guard jobs[container] != nil else { return }
    jobs[container]?.isKilled = true
    for (key, list) in waiters {
      waiters[key] = list.filter { $0.container != container }
      for waiter in list where waiter.container == container { waiter.continuation.resume(returning: false) }
    }
    if let process = jobs[container]?.process { Self.end(process) }
  }

  private static func end(_ process: LaunchedProcess) { _ = try? killTree(session: process) }

  private static let killed = FetcherError(.killed, "The fetch was called off")

  // MARK: The cache

  /// The path of the file with the content of `uri`, downloaded now or before; claimed.
  private func cached(
    _ key: FetcherCache.Key, _ uri: CommandInfo.URI, _ source: FetchSource, _ container: String, _ sandbox: String,
    _ user: FetchUser?
  ) async throws(FetcherError) -> String {
    if !isPrepared {
      try folder.prepare()
      isPrepared = true
    }
    let directory = try folder.folder(of: user)
    if let file = cache.file(of: key), access("\(directory)/\(file)", F_OK) != 0 { cache.fail(key) }
    switch cache.claim(key, basename: source.basename) {
    case .ready(let file): return "\(directory)/\(file)"
    case .wait:
      let isReady = await withCheckedContinuation { continuation in
        waiters[key, default: []].append(Waiter(container: container, continuation: continuation))
      }
      if jobs[container]?.isKilled == true {
        cache.release(key)
        throw Self.killed
      }
      guard isReady, let file = cache.file(of: key) else {
        throw FetcherError(.downloadFailed, "The download of another container failed")
      }
      return "\(directory)/\(file)"
    case .download(let file):
      let path = "\(directory)/\(file)"
      do throws(FetcherError) {
        let item = [FetchOrder.Item(uri: uri)]
        guard case .size(let bytes) = try await run(.size, item, container, sandbox, user) else {
          throw FetcherError(.programFailed, "The fetching program did not say how large the source is")
        }
        for victim in try cache.reserve(key, bytes: bytes) {
          unlink(victim.key.user.map { "\(folder.path)/\($0)/\(victim.file)" } ?? "\(folder.path)/\(victim.file)")
        }
        guard
          case .size(let actual) = try await run(
            .download(to: path, bytesMax: bytes), item, container, sandbox, user)
        else { throw FetcherError(.programFailed, "The fetching program did not say how much it downloaded") }
        cache.finish(key, bytes: actual)
        resume(key, true)
        return path
      } catch {
        unlink(path)
        cache.fail(key)
        resume(key, false)
        throw error
      }
    }
  }

  private func resume(_ key: FetcherCache.Key, _ isReady: Bool) {
    for waiter in waiters.removeValue(forKey: key) ?? [] { waiter.continuation.resume(returning: isReady) }
  }

  // MARK: The program

  private func run(
    _ task: FetchOrder.Task, _ items: [FetchOrder.Item], _ container: String, _ sandbox: String, _ user: FetchUser?
  ) async throws(FetcherError) -> FetchOrder.Answer {
    guard jobs[container]?.isKilled == false, !Task.isCancelled else { throw Self.killed }
    let order = FetchOrder(
      task: task, items: items, frameworksHome: configuration.frameworksHome, stallTimeout: configuration.stallTimeout)
    let program: FetchProgram
    do {
      program = try FetchProgram(
        path: configuration.program,
        environment: configuration.environment.merging(order.environment) { _, own in own }, sandbox: sandbox,
        user: user?.identity)
    } catch {
      throw FetcherError(.programFailed, "mesos-fetcher cannot be started: \(error)")
    }
    jobs[container]?.process = program.process
    let exit: ProcessExit
    do {
      exit = try await watcher.exitStatus(of: program.process)
    } catch {
      let process = program.process
      Self.end(process)
      // unstructured: this task is cancelled, and the status must be taken; ends with the killed program.
      _ = await Task { [watcher] in try? await watcher.exitStatus(of: process) }.value
      throw error.stage == .cancelled ? Self.killed : FetcherError(.programFailed, "\(error)")
    }
    jobs[container]?.process = nil
    // What it had started goes with it.
    Self.end(program.process)
    guard jobs[container]?.isKilled == false else { throw Self.killed }
    switch program.answer() {
    case nil: throw FetcherError(.programFailed, "mesos-fetcher \(exit) and did not say why")
    case .failed(let error): throw error
    case .some(let answer): return answer
    }
  }
}

/// One run of `mesos-fetcher`.
private struct FetchProgram: ~Copyable {
  let process: LaunchedProcess
  private let reading: Int32

  init(path: String, environment: [String: String], sandbox: String, user: UserIdentity?) throws(ProcessLaunchError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      throw ProcessLaunchError(stage: .standardOutput, code: errno, subject: "pipe")
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
    defer { close(ends[1]) }
    do throws(ProcessLaunchError) {
      process = try launch(
        LaunchRequest(
          program: .program(path: path, arguments: ["mesos-fetcher"]), environment: .exactly(environment),
          workingDirectory: sandbox, standardOutput: .descriptor(ends[1]), standardError: .file(sandbox + "/stderr"),
          user: user))
    } catch {
      close(ends[0])
      throw error
    }
    reading = ends[0]
  }

  deinit { close(reading) }

  /// What the program answered, once it has ended: all of it is in the pipe then.
  func answer() -> FetchOrder.Answer? {
    var bytes = [UInt8](repeating: 0, count: 16 * 1_024)
    let count = read(reading, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return FetchOrder.Answer(text: String(decoding: bytes[..<count], as: UTF8.self))
  }
}
