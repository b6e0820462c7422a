import Logging
import MesosDiscovery
import MesosModel
import MesosRuntime
import SchedulerCore

extension Scheduler {
  /// Runs a detector and tells the core what it finds, until the task is cancelled.
  func followLeader(_ makeDetector: @Sendable (Logger, Runtime) throws -> any MasterDetector) async {
    do {
      let detector = try makeDetector(logger, runtime)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await self.follow(detector.detections) }
        group.addTask { try await detector.run() }
        // A detector that gives up ends what waits for its news.
        while try await group.next() != nil {}
      }
    } catch is CancellationError {
      return
    } catch {
      feed(.detectionEnded("\(error)"))
    }
  }

  private func follow(_ detections: Changes<MasterDetection>) async {
    var before = MasterDetection(leader: .unknown)
    for await detection in detections {
      if detection.leader != before.leader {
        switch detection.leader {
        case .unknown: break
        case .none: feed(.masterDetected(nil))
        case .master(let master):
          logger.debug("A leading master is detected", metadata: ["master": "\(master.address)"])
          named.add(master.address)
          feed(.masterDetected(master.address))
        }
      }
      if let trouble = detection.trouble, trouble != before.trouble { feed(.detectionTroubled(trouble.message)) }
      before = detection
    }
  }
}
