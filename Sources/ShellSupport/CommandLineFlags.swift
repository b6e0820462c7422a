public import ServerFlags

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The start of a server's main program: its flags, or its end with a text for whoever started it.
public enum CommandLineFlags {
  /// The flags of this process by `table`. Prints what `--help` and `--version` ask for, or what is wrong, and exits.
  public static func parsedOrExit(_ table: FlagTable) -> ParsedFlags {
    do {
      let parsed = try table.parse(
        arguments: Array(CommandLine.arguments.dropFirst()), environment: environmentOfProcess())
      if parsed.wantsHelp {
        print(table.helpText)
        exit(0)
      }
      if parsed.wantsVersion {
        print("\(table.program) \(ServerVersion.software), v1 API of Apache Mesos \(ServerVersion.api)")
        exit(0)
      }
      return parsed
    } catch {
      fail("\(table.program): \(error)\nSee `\(table.program) --help`.")
    }
  }

  /// Prints `text` where errors go and exits with status 1.
  public static func fail(_ text: String) -> Never {
    let bytes = Array((text + "\n").utf8)
    write(STDERR_FILENO, bytes, bytes.count)
    exit(1)
  }

  /// The folder that this program is in; `.` where the system does not say.
  public static var programDirectory: String {
    guard let path = realpath("/proc/self/exe", nil) else { return "." }
    defer { free(path) }
    let text = String(cString: path)
    return text.lastIndex(of: "/").map { String(text[..<$0]) } ?? "."
  }

  /// The environment, by name.
  public static func environmentOfProcess() -> [String: String] {
    var result: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let pair = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if pair.count == 2 { result[String(pair[0])] = String(pair[1]) }
      entry += 1
    }
    return result
  }
}
