import MesosHTTP
import MesosHTTPClient
public import MesosModel
public import MesosRuntime
import ServiceLifecycle
import Synchronization

/// Finds the leading master by asking masters of a list in turn: each knows who leads, and redirects there.
///
/// One that answers 503 knows of none. While none answers, the leader last seen stays; they are asked again after a wait that grows.
///
/// - Source: Apache Mesos 1.11, `docs/high-availability.md`, `docs/endpoints/master/redirect.md`.
public final class MasterListDetector: MasterDetector {
  private let addresses: [MasterAddress]
  private let interval: Duration
  private let runtime: Runtime
  private let broadcast = Broadcast<MasterDetection>(valuesMax: 16)
  private let present = Mutex(MasterDetection(leader: .unknown))

  /// - Parameters:
  ///   - addresses: Not empty.
  ///   - interval: How often to ask while a leader is known, and the longest wait while none answers.
  ///   - runtime: Where time and chance come from.
  /// - Throws: `DiscoveryError` with code `.invalidAddress`.
  public init(
    _ addresses: [MasterAddress], interval: Duration = .seconds(5), runtime: Runtime = .system
  ) throws(DiscoveryError) {
    guard !addresses.isEmpty else { throw DiscoveryError(.invalidAddress, "No master is named") }
    self.addresses = addresses
    self.interval = interval
    self.runtime = runtime
  }

  public var detections: Changes<MasterDetection> { broadcast.changes }

  public func run() async throws {
    let client = MesosHTTPClient()
    defer { broadcast.finish() }
    do {
      try await cancelWhenGracefulShutdown { try await self.detect(with: client) }
    } catch {
      // Nothing is under way any more; a client that does not end cleanly has nothing left to lose.
      try? await client.shutdown()
      guard error is CancellationError, !Task.isCancelled else { throw error }
    }
  }

  private func detect(with client: MesosHTTPClient) async throws {
    var turn = 0
    var failures = 0
    while true {
      if let detection = try await ask(client, from: &turn) {
        failures = detection.leader == .none ? failures + 1 : 0
        change { $0 = detection }
      } else {
        failures += 1
        change {
          $0.trouble = DiscoveryError(.noAnswer, "None of the masters answers: \(addresses)")
        }
      }
      let bound = failures == 0 ? interval : min(interval, .milliseconds(250) * (1 << min(failures - 1, 10)))
      var generator = runtime.generator
      try await runtime.sleep(for: bound * Double.random(in: 0.5...1, using: &generator))
    }
  }

  /// Asks them in turn, beginning with the one that answered last; `nil` when none answers.
  private func ask(_ client: MesosHTTPClient, from turn: inout Int) async throws -> MasterDetection? {
    var someAnswered = false
    for _ in addresses {
      let address = addresses[turn]
      try Task.checkCancellation()
      let endpoint = HTTPEndpoint(
        host: address.host, port: address.port, scheme: address.isSecure ? "https" : "http")
      if let answer = try? await client.call(
        OutgoingRequest(endpoint, path: "/master/redirect"), maximumBody: 1 << 20, deadline: .seconds(5))
      {
        someAnswered = true
        if (300..<400).contains(answer.status), let location = answer.headers["Location"] {
          let leader = MasterAddress(location: location, of: address) ?? address
          return MasterDetection(leader: .master(LeadingMaster(address: leader)))
        }
      }
      turn = (turn + 1) % addresses.count
    }
    return someAnswered ? MasterDetection(leader: .none) : nil
  }

  private func change(_ body: (inout MasterDetection) -> Void) {
    present.withLock { present in
      let before = present
      body(&present)
      if present != before { broadcast.send(present) }
    }
  }
}
