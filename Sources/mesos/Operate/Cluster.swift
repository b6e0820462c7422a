import ArgumentParser
import Foundation
import MesosModel
import OperatorKit
import ServerFlags

/// What every command that asks a master takes.
struct ClusterOptions: ParsableArguments {
  @Option(
    help:
      "The master as host:port, or several apart by commas. Without it: MESOS_MASTER of the environment, or 127.0.0.1:5050."
  )
  var master: String?

  @Flag(help: "Print the master's answer as JSON.")
  var json = false

  @Option(help: "Seconds that an answer may take.")
  var timeout = 60

  func validate() throws {
    guard timeout > 0 else { throw ValidationError("--timeout is a number of seconds above 0") }
  }

  private var masters: String {
    master ?? ProcessInfo.processInfo.environment["MESOS_MASTER"].flatMap { $0.isEmpty ? nil : $0 } ?? "127.0.0.1:5050"
  }

  /// Asks the cluster's leading master.
  func withClient(_ body: (MasterClient) async throws -> Void) async throws {
    var configuration = OperatorConfiguration()
    configuration.callTimeout = .seconds(timeout)
    do {
      try await withMasterClient(masters, configuration: configuration, body)
    } catch let error as OperatorError {
      FileHandle.standardError.write(Data("Error: \(error)\n\(advice(error).map { "\($0)\n" } ?? "")".utf8))
      throw ExitCode.failure
    }
  }

  /// What to do about an error.
  private func advice(_ error: OperatorError) -> String? {
    switch error.code {
    case .unreachable:
      "Is a master running at \(masters)? Name it with --master HOST:PORT or in MESOS_MASTER; 'mesos local' runs a cluster."
    case .unavailable, .notLeading:
      "The master has no leader, or has not recovered yet. Try again in some seconds, or name all masters with --master."
    case .unauthorized, .forbidden: "The master wants credentials that this command does not have."
    case .notImplemented: "This master does not have the call; docs/compatibility.md says what there is."
    case .timeout: "Give it longer with --timeout SECONDS."
    case .conflict: "The cluster is not in a state for this; --force, where the command has it, insists."
    case .invalidConfiguration: "Masters are given as HOST:PORT, several apart by commas."
    default: nil
    }
  }

  /// Prints an answer as JSON, or what `lines` makes of it.
  func show<M: JSONMessage>(_ message: M, _ lines: (M) -> [String]) {
    if json {
      print(String(decoding: message.jsonBytes(), as: UTF8.self))
    } else {
      for line in lines(message) { print(line) }
    }
  }
}

/// Rows in columns as wide as what they hold.
struct TextTable {
  private let head: [String]
  private var rows: [[String]] = []
  /// Columns whose texts stand at their right.
  private let numbers: Set<Int>

  init(_ head: [String], numbers: Set<Int> = []) {
    self.head = head
    self.numbers = numbers
  }

  mutating func add(_ row: [String]) {
    // What came over the network must not move the cursor.
    rows.append(row.map { cell in String(cell.map { $0.isNewline || $0 == "\t" || $0 == "\u{1B}" ? " " : $0 }) })
  }

  var lines: [String] {
    let all = [head] + rows
    let widths = head.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += (column > 0 ? "  " : "") + (numbers.contains(column) ? padding + cell : cell + padding)
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}

extension [Resource] {
  /// The sum of a scalar as text, `0` where there is none.
  func amount(_ name: String) -> String {
    let sum = reduce(0.0) { $0 + ($1.name == name && $1.type == .scalar ? $1.scalar.value : 0) }
    let rounded = (sum * 1000).rounded() / 1000
    return rounded == rounded.rounded() && abs(rounded) < 1e15 ? String(Int(rounded)) : String(rounded)
  }
}

extension TimeInfo {
  /// Such as `2026-11-27T21:47:58Z`; a dash for no time.
  var text: String {
    guard nanoseconds > 0 else { return "-" }
    return Date(timeIntervalSince1970: Double(nanoseconds) / 1e9).formatted(.iso8601)
  }
}

/// An amount as a value of the API: `cpus:4;mem:1024`.
func amounts(_ text: String, of option: String) throws -> [String: MesosValue.Scalar] {
  do { return try ResourceQuantities(parsing: text).messages } catch {
    throw ValidationError("\(option): \(error); expecting amounts such as 'cpus:4;mem:1024'")
  }
}

/// A duration of the API such as `10secs` or `5mins`.
func duration(_ text: String, of option: String) throws -> Duration {
  do { return try FlagText.duration(text) } catch {
    throw ValidationError("\(option): \(error.message); expecting a time such as 30secs or 5mins")
  }
}
