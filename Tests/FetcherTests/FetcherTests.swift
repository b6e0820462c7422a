import Fetcher
import Foundation
import Logging
import MesosModel
import ProcessLaunch
import SwiftProtobuf
import Testing

/// The built `mesos-fetcher`, beside the tests; absent where only the tests were built.
private let program: String? = {
  let folder = (CommandLine.arguments.first.map { URL(fileURLWithPath: $0).deletingLastPathComponent().path } ?? ".")
  let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
  let candidates = [folder, URL(fileURLWithPath: own).deletingLastPathComponent().path].map { $0 + "/mesos-fetcher" }
  return candidates.first { FileManager.default.isExecutableFile(atPath: $0) }
}()

/// The fetcher with its program, against servers on loopback.
@Suite(.enabled(if: program != nil, "mesos-fetcher is not built"), .timeLimit(.minutes(2)))
struct FetcherTests {
  private func fetcher(
    _ scratch: Scratch, cacheSize: Int64 = 1 << 20, stallTimeout: Duration = .seconds(60), hadoop: String? = nil
  ) throws -> Fetcher {
    var environment = ["PATH": "/usr/bin:/bin"]
    environment["HADOOP_HOME"] = hadoop
    return Fetcher(
      configuration: .init(
        program: program ?? "", cacheDirectory: scratch.path + "/cache", cacheSize: cacheSize,
        stallTimeout: stallTimeout, frameworksHome: scratch.path + "/source", environment: environment),
      watcher: try ProcessWatcher(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  private func uri(_ value: String, cache: Bool = false, executable: Bool = false) -> CommandInfo.URI {
    .with {
      $0.value = value
      if cache { $0.cache = true }
      if executable { $0.executable = true }
    }
  }

  private func folder(_ name: String, in scratch: Scratch) throws -> String {
    let path = scratch.path + "/" + name
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  @Test func `files come over HTTP and FTP, through redirects and from this machine`() async throws {
    let scratch = try Scratch()
    let web = try await WebServer([
      "/x/tool": .content("web"), "/old": .redirect(to: "/x/tool"), "/c": .chunked("long"),
    ])
    let files = try FileServer(content: "ftp")
    _ = try scratch.write("local", to: "relative")
    let fetcher = try fetcher(scratch)
    try await fetcher.fetch(
      [
        uri(web.url("/x/tool"), executable: true), uri(web.url("/old")), uri(web.url("/c")),
        uri("ftp://127.0.0.1:\(files.port)/file"), uri("relative"),
      ], container: "c", sandbox: scratch.sandbox(), user: nil)
    #expect(try scratch.text("tool") == "web")
    #expect(try scratch.mode("tool") == 0o755)
    #expect(try scratch.text("old") == "web")
    #expect(try scratch.text("c") == "long")
    #expect(try scratch.text("file") == "ftp")
    #expect(try scratch.text("relative") == "local")
    #expect(try scratch.text("stderr").contains("Fetched"))
    #expect(await fetcher.metrics.fetchesSucceeded == 1)
    await web.stop()
  }

  @Test func `many containers make one download`() async throws {
    let scratch = try Scratch()
    let web = try await WebServer(["/big.tar": .content("not extracted by its content")])
    let fetcher = try fetcher(scratch)
    let wanted = CommandInfo.URI.with {
      $0.value = web.url("/big.tar")
      $0.cache = true
      $0.extract = false
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<8 {
        let sandbox = try folder("sandbox-\(number)", in: scratch)
        group.addTask { try await fetcher.fetch([wanted], container: "c\(number)", sandbox: sandbox, user: nil) }
      }
      try await group.waitForAll()
    }
    for number in 0..<8 {
      #expect(try text("\(scratch.path)/sandbox-\(number)/big.tar") == "not extracted by its content")
    }
    #expect(web.requests.filter { $0 == "GET /big.tar" }.count == 1)
    let metrics = await fetcher.metrics
    #expect(metrics.fetchesSucceeded == 8)
    #expect(metrics.cacheSizeUsed == 28)
    #expect(metrics.cacheSizeTotal == 1 << 20)
    await web.stop()
  }

  @Test func `a full cache lets the oldest go, and what is too large goes by it`() async throws {
    let scratch = try Scratch()
    let web = try await WebServer([
      "/a": .content("aaaaaa"), "/b": .content("bbbbbb"), "/huge": .content("0123456789ABC"), "/c": .chunked("cc"),
    ])
    let fetcher = try fetcher(scratch, cacheSize: 10)
    for name in ["a", "b", "a", "huge", "c"] {
      try await fetcher.fetch(
        [uri(web.url("/\(name)"), cache: true)], container: name, sandbox: scratch.sandbox(), user: nil)
    }
    #expect(web.requests.filter { $0 == "GET /a" }.count == 2)
    #expect(try scratch.text("huge") == "0123456789ABC")
    // Its size is not told, so it cannot be cached.
    #expect(try scratch.text("c") == "cc")
    #expect(await fetcher.metrics.cacheSizeUsed == 6)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/cache") == ["c3-a"])
    await web.stop()
  }

  @Test func `a file that is gone from the cache is downloaded again`() async throws {
    let scratch = try Scratch()
    let web = try await WebServer(["/a": .content("a")])
    let fetcher = try fetcher(scratch)
    let wanted = [uri(web.url("/a"), cache: true)]
    try await fetcher.fetch(wanted, container: "1", sandbox: scratch.sandbox(), user: nil)
    try FileManager.default.removeItem(atPath: scratch.path + "/cache/c1-a")
    try await fetcher.fetch(wanted, container: "2", sandbox: scratch.sandbox(), user: nil)
    #expect(web.requests.filter { $0 == "GET /a" }.count == 2)
    await web.stop()
  }

  @Test func `what an earlier agent left in the cache goes, and nothing else`() async throws {
    let scratch = try Scratch()
    let inner = try folder("cache/anna", in: scratch)
    for name in ["c7-old", "kept"] { try Data().write(to: URL(fileURLWithPath: "\(inner)/\(name)")) }
    try await fetcher(scratch).fetch(
      [uri(try scratch.write("x", to: "x"), cache: true)], container: "1", sandbox: scratch.sandbox(), user: nil)
    #expect(try FileManager.default.contentsOfDirectory(atPath: inner) == ["kept"])
  }

  @Test func `a server that refuses, is not there or stalls is told apart`() async throws {
    let scratch = try Scratch()
    let web = try await WebServer([
      "/stall": .stall, "/error": .status(503), "/loop": .redirect(to: "file:///etc/passwd"),
    ])
    let fetcher = try fetcher(scratch, stallTimeout: .seconds(1))
    for (url, code) in [
      (web.url("/stall"), FetcherError.Code.stalled), (web.url("/error"), .downloadFailed),
      (web.url("/missing"), .downloadFailed), (web.url("/loop"), .downloadFailed),
      ("http://127.0.0.1:1/x", .downloadFailed), ("/nonexistent/file", .unreadable), ("http://h", .invalidURI),
    ] {
      let error = await #expect(throws: FetcherError.self) {
        try await fetcher.fetch([uri(url)], container: "c", sandbox: scratch.sandbox(), user: nil)
      }
      #expect(error?.code == code, "\(url): \(String(describing: error))")
    }
    #expect(await fetcher.metrics.fetchesFailed == 7)
    await web.stop()
  }

  @Test func `a fetch is called off, while it downloads or waits for another`() async throws {
    let scratch = try Scratch()
    let web = try await WebServer(["/stall": .stall])
    let fetcher = try fetcher(scratch)
    let wanted = [uri(web.url("/stall"), cache: true)]
    let (first, second) = (try folder("first", in: scratch), try folder("second", in: scratch))
    async let one = Result.of { try await fetcher.fetch(wanted, container: "1", sandbox: first, user: nil) }
    await web.wait(for: "GET /stall")
    async let two = Result.of { try await fetcher.fetch(wanted, container: "2", sandbox: second, user: nil) }
    while await fetcher.waitingCount == 0 { await Task.yield() }
    await fetcher.kill("2")
    #expect(await two.code == .killed)
    await fetcher.kill("1")
    #expect(await one.code == .killed)
    #expect(await fetcher.metrics.cacheSizeUsed == 0)

    let early = await Result.of {
      try await fetcher.fetch(wanted, container: "3", sandbox: first, user: nil, isWanted: { false })
    }
    #expect(early.code == .killed)
    await web.stop()
  }

  @Test func `cancelling the task kills the program`() async throws {
    let scratch = try Scratch()
    let web = try await WebServer(["/stall": .stall])
    let fetcher = try fetcher(scratch)
    let wanted = [uri(web.url("/stall"))]
    let sandbox = scratch.sandbox()
    let code = await withTaskGroup(of: FetcherError.Code?.self) { group in
      group.addTask {
        await Result.of { try await fetcher.fetch(wanted, container: "1", sandbox: sandbox, user: nil) }.code
      }
      await web.wait(for: "GET /stall")
      group.cancelAll()
      return await group.next() ?? nil
    }
    #expect(code == .killed)
    await web.stop()
  }

  @Test func `Hadoop's command brings what no other way knows`() async throws {
    let scratch = try Scratch()
    let home = try folder("hadoop/bin", in: scratch)
    let script = """
      #!/bin/sh
      case "$2" in
        -copyToLocal) [ "$3" = hdfs://n/d/file ] && printf hdfs > "$4" ;;
        -du) echo "12/01/01 WARN noise"; echo "4  $3" ;;
      esac

      """
    try Data(script.utf8).write(to: URL(fileURLWithPath: home + "/hadoop"))
    chmod(home + "/hadoop", 0o755)
    let fetcher = try fetcher(scratch, hadoop: scratch.path + "/hadoop")
    try await fetcher.fetch(
      [uri("hdfs://n/d/file", cache: true)], container: "c", sandbox: scratch.sandbox(), user: nil)
    #expect(try scratch.text("file") == "hdfs")
    #expect(await fetcher.metrics.cacheSizeUsed == 4)
    let error = await #expect(throws: FetcherError.self) {
      try await fetcher.fetch([uri("hdfs://n/d/other")], container: "c", sandbox: scratch.sandbox(), user: nil)
    }
    #expect(error?.code == .hadoopFailed)
  }

  @Test func `without its program or Hadoop a fetch fails and says so`() async throws {
    let scratch = try Scratch()
    let missing = Fetcher(
      configuration: .init(program: "/nonexistent/mesos-fetcher", cacheDirectory: scratch.path + "/cache"),
      watcher: try ProcessWatcher(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let error = await #expect(throws: FetcherError.self) {
      try await missing.fetch([uri("/etc/hostname")], container: "c", sandbox: scratch.sandbox(), user: nil)
    }
    #expect(error?.code == .programFailed)
    let other = try fetcher(scratch, hadoop: "/nonexistent")
    let second = await #expect(throws: FetcherError.self) {
      try await other.fetch([uri("hdfs://n/d/x")], container: "c", sandbox: scratch.sandbox(), user: nil)
    }
    #expect(second?.code == .hadoopFailed)
  }

  @Test(.enabled(if: geteuid() == 0, "only root may become another user"))
  func `a task's user gets no more than they may read, and owns what is fetched`() async throws {
    let scratch = try Scratch()
    let nobody = FetchUser(name: "nobody", identity: try UserIdentity(named: "nobody"))
    for folder in [scratch.path, scratch.path + "/source"] { chmod(folder, 0o755) }
    chown(scratch.sandbox(), nobody.identity.uid, nobody.identity.gid)
    let secret = try scratch.write("secret", to: "secret")
    chmod(secret, 0o600)
    let open = try scratch.write("open", to: "open")
    let fetcher = try fetcher(scratch)
    for cache in [false, true] {
      let error = await #expect(throws: FetcherError.self) {
        try await fetcher.fetch([uri(secret, cache: cache)], container: "c", sandbox: scratch.sandbox(), user: nobody)
      }
      #expect(error?.code == .unreadable)
      try await fetcher.fetch([uri(open, cache: cache)], container: "c", sandbox: scratch.sandbox(), user: nobody)
      let owner = try FileManager.default.attributesOfItem(atPath: scratch.sandbox("open"))[.ownerAccountID] as? Int
      #expect(owner == Int(nobody.identity.uid))
    }
    let mode = try FileManager.default.attributesOfItem(atPath: scratch.path + "/cache/nobody")[.posixPermissions]
    #expect(mode as? Int == 0o700)
  }

  @Test func `a cache folder that is a link is not used`() async throws {
    let scratch = try Scratch()
    try FileManager.default.createSymbolicLink(
      atPath: scratch.path + "/cache", withDestinationPath: scratch.path + "/source")
    // The file comes, by the way around the cache.
    try await fetcher(scratch).fetch(
      [uri(try scratch.write("x", to: "x"), cache: true)], container: "1", sandbox: scratch.sandbox(), user: nil)
    #expect(try scratch.text("x") == "x")
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/source") == ["x"])
  }
}

extension Result where Success == Void, Failure == any Error {
  static func of(_ body: () async throws -> Void) async -> Self {
    do { return .success(try await body()) } catch { return .failure(error) }
  }

  var code: FetcherError.Code? {
    guard case .failure(let error) = self else { return nil }
    return (error as? FetcherError)?.code
  }
}
