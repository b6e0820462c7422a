import FetchWork
import Fetcher
import Foundation
import MesosModel
import Testing

/// What the fetching program does with files and archives, in this process.
struct FetchWorkerTests {
  private func place(
    _ uri: CommandInfo.URI, in scratch: Scratch, cached: String? = nil, home: String? = nil
  ) throws(FetcherError) {
    let order = FetchOrder(
      task: .place(sandbox: scratch.sandbox()), items: [.init(uri: uri, cachedFile: cached)], frameworksHome: home,
      stallTimeout: .seconds(5))
    _ = try FetchWorker(order: order).run()
  }

  private func uri(_ value: String, _ change: (inout CommandInfo.URI) -> Void = { _ in }) -> CommandInfo.URI {
    var uri = CommandInfo.URI()
    uri.value = value
    change(&uri)
    return uri
  }

  @Test func `a file is copied under its name, its output file, and made executable`() throws {
    let scratch = try Scratch()
    let file = try scratch.write("#!/bin/sh\n", to: "tool.sh")
    try place(uri(file), in: scratch)
    try place(uri("file://\(file)") { $0.outputFile = "bin/deep/tool" }, in: scratch)
    try place(
      uri("tool.sh") {
        $0.executable = true
        $0.outputFile = "run"
      }, in: scratch, home: scratch.path + "/source")
    #expect(try scratch.text("tool.sh") == "#!/bin/sh\n")
    #expect(try scratch.text("bin/deep/tool") == "#!/bin/sh\n")
    #expect(try scratch.mode("tool.sh") == 0o644)
    #expect(try scratch.mode("run") == 0o755)
  }

  @Test func `a file takes the place of one that is there`() throws {
    let scratch = try Scratch()
    let outside = scratch.source("outside")
    _ = try scratch.write("kept", to: "outside")
    try FileManager.default.createSymbolicLink(atPath: scratch.sandbox("tool"), withDestinationPath: outside)
    try place(uri(try scratch.write("new", to: "tool")), in: scratch)
    #expect(try scratch.text("tool") == "new")
    #expect(try String(contentsOfFile: outside, encoding: .utf8) == "kept")
  }

