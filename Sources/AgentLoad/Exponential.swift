#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A value of the exponential distribution of mean 1, from one of the uniform distribution over `0..<1`.
func exponential(_ uniform: Double) -> Double { -log(1 - uniform) }
