import Foundation
import MesosHTTP
import MesosModel
import SchedulerKit
import Synchronization
import Testing
import TransportTestKit

/// Settings for masters at `addresses`, with short waits.
func quickConfiguration(
  _ masters: [MasterAddress], _ change: (inout SchedulerConfiguration) -> Void = { _ in }
) throws -> SchedulerConfiguration {
  var configuration = try SchedulerConfiguration(
    masters: masters, framework: FrameworkSettings(name: "test", user: "nobody"))
  configuration.policy.reconnectBackoff = Backoff(initial: .milliseconds(2), limit: .milliseconds(10))
  configuration.policy.callBackoff = Backoff(initial: .milliseconds(2), limit: .milliseconds(10))
  configuration.policy.stopTimeout = .seconds(30)
  configuration.policy.reconciliation.isAutomatic = false
  change(&configuration)
  return configuration
}

func local(_ port: Int) -> MasterAddress { MasterAddress(host: "127.0.0.1", port: port) }

/// Reads updates up to the subscription.
func subscription(of scheduler: Scheduler) async throws {
  for await update in scheduler.updates {
    if case .subscribed = update { return }
  }
  throw SchedulerError(.stopped, "ended before a subscription")
}

@Suite(.timeLimit(.minutes(1))) struct SchedulerTransportTests {
  @Test func `a framework runs against a master behind TLS that wants certificate and credentials`() async throws {
    let master = FakeMaster()
    master.require(authorization: "Basic \(Data("p:s".utf8).base64EncodedString())")
    try await FakeMaster.serving(master) { ports in
      try await TestAuthority.with { authority in
        let identity = try authority.issue("server", for: ["DNS:localhost"])
        let client = try authority.issue("client", for: ["DNS:client"])
        try await Forwarder.with(to: ports[0], tls: .init(identity, clients: authority)) { port in
          var configuration = try quickConfiguration([
            MasterAddress(host: "localhost", port: port, isSecure: true)
          ])
          configuration.tls = try ClientTLS(
            authorities: .file(authority.certificate), certificate: .file(client.certificate), key: .file(client.key))
          configuration.credentials = try .basic(principal: "p", secret: "s")
          try await withScheduler(configuration) { scheduler in
            try await subscription(of: scheduler)
            try await scheduler.revive()
          }
        }
      }
    }
    _ = try await master.received(.teardown)
  }

  @Test func `a master whose certificate is of another authority is never subscribed to`() async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      try await TestAuthority.with { authority in
        let identity = try authority.issue("server", for: ["DNS:localhost"])
        try await Forwarder.with(to: ports[0], tls: .init(identity)) { port in
          let configuration = try quickConfiguration([
            MasterAddress(host: "localhost", port: port, isSecure: true)
          ])
          try await withScheduler(configuration, whenDone: .keepFramework) { scheduler in
            for await update in scheduler.updates {
              guard case .connection(.backingOff(_, let reason)) = update else { continue }
              return #expect(reason.contains("certificate"), "\(reason)")
            }
          }
        }
      }
    }
    #expect(master.authorizations.isEmpty)
  }

  @Test(arguments: ["wrong", nil])
  func `a framework that its master does not believe ends with a typed error`(secret: String?) async throws {
    let master = FakeMaster()
    master.require(authorization: "Bearer right")
    try await FakeMaster.serving(master) { ports in
      var configuration = try quickConfiguration([local(ports[0])])
      configuration.credentials = try secret.map { secret throws in try HTTPCredentials.bearer(secret) }
      let error = await #expect(throws: SchedulerError.self) {
        try await withScheduler(configuration) { scheduler in try await subscription(of: scheduler) }
      }
      // The scope may see the end of the updates before the error; the run's error is what is thrown then.
      #expect(error?.code == .unauthorized)
      #expect(error?.status == 401)
    }
  }

  @Test func `a token that is renewed serves the calls after it`() async throws {
    let master = FakeMaster()
    master.require(authorization: "Bearer t1")
    let token = Mutex("t1")
    try await FakeMaster.serving(master) { ports in
      var configuration = try quickConfiguration([local(ports[0])])
      configuration.credentials = .bearer(renewedBy: { token.withLock { $0 } })
      try await withScheduler(configuration) { scheduler in
        try await subscription(of: scheduler)
        try await scheduler.revive()
        master.require(authorization: "Bearer t2")
        let error = await #expect(throws: SchedulerError.self) { try await scheduler.revive() }
        #expect(error?.code == .unauthorized)
        token.withLock { $0 = "t2" }
        try await scheduler.revive()
      }
    }
    #expect(master.authorizations.contains("Bearer t2"))
  }

  @Test func `credentials do not follow a redirect to a master that nobody named`() async throws {
    let leader = FakeMaster()
    leader.require(authorization: "Bearer secret")
    try await FakeMaster.serving(leader) { leaderPorts in
      let answer = FakeMaster.Answer.refuse(
        status: 307, text: "", headers: ["Location": "//127.0.0.1:\(leaderPorts[0])"])
      let standby = FakeMaster([answer])
      standby.require(authorization: "Bearer secret")
      try await FakeMaster.serving(standby) { ports in
        var configuration = try quickConfiguration([local(ports[0])])
        configuration.credentials = try .bearer("secret")
        let error = await #expect(throws: SchedulerError.self) {
          try await withScheduler(configuration) { scheduler in try await subscription(of: scheduler) }
        }
        #expect(error?.code == .unauthorized)
        #expect(error?.message.contains("redirect") == true)
        #expect(leader.authorizations == [nil])

        // Named, it gets them.
        configuration.policy.masters.append(local(leaderPorts[0]))
        try await withScheduler(configuration) { scheduler in try await subscription(of: scheduler) }
        _ = try await leader.received(.teardown)
      }
    }
  }

  @Test func `a detected master is shown the credentials`() async throws {
    let master = FakeMaster()
    master.require(authorization: "Bearer secret")
    try await FakeMaster.serving(master) { ports in
      let file = "/tmp/swift-mesos-master-\(UUID().uuidString)"
      defer { try? FileManager.default.removeItem(atPath: file) }
      try Data("127.0.0.1:\(ports[0])\n".utf8).write(to: URL(filePath: file))
      var configuration = try SchedulerConfiguration(
        master: "file://\(file)", framework: FrameworkSettings(name: "test", user: "nobody"))
      configuration.credentials = try .bearer("secret")
      configuration.policy.reconciliation.isAutomatic = false
      try await withScheduler(configuration) { scheduler in try await subscription(of: scheduler) }
      _ = try await master.received(.teardown)
    }
  }

  @Test func `a framework reaches its master through a proxy`() async throws {
    let master = FakeMaster()
    try await FakeMaster.serving(master) { ports in
      let proxy = TunnelProxy(authorization: "Basic \(Data("p:s".utf8).base64EncodedString())")
      try await proxy.serving { port in
        var configuration = try quickConfiguration([MasterAddress(host: "master.invalid", port: ports[0])])
        configuration.proxy = try HTTPProxy(host: "127.0.0.1", port: port, principal: "p", secret: "s")
        try await withScheduler(configuration) { scheduler in try await subscription(of: scheduler) }
      }
      #expect(proxy.requests.allSatisfy { $0 == "CONNECT master.invalid:\(ports[0]) HTTP/1.1" })
    }
    _ = try await master.received(.teardown)
  }
}