  @Test(arguments: [
    (TestArchive.Format.tar, "a.tar"), (.tarGzip, "a.tar.gz"), (.tarGzip, "a.tgz"), (.tarBzip2, "a.tar.bz2"),
    (.tarBzip2, "a.tbz2"), (.tarXZ, "a.tar.xz"), (.tarXZ, "a.txz"), (.zip, "a.zip"),
  ])
  func `an archive is extracted beside itself`(format: TestArchive.Format, name: String) throws {
    let scratch = try Scratch()
    try TestArchive.write(
      [
        .folder("app"), .file("app/run", "go", mode: 0o6755), .file("./app/data", "ünï"),
        .symbolicLink("app/link", to: "run"), .symbolicLink("app/up", to: "../app/data"),
      ] + (format == .zip ? [] : [.hardLink("same", to: "app/data")]), as: format, to: scratch.source(name))
    try place(uri(scratch.source(name)), in: scratch)
    #expect(
      try scratch.contents()
        == (["app", "app/data", "app/link", "app/run", "app/up", name] + (format == .zip ? [] : ["same"])).sorted())
    #expect(try scratch.text("app/link") == "go")
    #expect(try scratch.text("app/up") == "ünï")
    // Without set-user-id.
    #expect(try scratch.mode("app/run") == 0o755)
    let modified = try FileManager.default.attributesOfItem(atPath: scratch.sandbox("app/run"))[.modificationDate]
    #expect((modified as? Date)?.timeIntervalSince1970 == 1_000_000_000)
  }

  @Test func `a compressed file is unpacked, and without extraction nothing is`() throws {
    let scratch = try Scratch()
    let file = try scratch.write("log", to: "x.log")
    try gzip(file)
    try place(uri(file + ".gz"), in: scratch)
    #expect(try scratch.contents() == ["x.log", "x.log.gz"])
    #expect(try scratch.text("x.log") == "log")

    try TestArchive.write([.file("inner")], as: .tar, to: scratch.source("b.tar"))
    try place(uri(scratch.source("b.tar")) { $0.extract = false }, in: scratch)
    #expect(try scratch.contents() == ["b.tar", "x.log", "x.log.gz"])
  }

  @Test func `from the cache an archive is extracted and not copied`() throws {
    let scratch = try Scratch()
    try TestArchive.write([.file("inner", "text")], as: .tarGzip, to: scratch.source("c1"))
    try place(uri("http://nowhere.invalid/a.tar.gz"), in: scratch, cached: scratch.source("c1"))
    #expect(try scratch.contents() == ["inner"])
    try place(
      uri("http://nowhere.invalid/a.tar.gz") {
        $0.extract = false
        $0.outputFile = "kept/a"
      }, in: scratch, cached: scratch.source("c1"))
    #expect(try scratch.contents() == ["inner", "kept", "kept/a"])
  }

  @Test(arguments: [
    ([TestArchive.Entry.file("../evil")], FetcherError.Code.escapesSandbox), ([.file("a/../../evil")], .escapesSandbox),
    ([.file("/tmp/evil")], .escapesSandbox), ([.folder("../evil")], .escapesSandbox),
    ([.symbolicLink("l", to: "/etc/passwd")], .escapesSandbox), ([.symbolicLink("l", to: "../x")], .escapesSandbox),
    ([.symbolicLink("a/l", to: "../../x")], .escapesSandbox),
    ([.symbolicLink("a/b/s", to: "../.."), .symbolicLink("t", to: "a/b/s/..")], .escapesSandbox),
    ([.symbolicLink("d", to: "e"), .folder("e"), .file("d/x")], .escapesSandbox),
    ([.symbolicLink("a/b/s", to: "../../x"), .hardLink("t", to: "a/b/s")], .escapesSandbox),
    ([.hardLink("l", to: "../outside")], .escapesSandbox), ([.hardLink("l", to: "/etc/passwd")], .escapesSandbox),
    ([.hardLink("l", to: "missing")], .badArchive), ([.device("null")], .unsupportedEntry),
    ([.pipe("p")], .unsupportedEntry),
  ])
  func `an archive that leads out of the sandbox is refused`(entries: [TestArchive.Entry], code: FetcherError.Code)
    throws
  {
    let scratch = try Scratch()
    try TestArchive.write([.file("good")] + entries, as: .tar, to: scratch.source("a.tar"))
    let error = #expect(throws: FetcherError.self) { try place(uri(scratch.source("a.tar")), in: scratch) }
    #expect(error?.code == code, "\(String(describing: error))")
    #expect(error?.message.contains("a.tar") == true || code == .escapesSandbox)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted() == ["sandbox", "source"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/source") == ["a.tar"])
    #expect(!FileManager.default.fileExists(atPath: "/tmp/evil"))
  }

  @Test(arguments: ["../evil", "a/../../evil", "through/link"])
  func `an output file that leads out of the sandbox is refused`(output: String) throws {
    let scratch = try Scratch()
    try FileManager.default.createSymbolicLink(
      atPath: scratch.sandbox("through"), withDestinationPath: scratch.path + "/source")
    let file = try scratch.write("x", to: "x")
    let error = #expect(throws: FetcherError.self) { try place(uri(file) { $0.outputFile = output }, in: scratch) }
    #expect(error?.code == .escapesSandbox)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/source") == ["x"])
  }

  @Test(arguments: ["a.tar", "a.tar.gz", "a.zip", "a.gz"])
  func `a damaged archive is refused`(name: String) throws {
    let scratch = try Scratch()
    let file = try scratch.write(String(repeating: "no archive ", count: 200), to: name)
    let error = #expect(throws: FetcherError.self) { try place(uri(file), in: scratch) }
    #expect(error?.code == .badArchive)
  }

  @Test func `an archive that is cut short is refused`() throws {
    let scratch = try Scratch()
    let path = scratch.source("a.tar.gz")
    try TestArchive.write([.file("big", (0..<20_000).map { "\($0) " }.joined())], as: .tarGzip, to: path)
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: FetcherError.self) { try place(uri(path), in: scratch) }
    #expect(error?.code == .badArchive)
  }

  @Test func `the content is compared with the checksum`() throws {
    let scratch = try Scratch()
    let file = try scratch.write("abc", to: "abc")
    let right = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    try place(uri("\(file)#sha256=\(right)"), in: scratch)
    #expect(try scratch.text("abc") == "abc")
    let wrong = String(right.reversed())
    let error = #expect(throws: FetcherError.self) { try place(uri("\(file)#sha256=\(wrong)"), in: scratch) }
    #expect(error?.code == .checksumMismatch)
    #expect(error?.message.contains(right) == true)
  }

  @Test func `what is missing, a folder or a pipe is not read`() throws {
    let scratch = try Scratch()
    mkfifo(scratch.source("pipe"), 0o644)
    for name in ["missing", "pipe", ""] {
      let error = #expect(throws: FetcherError.self) {
        try place(uri(name.isEmpty ? scratch.path + "/source" : scratch.source(name)), in: scratch)
      }
      #expect(error?.code == .unreadable)
    }
  }

  @Test func `a download that grows beyond its size ends`() throws {
    let scratch = try Scratch()
    let file = try scratch.write("0123456789", to: "x")
    let size = FetchOrder(task: .size, items: [.init(uri: uri(file))], frameworksHome: nil, stallTimeout: .seconds(5))
    #expect(try FetchWorker(order: size).run() == .size(10))
    let order = FetchOrder(
      task: .download(to: scratch.sandbox("c1"), bytesMax: 9), items: [.init(uri: uri(file))], frameworksHome: nil,
      stallTimeout: .seconds(5))
    let error = #expect(throws: FetcherError.self) { try FetchWorker(order: order).run() }
    #expect(error?.code == .tooLarge)
  }

  /// `gzip` is there wherever Debian is.
  private func gzip(_ path: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/gzip")
    process.arguments = ["-k", path]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }
}
