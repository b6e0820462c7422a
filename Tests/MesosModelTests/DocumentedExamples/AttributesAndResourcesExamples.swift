import MesosModel
import Testing

private let page = "attributes-resources.md"
private let disks = "multiple-disk.md"

/// The text and the two JSON forms of the page's one large example.
private let wholeText =
  "cpus:24;gpus:2;mem:24576;disk:409600;ports:[21000-24000,30000-34000];bugs(debug_role):{a,b,c}"
private let wholeItems = [
  #"{"name":"cpus","type":"SCALAR","scalar":{"value":24}}"#, #"{"name":"gpus","type":"SCALAR","scalar":{"value":2}}"#,
  #"{"name":"mem","type":"SCALAR","scalar":{"value":24576}}"#,
  #"{"name":"disk","type":"SCALAR","scalar":{"value":409600}}"#,
  #"{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":21000,"end":24000},{"begin":30000,"end":34000}]}}"#,
  #"{"name":"bugs","type":"SET","set":{"item":["a","b","c"]},"role":"debug_role"}"#,
]
private let wholePrinted =
  "cpus:24; gpus:2; mem:24576; disk:409600; ports:[21000-24000, 30000-34000]; "
  + "bugs(reservations: [(STATIC,debug_role)]):{a, b, c}"

