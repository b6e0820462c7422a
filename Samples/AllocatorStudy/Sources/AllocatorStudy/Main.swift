import MesosAllocator
import MesosModel

/// A framework that has tasks of one kind to run between two times.
struct Workload {
  let role: String
  let task: Resources
  let taskSeconds: Int
  let active: Range<Int>
  let tasksMax: Int
  var running: [(end: Int, agent: AgentKey)] = []
  var framework: FrameworkKey { FrameworkKey(role + "-framework") }
}

@main enum AllocatorStudy {
  static func main() throws {
    var allocator = Allocator()
    for number in 0..<20 {
      try allocator.addAgent(AgentKey("agent\(number)"), AgentOptions(total: Resources.parse("cpus:10;mem:20480")))
    }
    try allocator.setWeight(role: "web", 2)
    try allocator.setQuota(role: "lab", Quota(limits: ["cpus": 30]))
    var workloads = [
      Workload(
        role: "web", task: try Resources.parse("cpus:1;mem:512"), taskSeconds: 15, active: 0..<240, tasksMax: 1000),
      Workload(
        role: "batch", task: try Resources.parse("cpus:1;mem:4096"), taskSeconds: 20, active: 0..<240, tasksMax: 1000),
      Workload(
        role: "night", task: try Resources.parse("cpus:3;mem:1024"), taskSeconds: 10, active: 60..<160, tasksMax: 1000),
      Workload(
        role: "lab", task: try Resources.parse("cpus:2;mem:1024"), taskSeconds: 10, active: 100..<200, tasksMax: 40),
    ]
    var samples: [(second: Int, shares: [String: Double])] = []

    for second in 0..<240 {
      let now = Moment(uptime: .seconds(second), wallNanoseconds: 0)
      for index in workloads.indices {
        if second == workloads[index].active.lowerBound {
          try allocator.addFramework(workloads[index].framework, FrameworkOptions(roles: [workloads[index].role]))
        }
        if second == workloads[index].active.upperBound {
          try allocator.suppress(framework: workloads[index].framework)
        }
        let (role, framework) = (workloads[index].role, workloads[index].framework)
        for task in workloads[index].running where task.end <= second {
          try allocator.recover(
            framework: framework, agent: task.agent, resources: workloads[index].task.allocated(to: role), at: now)
        }
        workloads[index].running.removeAll { $0.end <= second }
      }
      allocator.beginCycle(at: now)
      for offer in allocator.finishCycle() {
        guard let index = workloads.firstIndex(where: { $0.framework == offer.framework }) else { continue }
        var rest = offer.resources
        let task = workloads[index].task.allocated(to: offer.role)
        while rest.contains(task), workloads[index].running.count < workloads[index].tasksMax {
          rest -= task
          workloads[index].running.append((second + workloads[index].taskSeconds, offer.agent))
        }
        try allocator.recover(
          framework: offer.framework, agent: offer.agent, resources: rest, refusal: .seconds(5), at: now)
      }
      let shares = Dictionary(uniqueKeysWithValues: allocator.shares().map { ($0.role, $0.share) })
      samples.append((second, shares))
      if second == 130 { print(try allocator.explain(framework: "lab-framework", agents: ["agent0"], at: now)) }
    }
    let chart = Chart(roles: workloads.map(\.role), samples: samples)
    print(chart.table(every: 20))
    try chart.write(to: "shares.svg")
    print("wrote shares.svg")
  }
}
