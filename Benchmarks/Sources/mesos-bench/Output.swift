// Alone in a file, as C's `stdout` is a variable that anybody could change.
#if canImport(Glibc)
  @preconcurrency import Glibc
#else
  @preconcurrency import Darwin
#endif

/// Has standard output hand over each line when it is complete, through a pipe too.
func writeLineByLine() { setvbuf(stdout, nil, Int32(_IOLBF), 0) }
