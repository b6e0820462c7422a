import Containerizer
import Foundation
import Glibc
import MesosModel
import ProcessLaunch
import SwiftProtobuf
import Testing

@Suite(.enabled(if: ContainerWorkshop.isPossible, ContainerWorkshop.why))
struct ContainerTests {
  @Test func `a program in a pid namespace is number 1, sees its own processes alone, and its status is known`()
    async throws
  {
    let workshop = try ContainerWorkshop()
    let containerizer = try workshop.containerizer([PidNamespaceIsolator()], runsInit: false)
    let end = try await workshop.run(containerizer, "c", workshop.configuration("c", ["see", "exit", "7"]))
    #expect(end.exit == .exited(code: 7))
    #expect(end.leftovers == [])
    let said = try workshop.said("c")
    #expect(said["pid"] == "1")
    #expect(said["init"] == "container-probe")
    #expect(said["ns_pid"] != (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")))
    #expect(try workshop.leftovers() == [])
  }

  @Test func `the first process stays beside the program, and orphans go with the container`() async throws {
    let workshop = try ContainerWorkshop()
    let containerizer = try workshop.containerizer([PidNamespaceIsolator()])
    let end = try await workshop.run(containerizer, "c", workshop.configuration("c", ["hide", "see", "exit", "3"]))
    #expect(end.exit == .exited(code: 3))
    let said = try workshop.said("c")
    #expect(said["init"] == "mesos-launch")
    #expect(said["ppid"] == "1")
    #expect(try workshop.leftovers() == [])
  }

  @Test func `what hides in a session of its own is killed with its container, without any namespace`() async throws {
    let workshop = try ContainerWorkshop()
    let containerizer = try workshop.containerizer()
    let id = try NestedContainerID(["c"])
    _ = try await containerizer.run(id, workshop.configuration("c", ["hide", "fork", "20", "wait"]))
    let end = await containerizer.destroy(id)
    #expect(end?.exit == .signaled(number: SIGKILL, coreDumped: false))
    #expect(end?.wasDestroyed == true)
    #expect(end?.leftovers == [])
    #expect(try workshop.leftovers() == [])
  }

  @Test func `filesystem shared gives a container a tmp of its own`() async throws {
    let workshop = try ContainerWorkshop()
    let containerizer = try workshop.containerizer([SharedFileSystemIsolator()])
    // A checkout below /tmp would lose its probe with it.
    let folder = ContainerWorkshop.probe.hasPrefix("/tmp/") ? "/var/tmp" : "/tmp"
    var info = ContainerInfo()
    info.type = .mesos
    info.volumes = [
      .with {
        $0.hostPath = "tmp"
        $0.containerPath = folder
        $0.mode = .rw
      }
    ]
    let name = "probe-\(workshop.root)"
    let end = try await workshop.run(
      containerizer, "c", workshop.configuration("c", ["write", "\(folder)/\(name)"], info: info))
    #expect(end.exit == .exited(code: 0))
    #expect(try workshop.said("c")["written"] == "ok")
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/\(name)"))
    #expect(FileManager.default.fileExists(atPath: "\(workshop.folder)/sandboxes/c/tmp/\(name)"))
  }

  @Test func `a container that computes beyond its limit is throttled`() async throws {
    let workshop = try ContainerWorkshop()
    let isolator = try CgroupsIsolator(
      cgroups: workshop.cgroups, subsystems: [CPUSubsystem(limitsRequests: true), PidsSubsystem()])
    let containerizer = try workshop.containerizer([isolator])
    let id = try NestedContainerID(["c"])
    _ = try await containerizer.launch(
      id, workshop.configuration("c", ["burn", "300", "wait"], cpus: 0.2))
    let folder = workshop.cgroups.folder(of: id, "cpu")
    #expect(try workshop.cgroups.files.read(folder + "/cpu.shares") == "204\n")
    #expect(try workshop.cgroups.files.read(folder + "/cpu.cfs_quota_us") == "20000\n")
    try await containerizer.release(id)
    // It says so when it has computed for 300 ms, which takes it 15 periods.
    while try workshop.said("c")["burnt"] == nil { await Task.yield() }
    let report = try #require(await containerizer.reports(at: 1).first)
    #expect(report.statistics.cpusNrThrottled >= 3)
    #expect(report.statistics.cpusThrottledTimeSecs > 0)
    #expect(report.statistics.cpusUserTimeSecs + report.statistics.cpusSystemTimeSecs > 0.1)
    #expect(report.statistics.processes == 2)
    // With 32,768 shares or fewer a container gets more on the way.
    try await containerizer.update(
      id,
      [
        .with {
          $0.name = "cpus"; $0.type = .scalar; $0.scalar.value = 1.5
        }
      ])
    #expect(try workshop.cgroups.files.read(folder + "/cpu.cfs_quota_us") == "150000\n")
    await containerizer.destroy(id)
    #expect(try workshop.leftovers() == [])
  }

