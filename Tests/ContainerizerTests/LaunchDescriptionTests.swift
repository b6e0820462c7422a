import CContainerLaunch
import Containerizer
import Glibc
import MesosModel
import MesosTestKit
import ProcessLaunch
import Testing

/// What the helper is told, and what it makes of anything else.
struct LaunchDescriptionTests {
  private func full() throws -> [UInt8] {
    var description = LaunchDescription(programs: ["/bin/true", "/usr/bin/true"], arguments: ["true", "-x"])
    description.environment = [("B", "2"), ("A", "1"), ("B", "3")]
    description.directory = "/"
    description.staysAsInit = true
    description.statusFile = "/run/status"
    description.credentials = (1, 2, [3, 4])
    description.contribution.namespaces = [.mount, .pid, .uts]
    description.contribution.hostname = "inside"
    description.contribution.steps =
      LaunchStep.bind("/a", to: "/b", isReadOnly: true, create: .folder, isStrict: true) + [
        .folder("/x", mode: 0o700), .device("/d", mode: S_IFCHR | 0o666, major: 1, minor: 3), .link("/l", to: "/t"),
        .write("1", to: "/f"), .pivot("/root"),
      ]
    description.contribution.limits = [ResourceLimit(resource: 7, soft: 1, hard: nil)]
    description.contribution.capabilities = CapabilitySets(
      bounding: 1, effective: 2, permitted: 3, inheritable: 4, ambient: 5)
    description.contribution.filter = [UInt8](repeating: 6, count: 16)
    return try description.encoded()
  }

  private func parse(_ bytes: [UInt8], _ body: (swift_mesos_description) -> Void = { _ in }) -> Int32 {
    var description = swift_mesos_description()
    var offset = 0
    // A copy of exactly this size, so that a read beyond it shows under a checker.
    let result = Array(bytes.dropFirst(8)).withUnsafeBufferPointer {
      let code = swift_mesos_description_parse($0.baseAddress, $0.count, &description, &offset)
      if code == 0 { body(description) }
      return code
    }
    if result == 0 { swift_mesos_description_free(&description) }
    #expect(offset <= bytes.count)
    return result
  }

  @Test func `a description comes to the helper as it was meant`() throws {
    let bytes = try full()
    let code = parse(bytes) { description in
      #expect(description.step_count == 7)
      #expect(description.steps[0].mode == 5)
      #expect(description.steps[0].texts.1.map { String(cString: $0) } == "/b")
      #expect(description.rlimits[0].soft == 1 && description.rlimits[0].hard == .max)
      #expect(
        description.uid == 1 && description.gid == 2 && description.group_count == 2 && description.groups[1] == 4)
      #expect(description.capabilities.4 == 5)
      #expect(description.filter_count == 2)
      #expect(description.environment[1].map { String(cString: $0) } == "B=3")
      #expect(description.environment[2] == nil)
      #expect(description.arguments[1].map { String(cString: $0) } == "-x")
      #expect(description.hostname.map { String(cString: $0) } == "inside")
    }
    #expect(code == 0)
  }

  @Test func `a description that is cut short, too long or changed is refused or harmless`() throws {
    let bytes = try full()
    for count in 8..<bytes.count {
      // Only whole records without the program are missing something; none may be read past the end.
      _ = parse(Array(bytes[..<count]))
    }
    var random = SplitMix64(seed: 7)
    for _ in 0..<20_000 {
      var changed = bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        changed[Int.random(in: 8..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      _ = parse(changed)
    }
  }

  @Test func `rules between records hold`() throws {
    var description = LaunchDescription(programs: ["/bin/true"], arguments: ["true"])
    description.statusFile = "/status"
    #expect(parse(try description.encoded()) == EINVAL)
    description.statusFile = nil
    description.contribution.steps = LaunchStep.bind("/a", to: "/b")
    #expect(parse(try description.encoded()) == EINVAL)
    description.contribution.steps = []
    description.contribution.hostname = "x"
    #expect(parse(try description.encoded()) == EINVAL)
    description.contribution.hostname = nil
    #expect(parse(try description.encoded()) == 0)
    description.arguments = []
    #expect(parse(try description.encoded()) == EINVAL)
    description.arguments = ["a\0b"]
    #expect(throws: ContainerizerError.self) { try description.encoded() }
    description.arguments = ["true"]
    description.environment = [("A=B", "c")]
    #expect(throws: ContainerizerError.self) { try description.encoded() }
    description.environment = [("A", String(repeating: "x", count: 5 << 20))]
    #expect(throws: ContainerizerError.self) { try description.encoded() }
  }

  @Test(arguments: ["", ".", "a/b", "a b", "..", String(repeating: "x", count: 256)])
  func `an id that is no folder's name is refused`(value: String) {
    let error = #expect(throws: ContainerizerError.self) { try NestedContainerID([value]) }
    #expect(error?.code == .invalid)
  }

  @Test func `ids nest, and go to messages and back`() throws {
    let id = try NestedContainerID(["a", "b", "c"])
    #expect(try NestedContainerID(id.message) == id)
    #expect(id.message.parent.parent.value == "a")
    #expect(id.cgroupPath == "a/mesos/b/mesos/c")
    #expect(id.isWithin(id.root) && !id.root.isWithin(id) && !id.isWithin(id))
    #expect(throws: ContainerizerError.self) { try NestedContainerID([String](repeating: "a", count: 33)) }
  }
}
