/// What the servers say about their version.
public enum ServerVersion {
  /// The release of Apache Mesos whose v1 API the servers speak; clients compare it.
  public static let api = "1.11.0"
  /// The release of this software.
  public static let software = "0.1.0"
  /// Who the answers to GET_VERSION say built it.
  public static let builder = "swift-mesos \(software)"
}
