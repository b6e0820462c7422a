import ClusterView
import MesosAuthorization
import MesosHTTP
import MesosHTTPServer
import MesosModel
import MesosSecurity
import ServerFlags

/// The realms of the master's endpoints, by the names of Apache Mesos.
enum MasterRealm {
  static let readOnly = "mesos-master-readonly"
  static let readWrite = "mesos-master-readwrite"
  static let scheduler = "mesos-master-scheduler"
}

extension SecurityPolicy {
  /// What the flags of a master ask for.
  init(_ parsed: ParsedFlags) throws(SecurityError) {
    self.init()
    let path = parsed.stringIfSet("credentials").flatMap { $0.isEmpty ? nil : $0 }
    var store: CredentialStore?
    if let path { store = try credentials(in: path) }
    let names = parsed.string("http_authenticators")
    if parsed.bool("authenticate_http_readonly") {
      try authenticate(realm: MasterRealm.readOnly, by: names, store)
    }
    if parsed.bool("authenticate_http_readwrite") {
      try authenticate(realm: MasterRealm.readWrite, by: names, store)
    }
    if parsed.bool("authenticate_http_frameworks") {
      guard let names = parsed.stringIfSet("http_framework_authenticators") else {
        throw SecurityError(
          .badCredentials,
          "Missing `--http_framework_authenticators` flag. This must be used in conjunction with "
            + "`--authenticate_http_frameworks`")
      }
      try authenticate(realm: MasterRealm.scheduler, by: names, store)
    }
    if let text = parsed.stringIfSet("acls"), !text.isEmpty {
      authorizer = try AccessControlLists(json: text.utf8, source: "--acls")
    }
  }

  func visibility(of principal: Principal?) -> Visibility? { Visibility(of: principal, by: authorizer) }
}
