import Foundation
import GRDB
import Testing

@testable import StateStorage

@Suite struct StateStorageTests {
  private let folder: TemporaryFolder
  private var path: String { folder.file("state.db") }

  init() throws { folder = try TemporaryFolder() }

  private func record(_ key: String, _ text: String = "content", format: Int = 1) -> StoredRecord {
    StoredRecord(key: key, formatVersion: format, bytes: Array(text.utf8))
  }

  @Test func `the checksum is CRC-64 XZ`() {
    var crc = CRC64()
    crc.add("123456789".utf8)
    #expect(crc.value == 0x995D_C9BB_DF19_39FA)
  }

  @Test func `records are back after the file is opened again`() async throws {
    let storage = try await SQLiteStateStorage(path: path)
    try await storage.apply([.put(record("b")), .put(record("a", "")), .put(record("c"))])
    try await storage.apply([.remove(key: "c"), .put(record("b", "new", format: 2)), .remove(key: "unknown")])
    await storage.close()
    let again = try await SQLiteStateStorage(path: path)
    #expect(try await again.load() == [record("a", ""), record("b", "new", format: 2)])
    await again.close()
  }

  @Test func `a batch is durable without closing the file`() async throws {
    let storage = try await SQLiteStateStorage(path: path)
    try await storage.apply([.put(record("a"))])
    // What a killed process leaves: the file and its log as they are on disk now.
    for suffix in ["", "-wal"] {
      try FileManager.default.copyItem(atPath: path + suffix, toPath: folder.file("killed.db" + suffix))
    }
    let killed = try await SQLiteStateStorage(path: folder.file("killed.db"))
    #expect(try await killed.load() == [record("a")])
    await killed.close()
    await storage.close()
  }

  @Test func `both storages give the same records for the same changes`() async throws {
    let memory = MemoryStateStorage()
    let disk = try await SQLiteStateStorage(path: path)
    var state: UInt64 = 7
    func random(_ limit: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % limit
    }
    for _ in 0..<60 {
      let changes: [StateChange] = (0..<random(8)).map { _ in
        let key = ["a", "ä", "a\u{308}", "B", "", "z/\(random(5))"][Int(random(6))]
        return random(3) == 0 ? .remove(key: key) : .put(record(key, "\(random(1_000))", format: Int(random(4))))
      }
      try await memory.apply(changes)
      try await disk.apply(changes)
      let (left, right) = (try await memory.load(), try await disk.load())
      #expect(left.map { Array($0.key.utf8) } == right.map { Array($0.key.utf8) })
      #expect(left == right)
    }
    await disk.close()
  }

  @Test func `a second opener is refused and told so`() async throws {
    let storage = try await SQLiteStateStorage(path: path)
    let error = await #expect(throws: StateStorageError.self) { try await SQLiteStateStorage(path: path) }
    #expect(error?.code == .locked)
    #expect(error?.description.contains(path) == true)
    try await storage.apply([.put(record("still works"))])
    await storage.close()
    let next = try await SQLiteStateStorage(path: path)
    #expect(try await next.load().count == 1)
    await next.close()
  }

