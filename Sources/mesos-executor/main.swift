import ExecutorCore
import Glibc
import ProcessLaunch

func refuse(_ message: String) -> Never {
  let line = Array("mesos-executor: \(message)\n".utf8)
  _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
  exit(EXIT_FAILURE)
}

let variables = currentEnvironment()
do {
  let environment = try ExecutorEnvironment(variables)
  guard let address = AgentAddress(host: environment.agentHost, port: environment.agentPort) else {
    refuse("Cannot find the agent's host '\(environment.agentHost)'")
  }
  exit(ExecutorProgram(environment: environment, address: address, variables: variables).run())
} catch {
  refuse("\(error)")
}
