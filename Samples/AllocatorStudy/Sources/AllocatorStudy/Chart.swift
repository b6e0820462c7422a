import Foundation

/// The dominant share of each role over time, as a table and as a picture.
struct Chart {
  let roles: [String]
  let samples: [(second: Int, shares: [String: Double])]

  /// A row for each `step` seconds.
  func table(every step: Int) -> String {
    func cell(_ text: String) -> String { String(repeating: " ", count: max(0, 8 - text.count)) + text }
    let head = cell("second") + roles.map(cell).joined()
    let rows = samples.filter { $0.second % step == 0 }.map { sample in
      cell("\(sample.second)")
        + roles.map { cell("\(Int(((sample.shares[$0] ?? 0) * 100).rounded())) %") }.joined()
    }
    return ([head] + rows).joined(separator: "\n")
  }

  /// Draws the shares as lines.
  func write(to path: String) throws { try svg().write(toFile: path, atomically: true, encoding: .utf8) }

  private func svg() -> String {
    let (width, height, left, top) = (720.0, 320.0, 48.0, 16.0)
    let colours = ["#1b6ca8", "#c8553d", "#588157", "#8e5ea2", "#b08900"]
    let last = Double(max(1, samples.last?.second ?? 1))
    func x(_ second: Double) -> Double { left + second / last * width }
    func y(_ share: Double) -> Double { top + (1 - share) * height }
    var lines: [String] = []
    for percent in stride(from: 0, through: 100, by: 25) {
      let level = y(Double(percent) / 100)
      lines.append("<path d=\"M\(left) \(level)h\(width)\" stroke=\"#ddd\"/>")
      lines.append("<text x=\"\(left - 6)\" y=\"\(level + 4)\" text-anchor=\"end\">\(percent) %</text>")
    }
    for (index, role) in roles.enumerated() {
      let points = samples.map { "\(x(Double($0.second))),\(y($0.shares[role] ?? 0))" }.joined(separator: " ")
      let colour = colours[index % colours.count]
      lines.append("<polyline points=\"\(points)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\"/>")
      lines.append(
        "<text x=\"\(left + 12 + Double(index) * 90)\" y=\"\(top + height + 34)\" fill=\"\(colour)\">\(role)</text>")
    }
    let size = "width=\"\(Int(left + width + 16))\" height=\"\(Int(top + height + 48))\""
    return """
      <svg xmlns="http://www.w3.org/2000/svg" \(size) font-family="sans-serif" font-size="12">
      <rect width="100%" height="100%" fill="white"/>
      \(lines.joined(separator: "\n"))
      </svg>
      """
  }
}
