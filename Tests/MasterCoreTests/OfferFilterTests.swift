import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

/// - Source: Apache Mesos `include/mesos/v1/mesos.proto`, `OfferFilters`; `--min_allocatable_resources` of the master.
struct OfferFilterTests {
  private func filters(_ alternatives: [[String: Double]]) -> OfferFilters {
    .with {
      $0.minAllocatableResources.quantities = alternatives.map { amounts in
        .with { $0.quantities = amounts.mapValues { amount in .with { $0.value = amount } } }
      }
    }
  }

  @Test func `offer_filters withhold what is below each of a role's minimums, until it is enough`() throws {
    var cluster = Cluster()
    try cluster.agent(resources: "cpus:4;mem:1024;disk:1000")
    let scheduler = cluster.framework { $0.offerFilters = ["dev": filters([["cpus": 8], ["mem": 2048]])] }
    #expect(cluster.pass(.seconds(2)).offers(on: scheduler.connection).isEmpty)
    let large = try cluster.agent(resources: "cpus:1;mem:2048;disk:1000")
    #expect(cluster.pass(.seconds(2)).offers(on: scheduler.connection).map(\.agentID.key) == [large.id])
  }

  @Test func `offer_filters can ask for less than the master's minimum, and change with UPDATE_FRAMEWORK`() throws {
    var cluster = Cluster()
    try cluster.agent(resources: "cpus:0.001;mem:1;disk:1000")
    let scheduler = cluster.framework()
    #expect(cluster.pass(.seconds(2)).offers(on: scheduler.connection).isEmpty)
    var info = scheduler.info
    info.offerFilters = ["dev": filters([["mem": 1]])]
    let updated = cluster.call(scheduler) {
      $0.type = .updateFramework
      $0.updateFramework.frameworkInfo = info
    }
    #expect(updated.answer == .ok)
    #expect(cluster.pass(.seconds(2)).offers(on: scheduler.connection).count == 1)
  }
}
