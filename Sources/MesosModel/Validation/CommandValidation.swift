/// The rules about commands, their environment, secrets and URIs.
///
/// - Source: Apache Mesos, `src/common/validation.cpp`; for URIs `src/slave/containerizer/fetcher.cpp`.
public enum CommandValidation {
  /// Checks a command as masters and agents do before they take it: its environment. See ``validateURIs(of:)`` for what is checked when
  /// it is run.
  /// - Throws: `ValidationError` about the first variable that breaks a rule.
  public static func validate(_ command: CommandInfo) throws(ValidationError) {
    do { try validate(command.environment) } catch { throw error.within("", field: "environment") }
  }

  /// Checks that each variable has what its type calls for and nothing else, and that no secret has a null byte in it.
  /// - Throws: `ValidationError` about the first variable that breaks a rule; never with the value of it.
  public static func validate(_ environment: CommandEnvironment) throws(ValidationError) {
    for variable in environment.variables {
      func invalid(_ code: ValidationError.Code, _ text: String) -> ValidationError {
        ValidationError(code, "Environment variable '\(variable.name)' \(text)", path: "variables")
      }
      switch variable.type {
      case .value:
        guard variable.hasValue else { throw invalid(.missingField, "of type 'VALUE' must have a value set") }
        guard !variable.hasSecret else {
          throw invalid(.conflictingFields, "of type 'VALUE' must not have a secret set")
        }
      case .secret:
        guard variable.hasSecret else { throw invalid(.missingField, "of type 'SECRET' must have a secret set") }
        guard !variable.hasValue else {
          throw invalid(.conflictingFields, "of type 'SECRET' must not have a value set")
        }
        do { try validate(variable.secret) } catch {
          throw error.within(
            "Environment variable '\(variable.name)' specifies an invalid secret: ", field: "variables.secret")
        }
        guard !variable.secret.value.data.contains(0) else {
          throw invalid(
            .invalidValue, "specifies a secret containing null bytes, which is not allowed in the environment")
        }
      case .unknown:
        throw ValidationError(
          .unsupported, "Environment variable of type 'UNKNOWN' is not allowed", path: "variables.type")
      }
    }
  }

  /// Checks that a secret has what its type calls for and nothing else.
  /// - Throws: `ValidationError`; never with the value of the secret.
  public static func validate(_ secret: MesosSecret) throws(ValidationError) {
    switch secret.type {
    case .reference:
      guard secret.hasReference else {
        throw ValidationError(.missingField, "Secret of type REFERENCE must have the 'reference' field set")
      }
      guard !secret.hasValue else {
        throw ValidationError(
          .conflictingFields,
          "Secret '\(secret.reference.name)' of type REFERENCE must not have the 'value' field set")
      }
    case .value:
      guard secret.hasValue else {
        throw ValidationError(.missingField, "Secret of type VALUE must have the 'value' field set")
      }
      guard !secret.hasReference else {
        throw ValidationError(.conflictingFields, "Secret of type VALUE must not have the 'reference' field set")
      }
    case .unknown: break
    }
  }

  /// Checks the URIs of a command as whoever fetches them does: a URI names something and has no backslash, quote or null byte; the file
  /// that it becomes lies in the sandbox.
  /// - Throws: `ValidationError` with code `.invalidValue` about the first that breaks a rule.
  public static func validateURIs(of command: CommandInfo) throws(ValidationError) {
    for uri in command.uris {
      do { try validate(uri: uri.value) } catch { throw error.within("", field: "uris.value") }
      guard uri.hasOutputFile else { continue }
      func invalid(_ text: String) -> ValidationError { ValidationError(.invalidValue, text, path: "uris.output_file") }
      guard !uri.outputFile.isEmpty else { throw invalid("URI output file path is empty") }
      guard uri.outputFile.utf8.first != UInt8(ascii: "/") else {
        throw invalid("URI output file must be within the sandbox directory")
      }
    }
  }

  private static func validate(uri: String) throws(ValidationError) {
    let bytes = uri.utf8
    guard !bytes.contains(where: { $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: "'") || $0 == 0 }) else {
      throw ValidationError(.invalidValue, "Illegal characters in URI")
    }
    // A scheme has two characters at least, as on Apache Mesos: `c://` is a path.
    var colon = bytes.startIndex
    while let next = bytes[colon...].firstIndex(of: UInt8(ascii: ":")) {
      guard bytes[next...].starts(with: "://".utf8) else {
        colon = bytes.index(after: next)
        continue
      }
      guard bytes.distance(from: bytes.startIndex, to: next) > 1 else { return }
      let path = bytes[bytes.index(next, offsetBy: 3)...]
      guard let slash = path.firstIndex(of: UInt8(ascii: "/")), path.index(after: slash) != path.endIndex else {
        throw ValidationError(.invalidValue, "Malformed URI (missing path): \(uri)")
      }
      return
    }
  }
}