  @Test func `another process is refused as well`() async throws {
    let storage = try await SQLiteStateStorage(path: path)
    await #expect(processExitsWith: .exitCode(42)) { [path = path as String] in
      do throws(StateStorageError) {
        _ = try await SQLiteStateStorage(path: path)
        exit(1)
      } catch {
        exit(error.code == .locked ? 42 : 2)
      }
    }
    await storage.close()
  }

  @Test func `a full disk refuses the whole batch and keeps what was there`() async throws {
    let storage = try await SQLiteStateStorage(path: path, pageCountMax: 12)
    try await storage.apply([.put(record("kept"))])
    let large = String(repeating: "x", count: 20_000)
    let error = await #expect(throws: StateStorageError.self) {
      try await storage.apply([
        .put(record("kept", "changed")), .put(record("big1", large)), .put(record("big2", large + large)),
      ])
    }
    #expect(error?.code == .full)
    #expect(try await storage.load() == [record("kept")])
    try await storage.apply([.put(record("small"))])
    await storage.close()
    let again = try await SQLiteStateStorage(path: path)
    #expect(try await again.load() == [record("kept"), record("small")])
    await again.close()
  }

  @Test func `any flipped byte of a record is noticed`() async throws {
    let storage = try await SQLiteStateStorage(path: path)
    try await storage.apply([.put(record("agent", "the content of a record")), .put(record("other"))])
    await storage.close()
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    let content = try #require(whole.range(of: Data("the content of a record".utf8)))
    for offset in [content.lowerBound, content.lowerBound + 9, content.upperBound - 1] {
      var damaged = whole
      damaged[offset] ^= 0x20
      try damaged.write(to: URL(fileURLWithPath: path))
      let error = await loadError()
      #expect(error?.code == .corrupt)
      #expect(error?.location == path)
      #expect(error?.description.contains("'agent'") == true)
    }
  }

  @Test func `damage anywhere in the file is an error or without effect, never a silent loss`() async throws {
    let storage = try await SQLiteStateStorage(path: path)
    let records = (0..<8).map { record("key\($0)", "value \($0)") }
    try await storage.apply(records.map { .put($0) })
    await storage.close()
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    for offset in stride(from: 0, to: whole.count, by: 97) {
      var damaged = whole
      damaged[offset] ^= 0x41
      try damaged.write(to: URL(fileURLWithPath: path))
      do {
        let storage = try await SQLiteStateStorage(path: path)
        let result: Result<[StoredRecord], StateStorageError>
        do { result = .success(try await storage.load()) } catch { result = .failure(error) }
        await storage.close()
        if case .success(let found) = result { #expect(found == records, "byte \(offset)") }
      } catch {
        #expect(!error.message.isEmpty)
      }
    }
  }

  @Test func `a record that vanished is noticed`() async throws {
    let storage = try await SQLiteStateStorage(path: path)
    try await storage.apply([.put(record("a")), .put(record("b"))])
    await storage.close()
    try edit("DELETE FROM record WHERE key = 'a'")
    #expect(await loadError()?.code == .corrupt)
  }

  @Test func `a newer layout is refused with the remedy`() async throws {
    let storage = try await SQLiteStateStorage(path: path)
    await storage.close()
    try edit("PRAGMA user_version = 2")
    let error = await loadError()
    #expect(error?.code == .newerFormat)
    #expect(error?.description.contains("layout 2") == true)
    #expect(error?.remedy.isEmpty == false)
  }

  @Test func `a record in a newer format is refused by name`() async throws {
    let storage = MemoryStateStorage(records: [record("a"), record("b", format: 9)])
    let error = await #expect(throws: StateStorageError.self) { try await storage.load(readableFormats: 1...2) }
    #expect(error?.code == .newerFormat)
    #expect(error?.description.contains("'b'") == true)
    #expect(try await storage.load(readableFormats: 1...9).count == 2)
  }

  @Test(arguments: ["plain text that is long enough to be something", "short"])
  func `a foreign file is refused and left as it is`(text: String) async throws {
    try folder.write(text, to: "state.db")
    #expect(await loadError()?.code == .foreign)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
  }

  @Test func `another program's database is refused`() async throws {
    try edit("CREATE TABLE theirs (x)")
    #expect(await loadError()?.code == .foreign)
  }

  @Test func `a folder that does not exist or is no place for files is a typed error`() async throws {
    for path in [folder.file("none/state.db"), "/proc/self/state.db", folder.path] {
      let error = await #expect(throws: StateStorageError.self) { try await SQLiteStateStorage(path: path) }
      #expect([.unavailable, .readOnly, .foreign].contains(try #require(error).code))
      #expect(error?.location == path)
    }
  }

  @Test(.enabled(if: geteuid() != 0)) func `a read-only folder is a typed error`() async throws {
    #expect(chmod(folder.path, 0o500) == 0)
    defer { chmod(folder.path, 0o700) }
    let error = await #expect(throws: StateStorageError.self) { try await SQLiteStateStorage(path: path) }
    #expect([.unavailable, .readOnly].contains(try #require(error).code))
  }

  @Test func `calls after closing fail`() async throws {
    let storages: [any StateStorage] = [MemoryStateStorage(), try await SQLiteStateStorage(path: path)]
    for storage in storages {
      await storage.close()
      let error = await #expect(throws: StateStorageError.self) { try await storage.apply([.put(record("a"))]) }
      #expect(error?.code == .closed)
    }
  }

  @Test func `a cancelled caller still learns whether its batch was applied`() async throws {
    let storage = try await SQLiteStateStorage(path: path)
    let task = Task { [record = record("a")] in try await storage.apply([.put(record)]) }
    task.cancel()
    try await task.value
    #expect(try await storage.load() == [record("a")])
    await storage.close()
  }

  private func loadError() async -> StateStorageError? {
    do throws(StateStorageError) {
      let storage = try await SQLiteStateStorage(path: path)
      do throws(StateStorageError) {
        _ = try await storage.load()
        await storage.close()
        return nil
      } catch {
        await storage.close()
        return error
      }
    } catch {
      return error
    }
  }

  private func edit(_ sql: String) throws {
    let database = try DatabaseQueue(path: path)
    try database.writeWithoutTransaction { try $0.execute(sql: sql) }
    try database.close()
  }
}
