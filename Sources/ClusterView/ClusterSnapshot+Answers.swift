import MasterCore
public import MesosHTTP
import MesosModel
import SwiftProtobuf
import Synchronization

// Field numbers and names are those of mesos.v1.master.Response and the messages in it.
extension ClusterSnapshot {
  /// Encodes the answer to a read. The slices joined are one `MasterResponse`.
  @concurrent
  public func answer(_ query: ClusterQuery, encoding: MessageEncoding) async -> ClusterAnswer {
    let body =
      switch encoding {
      case .protobuf: await protobuf(query)
      case .json: await json(query)
      }
    return ClusterAnswer(sequence: sequence, slices: body.slices, length: body.length)
  }

  /// What an answer holds, without the type and the field around it.
  @concurrent
  func content(_ query: ClusterQuery, encoding: MessageEncoding) async -> ClusterAnswer {
    let body =
      switch encoding {
      case .protobuf: await protobufContent(query)
      case .json: await jsonContent(query)
      }
    return ClusterAnswer(sequence: sequence, slices: body.slices, length: body.length)
  }

  /// The payload of SUBSCRIBED around the encoded state in `content`.
  func subscribed(
    _ content: ClusterAnswer, _ encoding: MessageEncoding, heartbeatSeconds: Double, isExtended: Bool
  ) -> ClusterAnswer {
    let rest = MasterEvent.Subscribed.with { $0.heartbeatIntervalSeconds = heartbeatSeconds }
    let suffix = isExtended ? EventBytes.suffix(encoding, sequence: sequence) : []
    var body = Body()
    switch encoding {
    case .json:
      body.append("{\"type\":\"SUBSCRIBED\",\"subscribed\":{\"get_state\":")
      for slice in content.slices { body.append(slice) }
      body.append(Array(",".utf8) + rest.jsonBytes().dropFirst())
      body.append(suffix + Array("}".utf8))
    case .protobuf:
      var state: [UInt8] = []
      WireBytes.appendHeader(field: 1, length: content.length, to: &state)
      let interval: [UInt8] = (try? rest.serializedBytes(partial: true)) ?? []
      var head = EventBytes.enumeration(MasterEvent.TypeEnum.subscribed.rawValue, field: 1)
      WireBytes.appendHeader(field: 2, length: state.count + content.length + interval.count, to: &head)
      body.append(head + state)
      for slice in content.slices { body.append(slice) }
      body.append(interval + suffix)
    }
    return ClusterAnswer(sequence: sequence, slices: body.slices, length: body.length)
  }

  private func protobuf(_ query: ClusterQuery) async -> Body {
    let content = await protobufContent(query)
    var head: [UInt8] = []
    WireBytes.appendVarint(1 << 3, to: &head)
    WireBytes.appendVarint(UInt64(query.type.rawValue), to: &head)
    WireBytes.appendHeader(field: query.field, length: content.length, to: &head)
    var body = Body()
    body.append(head)
    body.append(content)
    return body
  }

  private func protobufContent(_ query: ClusterQuery) async -> Body {
    var body = Body()
    switch query {
    case .getTasks:
      body.append(await protobufList(taskRows, seenTask, field: 2, { $0.protobufMessage }))
      body.append(await protobufList(unreachableTaskRows, seenTask, field: 5, { $0.protobufMessage }))
      body.append(await protobufList(completedTaskRows, seenTask, field: 3, { $0.protobufMessage }))
    case .getExecutors: body.append(await protobufList(executorRows, seenExecutor, field: 1, { $0.protobufMessage }))
    case .getFrameworks:
      body.append(await protobufList(frameworkRows, seenFramework, field: 1, { $0.protobufMessage }))
      body.append(await protobufList(completedFrameworkRows, seenFramework, field: 2, { $0.protobufMessage }))
    case .getAgents:
      body.append(await protobufList(agentRows, seenAgent, field: 1, { $0.protobufMessage }))
      body.append(await protobufList(recoveredAgentRows, seenRecovered, field: 2, { $0.protobufMessage }))
    case .getRoles:
      body.append((try? MasterResponse.GetRoles.with { $0.roles = roles }.serializedBytes(partial: true)) ?? [])
    case .getState:
      for (part, field) in [(ClusterQuery.getTasks, 1), (.getExecutors, 2), (.getFrameworks, 3), (.getAgents, 4)] {
        let content = await protobufContent(part)
        var head: [UInt8] = []
        WireBytes.appendHeader(field: field, length: content.length, to: &head)
        body.append(head)
        body.append(content)
      }
    }
    return body
  }

