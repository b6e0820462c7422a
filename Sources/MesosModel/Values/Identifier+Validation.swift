/// The rules about identifiers that frameworks, executors and operators choose: they become names of folders and parts of log lines.
///
/// - Source: Apache Mesos, `src/common/validation.cpp`, `validateID`; `src/slave/validation.cpp`, `validateContainerId`.
public enum IdentifierValidation {
  /// The most bytes an identifier may have: as many as the name of a file.
  public static let lengthMax = 255

  /// The most bytes the identifier of a container may have, not counting its parents.
  public static let containerLengthMax = 242

  /// Checks that `id` is neither empty, too long, `.` nor `..`, and that it has neither slashes nor control characters.
  /// - Throws: `ValidationError` with code `.invalidIdentifier`.
  /// - Complexity: O(*n*) in the length.
  public static func validate(_ id: String) throws(ValidationError) {
    func invalid(_ text: String) -> ValidationError { ValidationError(.invalidIdentifier, text) }
    guard !id.isEmpty else { throw invalid("ID must not be empty") }
    guard id.utf8.count <= lengthMax else { throw invalid("ID must not be greater than \(lengthMax) characters") }
    guard id != ".", id != ".." else { throw invalid("'\(id)' is disallowed") }
    guard !id.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") })
    else { throw invalid("'\(id)' contains invalid characters") }
  }

  /// Checks one level of the identifier of a container, which may have neither periods nor spaces, as periods separate the levels.
  /// - Throws: `ValidationError` with code `.invalidIdentifier`.
  public static func validate(container id: String) throws(ValidationError) {
    func invalid(_ text: String) -> ValidationError { ValidationError(.invalidIdentifier, text) }
    try validate(id)
    guard id.utf8.count <= containerLengthMax else {
      throw invalid("'ContainerID.value' '\(id)' exceeds the maximum length (\(containerLengthMax))")
    }
    guard !id.utf8.contains(where: { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: " ") }) else {
      throw invalid("'ContainerID.value' '\(id)' contains invalid characters")
    }
  }

  /// Checks the identifier of a container and those of its parents.
  /// - Throws: `ValidationError` with code `.invalidIdentifier` about the innermost level that is wrong.
  /// - Complexity: O(*n*) in the levels and their lengths.
  public static func validate(_ id: ContainerID) throws(ValidationError) {
    var level = id
    var context = ""
    while true {
      do { try validate(container: level.value) } catch { throw error.within(context) }
      guard level.hasParent else { return }
      level = level.parent
      context += "'ContainerID.parent' is invalid: "
    }
  }
}

extension Identifier {
  /// Checks that the text can be an identifier, see ``IdentifierValidation/validate(_:)-(String)``.
  /// - Throws: `ValidationError` with code `.invalidIdentifier`.
  public func validate() throws(ValidationError) { try IdentifierValidation.validate(value) }
}

extension Identifier where Subject == Subjects.Container {
  /// Checks that the text can be one level of the identifier of a container.
  /// - Throws: `ValidationError` with code `.invalidIdentifier`.
  public func validate() throws(ValidationError) { try IdentifierValidation.validate(container: value) }
}