  @Test(arguments: [true, false])
  func `a container beyond its memory is ended with the reason, also where a child of its program is`(inChild: Bool)
    async throws
  {
    let workshop = try ContainerWorkshop()
    let isolator = try CgroupsIsolator(
      cgroups: workshop.cgroups, subsystems: [MemorySubsystem(limitsSwap: false, watcher: workshop.descriptors)])
    let containerizer = try workshop.containerizer([isolator])
    var configuration = try workshop.configuration("c", ["eat", "128", "wait"], mem: 32)
    if inChild {
      configuration.program = .shell("\(ContainerWorkshop.probe) eat 128; exec \(ContainerWorkshop.probe) wait")
    }
    let end = try await workshop.run(containerizer, "c", configuration)
    #expect(end.limitation?.cause == .containerLimitationMemory)
    #expect(end.limitation?.message.hasPrefix("Memory limit exceeded: Requested: 32MB Maximum Used: 32MB") == true)
    #expect(end.limitation?.resources.first?.scalar.value == 32)
    #expect(end.leftovers == [])
    #expect(try workshop.leftovers() == [])
  }

  @Test func `limits, no new privileges and capabilities are as asked for`() async throws {
    let workshop = try ContainerWorkshop()
    let containerizer = try workshop.containerizer([
      ResourceLimitsIsolator(), NoNewPrivilegesIsolator(), try CapabilitiesIsolator(),
    ])
    var info = ContainerInfo()
    info.type = .mesos
    info.rlimitInfo.rlimits = [
      .with {
        $0.type = .rlmtNofile
        $0.soft = 77
        $0.hard = 99
      },
      .with {
        $0.type = .rlmtCore
        $0.soft = 0
        $0.hard = 0
      },
    ]
    info.linuxInfo.effectiveCapabilities.capabilities = [.netRaw]
    info.linuxInfo.boundingCapabilities.capabilities = [.netRaw, .kill]
    let nobody = try UserIdentity(named: "nobody")
    let configuration = try workshop.configuration(
      "c", ["see", "call", "chroot", "call", "setuid"], info: info, user: nobody)
    #expect(chown(configuration.directory, nobody.uid, nobody.gid) == 0)
    let end = try await workshop.run(containerizer, "c", configuration)
    #expect(end.exit == .exited(code: 0))
    let said = try workshop.said("c")
    #expect(said["nofile"] == "77/99")
    #expect(said["core"] == "0/0")
    #expect(said["NoNewPrivs"] == "1")
    #expect(said["uid"] == "\(nobody.uid)")
    for name in ["CapEff", "CapPrm", "CapInh", "CapAmb"] { #expect(said[name] == "0000000000002000", "\(name)") }
    #expect(said["CapBnd"] == "0000000000002020")
    #expect(said["call_chroot"] == "Operation not permitted")
    #expect(said["call_setuid"] == "Operation not permitted")
    var status = stat()
    #expect(stat(configuration.directory + "/stdout", &status) == 0 && status.st_uid == nobody.uid)
  }

  @Test func `a seccomp profile refuses what it does not allow, and an unconfined container has none`() async throws {
    let workshop = try ContainerWorkshop()
    let profiles = workshop.folder + "/profiles"
    try FileManager.default.createDirectory(atPath: profiles, withIntermediateDirectories: true)
    let profile = """
      {"defaultAction": "SCMP_ACT_ALLOW",
       "syscalls": [{"names": ["mkdir", "mkdirat", "no_such_call"], "action": "SCMP_ACT_ERRNO", "args": []}]}
      """
    try profile.write(toFile: profiles + "/no-folders.json", atomically: true, encoding: .utf8)
    try "{\"defaultAction\": \"SCMP_ACT_WHATEVER\"}".write(
      toFile: profiles + "/bad.json", atomically: true, encoding: .utf8)
    let isolator = try SeccompIsolator(folder: profiles, profileName: "no-folders.json")
    let containerizer = try workshop.containerizer([NoNewPrivilegesIsolator(), isolator])
    var end = try await workshop.run(containerizer, "c", workshop.configuration("c", ["see", "call", "mkdir"]))
    #expect(end.exit == .exited(code: 0))
    #expect(try workshop.said("c")["Seccomp"] == "2")
    #expect(try workshop.said("c")["call_mkdir"] == "Operation not permitted")

    var info = ContainerInfo()
    info.type = .mesos
    info.linuxInfo.seccomp.unconfined = true
    end = try await workshop.run(containerizer, "d", workshop.configuration("d", ["see", "call", "mkdir"], info: info))
    #expect(try workshop.said("d")["Seccomp"] == "0")
    #expect(try workshop.said("d")["call_mkdir"] == "ok")

    info.linuxInfo.seccomp = .with { $0.profileName = "bad.json" }
    await #expect(throws: ContainerizerError.self) {
      _ = try await containerizer.launch(
        NestedContainerID(["e"]), workshop.configuration("e", ["see"], info: info))
    }
    #expect(throws: ContainerizerError.self) { _ = try SeccompIsolator(folder: profiles, profileName: "../secret") }
  }

