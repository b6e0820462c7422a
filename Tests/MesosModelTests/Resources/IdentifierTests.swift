import MesosModel
import Testing

@Suite struct `Identifiers a master gives` {
  @Test func `count from nothing`() {
    #expect(AgentKey(master: "m", number: 0) == "m-S0")
    #expect(FrameworkKey(master: "m", number: 0) == "m-0000")
    #expect(FrameworkKey(master: "m", number: 12_345) == "m-12345")
    #expect(OfferKey(master: "m", number: 17) == "m-O17")
  }
}
