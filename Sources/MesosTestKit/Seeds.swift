#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The seeds that a seeded test runs with; the name of the test case shows which.
public enum Seeds {
  /// `SIM_SEED` alone where the environment has it (to replay a failure), otherwise a few fixed ones.
  public static let all: [UInt64] = few(8)

  /// As ``all``, with `count` fixed seeds.
  public static func few(_ count: Int) -> [UInt64] {
    if let text = getenv("SIM_SEED"), let seed = UInt64(String(cString: text)) { return [seed] }
    return (0..<UInt64(max(1, count))).map { 1 &+ $0 &* 0x5851_f42d_4c95_7f2d }
  }
}
