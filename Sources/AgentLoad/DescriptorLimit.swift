#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How many files the process may have open.
enum DescriptorLimit {
  /// Raises the limit to what the system allows without privileges, if `count` needs it.
  ///
  /// - Throws: `AgentLoadError` with code `.descriptors` when that is not enough.
  static func raise(to count: Int) throws(AgentLoadError) {
    #if os(Linux)
      let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
      let resource = RLIMIT_NOFILE
    #endif
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else {
      throw AgentLoadError(.descriptors, "The limit of open files cannot be read: errno \(errno)")
    }
    guard limit.rlim_cur < UInt64(count) else { return }
    let most = limit.rlim_max
    limit.rlim_cur = limit.rlim_max
    guard most >= UInt64(count), setrlimit(resource, &limit) == 0 else {
      throw AgentLoadError(
        .descriptors,
        "\(count) open files are needed and \(most) are allowed: run fewer agents, or raise the hard limit (ulimit -Hn)"
      )
    }
  }
}
