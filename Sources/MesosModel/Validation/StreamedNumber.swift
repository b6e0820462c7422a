/// Numbers as C++ streams write them, which is how they stand in messages of Apache Mesos.
enum StreamedNumber {
  /// `value` in six significant digits, without trailing zeros; beyond a million or below a ten-thousandth with an exponent: `1e+10`.
  static func text(_ value: Double) -> String {
    guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
    guard value != 0 else { return value.sign == .minus ? "-0" : "0" }
    let sign = value < 0 ? "-" : ""
    var exponent = 0
    var scaled = value.magnitude
    while scaled >= 10 {
      scaled /= 10
      exponent += 1
    }
    while scaled < 1 {
      scaled *= 10
      exponent -= 1
    }
    // Six digits, the first not zero.
    var number = Int((scaled * 100_000).rounded(.toNearestOrEven))
    if number == 1_000_000 {
      number = 100_000
      exponent += 1
    }
    var digits = Array(String(number))
    while digits.count > 1, digits.last == "0" { digits.removeLast() }
    func joined(pointAfter count: Int) -> String {
      count >= digits.count
        ? String(digits) + String(repeating: "0", count: count - digits.count)
        : String(digits[..<count]) + "." + String(digits[count...])
    }
    if exponent < -4 || exponent >= 6 {
      let power = String(exponent.magnitude)
      return sign + joined(pointAfter: 1) + (exponent < 0 ? "e-" : "e+") + (power.count < 2 ? "0" : "") + power
    }
    guard exponent < 0 else { return sign + joined(pointAfter: exponent + 1) }
    return sign + "0." + String(repeating: "0", count: -exponent - 1) + String(digits)
  }
}
