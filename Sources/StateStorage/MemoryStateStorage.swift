/// Records that live as long as the process: for tests, simulation and a master with `--registry=in_memory`.
public actor MemoryStateStorage: StateStorage {
  public nonisolated let location = "memory"
  private var records: [[UInt8]: StoredRecord] = [:]
  private var isClosed = false

  /// - Parameter records: What ``load()`` returns at first.
  public init(records: [StoredRecord] = []) {
    for record in records { self.records[Array(record.key.utf8)] = record }
  }

  public func load() throws(StateStorageError) -> [StoredRecord] {
    try requireOpen()
    return records.values.sorted { $0.key.precedesByteWise($1.key) }
  }

  public func apply(_ changes: [StateChange]) throws(StateStorageError) {
    try requireOpen()
    for change in changes {
      switch change {
      case .put(let record): records[Array(record.key.utf8)] = record
      case .remove(let key): records[Array(key.utf8)] = nil
      }
    }
  }

  public func close() { isClosed = true }

  private func requireOpen() throws(StateStorageError) {
    if isClosed { throw .closed(location) }
  }
}

extension StateStorageError {
  static func closed(_ location: String) -> StateStorageError {
    StateStorageError(.closed, location: location, "it was closed before this call", remedy: "Open it again.")
  }
}
