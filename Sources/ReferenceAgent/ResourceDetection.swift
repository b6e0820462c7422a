import MesosModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What a machine has to offer, by the rules of Apache Mesos: all processors; memory but for 1 GB, or half of it below 2 GB; the work
/// directory's disk but for 5 GB, or half of it below 10 GB; ports 31000 to 32000.
enum ResourceDetection {
  /// What `given` names, and of cpus, mem, disk and ports what it does not.
  ///
  /// - Throws: `ReferenceAgentError` with code `.badConfiguration` for text that does not parse.
  static func resources(
    given: String, defaultRole: String, workDirectory: String
  ) throws(ReferenceAgentError) -> [Resource] {
    var resources: Resources
    do {
      resources =
        given.drop { $0 == " " || $0 == "\n" }.first == "["
        ? try Resources.parse(json: Array(given.utf8), defaultRole: defaultRole)
        : try Resources.parse(given, defaultRole: defaultRole)
    } catch {
      throw ReferenceAgentError(code: .badConfiguration, message: "--resources: \(error)")
    }
    let names = Set(resources.entries.map(\.name))
    var detected: [String] = []
    if !names.contains("cpus") { detected.append("cpus:\(processors)") }
    if !names.contains("mem") { detected.append("mem:\(memoryMB)") }
    if !names.contains("disk") { detected.append("disk:\(diskMB(of: workDirectory))") }
    if !names.contains("ports") { detected.append("ports:[31000-32000]") }
    do {
      resources += try Resources.parse(detected.joined(separator: ";"), defaultRole: defaultRole)
    } catch {
      throw ReferenceAgentError(code: .badConfiguration, message: "--default_role: \(error)")
    }
    let order = ["cpus", "gpus", "mem", "disk", "ports"]
    return resources.messages.enumerated().sorted { left, right in
      let places = [left, right].map { order.firstIndex(of: $0.element.name) ?? order.count }
      return (places[0], left.offset) < (places[1], right.offset)
    }.map(\.element)
  }

  private static var processors: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  /// In MB of 2^20 bytes.
  private static var memoryMB: Int {
    let bytes = max(0, Int(sysconf(Int32(_SC_PHYS_PAGES)))) * max(0, Int(sysconf(Int32(_SC_PAGESIZE))))
    let all = bytes >> 20
    return all >= 2_048 ? all - 1_024 : all / 2
  }

  private static func diskMB(of path: String) -> Int {
    var file = statvfs()
    guard statvfs(path, &file) == 0 else { return 0 }
    let all = (Int(file.f_blocks) * Int(file.f_frsize)) >> 20
    return all >= 10 * 1_024 ? all - 5 * 1_024 : all / 2
  }
}
