import Foundation
import MesosModel
import SwiftProtobuf

/// Messages of the shape that the published benchmarks of Apache Mesos use: ten labels a task, cpus and mem.
enum Samples {
  static func resources(cpus: Double, memory: Double) -> [Resource] {
    [("cpus", cpus), ("mem", memory)].map { name, amount in
      .with {
        $0.name = name
        $0.type = .scalar
        $0.scalar.value = amount
        $0.allocationInfo.role = "*"
      }
    }
  }

  static func taskInfo(_ index: Int) -> TaskInfo {
    .with {
      $0.name = "task"
      $0.taskID.value = "task-\(index)"
      $0.agentID.value = "b25713be-1326-4990-a770-50551fb9f78c-S1"
      $0.resources = resources(cpus: 0.1, memory: 5)
      $0.command.value = "dummy command"
      $0.labels = labels()
    }
  }

  static func labels() -> MesosLabels {
    .with {
      $0.labels = (0..<10).map { index in
        .with {
          $0.key = "key\(index)"
          $0.value = "value\(index)"
        }
      }
    }
  }

  static func status(_ index: Int, state: TaskState) -> TaskStatus {
    .with {
      $0.taskID.value = "task-\(index)"
      $0.state = state
      $0.source = .executor
      $0.agentID.value = "b25713be-1326-4990-a770-50551fb9f78c-S1"
      $0.executorID.value = "task-\(index)"
      $0.timestamp = 1_795_216_561.7195227
      $0.uuid = Data(repeating: 7, count: 16)
      $0.containerStatus.containerID.value = "4101c556-e0d3-48cb-aba5-603918cc54ef"
    }
  }

  static func task(_ index: Int) -> MesosTask {
    .with {
      $0.name = "task"
      $0.taskID.value = "task-\(index)"
      $0.frameworkID.value = "b25713be-1326-4990-a770-50551fb9f78c-0001"
      $0.agentID.value = "b25713be-1326-4990-a770-50551fb9f78c-S\(index % 10_000)"
      $0.state = .taskRunning
      $0.resources = resources(cpus: 0.1, memory: 5)
      $0.labels = labels()
    }
  }
}
