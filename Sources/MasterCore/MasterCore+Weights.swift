import MesosAllocator
import MesosAuthorization
import MesosModel
import SwiftProtobuf

// How much larger the claims of roles are than those of their siblings.
extension MasterCore {
  mutating func updateWeights(
    _ infos: [WeightInfo], principal: Principal?, token: CallToken, at now: Moment
  ) -> CallAnswer? {
    var updated = weights
    let roles: [String]
    do {
      roles = try updated.update(infos, whitelist: roleWhitelist)
    } catch {
      return .rejected(status: 400, text: error.message)
    }
    let objects: [String?] = roles.isEmpty ? [nil] : roles
    guard objects.allSatisfy({ permits(.updateWeight, by: principal, on: $0) }) else { return .forbidden }
    let named = zip(roles, infos).map { role, info in
      WeightInfo.with {
        $0.role = role
        $0.weight = info.weight
      }
    }
    return stage(named.map { .setWeight($0.role, $0.weight) }, .weights(named), token: token, at: now)
  }

  /// The roles that there may be; nil for any.
  var roleWhitelist: RoleWhitelist? { configuration.roles.flatMap { try? RoleWhitelist($0.sorted()) } }

  mutating func apply(_ infos: [WeightInfo], at now: Moment) {
    for info in infos { set(info.role, to: info.weight) }
    // Offers were made by the weights of before; they stand where nobody is in the roles.
    let changed = Set(infos.map(\.role))
    guard frameworks.values.contains(where: { !changed.isDisjoint(with: $0.roles) }) else { return }
    removeOffers(offers.keys.sorted(), notify: true, at: now)
    requestCycle()
  }

  mutating func set(_ role: String, to weight: Double) {
    let info = WeightInfo.with {
      $0.role = role
      $0.weight = weight
    }
    do { try weights.update([info]) } catch {
      preconditionFailure("the weight \(weight) of role '\(role)' was not checked: \(error.message)")
    }
    allocator.weigh(role, weight)
    change(.roleWeight(role, weight))
  }
}
