import Fetcher
import MesosModel
import SwiftProtobuf
import Testing

struct FetchSourceTests {
  private func source(_ value: String, output: String? = nil, home: String? = nil) throws(FetcherError) -> FetchSource {
    try FetchSource(
      .with {
        $0.value = value
        if let output { $0.outputFile = output }
      }, frameworksHome: home)
  }

  @Test(arguments: [
    ("/opt/tool.sh", FetchSource.Location.file(path: "/opt/tool.sh"), "tool.sh"),
    ("  file:///opt/tool.sh", .file(path: "/opt/tool.sh"), "tool.sh"),
    ("file://localhost/opt/a.zip", .file(path: "/opt/a.zip"), "a.zip"),
    ("http://h:80/a/b.tgz?x=1", .network(url: "http://h:80/a/b.tgz?x=1"), "b.tgz?x=1"),
    ("https://u:p@h/b", .network(url: "https://u:p@h/b"), "b"),
    ("ftp://h/b", .network(url: "ftp://h/b"), "b"), ("ftps://h/b", .network(url: "ftps://h/b"), "b"),
    ("hdfs://n:9000/d/b.gz", .hadoop(url: "hdfs://n:9000/d/b.gz"), "b.gz"),
    ("s3://bucket/key", .hadoop(url: "s3://bucket/key"), "key"),
    ("lib/tool", .file(path: "/home/frameworks/lib/tool"), "tool"),
  ])
  func `a URI leads to a file, a server or Hadoop`(value: String, location: FetchSource.Location, name: String) throws {
    let found = try source(value, home: "/home/frameworks")
    #expect(found.location == location)
    #expect(found.basename == name)
    #expect(found.checksum == nil)
  }

  @Test(arguments: [
    ("http://host", FetcherError.Code.invalidURI), ("http://host/", .invalidURI), ("a\\b", .invalidURI),
    ("it's", .invalidURI), ("file://relative", .invalidURI), ("", .invalidURI), ("/", .invalidURI),
    ("http://h/..", .invalidURI), ("relative", .noFrameworksHome),
  ])
  func `a URI that names nothing is refused`(value: String, code: FetcherError.Code) {
    let error = #expect(throws: FetcherError.self) { try source(value) }
    #expect(error?.code == code || (value.isEmpty && error?.code == .noFrameworksHome), "\(String(describing: error))")
  }

  @Test(arguments: ["", "/etc/passwd"])
  func `an output file outside of the sandbox is refused`(output: String) {
    let error = #expect(throws: FetcherError.self) { try source("/opt/tool", output: output) }
    #expect(error?.code == .invalidURI)
  }

  @Test func `a checksum at the end of a URI is no part of what is fetched`() throws {
    let digits = String(repeating: "aB", count: 32)
    let found = try source("http://h/a.tgz#sha256=\(digits)")
    #expect(found.location == .network(url: "http://h/a.tgz"))
    #expect(found.basename == "a.tgz")
    #expect(found.checksum?.algorithm == .sha256)
    #expect(found.checksum?.hexadecimal == digits.lowercased())
    #expect(try source("/opt/a#sha512=\(digits)").checksum == nil)
    #expect(try source("/opt/a#part").location == .file(path: "/opt/a#part"))
  }

  @Test func `messages show no password`() {
    #expect(FetchSource.shown("https://anna:secret@host/file") == "https://host/file")
    #expect(FetchSource.shown("/opt/file@2") == "/opt/file@2")
  }

  @Test func `an order is read back as it was written`() throws {
    let order = FetchOrder(
      task: .download(to: "/cache/c1", bytesMax: 77),
      items: [
        .init(
          uri: .with {
            $0.value = "http://h/ü.zip"
            $0.executable = true
            $0.extract = true
            $0.cache = false
            $0.outputFile = "a/b"
          }),
        .init(
          uri: .with {
            $0.value = "/x"
            $0.executable = false
            $0.extract = false
            $0.cache = true
          }, cachedFile: "/cache/c2"),
      ], frameworksHome: "/home", stallTimeout: .milliseconds(1_500))
    #expect(try FetchOrder(environment: order.environment) == order)
    for task in [FetchOrder.Task.size, .place(sandbox: "/s")] {
      let other = FetchOrder(task: task, items: [], frameworksHome: nil, stallTimeout: .seconds(1))
      #expect(try FetchOrder(environment: other.environment) == other)
    }
    #expect(throws: FetcherError.self) { try FetchOrder(environment: [:]) }
  }

  @Test(arguments: [
    FetchOrder.Answer.done, .size(12), .failed(FetcherError(.stalled, "slow\nserver")),
  ])
  func `an answer is read back as it was written`(answer: FetchOrder.Answer) {
    #expect(FetchOrder.Answer(text: answer.text) == answer)
  }

  @Test(arguments: ["", "done", "size x\n", "nonsense\n"])
  func `what is no answer is told apart`(text: String) {
    #expect(FetchOrder.Answer(text: text) == nil)
  }
}