@Suite struct `Documented resources and attributes` {
  static let read: [Documented<(text: String, printed: String)>] = [
    .init(page, "Types, floatValue", ("a:12;b:1.5", "a:12; b:1.5")),
    .init(page, "Types, range of one pair", ("ports:[1-2]", "ports:[1-2]")),
    .init(page, "Types, range of several pairs", ("ports:[1-2,5-9]", "ports:[1-2, 5-9]")),
    .init(page, "Types, set", ("zones:{a,b_1,c/d.e-f}", "zones:{a, b_1, c/d.e-f}")),
    .init(page, "Resources, 1.5 CPUs", ("cpus:1.5", "cpus:1.5")),
    .init(page, "Resources, three digits of precision", ("cpus:1.5123", "cpus:1.512")),
    .init(
      page, "Resources, JSON of a scalar", (#"[{"name":"x","type":"SCALAR","scalar":{"value":1}}]"#, "x:1")),
    .init(
      page, "Resources, JSON of ranges",
      (#"[{"name":"x","type":"RANGES","ranges":{"range":[{"begin":1,"end":2},{"begin":4,"end":6}]}}]"#, "x:[1-2, 4-6]")
    ),
    .init(
      page, "Resources, JSON of a set with a role",
      (#"[{"name":"x","type":"SET","set":{"item":["a","b"]},"role":"r"}]"#, "x(reservations: [(STATIC,r)]):{a, b}")),
    .init(page, "Resources, key without a role", ("x:1;y:[1-2];z:{a}", "x:1; y:[1-2]; z:{a}")),
    .init(page, "Resources, key with a role", ("x(r):1", "x(reservations: [(STATIC,r)]):1")),
    .init(page, "Resources, key with the role *", ("x(*):1", "x:1")),
    .init(
      page, "Predefined Uses & Conventions",
      ("cpus:1;gpus:1;disk:1;mem:1;ports:[1-1]", "cpus:1; gpus:1; disk:1; mem:1; ports:[1-1]")),
    .init(page, "Examples, text of --resources", (wholeText, wholePrinted)),
    .init(page, "Examples, JSON of --resources", (jsonList(wholeItems), wholePrinted)),
    .init(
      page, "Examples, resources.txt",
      ("[\n  " + wholeItems.joined(separator: ",\n  ").replacing(":", with: ": ") + "\n]\n", wholePrinted)),
    .init(
      disks, "`Root` disk", (#"[ { "name" : "disk", "type" : "SCALAR", "scalar" : { "value" : 2048 } } ]"#, "disk:2048")
    ),
    .init(
      disks, "`Root` disk, with a role",
      (
        #"[ { "name" : "disk", "type" : "SCALAR", "scalar" : { "value" : 2048 }, "role" : "eng" } ]"#,
        "disk(reservations: [(STATIC,eng)]):2048"
      )
    ),
    .init(
      disks, "`Path` disks",
      (
        #"[ { "name" : "disk", "type" : "SCALAR", "scalar" : { "value" : 2048 }, "disk" : { "source" : { "type" : "PATH", "path" : { "root" : "/mnt/data" } } } } ]"#,
        "disk[PATH:/mnt/data]:2048"
      )
    ),
    .init(
      disks, "`Path` disks, two on one filesystem",
      (
        #"[{"name":"disk","type":"SCALAR","scalar":{"value":6144},"disk":{"source":{"type":"PATH","path":{"root":"/foo/disk1"}}}},{"name":"disk","type":"SCALAR","scalar":{"value":4096},"disk":{"source":{"type":"PATH","path":{"root":"/foo/disk2"}}}}]"#,
        "disk[PATH:/foo/disk1]:6144; disk[PATH:/foo/disk2]:4096"
      )
    ),
    .init(
      disks, "`Mount` disks",
      (
        #"[ { "name" : "disk", "type" : "SCALAR", "scalar" : { "value" : 2048 }, "disk" : { "source" : { "type" : "MOUNT", "mount" : { "root" : "/mnt/data" } } } } ]"#,
        "disk[MOUNT:/mnt/data]:2048"
      )
    ),
    .init(
      disks, "`Mount` disks, with a role",
      (
        #"[{"name":"disk","type":"SCALAR","scalar":{"value":2048},"role":"db","disk":{"source":{"type":"MOUNT","mount":{"root":"/mnt/data"}}}}]"#,
        "disk(reservations: [(STATIC,db)])[MOUNT:/mnt/data]:2048"
      )
    ),
  ]

  @Test(arguments: read)
  func `are read as the page says`(row: Documented<(text: String, printed: String)>) throws {
    #expect(try Resources.parse(row.example.text).description == row.example.printed)
  }

  static let refused: [Documented<(text: String, reason: String)>] = [
    .init(page, "Types, a value of text is for attributes alone", ("x:abc", "Bad type for resource x")),
    .init(page, "Types, a range of one value", ("x:[1]", "ranges")),
    .init(page, "Resources, key without a value", ("x", "missing or extra ':'")),
    .init(page, "Resources, resourceRole is no valid role", ("x(-r):1", "starts with a dash")),
    .init(page, "Resources, resourceRole with a blank", ("x(a b):1", "whitespace")),
    .init(page, "Resources, JSON without a type", (#"[{"name":"x","scalar":{"value":1}}]"#, "type")),
    .init(page, "Resources, JSON that is no array", (#"[1]"#, "JSON")),
  ]

  @Test(arguments: refused)
  func `of other forms are refused`(row: Documented<(text: String, reason: String)>) throws {
    do {
      Issue.record("read as \(try Resources.parse(row.example.text))")
    } catch {
      #expect(error.message.contains(row.example.reason), "\(error)")
    }
  }

  /// `attributes-resources.md`, "Examples": the list of what was configured.
  @Test func `hold what the page lists`() throws {
    let resources = try Resources.parse(wholeText)
    #expect(resources.scalar("cpus") == 24)
    #expect(resources.scalar("gpus") == 2)
    #expect(resources.scalar("mem") == 24576)
    #expect(resources.scalar("disk") == 409600)
    #expect(resources.ranges("ports") == ResourceRanges([.init(21000, 24000), .init(30000, 34000)]))
    #expect(resources.set("bugs") == ResourceSet(["a", "b", "c"]))
    #expect(resources.reserved(to: "debug_role").set("bugs").items.count == 3)
    #expect(resources.unreserved.entries.count == 5)
    // The role of those that name none is that of --default_role.
    let others = try Resources.parse(wholeText, defaultRole: "eng")
    #expect(others.unreserved.isEmpty && others.reserved(to: "eng").entries.count == 5)
  }

  /// `attributes-resources.md`, "Resources": GPUs are whole.
  @Test func `of half a GPU are refused`() throws {
    #expect(throws: ValidationError.self) { try ResourceValidation.validate(Resources.parse("gpus:1.5")) }
    try ResourceValidation.validate(Resources.parse("gpus:2"))
  }

  /// `multiple-disk.md`, "`Path` disks" and "`Mount` disks": the first can be carved up, the second cannot.
  @Test func `of PATH disks split, of MOUNT disks do not`() throws {
    for (type, splits) in [(Resource.DiskInfo.Source.TypeEnum.path, true), (.mount, false)] {
      let disk = try Resources([Sample.disk(2048, ["eng"]).on(type)])
      #expect(try disk.contains(Resources([Sample.disk(1024, ["eng"]).on(type)])) == splits)
      let part = Sample.create(Sample.volume("v", 1024).on(type))
      let isSplit = (try? disk.applying(part)) != nil
      #expect(isSplit == splits)
      #expect(throws: Never.self) { try disk.applying(Sample.create(Sample.volume("v", 2048).on(type))) }
    }
  }

  static let values: [Documented<(text: String, value: TypedValue)>] = [
    .init(page, "Attributes, scalar", ("10", .scalar(10))), .init(page, "Attributes, fraction", ("2.5", .scalar(2.5))),
    .init(page, "Attributes, range", ("[1-3,7-8]", .ranges(ResourceRanges([.init(1, 3), .init(7, 8)])))),
    .init(page, "Attributes, text", ("a_Z/0.9-b", .text("a_Z/0.9-b"))),
  ]

  @Test(arguments: values)
  func `in attributes have three types`(row: Documented<(text: String, value: TypedValue)>) throws {
    #expect(try Attributes.parse("key:\(row.example.text)")["key"] == row.example.value)
  }

  /// `attributes-resources.md`, "Examples": `--attributes` and what it results in.
  @Test func `are configured as attributes`() throws {
    let attributes = try Attributes.parse("rack:abc;zone:west;os:centos5;level:10;keys:[1000-1500]")
    #expect(attributes.entries.count == 5)
    #expect(attributes.text("rack") == "abc")
    #expect(attributes.text("zone") == "west")
    #expect(attributes.text("os") == "centos5")
    #expect(attributes.scalar("level") == 10)
    #expect(attributes.ranges("keys") == ResourceRanges([.init(1000, 1500)]))
    // Setting a key several times is discouraged, and possible.
    #expect(try Attributes.parse("rack:a;rack:b").entries.count == 2)
    #expect(throws: ValueError.self) { try Attributes.parse("rack") }
    #expect(throws: ValueError.self) { try Attributes.parse("rack:{a,b}") }
  }
}
