public import MesosModel

/// The nodes by which masters stand for election: `json.info_0000000007` below the masters' path, each with its master's MasterInfo as
/// JSON. The one with the lowest number leads.
///
/// Nodes of other names are passed over: `info_…` (MasterInfo in protobuf) and bare numbers are of masters from before Apache Mesos
/// 0.24, `log_replicas` belongs to the replicated log.
///
/// - Source: Apache Mesos 1.11, `docs/high-availability.md`, `master/constants.hpp`, `zookeeper/group.cpp`, `zookeeper/detector.cpp`.
package enum MasterNodes {
  package static let prefix = "json.info_"

  /// The number of a master's node; `nil` for any other name.
  package static func number(of name: String) -> Int32? {
    guard name.hasPrefix(prefix) else { return nil }
    let digits = name.dropFirst(prefix.count)
    // Ten digits, and a sign once ZooKeeper's counter has run over.
    let isNumber = digits.dropFirst(digits.first == "-" ? 1 : 0).allSatisfy { ("0"..."9").contains($0) }
    return isNumber ? Int32(digits) : nil
  }

  /// The masters' nodes in the order in which they would lead.
  package static func inOrder(_ names: [String]) -> [String] {
    names.compactMap { name in number(of: name).map { (number: $0, name: name) } }
      .sorted { ($0.number, $0.name) < ($1.number, $1.name) }.map(\.name)
  }
}

/// The leading master of a cluster.
public struct LeadingMaster: Hashable, Sendable {
  /// Where its HTTP interface is.
  public var address: MasterAddress
  /// What it says of itself, where that is known.
  public var info: MasterInfo?

  public init(address: MasterAddress, info: MasterInfo? = nil) {
    self.address = address
    self.info = info
  }

  /// The master that wrote this MasterInfo: its IP address where it has one, and for TLS its name, which its certificate holds.
  ///
  /// - Returns: `nil` when it says neither or has no port.
  public init?(_ info: MasterInfo, isSecure: Bool = false) {
    let port = info.hasAddress ? Int(info.address.port) : Int(info.port)
    let hostname = info.address.hostname.isEmpty ? info.hostname : info.address.hostname
    var ip = info.address.ip
    if ip.isEmpty, info.ip != 0 {
      // The bytes in the order of the network, read as a little-endian number.
      ip = (0..<4).map { "\(info.ip >> ($0 * 8) & 0xff)" }.joined(separator: ".")
    }
    let host = isSecure && !hostname.isEmpty || ip.isEmpty ? hostname : ip
    guard !host.isEmpty, (1...65_535).contains(port) else { return nil }
    self.init(address: MasterAddress(host: host, port: port, isSecure: isSecure), info: info)
  }

  /// Reads the data of a master's node.
  ///
  /// - Throws: `DiscoveryError` with code `.invalidNode`.
  init(node name: String, data: [UInt8], isSecure: Bool) throws(DiscoveryError) {
    let info: MasterInfo
    do {
      info = try MasterInfo(jsonBytes: data)
    } catch {
      throw DiscoveryError(.invalidNode, "The node \(name) of the leading master holds no MasterInfo: \(error)")
    }
    guard let master = LeadingMaster(info, isSecure: isSecure) else {
      throw DiscoveryError(.invalidNode, "The node \(name) of the leading master says no address")
    }
    self = master
  }
}
