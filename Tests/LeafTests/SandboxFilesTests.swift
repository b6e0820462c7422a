import Foundation
import Testing

@testable import SandboxFiles

@Suite struct SandboxFilesTests {
  private let outside: TemporaryFolder
  private let folder: TemporaryFolder
  private let tree = FileTree()

  init() throws {
    outside = try TemporaryFolder()
    folder = try TemporaryFolder()
    try outside.write("secret", to: "secret.txt")
    try folder.write("hello world\n", to: "h.txt")
    try folder.write("", to: "empty")
    let files = FileManager.default
    try files.createDirectory(atPath: folder.file("dir/sub"), withIntermediateDirectories: true)
    try folder.write("deep", to: "dir/sub/deep.bin")
    let links = [
      "in": "h.txt", "dirlink": "dir", "dangling": "nowhere", "escape": outside.file("secret.txt"),
      "escapedir": outside.path,
      "climb": "../../../../../../etc/passwd", "loop": "loop", "absolute": folder.path + "/dir/sub",
      "updown": "dir/../h.txt",
      "dir/up": "../h.txt", "self": folder.path,
    ]
    for (name, target) in links { try files.createSymbolicLink(atPath: folder.file(name), withDestinationPath: target) }
    #expect(mkfifo(folder.file("fifo"), 0o644) == 0)
    #expect(chmod(folder.file("h.txt"), 0o4750) == 0)
    try tree.attach(folder.path, as: "/frameworks/f/runs/latest")
  }

  private func path(_ rest: String) -> String { "/frameworks/f/runs/latest" + rest }

  private func text(_ rest: String) throws -> String {
    String(decoding: try tree.read(path(rest), offset: 0, length: nil).bytes, as: UTF8.self)
  }

