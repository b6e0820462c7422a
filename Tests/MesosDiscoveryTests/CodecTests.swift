import MesosTestKit
import Testing

@testable import MesosDiscovery

/// Records that a real ZooKeeper 3.8.0 sent, by the request that it answered.
enum Recorded {
  static func bytes(_ hexadecimal: String) -> [UInt8] {
    var digits = hexadecimal.filter { !$0.isWhitespace }[...]
    var bytes: [UInt8] = []
    while !digits.isEmpty {
      bytes.append(UInt8(digits.prefix(2), radix: 16) ?? 0)
      digits = digits.dropFirst(2)
    }
    return bytes
  }

  static let connected = bytes("00000000 00000fa0 01000009c9730000 00000010 cfb0a128b0731bdfc52de19679c33d2a 00")
  static let expired = bytes("00000000 00000000 0000000000000000 00000010 00000000000000000000000000000000 00")
  /// xid 2: create of `/a/json.info_`, ephemeral and sequential.
  static let created = bytes(
    "00000002 0000000000000003 00000000 00000017 2f612f6a736f6e2e696e666f5f30303030303030303030")
  /// xid 3: getChildren2 of `/a`.
  static let children = bytes(
    """
    00000003 0000000000000003 00000000 00000001 00000014 6a736f6e2e696e666f5f30303030303030303030 0000000000000002
    0000000000000002 000001a21e475b95 000001a21e475b95 00000000 00000001 00000000 0000000000000000 00000000 00000001
    0000000000000003
    """)
  static let pong = bytes("fffffffe 0000000000000003 00000000")
  static let authenticated = bytes("fffffffc 0000000000000000 00000000")
  static let notAuthenticated = bytes("fffffffc 0000000000000000 ffffff8d")
  /// xid 4: exists of what does not exist.
  static let missing = bytes("00000004 0000000000000003 ffffff9b")
  /// `/nope` was created.
  static let notified = bytes("ffffffff ffffffffffffffff 00000000 00000001 00000003 00000005 2f6e6f7065")
}

@Suite struct CodecTests {
  @Test func `records of a real server are read`() throws {
    let response = try ConnectResponse(Recorded.connected)
    #expect(response.timeoutMilliseconds == 4_000)
    #expect(response.sessionID == 0x0100_0009_c973_0000)
    #expect(response.password.count == 16)
    // A server from before there were read-only ones.
    #expect(try ConnectResponse(Recorded.connected.dropLast()).sessionID == response.sessionID)

    var reader = JuteReader(Recorded.created)
    let header = try ReplyHeader(&reader)
    #expect((header.xid, header.zxid, header.error) == (2, 3, 0))
    let create = ZooKeeperRequest.create(path: "/a/json.info_", data: [], acl: .open, .ephemeralSequential)
    #expect(try create.reply(&reader) == .path("/a/json.info_0000000000"))

    reader = JuteReader(Recorded.children)
    _ = try ReplyHeader(&reader)
    guard case .children(let children) = try ZooKeeperRequest.getChildren(path: "/a").reply(&reader) else {
      Issue.record("no children")
      return
    }
    #expect(children.names == ["json.info_0000000000"])
    #expect(children.stat.childrenCount == 1)
    #expect(children.stat.childrenModifiedBy == 3)
    #expect(reader.remaining == 0)

    reader = JuteReader(Recorded.notified)
    #expect(try ReplyHeader(&reader).xid == SpecialXid.notification)
    let event = try WatcherEvent(&reader)
    #expect(event.kind == .created)
    #expect(event.path == "/nope")
  }

