import MesosModel

/// What can be said about a `FrameworkInfo` without looking at the state, and about its replacement by another.
enum FrameworkValidation {
  static func validate(_ info: FrameworkInfo) throws(ValidationError) {
    if info.has(.multiRole) {
      guard !info.hasRole else {
        throw ValidationError("'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable")
      }
      var seen: Set<String> = []
      let duplicates = info.roles.filter { !seen.insert($0).inserted }
      guard duplicates.isEmpty else {
        throw ValidationError(
          "'FrameworkInfo.roles' contains duplicate items: { \(Set(duplicates).sorted().joined(separator: ", ")) }")
      }
      for role in info.roles {
        do { try RoleName.validate(role) } catch {
          throw ValidationError("'FrameworkInfo.roles' contains invalid role: \(error.message)")
        }
      }
    } else {
      guard info.roles.isEmpty else {
        throw ValidationError("'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable")
      }
      do { try RoleName.validate(info.role) } catch {
        throw ValidationError("'FrameworkInfo.role' is not a valid role: \(error.message)")
      }
    }
    if info.hasID, !info.id.value.isEmpty { try IDValidation.validate(info.id.value) }
  }

  static func validateUpdate(from old: FrameworkInfo, to new: FrameworkInfo) throws(ValidationError) {
    guard old.hasPrincipal == new.hasPrincipal, old.principal == new.principal else {
      // The old principal is not for the eyes of one who only knows the id.
      throw ValidationError("Changing framework's principal is not allowed.")
    }
    guard old.user == new.user else {
      throw ValidationError(
        "Updating 'FrameworkInfo.user' is unsupported; attempted to update from '\(old.user)' to '\(new.user)'")
    }
    guard old.checkpoint == new.checkpoint else {
      throw ValidationError(
        "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '\(old.checkpoint)' to "
          + "'\(new.checkpoint)'")
    }
  }
}
