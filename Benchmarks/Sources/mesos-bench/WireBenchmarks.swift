import Foundation
import MesosHTTP
import MesosModel
import SwiftProtobuf

/// What the wire costs: framing and both encodings, on one core.
enum WireBenchmarks {
  static func run(_ harness: inout Harness) {
    harness.point("recordio", recordIO)
    harness.point("scheduler messages", calls)
    harness.point("tasks", tasks)
  }

  private static func recordIO(_ harness: inout Harness) throws {
    guard harness.wants("recordio") else { return }
    let count = harness.isSmoke ? 1_000 : 200_000
    var stream: [UInt8] = []
    for index in 0..<count {
      RecordIOEncoder.encode([UInt8](repeating: UInt8(index & 0xff), count: 64 + index % 512), into: &stream)
    }
    let chunks = stride(from: 0, to: stream.count, by: 16_384).map { stream[$0..<min($0 + 16_384, stream.count)] }
    let seconds = try Harness.seconds {
      var decoder = RecordIODecoder()
      var decoded = 0
      for chunk in chunks {
        decoder.append(chunk)
        while try decoder.next() != nil { decoded += 1 }
      }
      try require(decoded == count, "\(decoded) records of \(count)")
    }
    harness.record(
      Figure(name: "recordio decode", value: Double(stream.count) / 1e6 / seconds, unit: "MB/s", better: .higher))
  }

  private static func calls(_ harness: inout Harness) throws {
    let repetitions = harness.isSmoke ? 100 : 20_000
    let call = accept()
    let event = update()
    for encoding in MessageEncoding.allCases {
      if harness.wants("SchedulerCall decode") {
        let bytes = encoding.encode(call)
        let seconds = try Harness.seconds {
          for _ in 0..<repetitions {
            let decoded = try encoding.decode(SchedulerCall.self, from: bytes)
            try require(decoded.accept.operations.count == 1, "an ACCEPT lost its operation")
          }
        }
        harness.record(
          Figure(
            name: "SchedulerCall decode (ACCEPT of one task, \(encoding))", value: Double(repetitions) / seconds,
            unit: "per second", better: .higher))
      }
      if harness.wants("SchedulerEvent encode") {
        let seconds = try Harness.seconds {
          var bytes = 0
          for _ in 0..<repetitions { bytes &+= encoding.encode(event).count }
          try require(bytes > repetitions * 50, "an UPDATE has \(bytes / repetitions) bytes")
        }
        harness.record(
          Figure(
            name: "SchedulerEvent encode (UPDATE, \(encoding))", value: Double(repetitions) / seconds,
            unit: "per second",
            better: .higher))
      }
    }
  }

  private static func tasks(_ harness: inout Harness) throws {
    let count = harness.isSmoke ? 100 : 100_000
    let names = (encode: "JSON encode of GET_TASKS, \(count) tasks", decode: "JSON decode of GET_TASKS, \(count) tasks")
    guard harness.wants(names.encode) || harness.wants(names.decode) else { return }
    let response = MasterResponse.with {
      $0.type = .getTasks
      $0.getTasks.tasks = (0..<count).map(Samples.task)
    }
    let bytes = response.jsonBytes()
    if harness.wants(names.encode) {
      // As a server writes: into a buffer that it keeps.
      var writer = JSONWriter(capacity: bytes.count + 4096)
      let seconds = try Harness.seconds {
        writer.removeAll()
        response.encodeJSON(into: &writer)
        try require(writer.count == bytes.count, "two encodings differ")
      }
      harness.record(
        Figure(
          name: names.encode, value: Double(bytes.count) / 1e6 / seconds, unit: "MB/s", better: .higher, floor: 300))
    }
    if harness.wants(names.decode) {
      // Giving the memory back is not reading.
      var decoded = MasterResponse()
      let seconds = try Harness.seconds(cleanUp: { decoded = MasterResponse() }) {
        decoded = try MasterResponse(jsonBytes: bytes)
        try require(decoded.getTasks.tasks.count == count, "\(decoded.getTasks.tasks.count) tasks of \(count)")
      }
      harness.record(
        Figure(
          name: names.decode, value: Double(bytes.count) / 1e6 / seconds, unit: "MB/s", better: .higher, floor: 150))
    }
    try require(try MasterResponse(jsonBytes: bytes) == response, "a round trip changed something")
  }

  private static func accept() -> SchedulerCall {
    .with {
      $0.type = .accept
      $0.frameworkID.value = "b25713be-1326-4990-a770-50551fb9f78c-0001"
      $0.accept.offerIds = [.with { $0.value = "b25713be-1326-4990-a770-50551fb9f78c-O12" }]
      $0.accept.operations = [
        .with {
          $0.type = .launch
          $0.launch.taskInfos = [Samples.taskInfo(0)]
        }
      ]
    }
  }

  private static func update() -> SchedulerEvent {
    .with {
      $0.type = .update
      $0.update.status = Samples.status(0, state: .taskRunning)
    }
  }
}
