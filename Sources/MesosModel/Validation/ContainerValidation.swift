/// The rules about containers and their volumes.
///
/// - Source: Apache Mesos, `src/common/validation.cpp`, `validateContainerInfo` and `validateVolume`.
public enum ContainerValidation {
  /// Checks the volumes, and for a Docker container that it says what it needs and does not name itself.
  /// - Throws: `ValidationError` about the first rule broken.
  public static func validate(_ container: ContainerInfo) throws(ValidationError) {
    for volume in container.volumes {
      do { try validate(volume) } catch { throw error.within("Invalid volume: ", field: "volumes") }
    }
    guard container.type == .docker else { return }
    guard container.hasDocker else {
      throw ValidationError(
        .missingField, "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo", path: "docker")
    }
    // The agent finds its containers again by the names that it gave them.
    guard !container.docker.parameters.contains(where: { $0.key == "name" }) else {
      throw ValidationError(.conflictingFields, "Parameter in DockerInfo must not be 'name'", path: "docker.parameters")
    }
  }

  /// Checks that a volume comes from one place, and that a source has what its type calls for.
  /// - Throws: `ValidationError` about the first rule broken.
  public static func validate(_ volume: Volume) throws(ValidationError) {
    guard [volume.hasHostPath, volume.hasImage, volume.hasSource].count(where: { $0 }) == 1 else {
      throw ValidationError(
        .conflictingFields, "Only one of them should be set: 'host_path', 'image' and 'source'")
    }
    guard volume.hasSource else { return }
    func expect(_ isPresent: Bool, _ field: String, _ kind: String) throws(ValidationError) {
      guard isPresent else {
        throw ValidationError(.missingField, "'source.\(field)' is not set for \(kind) volume", path: "source.\(field)")
      }
    }
    let source = volume.source
    switch source.type {
    case .dockerVolume: try expect(source.hasDockerVolume, "docker_volume", "DOCKER_VOLUME")
    case .hostPath: try expect(source.hasHostPath, "host_path", "HOST_PATH")
    case .sandboxPath: try expect(source.hasSandboxPath, "sandbox_path", "SANDBOX_PATH")
    case .secret: try expect(source.hasSecret, "secret", "SECRET")
    case .csiVolume:
      try expect(source.hasCsiVolume, "csi_volume", "CSI")
      try expect(source.csiVolume.hasStaticProvisioning, "csi_volume.static_provisioning", "CSI")
    case .unknown: throw ValidationError(.unsupported, "'source.type' is unknown", path: "source.type")
    }
  }

  /// Whether the container says that it shares the cgroups of its parent, nil when it does not say.
  package static func sharesCgroups(_ container: ContainerInfo) -> Bool? {
    container.linuxInfo.hasShareCgroups ? container.linuxInfo.shareCgroups : nil
  }

  /// Checks that the container of an executor does not ask to share cgroups: there are none above it.
  static func validateShareCgroups(ofExecutor executor: ExecutorInfo) throws(ValidationError) {
    guard sharesCgroups(executor.container) != true else {
      throw ValidationError(
        .conflictingFields, "The 'share_cgroups' field cannot be set to 'true' on executor containers",
        path: "executor.container.linux_info.share_cgroups")
    }
  }
}
