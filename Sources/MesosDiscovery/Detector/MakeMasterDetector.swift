public import Logging
import MesosModel
public import MesosRuntime

/// Makes the detector that a text asks for, as `--master` of Apache Mesos takes it and as users write it.
///
/// | text | what leads |
/// |---|---|
/// | `host`, `host:port`, `http://host:port`, `master@host:port` | that master, whatever happens |
/// | `h1:5050,h2:5050` | the one that the masters of the list say |
/// | `zk://user:password@h1:2181,h2:2181/path` | the one whose node in ZooKeeper has the lowest number |
/// | `file:///folder/file` | what the file says, in one of the forms above |
///
/// - Parameters:
///   - text: As in the table; blanks around it do not count.
///   - sessionTimeout: Of a ZooKeeper session.
///   - isSecure: Whether masters that are named without a scheme speak TLS.
///   - logger: Never told a password.
///   - runtime: Where time and chance come from.
/// - Throws: `DiscoveryError` with code `.invalidAddress` or `.unreadableFile`; its message repeats no credentials.
public func makeMasterDetector(
  _ text: String, sessionTimeout: Duration = .seconds(10), isSecure: Bool = false,
  logger: Logger = Logger(label: "mesos.detector"), runtime: Runtime = .system
) throws(DiscoveryError) -> any MasterDetector {
  try MasterDetectorOptions(sessionTimeout: sessionTimeout, isSecure: isSecure, logger: logger, runtime: runtime)
    .detector(text)
}

struct MasterDetectorOptions: Sendable {
  var sessionTimeout: Duration
  var isSecure: Bool
  var logger: Logger
  var runtime: Runtime

  /// - Parameter fromFile: The text came from a file; it does not name another one.
  func detector(_ text: String, fromFile: Bool = false) throws(DiscoveryError) -> any MasterDetector {
    let text = text.trimmingBlanks()
    if text.hasPrefix(ZooKeeperURL.scheme) {
      return ZooKeeperMasterDetector(
        try ZooKeeperURL(text), sessionTimeout: sessionTimeout, isSecure: isSecure, logger: logger, runtime: runtime)
    }
    let file = "file://"
    if text.hasPrefix(file) {
      guard !fromFile else {
        throw DiscoveryError(.invalidAddress, "A file with the master's address names another file")
      }
      return try FileMasterDetector(
        path: String(text.dropFirst(file.count)), interval: .seconds(5), options: self)
    }
    var addresses: [MasterAddress] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let part = String(part).trimmingBlanks()
      let pid = "master@"
      do {
        addresses.append(
          try MasterAddress(part.hasPrefix(pid) ? String(part.dropFirst(pid.count)) : part, isSecure: isSecure))
      } catch {
        throw DiscoveryError(.invalidAddress, error.message)
      }
    }
    if addresses.count == 1 { return FixedMasterDetector(addresses[0]) }
    return try MasterListDetector(addresses, runtime: runtime)
  }
}
