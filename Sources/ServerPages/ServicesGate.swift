public import MesosHTTP
import Synchronization

/// Requests that come before a server serves, or after, are told so.
public final class ServicesGate<Services: Sendable>: Sendable {
  private let services = Mutex<Services?>(nil)
  private let refusal: String

  /// - Parameter refusal: What those who come too early are told.
  public init(refusal: String) { self.refusal = refusal }

  public func open(_ services: Services) { self.services.withLock { $0 = services } }
  public func close() { services.withLock { $0 = nil } }

  /// - Throws: 503 while nothing serves.
  public func pass() throws(HTTPFailure) -> Services {
    guard let services = services.withLock({ $0 }) else { throw .serviceUnavailable(refusal) }
    return services
  }
}
