import Foundation
import Logging
import MesosDiscovery
import Metrics
import SchedulerKit
import Testing
import Tracing
import TransportTestKit

// The code of the articles and of the front page as it stands there: that it compiles is the test.

func hello() async throws {
  let configuration = try SchedulerConfiguration(
    master: "localhost:5050", framework: FrameworkSettings(name: "hello"))
  try await withScheduler(configuration) { scheduler in
    for await update in scheduler.updates {
      switch update {
      case .offers(let offers):
        let task = TaskInfo(
          id: "hello", on: offers[0], resources: try Resources.parse("cpus:0.1;mem:32"), command: .shell("echo hello"))
        try await scheduler.accept([offers[0]], launch: [task])
        try await scheduler.decline(Array(offers.dropFirst()))
      case .task(let update) where update.isTerminal: return
      default: break
      }
    }
  }
}

func operations(
  _ scheduler: Scheduler, _ offer: Offer, _ reserved: [Resource], _ volume: Resource, _ task: TaskInfo
) async throws {
  try await scheduler.accept(
    [offer.id],
    [
      .reserve(reserved, id: "reserve-1"), .create([volume], id: "create-1"), .launch([task]),
    ])
}

func observe(
  _ configuration: inout SchedulerConfiguration, factory: any MetricsFactory, tracer: any Tracer, secret: String
) throws {
  configuration.metrics = factory
  configuration.tracer = tracer

  configuration.tls = try ClientTLS(authorities: .file("/etc/mesos/ca.pem"))
  configuration.credentials = try .basic(principal: "hello", secret: secret)  // or .bearer(file: "/run/token")
  configuration.proxy = HTTPProxy(host: "proxy", port: 3128)
}

func keep(_ configuration: SchedulerConfiguration) async throws {
  try await withScheduler(
    configuration, store: FileFrameworkIDStore(path: "hello.id"), whenDone: .keepFramework
  ) { scheduler in
    for await update in scheduler.updates { print(update) }
  }
}

func batch() async throws {
  let master = CommandLine.arguments.dropFirst().first ?? "127.0.0.1:5050"
  let configuration = try SchedulerConfiguration(master: master, framework: FrameworkSettings(name: "hello"))
  let batch = Demand.batch(
    "hello", completions: 10, parallelism: 3, resources: ["cpus": 0.1, "mem": 32],
    command: .shell("echo hello from part $DEMAND_SLOT"))

  let status = try await withDemand(configuration, [batch]) { demand in
    try await demand.satisfied("hello")
  }
  print("\(status.finished) parts of 10 finished")
}

func service(_ configuration: SchedulerConfiguration) async throws {
  let web = Demand(
    "web", count: 3, resources: ["cpus": 0.5, "mem": 128, "ports": 1], command: .shell("exec serve $PORT"))

  try await withDemand(configuration, [web]) { demand in
    for await change in demand.changes { print(change, try demand.explain("web")) }
  }
}

func discover() async throws {
  let detector = try makeMasterDetector("zk://user:password@zk1:2181,zk2:2181,zk3:2181/mesos")
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await detector.run() }
    for await detection in detector.detections {
      if let master = detection.master { print(master.address, "leads") }
    }
    try await group.waitForAll()
  }
}

func bringExecutor(_ task: inout TaskInfo, _ pool: inout OfferPool) {
  task.executor.executorID.value = "counter"
  task.executor.type = .custom
  task.executor.command = .shell("exec ./counter")
  task.executor.resources = pool.take(["cpus": 0.1, "mem": 32]) ?? []
}

struct DocumentationTests {
  @Test func `every piece of Swift in the articles of SchedulerKit and on the front page is compiled`() throws {
    let articles = [
      "FromAnEmptyFolder", "SchedulerKit", "DeclaringDemand", "MetricsAndTraces", "WhenTheConnectionBreaks",
    ]
    let code = try DocumentedCode(
      of: articles.map { "Sources/SchedulerKit/Documentation.docc/\($0).md" } + [
        "README.md", "Sources/MesosDiscovery/Documentation.docc/MesosDiscovery.md",
      ],
      in: [
        "Tests/SchedulerKitTests/Kit/DocumentationTests.swift", "Samples/Hello/Sources/hello/main.swift",
        "Samples/SimulatedTest/Tests/NightlyTests/NightlyTests.swift",
        "Tests/SchedulerSimulationTests/DemandDocumentation.swift",
      ])
    #expect(code.count >= 18)
    #expect(code.uncompiled == [])
    // scripts/check-sdk builds the front page's manifest.
    #expect(code.manifests.count == 2)
    #expect(Set(code.manifests).count == 1)
  }

  @Test func `every piece of Swift in the articles of ExecutorKit is compiled`() throws {
    let code = try DocumentedCode(
      of: ["ExecutorKit", "WritingAnExecutor", "MetricsAndTraces"].map {
        "Sources/ExecutorKit/Documentation.docc/\($0).md"
      },
      in: [
        "Tests/ExecutorKitTests/DocumentationTests.swift", "Tests/SchedulerKitTests/Kit/DocumentationTests.swift",
      ])
    #expect(code.count == 5)
    #expect(code.uncompiled == [])
    let page = try DocumentedCode(of: ["README.md"], in: [])
    #expect(
      code.manifests.map {
        $0.replacingOccurrences(of: "counter", with: "hello").replacingOccurrences(
          of: "ExecutorKit", with: "SchedulerKit")
      } == page.manifests)
  }
}