  @Test func `requests are written as a server reads them`() {
    #expect(
      ConnectRequest(lastZxid: 1, timeoutMilliseconds: 4_000, sessionID: 2, password: [9]).encoded
        == Recorded.bytes("0000001e 00000000 0000000000000001 00000fa0 0000000000000002 00000001 09 00"))
    #expect(
      ZooKeeperRequest.exists(path: "/a").encoded(xid: 7, watch: true)
        == Recorded.bytes("0000000f 00000007 00000003 00000002 2f61 01"))
    #expect(
      ZooKeeperRequest.create(path: "/a", data: [1], acl: .open, .ephemeral).encoded(xid: 1, watch: false)
        == Recorded.bytes(
          """
          00000032 00000001 00000001 00000002 2f61 00000001 01 00000001 0000001f 00000005 776f726c64
          00000006 616e796f6e65 00000001
          """))
    #expect(
      ZooKeeperRequest.setData(path: "/a", data: [], version: -1).encoded(xid: 1, watch: false)
        == Recorded.bytes("00000016 00000001 00000005 00000002 2f61 00000000 ffffffff"))
    #expect(
      ZooKeeperRequest.delete(path: "/a", version: 3).encoded(xid: 1, watch: false)
        == Recorded.bytes("00000012 00000001 00000002 00000002 2f61 00000003"))
    #expect(Frames.ping == Recorded.bytes("00000008 fffffffe 0000000b"))
    #expect(Frames.closeSession(xid: 5) == Recorded.bytes("00000008 00000005 fffffff5"))
    #expect(
      Frames.authentication(scheme: "digest", credentials: Array("u:p".utf8))
        == Recorded.bytes("0000001d fffffffc 00000064 00000000 00000006 646967657374 00000003 753a70"))
    #expect(
      Frames.setWatches(since: 5, data: ["/a"], exists: [], children: ["/b"])
        == Recorded.bytes(
          "00000028 fffffff8 00000065 0000000000000005 00000001 00000002 2f61 00000000 00000001 00000002 2f62"))
  }

  @Test func `records are found wherever the stream is cut`() throws {
    let records = [Recorded.connected, Recorded.children, [], Recorded.pong]
    var stream: [UInt8] = []
    for record in records {
      var writer = JuteWriter()
      writer.buffer(record)
      stream += writer.bytes
    }
    for cut in 0...stream.count {
      var decoder = FrameDecoder(frameBytesMax: 1_024)
      var found: [[UInt8]] = []
      for part in [stream[..<cut], stream[cut...]] {
        decoder.append(part)
        while let record = try decoder.next() { found.append(record) }
      }
      #expect(found == records, "cut at \(cut)")
    }
    var decoder = FrameDecoder(frameBytesMax: 1_024)
    var found: [[UInt8]] = []
    for byte in stream {
      decoder.append([byte])
      while let record = try decoder.next() { found.append(record) }
    }
    #expect(found == records)
  }

  @Test(arguments: [[0xff, 0xff, 0xff, 0xff], [0, 0, 4, 1], Array("HTTP/1.1 400".utf8)] as [[UInt8]])
  func `a length that cannot be is an error`(bytes: [UInt8]) {
    var decoder = FrameDecoder(frameBytesMax: 1_024)
    decoder.append(bytes)
    let error = #expect(throws: ZooKeeperError.self) { try decoder.next() }
    #expect(error?.code == .protocolViolation)
  }

  /// Reads a record as everything it may be.
  static func readAll(_ bytes: [UInt8]) {
    _ = try? ConnectResponse(bytes)
    let requests: [ZooKeeperRequest] = [
      .create(path: "/a", data: [], acl: [], .persistent), .delete(path: "/a", version: 1), .exists(path: "/a"),
      .getData(path: "/a"), .setData(path: "/a", data: [], version: 1), .getChildren(path: "/a"),
    ]
    for request in requests {
      var reader = JuteReader(bytes)
      _ = try? ReplyHeader(&reader)
      _ = try? request.reply(&reader)
    }
    var reader = JuteReader(bytes)
    _ = try? ReplyHeader(&reader)
    _ = try? WatcherEvent(&reader)
  }

  @Test func `a record that is cut short is an error and never a trap`() {
    for record in [Recorded.created, Recorded.children, Recorded.notified, Recorded.connected] {
      for length in 0..<record.count { Self.readAll(Array(record.prefix(length))) }
    }
    for length in 0..<Recorded.children.count {
      var reader = JuteReader(Array(Recorded.children.prefix(length)))
      #expect(throws: ZooKeeperError.self) {
        _ = try ReplyHeader(&reader)
        _ = try ZooKeeperRequest.getChildren(path: "/a").reply(&reader)
      }
    }
  }

  @Test(arguments: Seeds.all)
  func `a record with wrong bytes is an error or another record, never a trap`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    for record in [Recorded.created, Recorded.children, Recorded.notified, Recorded.connected] {
      for _ in 0..<500 {
        var record = record
        for _ in 0..<Int.random(in: 1...4, using: &rng) {
          record[Int.random(in: record.indices, using: &rng)] = UInt8.random(in: .min ... .max, using: &rng)
        }
        Self.readAll(record)
      }
    }
  }

  @Test func `lists and texts that cannot be are errors`() {
    func children(_ hexadecimal: String) throws {
      var reader = JuteReader(Recorded.bytes(hexadecimal))
      _ = try reader.list { (reader) throws(ZooKeeperError) in try reader.string() }
    }
    for text in ["7fffffff", "fffffffe", "00000001 fffffffe", "00000001 7fffffff", "00000001 00000001 ff", ""] {
      #expect(throws: ZooKeeperError.self, "\(text)") { try children(text) }
    }
    #expect(throws: Never.self) { try children("ffffffff") }
  }
}