  private func json(_ query: ClusterQuery) async -> Body {
    var body = Body()
    body.append("{\"type\":\"\(query.typeName)\",\"\(query.fieldName)\":")
    body.append(await jsonContent(query))
    body.append("}")
    return body
  }

  private func jsonContent(_ query: ClusterQuery) async -> Body {
    var body = Body()
    switch query {
    case .getTasks:
      body.append("{\"tasks\":[")
      body.append(await jsonList(taskRows, seenTask, { $0.json }))
      body.append("],\"unreachable_tasks\":[")
      body.append(await jsonList(unreachableTaskRows, seenTask, { $0.json }))
      body.append("],\"completed_tasks\":[")
      body.append(await jsonList(completedTaskRows, seenTask, { $0.json }))
      body.append("]}")
    case .getExecutors:
      body.append("{\"executors\":[")
      body.append(await jsonList(executorRows, seenExecutor, { $0.json }))
      body.append("]}")
    case .getFrameworks:
      body.append("{\"frameworks\":[")
      body.append(await jsonList(frameworkRows, seenFramework, { $0.json }))
      body.append("],\"completed_frameworks\":[")
      body.append(await jsonList(completedFrameworkRows, seenFramework, { $0.json }))
      body.append("]}")
    case .getAgents:
      body.append("{\"agents\":[")
      body.append(await jsonList(agentRows, seenAgent, { $0.json }))
      body.append("],\"recovered_agents\":[")
      body.append(await jsonList(recoveredAgentRows, seenRecovered, { $0.json }))
      body.append("]}")
    case .getRoles: body.append(MasterResponse.GetRoles.with { $0.roles = roles }.jsonBytes())
    case .getState:
      var separator = "{"
      for part in [ClusterQuery.getTasks, .getExecutors, .getFrameworks, .getAgents] {
        body.append("\(separator)\"\(part.fieldName)\":")
        body.append(await jsonContent(part))
        separator = ","
      }
      body.append("}")
    }
    return body
  }

  // What a reader with a sight of its own sees of each row.

  private func seenTask(_ row: Record<TaskContent>, _ sight: Sight) -> Record<TaskContent>? {
    sight.sees(row.content.row) ? row : nil
  }

  private func seenExecutor(_ row: Record<ExecutorContent>, _ sight: Sight) -> Record<ExecutorContent>? {
    sight.sees(row.content.row) ? row : nil
  }

  private func seenFramework(_ entry: FrameworkEntry, _ sight: Sight) -> FrameworkEntry? {
    sight.sees(entry.key) ? entry : nil
  }

  private func seenAgent(_ row: Record<AgentContent>, _ sight: Sight) -> Record<AgentContent>? {
    Record(AgentContent(row: sight.visibility.seen(of: row.content.row)), ledger)
  }

  private func seenRecovered(
    _ row: Record<RecoveredAgentContent>, _ sight: Sight
  ) -> Record<RecoveredAgentContent>? {
    let info = sight.visibility.seen(ofRecovered: row.content.info)
    return Record(RecoveredAgentContent(id: row.content.id, info: info), ledger)
  }

  /// A repeated field, one slice a chunk.
  private func protobufList<Row>(
    _ rows: SlabRows<Row>, _ seen: @escaping @Sendable (Row, Sight) -> Row?, field: Int,
    _ message: @escaping @Sendable (Row) -> [[UInt8]]
  ) async -> Body {
    var body = Body()
    let slices = await slices(of: rows, seen, .protobuf(field: field)) { chunk in
      let messages = chunk.compactMap { $0.map(message) }
      let lengths = messages.map { $0.reduce(0) { $0 + $1.count } }
      var slice: [UInt8] = []
      slice.reserveCapacity(lengths.reduce(0) { $0 + $1 + WireBytes.headerCount(field: field, length: $1) })
      for (parts, length) in zip(messages, lengths) {
        WireBytes.appendHeader(field: field, length: length, to: &slice)
        for part in parts { slice += part }
      }
      return slice
    }
    for slice in slices { body.append(slice) }
    return body
  }

  /// The elements of an array with commas between them, one slice a chunk.
  private func jsonList<Row>(
    _ rows: SlabRows<Row>, _ seen: @escaping @Sendable (Row, Sight) -> Row?,
    _ json: @escaping @Sendable (Row) -> [UInt8]
  ) async -> Body {
    var body = Body()
    let slices = await slices(of: rows, seen, .json) { chunk in
      let elements = chunk.compactMap { $0.map(json) }
      var slice: [UInt8] = []
      slice.reserveCapacity(elements.reduce(0) { $0 + $1.count + 1 })
      for element in elements {
        slice.append(UInt8(ascii: ","))
        slice += element
      }
      return slice
    }
    for slice in slices { body.append(body.length == 0 ? Array(slice.dropFirst()) : slice) }
    return body
  }

