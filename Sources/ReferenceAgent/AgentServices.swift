import AgentCore
import Fetcher
import MesosModel
import ProcessLaunch
import ServerPages
import ShellSupport
import SwiftProtobuf

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What the HTTP interfaces need of an agent that serves.
struct AgentServices: Sendable {
  let agent: AgentActor
  let fetcher: Fetcher
  let removals: SandboxRemovals
  /// Seconds since 1970.
  let startTime: Double
  let pid: String
  let flags: [(name: String, value: String)]
  let masterHostname: @Sendable () -> String

  /// The containers with what their processes use.
  @concurrent
  func containers() async -> AgentResponse.GetContainers {
    let core = await agent.snapshot()
    var answer = core.getContainers()
    let views = core.view().flatMap(\.executors)
    let processes = Dictionary(core.processes.map { ($0.container, $0.process) }) { first, _ in first }
    let table = try? ProcessTable()
    let now = agent.clock.now().wallSeconds
    for index in answer.containers.indices {
      let container = answer.containers[index].containerID.key
      guard let view = views.first(where: { $0.container == container }) else { continue }
      let all = (try? Resources(view.allResources)) ?? Resources()
      var statistics = ResourceStatistics()
      statistics.timestamp = now
      if let process = processes[container], let table {
        let leader = LaunchedProcess(pid: process.pid, startTime: process.startTime)
        let usage = ProcessUsage(of: table.tree(ofSession: leader))
        statistics.cpusUserTimeSecs = usage.userSeconds
        statistics.cpusSystemTimeSecs = usage.systemSeconds
        statistics.memRssBytes = usage.residentBytes
      }
      let memory = UInt64(max(0, all.scalar("mem").doubleValue * 1_048_576))
      statistics.cpusSoftLimit = all.scalar("cpus").doubleValue
      statistics.memLimitBytes = memory
      statistics.memSoftLimitBytes = memory
      answer.containers[index].resourceStatistics = statistics
    }
    return answer
  }

  /// What `/metrics/snapshot` and GET_METRICS show, sorted by name.
  @concurrent
  func metrics() async -> [(name: String, value: Double)] {
    let core = await agent.snapshot()
    return AgentMetrics.all(
      core, fetches: await fetcher.metrics, removals: removals.metrics, uptime: agent.clock.now().uptime.inSeconds)
  }
}

extension AgentCore.ExecutorView {
  /// The executor's own resources and those of the tasks it has.
  var allResources: [Resource] {
    info.resources + tasks.filter { !$0.state.isTerminal }.flatMap(\.resources) + queuedTasks.flatMap(\.resources)
  }
}

/// What processes have used, in sum, as `/proc/PID/stat` tells.
struct ProcessUsage {
  var userSeconds = 0.0
  var systemSeconds = 0.0
  var residentBytes: UInt64 = 0

  init(of processes: [ProcessEntry]) {
    let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
    let page = UInt64(max(1, sysconf(Int32(_SC_PAGESIZE))))
    for entry in processes {
      guard let file = fopen("/proc/\(entry.process.pid)/stat", "r") else { continue }
      defer { fclose(file) }
      var buffer = [UInt8](repeating: 0, count: 1_024)
      let count = fread(&buffer, 1, buffer.count, file)
      // The name, in brackets, may hold anything: fields are counted from behind it.
      guard let bracket = buffer[..<count].lastIndex(of: UInt8(ascii: ")")) else { continue }
      let fields = buffer[(bracket + 1)..<count].split(separator: UInt8(ascii: " ")).map {
        String(decoding: $0, as: UTF8.self)
      }
      guard fields.count > 21 else { continue }
      userSeconds += (Double(fields[11]) ?? 0) / ticks
      systemSeconds += (Double(fields[12]) ?? 0) / ticks
      residentBytes += (UInt64(fields[21]) ?? 0) * page
    }
  }
}