  @Test func `a folder is listed sorted, links as what they lead to, escaping ones as themselves`() throws {
    let entries = try tree.browse(path("/"))
    #expect(
      entries.map { String($0.path.dropFirst(path("/").count)) } == [
        "absolute", "climb", "dir", "dirlink", "empty", "escape", "escapedir", "fifo", "h.txt", "in", "loop", "self",
        "updown",
      ])
    let byName = Dictionary(
      uniqueKeysWithValues: entries.map { (String($0.path.split(separator: "/").last ?? ""), $0) })
    #expect(byName["h.txt"]?.size == 12)
    #expect(byName["in"]?.size == 12)
    #expect(byName["h.txt"]?.modeText == "-rwxr-x---")
    #expect(byName["dirlink"]?.modeText.first == "d")
    #expect(byName["absolute"]?.modeText.first == "d")
    #expect(byName["fifo"]?.modeText.first == "p")
    #expect(byName["escape"]?.modeText.first == "l")
    #expect(byName["escapedir"]?.modeText.first == "l")
    #expect(byName["h.txt"]?.user == NSUserName())
    #expect(try #require(byName["h.txt"]).modifiedSeconds > 1_600_000_000)
    #expect(byName["dir"]?.linkCount == 3)
  }

  @Test(arguments: [
    ("/h.txt", "hello world\n"), ("/in", "hello world\n"), ("/updown", "hello world\n"), ("/dir/up", "hello world\n"),
    ("/dirlink/up", "hello world\n"), ("/dir/../h.txt", "hello world\n"), ("/./dir//sub/./deep.bin", "deep"),
    ("/absolute/deep.bin", "deep"), ("/self/dir/sub/deep.bin", "deep"), ("/dirlink/sub/../sub/deep.bin", "deep"),
    ("/empty", ""),
    ("/h.txt/", "hello world\n"),
  ])
  func `paths and links that stay inside are followed`(rest: String, content: String) throws {
    #expect(try text(rest) == content)
  }

  @Test(arguments: [
    "/escape", "/escapedir", "/escapedir/secret.txt", "/climb", "/..", "/../latest/h.txt", "/dir/../../x", "/loop",
    "/dirlink/../../etc/passwd",
  ])
  func `nothing outside is ever shown`(rest: String) throws {
    let reads: [() throws -> Void] = [
      { _ = try tree.read(path(rest), offset: 0, length: nil) }, { _ = try tree.browse(path(rest)) },
      { _ = try tree.openForDownload(path(rest)) },
    ]
    for read in reads {
      let error = try #require(throws: FileTreeError.self) { try read() }
      #expect(error.code == .inaccessible)
      #expect(error.httpStatus == 400)
      #expect(error.httpBody == "'\(path(rest))' is inaccessible.\n")
    }
  }

  @Test(arguments: ["/missing", "/dangling", "/h.txt/below", "/dir/sub/none/x"])
  func `what is not there is 404 without a text`(rest: String) throws {
    let error = try #require(throws: FileTreeError.self) { try tree.read(path(rest), offset: 0, length: nil) }
    #expect(error.code == .notFound)
    #expect(error.httpStatus == 404)
    #expect(error.httpBody.isEmpty)
  }

  @Test(arguments: ["/", "", "/frameworks", "frameworks/f/runs/latest", "/nope", "/frameworks/f/runs/latestx", "/\0"])
  func `what is not attached is 404`(path: String) throws {
    #expect(try #require(throws: FileTreeError.self) { try tree.browse(path) }.code == .notFound)
  }

  @Test func `a file has no entries`() throws {
    #expect(try tree.browse(path("/h.txt")).isEmpty)
    #expect(try tree.browse(path("/fifo")).isEmpty)
    #expect(try tree.browse(path("/dir/sub")).map(\.path) == [path("/dir/sub/deep.bin")])
  }

  @Test(
    arguments: [
      (nil, nil, 12, ""), (-1, nil, 12, ""), (0, -1, 0, "hello world\n"), (0, 0, 0, ""), (0, 5, 0, "hello"),
      (3, 100, 3, "lo world\n"),
      (12, nil, 12, ""), (100, 5, 100, ""),
    ] as [(Int64?, Int64?, Int64, String)])
  func `a part of a file is read as Apache Mesos reads it`(
    offset: Int64?, length: Int64?, shown: Int64, content: String
  ) throws {
    let slice = try tree.read(path("/h.txt"), offset: offset, length: length)
    #expect(slice == FileSlice(offset: shown, size: 12, bytes: Array(content.utf8)))
  }

  @Test func `errors of a read have the texts of Apache Mesos`() throws {
    func body(_ call: () throws -> Void) throws -> String {
      try #require(throws: FileTreeError.self) { try call() }.httpBody
    }
    #expect(
      try body { _ = try tree.read(path("/h.txt"), offset: -2, length: nil) } == "Negative offset provided: -2.\n")
    #expect(try body { _ = try tree.read(path("/h.txt"), offset: 0, length: -5) } == "Negative length provided: -5.\n")
    #expect(try body { _ = try tree.read(path("/dir"), offset: 0, length: nil) } == "Cannot read a directory.\n")
    #expect(try body { _ = try tree.openForDownload(path("/dir")) } == "Cannot download a directory.\n")
    #expect(
      try body { _ = try FileTree.number("1.5", named: "offset") }
        == "Failed to parse offset: Failed to convert '1.5' to number.\n")
    #expect(
      try body { _ = try FileTree.number("", named: "length") }
        == "Failed to parse length: Failed to convert '' to number.\n")
    #expect(try FileTree.number("-1", named: "offset") == -1)
  }

  @Test(.timeLimit(.minutes(1))) func `a pipe is refused without waiting for its writer`() throws {
    #expect(try #require(throws: FileTreeError.self) { try text("/fifo") }.code == .notRegular)
    #expect(try #require(throws: FileTreeError.self) { try tree.openForDownload(path("/fifo")) }.code == .notRegular)
  }

  @Test func `a read never returns more than its bound`() throws {
    let size = FileTree.readLengthMax + 10
    try folder.write(String(repeating: "x", count: size), to: "large")
    let slice = try tree.read(path("/large"), offset: 0, length: nil)
    #expect(slice.bytes.count == FileTree.readLengthMax)
    #expect(slice.size == Int64(size))
    #expect(try tree.read(path("/large"), offset: Int64(FileTree.readLengthMax), length: nil).bytes.count == 10)
  }

  @Test func `a download comes in chunks, of the size the file had`() throws {
    try folder.write(String(repeating: "0123456789", count: 1_000), to: "log.txt")
    let file = try tree.openForDownload(path("/log.txt"))
    #expect((file.name, file.size, file.mediaType) == ("log.txt", 10_000, "text/plain"))
    try FileManager.default.removeItem(atPath: folder.file("log.txt"))
    var bytes: [UInt8] = []
    while Int64(bytes.count) < file.size {
      let chunk = try file.bytes(at: Int64(bytes.count), lengthMax: 333)
      #expect(!chunk.isEmpty && chunk.count <= 333)
      bytes += chunk
    }
    #expect(bytes == Array(String(repeating: "0123456789", count: 1_000).utf8))
    #expect(try file.bytes(at: 10_000, lengthMax: 1).isEmpty)
    #expect(try tree.openForDownload(path("/empty")).mediaType == "application/octet-stream")
  }

  @Test func `a file that shrinks during its download is an error`() throws {
    try folder.write("0123456789", to: "shrinks")
    let file = try tree.openForDownload(path("/shrinks"))
    #expect(truncate(folder.file("shrinks"), 4) == 0)
    #expect(try file.bytes(at: 0, lengthMax: 100).count == 4)
    #expect(try #require(throws: FileTreeError.self) { try file.bytes(at: 4, lengthMax: 100) }.code == .changed)
  }

  @Test func `a task that swaps a folder for a link never gets out`() async throws {
    let folder = folder
    let (inside, link) = (folder.file("swap"), folder.file("swap-link"))
    try FileManager.default.createDirectory(atPath: inside, withIntermediateDirectories: false)
    try folder.write("fine", to: "swap/secret.txt")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: outside.path)
    let aside = folder.file("aside")
    // unstructured: cancelled and awaited below, at the end of the test.
    let swapper = Task.detached {
      while !Task.isCancelled {
        for (from, to) in [(inside, aside), (link, inside), (inside, link), (aside, inside)] { _ = rename(from, to) }
        await Task.yield()
      }
    }
    for _ in 0..<3_000 {
      do {
        #expect(try text("/swap/secret.txt") == "fine")
      } catch let error as FileTreeError {
        #expect(error.code == .inaccessible || error.code == .notFound)
      }
    }
    swapper.cancel()
    await swapper.value
  }

  @Test func `the longest attached path wins, and what is detached is gone`() throws {
    try tree.attach(outside.path, as: path("/dir"))
    #expect(try tree.browse(path("/dir")).map(\.path) == [path("/dir/secret.txt")])
    tree.detach(path("/dir"))
    #expect(try tree.browse(path("/dir")).count == 2)
    #expect(tree.attachments.map(\.virtualPath) == [path("")])
    tree.detach(path("/"))
    #expect(throws: FileTreeError.self) { try tree.browse(path("")) }
  }

  @Test func `a single file can be attached`() throws {
    try tree.attach(folder.file("in"), as: "/master/log")
    #expect(try tree.read("/master/log", offset: 0, length: 5).bytes == Array("hello".utf8))
    #expect(try tree.browse("/master/log").isEmpty)
    #expect(try #require(throws: FileTreeError.self) { try tree.browse("/master/log/x") }.code == .notFound)
    #expect(
      try #require(throws: FileTreeError.self) { try tree.attach(folder.file("none"), as: "/x") }.code == .notFound)
  }

  @Test func `nothing stays open`() throws {
    func count() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
    let before = try count()
    for _ in 0..<200 {
      for rest in ["/h.txt", "/dir", "/escape", "/dirlink/sub/deep.bin", "/missing", "/fifo", "/loop"] {
        _ = try? tree.browse(path(rest))
        _ = try? tree.read(path(rest), offset: 0, length: nil)
        _ = try? tree.openForDownload(path(rest))
      }
    }
    // Other tests open files at the same time; a leak of ours would be hundreds.
    #expect(try count() < before + 100)
  }
}