  /// One slice for each chunk, in their order.
  ///
  /// Two tasks make them, which matters to the first reader after a fail-over alone: whoever comes later finds them made. Both yield after
  /// each chunk, so that other work waits for one chunk at most.
  private func slices<Row>(
    of rows: SlabRows<Row>, _ seen: @escaping @Sendable (Row, Sight) -> Row?, _ form: ChunkEncodings.Form,
    _ make: @escaping @Sendable ([Row?]) -> [UInt8]
  ) async -> [[UInt8]] {
    let (chunks, encodings, ledger, sight) = (rows.chunks, rows.encodings, ledger, sight)
    // What all readers share, or what this one sees of the rows.
    @Sendable func slice(_ chunk: Int) -> [UInt8] {
      guard let sight else { return encodings[chunk].slice(form, ledger) { make(chunks[chunk]) } }
      return make(chunks[chunk].map { row in row.flatMap { seen($0, sight) } })
    }
    let next = NextChunk()
    @Sendable func work() async -> [(chunk: Int, slice: [UInt8])] {
      var made: [(chunk: Int, slice: [UInt8])] = []
      while let chunk = next.take(below: chunks.count) {
        guard !chunks[chunk].isEmpty else { continue }
        made.append((chunk, slice(chunk)))
        await Task.yield()
      }
      return made
    }
    guard chunks.count > 1 else { return await work().map(\.slice) }
    async let other = work()
    let own = await work()
    return (own + (await other)).sorted { $0.chunk < $1.chunk }.map(\.slice)
  }
}

/// Which chunk is made next, by whichever task has the time.
private final class NextChunk: Sendable {
  private let count = Atomic<Int>(0)

  func take(below end: Int) -> Int? {
    let chunk = count.add(1, ordering: .relaxed).oldValue
    return chunk < end ? chunk : nil
  }
}

extension Record {
  fileprivate var protobufMessage: [[UInt8]] { protobufParts }
}

extension FrameworkEntry {
  fileprivate var protobufMessage: [[UInt8]] {
    var parts = record.protobufParts
    func append(_ message: [[UInt8]], field: Int) {
      var head: [UInt8] = []
      WireBytes.appendHeader(field: field, length: message.reduce(0) { $0 + $1.count }, to: &head)
      parts.append(head)
      parts += message
    }
    for offer in offersInOrder { append(offer.protobufParts, field: 7) }
    for offer in inverseOffersInOrder { append(offer.protobufParts, field: 8) }
    return parts
  }

  /// The offers go in as the last member: the order of members means nothing, and the rest stays as it was encoded.
  fileprivate var json: [UInt8] {
    var json = record.json
    func append(_ name: String, _ elements: [[UInt8]]) {
      guard !elements.isEmpty, json.last == UInt8(ascii: "}") else { return }
      json.removeLast()
      json += Array(",\"\(name)\":[".utf8)
      for (index, element) in elements.enumerated() {
        if index > 0 { json.append(UInt8(ascii: ",")) }
        json += element
      }
      json += Array("]}".utf8)
    }
    append("offers", offersInOrder.map(\.json))
    append("inverse_offers", inverseOffersInOrder.map(\.json))
    return json
  }
}

extension ClusterQuery {
  var type: MasterResponse.TypeEnum {
    switch self {
    case .getAgents: .getAgents
    case .getFrameworks: .getFrameworks
    case .getTasks: .getTasks
    case .getExecutors: .getExecutors
    case .getState: .getState
    case .getRoles: .getRoles
    }
  }

  fileprivate var typeName: String {
    switch self {
    case .getAgents: "GET_AGENTS"
    case .getFrameworks: "GET_FRAMEWORKS"
    case .getTasks: "GET_TASKS"
    case .getExecutors: "GET_EXECUTORS"
    case .getState: "GET_STATE"
    case .getRoles: "GET_ROLES"
    }
  }

  fileprivate var fieldName: String { typeName.lowercased() }

  fileprivate var field: Int {
    switch self {
    case .getState: 9
    case .getAgents: 10
    case .getFrameworks: 11
    case .getExecutors: 12
    case .getTasks: 13
    case .getRoles: 14
    }
  }
}
