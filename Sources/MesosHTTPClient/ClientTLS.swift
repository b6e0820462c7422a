import NIOSSL

/// How a client speaks TLS: whom it trusts, who it says it is.
///
/// Files are read, and a certificate is held against its key, when the value is made: what is wrong is known before the first
/// connection. A server's certificate is checked against the authorities and against the name or address that was asked for;
/// ``Verification`` says how to have less.
public struct ClientTLS: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// What of a server's certificate is checked.
  public enum Verification: Hashable, Sendable {
    /// That an authority signed it, that it is valid now, and that it names the host that was asked for.
    case full
    /// All but the name: whoever has any certificate of the authorities can stand for the server.
    case withoutHostname
    /// Nothing: anybody can stand for the server.
    case none
  }

  public enum Version: Hashable, Sendable {
    case tls12, tls13
  }

  public let verification: Verification
  public let minimumVersion: Version
  /// Whether a certificate is shown to servers that ask for one.
  public let hasIdentity: Bool
  let configuration: TLSConfiguration

  /// The system's authorities, no certificate of the client's own, everything checked.
  public static let system = ClientTLS()

  private init() {
    verification = .full
    minimumVersion = .tls12
    hasIdentity = false
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    self.configuration = configuration
  }

  /// - Parameters:
  ///   - authorities: Certificates of those whose word is taken for a server; the system's where none are given.
  ///   - certificate: The client's own certificate, followed by those between it and its authority.
  ///   - key: The private key of `certificate`, without a passphrase; in the same PEM as the certificate where none is given.
  /// - Throws: `HTTPClientError` with code `.invalidConfiguration`: a file cannot be read, a PEM cannot be understood, or key and
  ///   certificate do not belong together.
  public init(
    authorities: PEM? = nil, certificate: PEM? = nil, key: PEM? = nil, verification: Verification = .full,
    minimumVersion: Version = .tls12
  ) throws(HTTPClientError) {
    self.verification = verification
    self.minimumVersion = minimumVersion
    hasIdentity = certificate != nil
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = minimumVersion == .tls12 ? .tlsv12 : .tlsv13
    configuration.certificateVerification =
      switch verification {
      case .full: .fullVerification
      case .withoutHostname: .noHostnameVerification
      case .none: .none
      }
    if let authorities {
      configuration.trustRoots = .certificates(try ClientTLS.certificates(authorities, what: "authorities"))
    }
    if let certificate {
      configuration.certificateChain = try ClientTLS.certificates(certificate, what: "certificate").map {
        .certificate($0)
      }
      let source = key ?? certificate
      let bytes = try source.read()
      do {
        configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: bytes, format: .pem))
      } catch {
        throw HTTPClientError(
          code: .invalidConfiguration, message: "TLS: key \(source) is no private key in PEM without a passphrase")
      }
    } else if key != nil {
      throw HTTPClientError(code: .invalidConfiguration, message: "TLS: a key needs its certificate")
    }
    do {
      _ = try NIOSSLContext(configuration: configuration)
    } catch {
      throw HTTPClientError(
        code: .invalidConfiguration,
        message: "TLS: \(certificate.map { "certificate \($0) and its key do not belong together" } ?? "\(error)")")
    }
    self.configuration = configuration
  }

  private static func certificates(_ pem: PEM, what: String) throws(HTTPClientError) -> [NIOSSLCertificate] {
    let bytes = try pem.read()
    let certificates: [NIOSSLCertificate]
    do {
      certificates = try NIOSSLCertificate.fromPEMBytes(bytes)
    } catch {
      certificates = []
    }
    guard !certificates.isEmpty else {
      throw HTTPClientError(
        code: .invalidConfiguration, message: "TLS: \(what) \(pem) holds no certificate in PEM, or a broken one")
    }
    return certificates
  }

  public var description: String {
    "TLS \(minimumVersion == .tls12 ? "1.2" : "1.3") or later, verification \(verification)\(hasIdentity ? ", with a certificate" : "")"
  }

  public var debugDescription: String { description }
  public var customMirror: Mirror {
    Mirror(
      self,
      children: [
        "verification": verification, "minimumVersion": minimumVersion, "hasIdentity": hasIdentity,
      ] as KeyValuePairs<String, Any>, displayStyle: .struct)
  }
}
