extension TaskStatus {
  /// A status of a task with state, source and reason of `cause`; its message, time, UUID and the rest are the caller's.
  ///
  /// - Parameters:
  ///   - task: The task's id.
  ///   - cause: Why it is reported; already as the framework is told, see ``TaskStatusCause/reported(toPartitionAware:)``.
  public init(_ task: TaskID, _ cause: TaskStatusCause) {
    self.init()
    taskID = task
    state = cause.state
    source = cause.source
    if let reason = cause.reason { self.reason = reason }
  }

  /// Puts state, source and reason of `cause` in the place of the status' own.
  ///
  /// - Parameter cause: Already as the framework is told.
  public mutating func attribute(to cause: TaskStatusCause) {
    state = cause.state
    source = cause.source
    if let reason = cause.reason { self.reason = reason } else { clearReason() }
  }

  /// The row of the table that the status belongs to; nil where the table has none, as executors may use reasons of their own choice,
  /// or where the status has no source.
  ///
  /// - Complexity: O(1).
  public var cause: TaskStatusCause? {
    hasSource ? TaskStatusCause.find(state: state, source: source, reason: hasReason ? reason : nil) : nil
  }

  /// Whether state, source and reason are in order: see ``TaskStatusCause/isAccepted(state:source:reason:)``.
  public var hasAcceptedCause: Bool {
    hasSource && TaskStatusCause.isAccepted(state: state, source: source, reason: hasReason ? reason : nil)
  }

  /// Whether the status says what was known already, as an answer to a question, rather than news.
  public var isReconciliation: Bool { hasReason && reason == .reconciliation }

  /// Marks the status as an executor's, whatever it says of its source; state and reason stay as the executor chose them.
  public mutating func attributeToExecutor() { source = .executor }
}

extension TaskStatus.Source {
  /// Such as `SOURCE_AGENT`, as the v1 API has it; `SOURCE_SLAVE` in the v0 API.
  public var wireName: String { "SOURCE_" + screaming("\(self)") }
}

extension TaskStatus.Reason {
  /// Such as `REASON_AGENT_REMOVED`, as the v1 API has it; `REASON_SLAVE_REMOVED` in the v0 API.
  public var wireName: String { "REASON_" + screaming("\(self)") }
}

/// `agentRemoved` becomes `AGENT_REMOVED`.
private func screaming(_ name: String) -> String {
  name.reduce(into: "") { $0 += $1.isUppercase ? "_\($1)" : $1.uppercased() }
}
