import MesosHTTP
public import MesosHTTPServer

/// Metrics of Apache Mesos' names in the text format of Prometheus, version 0.0.4.
///
/// Names of frameworks, roles, resources and reasons, which Mesos puts into keys, become labels, so that series can be summed:
/// `master/frameworks/NAME/ID/calls/accept` is `mesos_master_framework_calls_accept{framework="NAME",framework_id="ID"}`.
public enum PrometheusText {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// `/metrics`.
  public static func respond(_ metrics: [(name: String, value: Double)]) -> OutgoingResponse {
    OutgoingResponse(headers: ["Content-Type": contentType], body: .bytes(Array(text(metrics).utf8)))
  }

  /// The samples by name, each name with its type before it.
  public static func text(_ metrics: [(name: String, value: Double)]) -> String {
    var samples: [String: [String]] = [:]
    for metric in metrics {
      let (name, labels) = series(metric.name)
      let list = labels.map { "\($0.name)=\"\(escaped($0.value))\"" }.joined(separator: ",")
      samples[name, default: []].append("\(name)\(list.isEmpty ? "" : "{\(list)}") \(number(metric.value))\n")
    }
    var text = ""
    for (name, lines) in samples.sorted(by: { $0.key < $1.key }) {
      text += "# TYPE \(name) \(type(of: name))\n"
      for line in lines { text += line }
    }
    return text
  }

  /// A key of Mesos as a name and labels.
  static func series(_ key: String) -> (name: String, labels: [(name: String, value: String)]) {
    let parts = key.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    func name(_ parts: some Sequence<String>) -> String { "mesos_" + parts.map(legal).joined(separator: "_") }
    if parts.count > 4, parts[0] == "master", parts[1] == "frameworks" {
      var labels = [(name: "framework", value: parts[2]), (name: "framework_id", value: parts[3])]
      var rest = Array(parts[4...])
      if rest.first == "roles", rest.count > 2, let last = rest.last {
        labels.append((name: "role", value: rest[1..<rest.count - 1].joined(separator: "/")))
        rest = ["role", last]
      }
      return (name(["master", "framework"] + rest), labels)
    }
    if parts.count > 2, parts[0] == "frameworks", let last = parts.last {
      let principal = parts[1..<parts.count - 1].joined(separator: "/")
      return (name(["principal", last]), [(name: "principal", value: principal)])
    }
    if parts.count == 4, parts[2].hasPrefix("source_"), parts[3].hasPrefix("reason_") {
      return (
        name([parts[0], "task_ends"]),
        [
          (name: "state", value: String(parts[1].dropFirst("task_".count))),
          (name: "source", value: String(parts[2].dropFirst("source_".count))),
          (name: "reason", value: String(parts[3].dropFirst("reason_".count))),
        ]
      )
    }
    if parts.count > 3, parts[0] == "allocator", let place = parts.firstIndex(of: "roles") {
      // Roles have slashes of their own.
      if let resources = parts.lastIndex(of: "resources"), resources > place, resources + 2 < parts.count {
        return (
          name(parts[..<place] + parts[(resources + 2)...]),
          [
            (name: "role", value: parts[(place + 1)..<resources].joined(separator: "/")),
            (name: "resource", value: parts[resources + 1]),
          ]
        )
      }
      let tail = parts.last == "dominant" ? 2 : 1
      if place + 1 < parts.count - tail {
        let before = parts[..<place].last == "mesos" ? parts[..<place] + ["role"] : parts[..<place]
        return (
          name(before + parts.suffix(tail)),
          [(name: "role", value: parts[(place + 1)..<(parts.count - tail)].joined(separator: "/"))]
        )
      }
    }
    if parts.count == 5, parts[0] == "allocator", parts[2] == "resources" {
      return (name([parts[0], parts[1], "resources", parts[4]]), [(name: "resource", value: parts[3])])
    }
    return (name(parts), [])
  }

  /// What only grows is a counter; of what is not known nothing is said.
  private static func type(of name: String) -> String {
    let counters = [
      "_messages_", "_calls", "_events", "_offers_sent", "_offers_accepted", "_offers_declined", "_offers_rescinded",
      "_valid_", "_invalid_", "_tasks_finished", "_tasks_failed", "_tasks_killed", "_tasks_lost", "_tasks_error",
      "_tasks_dropped", "_tasks_gone", "_tasks_terminal", "_task_ends", "_slave_re", "_allocation_runs", "_dispatches",
    ]
    if counters.contains(where: name.contains) { return "counter" }
    let gauges = ["_total", "_used", "_percent", "_active", "_connected", "uptime", "elected", "_shares_", "system_"]
    return gauges.contains(where: name.contains) ? "gauge" : "untyped"
  }

  private static func legal(_ part: String) -> String {
    String(
      String.UnicodeScalarView(
        part.unicodeScalars.map { scalar in
          scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(Character(scalar))) ? scalar : "_"
        }))
  }

  private static func escaped(_ value: String) -> String {
    value.reduce(into: "") { text, character in
      switch character {
      case "\\": text += "\\\\"
      case "\"": text += "\\\""
      case "\n": text += "\\n"
      default: text.append(character)
      }
    }
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    return "\(value)"
  }
}