/// The agent's metrics under the names of Apache Mesos.
enum AgentMetrics {
  static func all(_ core: AgentCore, fetches: Fetcher.Metrics, removals: SandboxRemovals.Metrics, uptime: Double) -> [(
    name: String, value: Double
  )] {
    var metrics: [String: Double] = [:]
    let frameworks = core.view()
    let executors = frameworks.flatMap(\.executors)
    let tasks = executors.flatMap { $0.tasks + $0.queuedTasks }
    let counters = core.counters
    metrics["slave/uptime_secs"] = uptime
    metrics["resource_provider_manager/subscribed"] = Double(core.subscribedResourceProviders)
    metrics["resource_provider_manager/events/subscribe"] = Double(counters.resourceProviderSubscriptions)
    metrics["resource_provider_manager/events/disconnect"] = Double(counters.resourceProviderDisconnections)
    metrics["slave/registered"] = core.isRegistered ? 1 : 0
    metrics["slave/recovery_errors"] = 0
    metrics["gc/path_removals_pending"] = Double(removals.pending)
    metrics["gc/path_removals_succeeded"] = Double(removals.succeeded)
    metrics["gc/path_removals_failed"] = Double(removals.failed)
    metrics["containerizer/fetcher/task_fetches_succeeded"] = Double(fetches.fetchesSucceeded)
    metrics["containerizer/fetcher/task_fetches_failed"] = Double(fetches.fetchesFailed)
    metrics["containerizer/fetcher/cache_size_total_bytes"] = Double(fetches.cacheSizeTotal)
    metrics["containerizer/fetcher/cache_size_used_bytes"] = Double(fetches.cacheSizeUsed)
    metrics["slave/container_launch_errors"] = Double(counters.containerLaunchErrors)
    metrics["slave/executors_preempted"] = 0
    metrics["slave/executors_registering"] = Double(executors.count { $0.isRegistering })
    metrics["slave/executors_terminating"] = Double(executors.count { $0.isTerminating })
    metrics["slave/executors_running"] = Double(executors.count { !$0.isRegistering && !$0.isTerminating })
    metrics["slave/executors_terminated"] = Double(counters.executorsTerminated)
    metrics["slave/frameworks_active"] = Double(frameworks.count { !$0.isCompleted })
    metrics["slave/valid_status_updates"] = Double(counters.validStatusUpdates)
    metrics["slave/invalid_status_updates"] = Double(counters.invalidStatusUpdates)
    metrics["slave/valid_framework_messages"] = Double(counters.validFrameworkMessages)
    metrics["slave/invalid_framework_messages"] = Double(counters.invalidFrameworkMessages)
    metrics["slave/tasks_finished"] = Double(counters.tasksFinished)
    metrics["slave/tasks_failed"] = Double(counters.tasksFailed)
    metrics["slave/tasks_killed"] = Double(counters.tasksKilled)
    metrics["slave/tasks_lost"] = Double(counters.tasksLost)
    metrics["slave/tasks_gone"] = Double(counters.tasksGone)
    for (name, state) in [
      ("staging", TaskState.taskStaging), ("starting", .taskStarting), ("running", .taskRunning),
      ("killing", .taskKilling),
    ] {
      metrics["slave/tasks_\(name)"] = Double(tasks.count { $0.state == state })
    }
    let total = (try? Resources(core.agentInfo.resources)) ?? Resources()
    let used = (try? Resources(executors.flatMap(\.allResources))) ?? Resources()
    for name in ["cpus", "gpus", "mem", "disk"] {
      let all = total.scalar(name).doubleValue
      let taken = used.scalar(name).doubleValue
      metrics["slave/\(name)_total"] = all
      metrics["slave/\(name)_used"] = taken
      metrics["slave/\(name)_percent"] = all > 0 ? taken / all : 0
      for kind in ["total", "used", "percent"] { metrics["slave/\(name)_revocable_\(kind)"] = 0 }
    }
    for (name, value) in SystemMetrics.values() { metrics[name] = value }
    return metrics.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
  }
}
