import MesosModel
import MesosSimulation

var cluster = SimulatedCluster(seed: 1)
if CommandLine.arguments.contains("--trace") { cluster.traceLines { print($0) } }
cluster.addAgents(3, resources: "cpus:4;mem:4096")
let framework = cluster.addFramework("web")
for number in 1...9 {
  cluster.demand(SimulatedTask("t\(number)", .runs(for: .seconds(60))), of: framework, at: .seconds(number))
}
cluster.run(until: .seconds(180))
print(cluster.violations, cluster.steps, cluster.traceHash)
for (id, record) in cluster.tasks(of: framework) { print(id, record.states) }
