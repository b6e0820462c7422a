import MesosModel
import MesosTestKit
import Testing

@testable import MesosAllocator

/// What Apache Mesos 1.11.0 answered to a subscription with each pattern in an offer constraint: the size when the limit was zero, or why
/// the pattern is none.
@Suite struct `Regular expressions` {
  private static let generous = OfferConstraintsLimits(memoryBytesMax: 1 << 20, programSizeMax: 10_000)

  static let sizes: [(pattern: String, size: Int)] = [
    (#"a"#, 5),
    (#"ab"#, 6),
    (#"^a"#, 4),
    (#"^a$"#, 4),
    (#"a$"#, 5),
    (#".*"#, 12),
    (#".+"#, 13),
    (#"."#, 12),
    (#"a|b"#, 5),
    (#"a|bc"#, 7),
    (#"abc|abd|xyz"#, 10),
    (#"[a-z]"#, 5),
    (#"[a-z]+"#, 6),
    (#"[a-zA-Z0-9_-]+"#, 9),
    (#"\d+"#, 6),
    (#"\w*"#, 7),
    (#"[^a]"#, 12),
    (#"a*"#, 5),
    (#"a+"#, 6),
    (#"a?"#, 6),
    (#"a{2,5}"#, 12),
    (#"(?:ab){3}"#, 10),
    (#"(ab)"#, 8),
    (#"(a)(b)"#, 10),
    (#"((a)|(b))c"#, 13),
    (#"a{3,}"#, 8),
    (#"(?i)abc"#, 7),
    (#"(?i)k"#, 8),
    (#"(?i)host-[0-9]+"#, 13),
    (#"é"#, 6),
    (#"[é-ü]"#, 6),
    (#"\x{10FFFF}"#, 8),
    (#"(?s)."#, 11),
    (#"rack-[0-9]{1,3}\.(east|west)\.example\.com"#, 37),
    (#"node-(1|2|3)"#, 12),
    (#"\ba\b"#, 7),
    (#"a??"#, 6),
    (#"(a*)*"#, 7),
    (#"[a-c]|[d-f]"#, 5),
    (#"a|b|c|d"#, 5),
    (#"foo|foobar"#, 11),
    (#"\Q.*\E"#, 6),
    (#"\s"#, 7),
    (#"[[:alpha:]]"#, 5),
    (#"\S"#, 14),
    (#"\D"#, 12),
    (#"(?m)^a$"#, 7),
    (#"()"#, 6),
    (#"(|a)"#, 8),
    (#"a||b"#, 7),
    (#"(?i)[a-c]"#, 5),
    (#"[\d\-x]"#, 7),
    (#"\z"#, 4),
    (#"\Aa\z"#, 4),
    (#"(?U)a+"#, 6),
    (#"[[:^alpha:]]"#, 13),
    (#"(?P<n>a)(?P<n>b)"#, 10),
    (#"(?i:a)b"#, 6),
    (#"a{1000}"#, 1004),
    (#"(a{100}){10}"#, 1024),
    (#"[]a]"#, 6),
    (#"[^]a]"#, 13),
    (#"[a-]"#, 6),
    (#"[-a]"#, 6),
    (#"\x41"#, 5),
    (#"\07"#, 5),
    (#"\012"#, 5),
    (#"|"#, 4),
    (#"a{0}"#, 4),
    (#"a{0,0}"#, 4),
    (#"a{0,1}"#, 6),
    (#"\t\n\r\f\v\a"#, 10),
    (#"\_"#, 5),
    (#"\-"#, 5),
    (#"\@"#, 5),
    (#"[[.a.]]"#, 8),
    (#"[a\]b]"#, 6),
    (#"(?i)ſ"#, 7),
    (#"xa*y"#, 7),
    (#"xa*ya*"#, 8),
    (#"xa*yb*z"#, 9),
    (#"x(ab)*y"#, 10),
    (#"x(?:ab)*"#, 7),
    (#"x(a|bc)+y"#, 12),
    (#"xa?"#, 7),
    (#"xa?y"#, 8),
    (#"x^a"#, 7),
    (#"a$b"#, 7),
    (#"^a|b"#, 7),
    (#"a|bc|de"#, 9),
    (#"xa|xb"#, 6),
    (#"ab|ac|d"#, 7),
    (#"(a|b)"#, 7),
    (#"(?:a|bc)"#, 7),
    (#"(?:a|)x"#, 7),
    (#"a{0,2}"#, 8),
    (#"xa{0,2}y"#, 10),
    (#"a{0,}"#, 5),
    (#"a{1,}"#, 6),
    (#"a{1}"#, 5),
    (#"(?i)s"#, 7),
    (#"(?i)[k]"#, 8),
    (#"(?i)abcde"#, 9),
    (#"[é]"#, 6),
    (#"[éa]"#, 7),
    (#"[^\d]"#, 12),
    (#"\W"#, 15),
  ]

  static let errors: [(pattern: String, problem: String)] = [
    (#"a\Z"#, #"invalid escape sequence: \Z"#),
    (#"(?P<>a)"#, #"invalid named capture group: (?P<>"#),
    (#"(?P=n)"#, #"invalid perl operator: (?P"#),
    (#"x**"#, #"bad repetition operator: **"#),
    (#"x+*"#, #"bad repetition operator: +*"#),
    (#"x{2}{3}"#, #"bad repetition operator: {2}{3}"#),
    (#"x{2}*"#, #"bad repetition operator: {2}*"#),
    (#"(a{100}){11}"#, #"invalid repetition size: {11}"#),
    (#"[a"#, #"missing ]: [a"#),
    (#"[a-\d]"#, #"invalid escape sequence: \d"#),
    (#"\x4"#, #"invalid escape sequence: \x4"#),
    (#"\x{zz}"#, #"invalid escape sequence: \x{z"#),
    (#"\8"#, #"invalid escape sequence: \8"#),
    (#"(?"#, #"invalid perl operator: (?"#),
    (#"(?P<n"#, #"invalid named capture group: (?P<n"#),
    (#")"#, #"unexpected ): )"#),
    (#"(a"#, #"missing ): (a"#),
    (#"*a"#, #"no argument for repetition operator: *"#),
    (#"(?=a)"#, #"invalid perl operator: (?="#),
    (#"(?<n>a)"#, #"invalid perl operator: (?<"#),
    (#"a)"#, #"unexpected ): a)"#),
    (#"[b-a]"#, #"invalid character class range: b-a"#),
    (#"a**"#, #"bad repetition operator: **"#),
    (#"a{1001}"#, #"invalid repetition size: {1001}"#),
    (#"a\"#, #"trailing \"#),
    (#"\1"#, #"invalid escape sequence: \1"#),
    (#"\q"#, #"invalid escape sequence: \q"#),
    (#"[[:foo:]]"#, #"invalid character class range: [:foo:]"#),
    (#"\p{Foo}"#, #"invalid character class range: \p{Foo}"#),
    (#"x{2,1}"#, #"invalid repetition size: {2,1}"#),
    (#"(?z)a"#, #"invalid perl operator: (?z"#),
  ]

  @Test(arguments: sizes)
  func `a program is as large as RE2 says`(pattern: String, size: Int) throws {
    #expect(try RegularExpression(pattern, limits: Self.generous).size == size)
  }

  /// What RE2 merges further, or where classes beyond ASCII take it more steps.
  @Test(arguments: [
    (#"^(a|b)*$"#, 5), ("(?i)é", 7), ("[^é]", 21), (#"[é-\x{FFFF}]"#, 12), (#"[\x{100}-\x{FFFF}]"#, 10),
    (#"[^\x00-\x{10FFFF}]"#, 1),
  ])
  func `other programs are about as large as RE2 says`(pattern: String, size: Int) throws {
    let mine = try RegularExpression(pattern, limits: Self.generous).size
    #expect(abs(mine - size) <= max(4, size / 2))
  }

  @Test(arguments: errors)
  func `a pattern that is none is refused in RE2's words`(pattern: String, problem: String) {
    let error = #expect(throws: RegularExpressionError.self) {
      try RegularExpression(pattern, limits: Self.generous)
    }
    #expect(error?.message == "Failed to construct regex from pattern '\(pattern)': \(problem)")
  }

  @Test(arguments: [
    ("abc", "abc", true), ("abc", "xabc", false), ("abc", "abcx", false), ("", "", true), ("", "a", false),
    ("a*", "", true), ("a*", "aaaa", true), ("a+", "", false), ("a?b", "b", true), ("a|bc", "bc", true),
    ("(?:ab){2,3}", "abab", true), ("(?:ab){2,3}", "ab", false), ("(?:ab){2,3}", "abababab", false),
    ("a{2,}", "a", false), ("a{2,}", "aaaaa", true), (".", "\n", false), ("(?s).", "\n", true), (".", "é", true),
    ("[^a]", "é", true), ("[^a]", "a", false), ("(?i)HoSt-[a-c]", "hOsT-B", true), ("(?i)k", "\u{212A}", true),
    (#"\bfoo\b.*"#, "foo bar", true), (#"foo\b.+"#, "foobar", false), (#"fo\Bo"#, "foo", true),
    ("^a$", "a", true), ("a^b", "ab", false), ("a$b", "ab", false), (#"a\zb"#, "ab", false),
    ("(?m)a$\n^b", "a\nb", true), (#"\Aa\z"#, "a", true),
    (#"\Q.*\E"#, ".*", true), (#"\Q.*\E"#, "ab", false), (#"\x41\x{e9}\012"#, "Aé\n", true),
    (#"[[:alpha:]\d]+"#, "a1", true), (#"[\]\-^]+"#, "]-^", true), ("[]a]+", "]a", true), (#"\pL+"#, "Straße", true),
    (#"\P{Lu}"#, "a", true), (#"\P{Lu}"#, "A", false), (#"(?i)\p{Lu}"#, "a", true), ("a{,2}", "a{,2}", true),
    ("a{", "a{", true), ("(?i:a)b", "Ab", true), ("(?i:a)b", "AB", false), ("x(?i)a|b", "B", true),
    ("(?P<zone>a|b)-(?P<zone2>[0-9]+)", "b-12", true), (#"[^\x00-\x{10FFFF}]"#, "a", false), ("(|a)+", "aa", true),
    ("(?U)a+?", "aaa", true), ("foo|foobar", "foobar", true), ("abc|abd|xyz", "abd", true),
  ])
  func `all of a text matches or it does not`(pattern: String, text: String, isMatch: Bool) throws {
    #expect(try RegularExpression(pattern, limits: Self.generous).matches(text) == isMatch)
  }

  @Test func `expressions are limited as those of Apache Mesos are`() throws {
    func problem(_ pattern: String) -> String? {
      do {
        _ = try RegularExpression(pattern, limits: OfferConstraintsLimits())
        return nil
      } catch { return error.message }
    }
    #expect(problem("a{96}") == nil)
    #expect(
      problem("a{100}")
        == "Regex 'a{100}' is too complex: program size of 104 is larger than maximum of 100 allowed")
    #expect(problem("a{285}")?.contains("program size of 289") == true)
    let tooLarge = "Failed to construct regex from pattern 'a{286}': pattern too large - compile failed"
    #expect(problem("a{286}") == tooLarge)
    for pattern in ["a{1000}", "((((a{100}){10})))", #"\pL"#, #"\pN+"#, String(repeating: "x", count: 5000)] {
      #expect(problem(pattern)?.hasSuffix("pattern too large - compile failed") == true, "\(pattern)")
    }
    #expect(problem(String(repeating: "(", count: 1_000_000)) != nil)
    #expect(problem(String(repeating: "(?:", count: 1000) + String(repeating: ")*", count: 1000)) != nil)
  }

  @Test func `matching takes time linear in the text, whatever the expression`() throws {
    // By backtracking each of these would take longer than the universe is old.
    let row = String(repeating: "a", count: 500)
    for pattern in ["(a|a)*b", "(a*)*b", "(?:a+)+b", "(?:a?){30}a{30}", "(.*)(.*)(.*)(.*)b"] {
      #expect(try !RegularExpression(pattern, limits: Self.generous).matches(row), "\(pattern)")
    }
  }

  @Test(arguments: Seeds.few(20))
  func `random expressions match what another engine says`(seed: UInt64) throws {
    var rng = SplitMix64(seed: seed)
    func expression(_ depth: Int) -> String {
      switch Int.random(in: 0..<(depth > 0 ? 9 : 4), using: &rng) {
      case 0: return "a"
      case 1: return "b"
      case 2: return "[ab]"
      case 3: return "."
      case 4: return expression(depth - 1) + expression(depth - 1)
      case 5: return "(?:" + expression(depth - 1) + "|" + expression(depth - 1) + ")"
      case 6: return "(?:" + expression(depth - 1) + ")*"
      case 7: return "(" + expression(depth - 1) + ")?"
      default: return "(?:" + expression(depth - 1) + "){1,2}"
      }
    }
    for _ in 0..<40 {
      let pattern = expression(3)
      let mine = try RegularExpression(pattern, limits: Self.generous)
      let other = try Regex(pattern)
      for length in 0..<5 {
        let text = String((0..<length).map { _ in (["a", "b", "c"] as [Character]).randomElement(using: &rng) ?? "a" })
        #expect(try mine.matches(text) == (other.wholeMatch(in: text) != nil), "SIM_SEED=\(seed) \(pattern) \(text)")
      }
    }
  }
}
