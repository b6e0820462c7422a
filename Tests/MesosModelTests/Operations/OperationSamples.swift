import MesosModel
import SwiftProtobuf

/// Messages of operations and of their resources, made in few words.
enum Sample {
  static func scalar(
    _ name: String, _ value: Double, _ roles: [String] = [], _ change: (inout Resource) -> Void = { _ in }
  ) -> Resource {
    Resource.with {
      $0.name = name
      $0.type = .scalar
      $0.scalar = .with { $0.value = value }
      $0.reservations = reservations(roles)
      change(&$0)
    }
  }

  static func ports(_ numbers: ClosedRange<UInt64>, _ roles: [String] = []) -> Resource {
    Resource.with {
      $0.name = "ports"
      $0.type = .ranges
      $0.ranges.range = [
        MesosValue.Range.with {
          $0.begin = numbers.lowerBound
          $0.end = numbers.upperBound
        }
      ]
      $0.reservations = reservations(roles)
    }
  }

  static func disk(_ value: Double, _ roles: [String] = [], _ change: (inout Resource) -> Void = { _ in }) -> Resource {
    scalar("disk", value, roles, change)
  }

  static func volume(
    _ id: String, _ value: Double, _ roles: [String] = ["eng"], shared: Bool = false,
    _ change: (inout Resource) -> Void = { _ in }
  ) -> Resource {
    disk(value, roles) {
      $0.disk.persistence.id = id
      $0.disk.volume.containerPath = "data"
      $0.disk.volume.mode = .rw
      if shared { $0.shared = Resource.SharedInfo() }
      change(&$0)
    }
  }

  /// Dynamic reservations, each by a principal named after its role.
  static func reservations(_ roles: [String]) -> [Resource.ReservationInfo] {
    roles.map { Reservation(.dynamic, role: $0, principal: "of \($0)").message }
  }

  static func reserve(_ resources: Resource..., from source: [Resource] = []) -> Offer.Operation {
    .with {
      $0.type = .reserve
      $0.reserve = .with {
        $0.resources = resources
        $0.source = source
      }
    }
  }

  static func unreserve(_ resources: Resource...) -> Offer.Operation {
    .with {
      $0.type = .unreserve
      $0.unreserve = .with { $0.resources = resources }
    }
  }

  static func create(_ volumes: Resource...) -> Offer.Operation {
    .with {
      $0.type = .create
      $0.create = .with { $0.volumes = volumes }
    }
  }

  static func destroy(_ volumes: Resource...) -> Offer.Operation {
    .with {
      $0.type = .destroy
      $0.destroy = .with { $0.volumes = volumes }
    }
  }

  static func grow(_ volume: Resource, by addition: Resource) -> Offer.Operation {
    .with {
      $0.type = .growVolume
      $0.growVolume = .with {
        $0.volume = volume
        $0.addition = addition
      }
    }
  }

  static func shrink(_ volume: Resource, by amount: Double) -> Offer.Operation {
    .with {
      $0.type = .shrinkVolume
      $0.shrinkVolume = .with {
        $0.volume = volume
        $0.subtract = .with { $0.value = amount }
      }
    }
  }

  static func createDisk(
    _ source: Resource, as type: Resource.DiskInfo.Source.TypeEnum, profile: String? = nil
  ) -> Offer.Operation {
    .with {
      $0.type = .createDisk
      $0.createDisk = .with {
        $0.source = source
        $0.targetType = type
        if let profile { $0.targetProfile = profile }
      }
    }
  }

  static func destroyDisk(_ source: Resource) -> Offer.Operation {
    .with {
      $0.type = .destroyDisk
      $0.destroyDisk = .with { $0.source = source }
    }
  }

  /// A disk of the provider `lvm`.
  static func providedDisk(
    _ value: Double, _ type: Resource.DiskInfo.Source.TypeEnum, id: String? = nil, profile: String? = nil,
    _ roles: [String] = []
  ) -> Resource {
    disk(value, roles) {
      $0.providerID = .with { $0.value = "lvm" }
      $0.disk.source.type = type
      if let id { $0.disk.source.id = id }
      if let profile { $0.disk.source.profile = profile }
    }
  }
}

extension Resource {
  func allocated(to role: String) -> Resource {
    var resource = self
    resource.allocationInfo.role = role
    return resource
  }

  func from(provider: String) -> Resource {
    var resource = self
    resource.providerID = .with { $0.value = provider }
    return resource
  }

  func on(_ type: Resource.DiskInfo.Source.TypeEnum, root: String = "/mnt/data") -> Resource {
    var resource = self
    resource.disk.source.type = type
    if type == .path { resource.disk.source.path.root = root } else { resource.disk.source.mount.root = root }
    return resource
  }
}
