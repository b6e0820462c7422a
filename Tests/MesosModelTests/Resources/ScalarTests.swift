import MesosModel
import Testing

@Suite struct `Scalars` {
  @Test func `three tenths are a tenth and two tenths`() throws {
    let (tenth, twoTenths) = (0.1, 0.2)
    let sum = try #require(Scalar(tenth)) + #require(Scalar(twoTenths))
    #expect(sum == 0.3)
    #expect(sum.doubleValue == 0.3)
  }

  @Test(
    arguments: [
      (0.0005, 1), (0.0004999, 0), (-0.0005, -1), (1.9999, 2000), (4, 4000), (0.1234, 123),
      (1e12, 1_000_000_000_000_000),
    ] as [(Double, Int64)])
  func `amounts are rounded to three decimals, half away from zero`(value: Double, thousandths: Int64) {
    #expect(Scalar(value)?.thousandths == thousandths)
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity, 1e300, -1e13])
  func `what is no amount is refused`(value: Double) { #expect(Scalar(value) == nil) }

  @Test(
    arguments: [
      (3500, "3.5"), (4_096_000, "4096"), (1, "0.001"), (10, "0.01"), (-1, "-0.001"), (0, "0"), (100_000_000, "100000"),
      (10_000_123, "10000.123"), (-1000, "-1"),
    ] as [(Int64, String)])
  func `amounts print with the decimals they need`(thousandths: Int64, text: String) {
    #expect(Scalar(thousandths: thousandths).description == text)
  }

  @Test func `every amount of three decimals survives the way over a double`() {
    for thousandths in stride(from: Int64(0), through: 1_000_000, by: 7) {
      let scalar = Scalar(thousandths: thousandths)
      #expect(Scalar(scalar.doubleValue) == scalar)
    }
  }

  @Test func `sums stay at the edge of their range`() {
    let most = Scalar(thousandths: .max)
    #expect(most + 1 == most)
    #expect(Scalar(thousandths: .min) - 1 == Scalar(thousandths: .min))
  }
}
