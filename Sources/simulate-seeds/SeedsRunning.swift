#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The seeds that run at present, where a signal handler finds them.
struct SeedsRunning: Sendable {
  /// Written by one job each; read when the process ends anyway. Lives as long as the process.
  nonisolated(unsafe) private static var seeds: UnsafeMutablePointer<UInt64>?
  nonisolated(unsafe) private static var count = 0

  init(jobs: Int) {
    let seeds = UnsafeMutablePointer<UInt64>.allocate(capacity: jobs)
    seeds.initialize(repeating: 0, count: jobs)
    Self.seeds = seeds
    Self.count = jobs
  }

  func begin(_ seed: UInt64, job: Int) { Self.seeds?[job] = seed }

  /// Has a trap print the seeds that ran, with nothing but what a signal handler may call.
  func tellOnTrap() {
    for number in [SIGILL, SIGTRAP, SIGSEGV] {
      signal(number) { number in
        for job in 0..<SeedsRunning.count {
          SeedsRunning.write("\nTRAPPED while this seed ran: ")
          SeedsRunning.write(SeedsRunning.seeds?[job] ?? 0)
        }
        SeedsRunning.write("\n")
        signal(number, SIG_DFL)
        raise(number)
      }
    }
  }

  private static func write(_ text: StaticString) { _ = Glibc.write(1, text.utf8Start, text.utf8CodeUnitCount) }

  private static func write(_ number: UInt64) {
    var divisor: UInt64 = 10_000_000_000_000_000_000
    var hasBegun = false
    while divisor > 0 {
      var digit = UInt8(ascii: "0") + UInt8(number / divisor % 10)
      if digit != UInt8(ascii: "0") { hasBegun = true }
      if hasBegun || divisor == 1 { _ = Glibc.write(1, &digit, 1) }
      divisor /= 10
    }
  }
}
