import MesosModel
import MesosTestKit
import SwiftProtobuf

/// What a parser did with an input that it must not do.
struct FuzzFinding: Error, CustomStringConvertible {
  var description: String
}

func demand(_ condition: Bool, _ text: @autoclosure () -> String) throws(FuzzFinding) {
  if !condition { throw FuzzFinding(description: text()) }
}

/// What `work` gives; that it is refused is a finding.
func accepted<Failure, Value>(
  _ what: @autoclosure () -> String, _ work: () throws(Failure) -> Value
) throws(FuzzFinding) -> Value {
  do throws(Failure) {
    return try work()
  } catch {
    throw FuzzFinding(description: "\(what()) is refused: \(error)")
  }
}

/// A parser with a source of inputs for it: some well formed, some well formed but for a few changes, some nothing but tokens.
struct FuzzTarget: Sendable, CustomStringConvertible {
  let name: String
  /// Makes one input, gives it to the parser and checks the outcome; returns whether the input was read.
  let step: @Sendable (inout SplitMix64) throws(FuzzFinding) -> Bool

  var description: String { name }

  /// A target that is given texts.
  init(
    _ name: String, tokens: [String], generate: @escaping @Sendable (inout SplitMix64) -> String,
    check: @escaping @Sendable (String) throws(FuzzFinding) -> Bool
  ) {
    self.name = name
    step = { (random) throws(FuzzFinding) in
      let text: String
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<3: text = generate(&random)
      case 3..<9: text = FuzzTarget.mutate(generate(&random), with: tokens, using: &random)
      default: text = random.several(0...12, of: tokens).joined()
      }
      do {
        return try check(text)
      } catch {
        throw FuzzFinding(description: "\(error) — the input is \(text.debugDescription)")
      }
    }
  }

  /// A target that makes its own inputs.
  init(_ name: String, step: @escaping @Sendable (inout SplitMix64) throws(FuzzFinding) -> Bool) {
    self.name = name
    self.step = step
  }

  static func mutate(_ text: String, with tokens: [String], using random: inout SplitMix64) -> String {
    String(decoding: mutate(Array(text.utf8), with: tokens, using: &random), as: UTF8.self)
  }

  /// Changes one to four places: a byte, a token put in, a run taken out or doubled, the end cut off.
  static func mutate(_ bytes: [UInt8], with tokens: [String], using random: inout SplitMix64) -> [UInt8] {
    var bytes = bytes
    for _ in 0...Int.random(in: 0..<4, using: &random) {
      let place = Int.random(in: 0...bytes.count, using: &random)
      let end = min(place + Int.random(in: 1..<12, using: &random), bytes.count)
      switch Int.random(in: 0..<7, using: &random) {
      case 0 where place < bytes.count: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
      case 1 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2: bytes.removeSubrange(place..<end)
      case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
      case 4: bytes.removeSubrange(place...)
      default: bytes.insert(contentsOf: random.one(of: tokens).utf8, at: place)
      }
    }
    return bytes
  }

  /// Gives the parser `count` inputs.
  ///
  /// - Returns: How many of them were read; the others were refused as they have to be.
  /// - Throws: `FuzzFinding` with the seed, the number of the input and the input.
  func run(seed: UInt64, count: Int) throws(FuzzFinding) -> Int {
    var random = SplitMix64(seed: seed)
    var read = 0
    for number in 0..<count {
      do {
        let start = ContinuousClock.now
        if try step(&random) { read += 1 }
        let time = ContinuousClock.now - start
        try demand(time < .seconds(10), "an input of some hundred bytes took \(time)")
      } catch {
        throw FuzzFinding(description: "\(name), SIM_SEED=\(seed), input \(number): \(error)")
      }
    }
    return read
  }
}

extension SplitMix64 {
  mutating func one<Element>(of elements: [Element]) -> Element {
    elements[Int.random(in: elements.indices, using: &self)]
  }

  mutating func several<Element>(_ count: ClosedRange<Int>, of elements: [Element]) -> [Element] {
    (0..<Int.random(in: count, using: &self)).map { _ in one(of: elements) }
  }

  /// True once in `count` times.
  mutating func once(in count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }
}
