/// The rules about executors.
///
/// - Source: Apache Mesos, `src/master/validation.cpp`, namespace `executor`.
public enum ExecutorValidation {
  /// Checks what can be said about an executor by itself: its type, id, grace period, command and container.
  /// - Throws: `ValidationError` about the first rule broken.
  public static func validate(_ executor: ExecutorInfo) throws(ValidationError) {
    try validateType(of: executor)
    do { try IdentifierValidation.validate(executor.executorID.value) } catch {
      throw error.within("", field: "executor_id")
    }
    guard executor.shutdownGracePeriod.nanoseconds >= 0 else {
      throw ValidationError(
        .invalidValue, "ExecutorInfo's 'shutdown_grace_period' must be non-negative", path: "shutdown_grace_period")
    }
    if executor.hasCommand {
      do { try CommandValidation.validate(executor.command) } catch {
        throw error.within("Executor's `CommandInfo` is invalid: ", field: "command")
      }
    }
    if executor.hasContainer {
      do { try ContainerValidation.validate(executor.container) } catch {
        throw error.within("Executor's `ContainerInfo` is invalid: ", field: "container")
      }
    }
  }

  private static func validateType(of executor: ExecutorInfo) throws(ValidationError) {
    switch executor.type {
    case .default:
      guard !executor.hasCommand else {
        throw ValidationError(
          .conflictingFields, "'ExecutorInfo.command' must not be set for 'DEFAULT' executor", path: "command")
      }
      guard executor.hasContainer else { return }
      guard executor.container.type == .mesos else {
        throw ValidationError(
          .invalidValue, "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor", path: "container.type")
      }
      guard !executor.container.mesos.hasImage else {
        throw ValidationError(
          .conflictingFields, "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor",
          path: "container.mesos.image")
      }
    case .custom:
      guard executor.hasCommand else {
        throw ValidationError(
          .missingField, "'ExecutorInfo.command' must be set for 'CUSTOM' executor", path: "command")
      }
    case .unknown: break
    }
  }

  /// Checks an executor that is to be launched: by itself, whose it is, what it uses, and that one of its id that is there already is
  /// the same.
  /// - Parameters:
  ///   - executor: The executor.
  ///   - resources: What it uses, allocated.
  ///   - framework: The framework that launches it.
  ///   - existing: The executor of the framework with this id on the agent, nil when there is none.
  /// - Throws: `ValidationError` about the first rule broken.
  public static func validate(
    _ executor: ExecutorInfo, resources: Resources, of framework: FrameworkKey, existing: ExecutorInfo?
  ) throws(ValidationError) {
    try validate(executor)
    guard executor.hasFrameworkID else {
      throw ValidationError(.missingField, "'ExecutorInfo.framework_id' must be set", path: "framework_id")
    }
    guard executor.frameworkID.key == framework else {
      throw ValidationError(
        .mismatch,
        "ExecutorInfo has an invalid FrameworkID (Actual: \(executor.frameworkID.value) vs Expected: \(framework))",
        path: "framework_id")
    }
    do { try ResourceValidation.validate(resources) } catch {
      throw error.within("Executor uses invalid resources: ", field: "resources")
    }
    do { try ResourceValidation.validateUniquePersistenceIDs(resources) } catch {
      throw error.within("Executor uses duplicate persistence ID: ", field: "resources")
    }
    do { try ResourceValidation.validateAllocatedToSingleRole(resources) } catch {
      throw error.within("Invalid executor resources: ", field: "resources")
    }
    do { try ResourceValidation.validateRevocability(resources) } catch {
      throw error.within("Executor mixes revocable and non-revocable resources: ", field: "resources")
    }
    guard existing.map({ isSame($0, executor) }) ?? true else {
      throw ValidationError(
        .mismatch, "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.")
    }
  }

  /// Whether both describe one executor: the order of resources does not matter, nor do labels and the grace period.
  static func isSame(_ left: ExecutorInfo, _ right: ExecutorInfo) -> Bool {
    if left == right { return true }
    guard
      left.hasType == right.hasType, left.type == right.type, left.executorID == right.executorID,
      left.data == right.data, left.command == right.command, left.frameworkID == right.frameworkID,
      left.name == right.name, left.source == right.source, left.container == right.container,
      left.discovery == right.discovery
    else { return false }
    guard let ofLeft = try? Resources(left.resources), let ofRight = try? Resources(right.resources) else {
      return left.resources == right.resources
    }
    return ofLeft == ofRight
  }
}
