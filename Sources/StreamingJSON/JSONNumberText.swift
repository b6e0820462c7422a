/// How numbers are written.
enum JSONNumberText {
  /// The shortest digits that read back as the same number, always with a fraction or an exponent: `4.0`, `0.1`, `1e+20`.
  ///
  /// - Returns: `nil` for infinities and NaN.
  static func text(_ number: Double) -> String? { number.isFinite ? number.description : nil }
}