  @Test func `a step that fails is told with its subject and error number, and leaves nothing`() async throws {
    let workshop = try ContainerWorkshop()
    let containerizer = try workshop.containerizer([
      VolumeIsolator(.hostPath), ResourceLimitsIsolator(),
    ])
    let id = try NestedContainerID(["c"])
    var configuration = try workshop.configuration("c", ["see"])
    configuration.program = .program(path: "/no/such/program", arguments: [])
    _ = try await containerizer.launch(id, configuration)
    let error = await #expect(throws: ContainerizerError.self) { try await containerizer.release(id) }
    #expect(error?.errno == ENOENT)
    #expect(error?.code == .launch)
    #expect(await containerizer.entries.isEmpty)

    configuration = try workshop.configuration("d", ["see"])
    configuration.directory += "/missing"
    configuration.standardOutput = .discarded
    configuration.standardError = .discarded
    let other = await #expect(throws: ContainerizerError.self) {
      _ = try await containerizer.launch(NestedContainerID(["d"]), configuration)
    }
    #expect(
      other?.description
        == "Failed to enter the working directory (\(configuration.directory)): No such file or directory")
    #expect(try workshop.leftovers() == [])
  }

  @Test func `a link in a sandbox does not lead a mount elsewhere`() async throws {
    let workshop = try ContainerWorkshop()
    let containerizer = try workshop.containerizer([VolumeIsolator(.hostPath)])
    var info = ContainerInfo()
    info.type = .mesos
    info.volumes = [
      .with {
        $0.hostPath = "/usr"
        $0.containerPath = "inner/place"
        $0.mode = .ro
      }
    ]
    let configuration = try workshop.configuration("c", ["write", "inner/place/x"], info: info)
    try FileManager.default.createSymbolicLink(
      atPath: configuration.directory + "/inner", withDestinationPath: "/etc")
    let error = await #expect(throws: ContainerizerError.self) {
      _ = try await containerizer.launch(NestedContainerID(["c"]), configuration)
    }
    #expect(error?.errno == ELOOP)
    #expect(!FileManager.default.fileExists(atPath: "/etc/place"))

    let sound = try workshop.configuration("d", ["write", "inner/place/x"], info: info)
    _ = try await workshop.run(containerizer, "d", sound)
    #expect(try workshop.said("d")["written"] == "Read-only file system")
  }

  @Test func `containers of an earlier run go on, and what nobody knows is destroyed`() async throws {
    let workshop = try ContainerWorkshop()
    let isolator = { try CgroupsIsolator(cgroups: workshop.cgroups, subsystems: [CPUSubsystem(limitsRequests: false)]) }
    let first = try workshop.containerizer([try isolator(), PidNamespaceIsolator()])
    let (kept, orphan) = (try NestedContainerID(["kept"]), try NestedContainerID(["orphan"]))
    let process = try await first.run(kept, workshop.configuration("kept", ["wait"], cpus: 1))
    var configuration = try workshop.configuration("orphan", ["hide", "wait"], cpus: 1)
    configuration.kind = .executor
    _ = try await first.run(orphan, configuration)
    await first.detach()

    let second = try workshop.containerizer([try isolator(), PidNamespaceIsolator()])
    #expect(try await second.recover([]) == [orphan])
    #expect(await second.entries.map(\.id) == [kept])
    #expect(await second.entries.first?.process == process)
    #expect(try workshop.leftovers().allSatisfy { $0.hasSuffix("/kept") })
    #expect(await second.reports(at: 1).first?.statistics.hasCpusUserTimeSecs == true)
    let end = await second.destroy(kept)
    #expect(end?.leftovers == [])
    #expect(try workshop.leftovers() == [])
    await #expect(throws: ContainerizerError.self) {
      _ = try await second.launch(kept, workshop.configuration("kept", []))
    }
    try await second.remove(kept)
    #expect(try FileManager.default.contentsOfDirectory(atPath: workshop.folder + "/run/containers") == [])
  }

  @Test func `the status of a container that ends without its agent is known after the restart`() async throws {
    let workshop = try ContainerWorkshop()
    let first = try workshop.containerizer()
    let id = try NestedContainerID(["c"])
    let fifo = workshop.folder + "/fifo"
    #expect(mkfifo(fifo, 0o600) == 0)
    var configuration = try workshop.configuration("c", [])
    configuration.program = .shell("read line < \(fifo); exit 5")
    _ = try await first.run(id, configuration)
    await first.detach()
    let second = try workshop.containerizer()
    try await second.recover([])
    let writer = open(fifo, O_WRONLY)
    #expect(Glibc.write(writer, "go\n", 3) == 3)
    close(writer)
    let end = try #require(try await second.wait(id))
    #expect(end.exit == .exited(code: 5))
    #expect(try workshop.leftovers() == [])
  }

  @Test func `a nested container shares what its parent has, and ends with it`() async throws {
    let workshop = try ContainerWorkshop()
    let containerizer = try workshop.containerizer([PidNamespaceIsolator(), IPCNamespaceIsolator()])
    let id = try NestedContainerID(["c"])
    _ = try await containerizer.run(id, workshop.configuration("c", ["see", "wait"]))
    while try workshop.said("c")["waiting"] == nil { await Task.yield() }
    let child = try id.child("d")
    var configuration = try workshop.configuration("d", ["see", "wait"])
    configuration.kind = .nested
    _ = try await containerizer.run(child, configuration)
    while try workshop.said("d")["waiting"] == nil { await Task.yield() }
    let (parent, nested) = (try workshop.said("c"), try workshop.said("d"))
    #expect(nested["ns_ipc"] == parent["ns_ipc"])
    #expect(nested["ns_pid"] != parent["ns_pid"])
    await containerizer.destroy(id)
    #expect(await containerizer.hasEnded(child))
    #expect(await containerizer.entries.isEmpty)
    #expect(try workshop.leftovers() == [])
  }

  @Test func `a container destroyed while it is launched does not come to be`() async throws {
    let workshop = try ContainerWorkshop()
    let containerizer = try workshop.containerizer([PidNamespaceIsolator()])
    let id = try NestedContainerID(["c"])
    let configuration = try workshop.configuration("c", ["wait"])
    async let launch: Void = {
      _ = try await containerizer.run(id, configuration)
    }()
    await containerizer.destroy(id)
    // Whichever came first, nothing is there when both are over.
    do { try await launch } catch let error as ContainerizerError {
      #expect([.destroyed, .wrongState, .unknownContainer, .launch].contains(error.code))
    }
    await containerizer.destroy(id)
    #expect(await containerizer.entries.isEmpty)
    #expect(try workshop.leftovers() == [])
  }
}
