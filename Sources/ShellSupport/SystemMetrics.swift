#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What both servers say about their machine.
public enum SystemMetrics {
  /// `system/…` of Apache Mesos: processors, memory in bytes, loads.
  public static func values() -> [(name: String, value: Double)] {
    var values: [(name: String, value: Double)] = []
    var loads = [0.0, 0.0, 0.0]
    if getloadavg(&loads, 3) == 3 {
      for (index, minutes) in [1, 5, 15].enumerated() { values.append(("system/load_\(minutes)min", loads[index])) }
    }
    let page = Double(max(1, sysconf(Int32(_SC_PAGESIZE))))
    values.append(("system/cpus_total", Double(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))))
    values.append(("system/mem_total_bytes", Double(max(0, sysconf(Int32(_SC_PHYS_PAGES)))) * page))
    #if os(Linux)
      values.append(("system/mem_free_bytes", Double(max(0, sysconf(Int32(_SC_AVPHYS_PAGES)))) * page))
    #endif
    return values
  }
}
