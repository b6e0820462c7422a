import CProcessLaunch
import Glibc

/// Sends a signal to everything that a session's leader started, into whatever group or session it went.
///
/// - Returns: The processes that took the signal, in the order of their numbers; empty when nothing of it runs.
/// - Throws: ``ProcessLaunchError`` of stage `.signal` when one may not be signalled; the others have been.
@discardableResult
public func signalTree(
  session leader: LaunchedProcess, _ number: Int32
) throws(ProcessLaunchError) -> [LaunchedProcess] {
  try signal(ProcessTable().tree(ofSession: leader).map(\.process), number)
}

/// Kills everything that a session's leader started, in one pass.
///
/// All of it is stopped first, again and again until no new member shows, so that nothing starts while the rest is
/// being killed; then all of it is killed. Dying takes the kernel a moment: call again, or use
/// ``ProcessWatcher/killTree(session:within:)``, until nothing is left.
///
/// - Returns: The processes that were killed; empty when nothing of the session runs any more.
/// - Throws: ``ProcessLaunchError`` of stage `.signal` when one may not be signalled; the others have been killed.
@discardableResult
public func killTree(session leader: LaunchedProcess) throws(ProcessLaunchError) -> [LaunchedProcess] {
  var known: Set<LaunchedProcess> = []
  var refusal: ProcessLaunchError?
  for _ in 0..<32 {
    let fresh = try ProcessTable().tree(ofSession: leader).map(\.process).filter { !known.contains($0) }
    guard !fresh.isEmpty else { break }
    known.formUnion(fresh)
    do { try signal(fresh, SIGSTOP) } catch { refusal = error }
  }
  let killed = try signal(known.sorted(), SIGKILL)
  if let refusal { throw refusal }
  return killed
}

@discardableResult
private func signal(
  _ processes: [LaunchedProcess], _ number: Int32
) throws(ProcessLaunchError) -> [LaunchedProcess] {
  var signalled: [LaunchedProcess] = []
  var refusal: ProcessLaunchError?
  for process in processes {
    do {
      guard let descriptor = try ProcessDescriptor(process) else { continue }
      if try descriptor.signal(number) { signalled.append(process) }
    } catch {
      refusal = error
    }
  }
  if let refusal { throw refusal }
  return signalled
}

/// How a process tree is brought to its end: steps taken in order until nothing of it is left, and then a kill.
public struct Teardown: Hashable, Sendable {
  public enum Step: Hashable, Sendable {
    /// Send this signal to the whole tree.
    case signal(Int32)
    /// Wait this long for the tree to go.
    case wait(Duration)
  }

  public var steps: [Step]

  public init(steps: [Step]) { self.steps = steps }

  /// SIGTERM, then `grace` to end by itself.
  public static func graceful(_ grace: Duration) -> Teardown {
    Teardown(steps: [.signal(SIGTERM), .wait(grace)])
  }

  /// No warning.
  public static let immediate = Teardown(steps: [])
}

extension ProcessWatcher {
  /// Kills everything that a session's leader started and waits until nothing of it runs.
  ///
  /// The status of a killed child is left for ``exitStatus(of:)``.
  ///
  /// - Returns: Whether nothing is left; `false` when the time is up first, as with a process held in the kernel.
  /// - Throws: ``ProcessLaunchError`` when one may not be signalled or the waiting task was cancelled.
  @discardableResult
  public func killTree(
    session leader: LaunchedProcess, within limit: Duration = .seconds(10)
  ) async throws(ProcessLaunchError) -> Bool {
    let deadline = ContinuousClock.now + limit
    while true {
      let killed = try ProcessLaunch.killTree(session: leader)
      if killed.isEmpty { return true }
      if try await ended(killed, until: deadline) { continue }
      // The time may be up for this task alone, on a machine too busy to resume it: what counts is what still runs.
      return try ProcessTable().tree(ofSession: leader).isEmpty
    }
  }

  /// Takes the steps of `teardown`, ends early when nothing is left, and kills what is left after the last one.
  ///
  /// - Returns: Whether nothing is left.
  @discardableResult
  public func tearDown(
    session leader: LaunchedProcess, _ teardown: Teardown
  ) async throws(ProcessLaunchError) -> Bool {
    for step in teardown.steps {
      switch step {
      case .signal(let number):
        if try signalTree(session: leader, number).isEmpty { return true }
      case .wait(let limit):
        let deadline = ContinuousClock.now + limit
        while true {
          let members = try ProcessTable().tree(ofSession: leader).map(\.process)
          if members.isEmpty { return true }
          guard try await ended(members, until: deadline) else { break }
        }
      }
    }
    return try await killTree(session: leader)
  }

  /// Waits until all these processes have ended; `false` when the time is up first.
  private func ended(
    _ processes: [LaunchedProcess], until deadline: ContinuousClock.Instant
  ) async throws(ProcessLaunchError) -> Bool {
    let outcome = await withTaskGroup(of: Result<Bool, ProcessLaunchError>.self) { group in
      group.addTask {
        do throws(ProcessLaunchError) {
          for process in processes { try await self.end(of: process) }
          return .success(true)
        } catch {
          return .failure(error)
        }
      }
      group.addTask {
        try? await Task.sleep(until: deadline, clock: .continuous)
        return .success(false)
      }
      let first = await group.next() ?? .success(false)
      group.cancelAll()
      return first
    }
    if Task.isCancelled { throw ProcessLaunchError(stage: .cancelled, code: 0, subject: "") }
    return try outcome.get()
  }
}
