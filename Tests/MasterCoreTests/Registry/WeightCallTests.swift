import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

struct WeightCallTests {
  private static func update(_ weights: (String, Double)...) -> (inout MasterCall) -> Void {
    { call in
      call.type = .updateWeights
      call.updateWeights.weightInfos = weights.map { role, weight in
        .with {
          $0.role = role
          $0.weight = weight
        }
      }
    }
  }

  @Test func `weights are kept before anybody sees them`() throws {
    var cluster = Cluster()
    cluster.persistsAtOnce = false
    let asked = cluster.operate(Self.update(("dev", 2), (" ops ", 3)))
    #expect(asked.answer == nil)
    #expect(cluster.view.weights.isEmpty)
    let write = try #require(asked.persisted.first)
    #expect(write.operations == [.setWeight("dev", 2), .setWeight("ops", 3)])
    #expect(cluster.handle(.persisted(write.number)).answer == .ok)
    #expect(cluster.view.weights == ["dev": 2, "ops": 3])
  }

  @Test func `a weight that is not positive, and a role without a valid name, are refused`() {
    var cluster = Cluster()
    #expect(
      cluster.operate(Self.update(("dev", 2), ("ops", 0))).answer
        == .rejected(
          status: 400,
          text: "Failed to validate update weights request JSON for role 'ops': Invalid weight '0': Weights must be "
            + "positive"))
    #expect(
      cluster.operate(Self.update(("a//b", 1))).answer
        == .rejected(
          status: 400,
          text: "Failed to validate update weights request JSON: Invalid role 'a//b': Role 'a//b' cannot contain two "
            + "adjacent slashes"))
    #expect(cluster.view.weights.isEmpty)
  }

  @Test func `all offers are rescinded when somebody is in a role whose weight changed`() throws {
    var cluster = Cluster()
    _ = try cluster.agent()
    let scheduler = cluster.framework()
    _ = cluster.settle()
    #expect(cluster.operate(Self.update(("ops", 2))).rescinded(on: scheduler.connection).isEmpty)
    #expect(cluster.operate(Self.update(("dev", 2))).rescinded(on: scheduler.connection).count == 1)
    #expect(cluster.settle().offers(on: scheduler.connection).count == 1)
  }

  @Test func `weights of the registry hold, and those of the flag only where it has none`() {
    var registry = RecoveredRegistry()
    registry.weights = ["dev": 5]
    let later = Cluster(registry: registry) { $0.weights = ["ops": 7] }
    #expect(later.view.weights == ["dev": 5])
    #expect(later.log.persisted.isEmpty)

    let first = Cluster { $0.weights = ["ops": 7] }
    #expect(first.view.weights == ["ops": 7])
    #expect(first.log.persisted.first?.operations == [.setWeight("ops", 7)])
  }

  @Test func `a heavier role is served before a lighter one that has as much`() throws {
    var cluster = Cluster()
    _ = cluster.operate(Self.update(("heavy", 100)))
    let light = cluster.framework { $0.roles = ["alight"] }
    let heavy = cluster.framework { $0.roles = ["heavy"] }
    for (number, expected) in [(1, light), (2, heavy), (3, heavy), (4, heavy)] {
      _ = try cluster.agent(hostname: "h\(number)")
      let directives = cluster.settle()
      #expect(directives.offers(on: expected.connection).count == 1, "agent \(number)")
    }
  }
}