@Suite struct AddressTests {
  @Test(arguments: [
    ("h1:2182,h2/a/b", ["h1:2182", "h2:2181"], "/a/b"), ("127.0.0.1", ["127.0.0.1:2181"], ""),
    ("[::1]:99,[fe80::2]/", ["::1:99", "fe80::2:2181"], ""), ("::1", ["::1:2181"], ""),
  ])
  func `servers are read`(text: String, servers: [String], chroot: String) throws {
    let read = try ZooKeeperServers(text)
    #expect(read.servers.map { "\($0.host):\($0.port)" } == servers)
    #expect(read.chroot == chroot)
    #expect(try ZooKeeperServers(read.description) == read)
  }

  @Test(arguments: [
    "", ",", "h1,", "h:", "h:0", "h:65536", "h:x", "[::1", "[::1]x", "a b", "u:p@h", "h/a//b", "h/a/", "h/../b",
  ])
  func `what names no servers is refused`(text: String) {
    let error = #expect(throws: ZooKeeperError.self) { try ZooKeeperServers(text) }
    #expect(error?.code == .invalidArgument)
  }

  @Test(
    arguments: [
      ("zk://h1:2181,h2:2181/mesos", "h1:2181,h2:2181", "/mesos", nil), ("zk://h/mesos/", "h:2181", "/mesos", nil),
      (" zk://user:p@ss:w@h:1/a/b\n", "h:1", "/a/b", "user:p@ss:w"), ("zk://user:p/w@h/a", "h:2181", "/a", "user:p/w"),
      ("zk://h:1/a@b", "h:1", "/a@b", nil),
    ] as [(String, String, String, String?)])
  func `a ZooKeeper URL is read`(text: String, servers: String, path: String, credentials: String?) throws {
    let url = try ZooKeeperURL(text)
    #expect(url.servers.description == servers)
    #expect(url.path == path)
    #expect(url.credentials?.userAndPassword == credentials)
  }

  @Test(arguments: [
    "", "zk:/h/a", "zk://", "zk://h", "zk://h/", "zk://h//", "zk:///a", "zk://secret@h/a", "zk://u:secret@/a",
    "zk://u:secret@h:0/a", "zk://u:secret@h/a//b", "http://u:secret@h/a",
  ])
  func `what is no ZooKeeper URL is refused, and no credentials are repeated`(text: String) {
    let error = #expect(throws: DiscoveryError.self) { try ZooKeeperURL(text) }
    #expect(error?.code == .invalidAddress)
    #expect(error.map { "\($0)".contains("secret") } == false)
  }

  @Test func `credentials are shown to nobody`() throws {
    let url = try ZooKeeperURL("zk://user:secret@h/a")
    var configuration = ZooKeeperConfiguration(servers: url.servers)
    configuration.credentials = url.credentials
    var dumped = ""
    dump(configuration, to: &dumped)
    dump(url, to: &dumped)
    for text in ["\(url)", String(reflecting: url), "\(configuration)", String(reflecting: configuration), dumped] {
      #expect(!text.contains("secret"), "\(text)")
      #expect(!text.contains("user"), "\(text)")
    }
    #expect("\(url)" == "zk://***@h:2181/a")
  }

  @Test(arguments: ["", "a", "/a/", "/a//b", "/.", "/a/..", "/a\u{0}", "/\u{1f}"])
  func `a path that ZooKeeper does not take is refused`(path: String) {
    #expect(throws: ZooKeeperError.self) { try ZooKeeperPath.validate(path) }
  }

  @Test func `the master with the lowest number comes first, and other nodes are passed over`() {
    let names = [
      "json.info_0000000010", "info_0000000001", "0000000000", "log_replicas", "json.info_", "json.info_0000000009",
      "json.info_00000000x1", "other_0000000000", "json.info_99999999999", "json.info_-2147483648",
    ]
    #expect(
      MasterNodes.inOrder(names) == ["json.info_-2147483648", "json.info_0000000009", "json.info_0000000010"])
  }
}
