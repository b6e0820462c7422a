public import MesosModel

/// Makes file systems out of images.
public protocol Provisioner: Sendable {
  /// The root of a file system of the image for one container.
  func provision(_ id: NestedContainerID, _ image: ContainerImage) async throws(ContainerizerError) -> String
  /// Takes it away again; nothing when there is none.
  func destroy(_ id: NestedContainerID) async throws(ContainerizerError)
}

/// Has no images.
public struct NoProvisioner: Provisioner {
  public init() {}

  public func provision(_ id: NestedContainerID, _ image: ContainerImage) async throws(ContainerizerError) -> String {
    throw ContainerizerError(.unsupported, "The container \(id) asks for an image, and images are not built yet")
  }

  public func destroy(_ id: NestedContainerID) async throws(ContainerizerError) {}
}
