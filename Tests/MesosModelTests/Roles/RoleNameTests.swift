import MesosModel
import Testing

@Suite struct `Role names` {
  @Test(arguments: ["*", "a", "a/b", "a-b", "a/b/c", "ä", "a.b", "...", "a*", "0", "a\u{8}", "a:b", "a\u{a0}b"])
  func `that are valid`(role: String) throws { try RoleName.validate(role) }

  /// The texts are those of Apache Mesos 1.11.0.
  @Test(arguments: [
    ("", "Role names cannot be the empty string", 0), ("/a", "Role '/a' cannot start with a slash", 0),
    ("a/", "Role 'a/' cannot end with a slash", 1), ("/", "Role '/' cannot start with a slash", 0),
    ("a//b", "Role 'a//b' cannot contain two adjacent slashes", 2),
    (".", "Role '.' cannot include '.' as a component", 0),
    ("a/.", "Role 'a/.' cannot include '.' as a component", 2),
    ("..", "Role '..' cannot include '..' as a component", 0),
    ("*/a", "Role '*/a' cannot include '*' as a component", 0),
    ("-a", "Role component '-a' is invalid because it starts with a dash", 0),
    ("ä/-b", "Role component '-b' is invalid because it starts with a dash", 3),
    ("a b", "Role component 'a b' is invalid because it contains backspace or whitespace", 1),
    ("a\u{7f}", "Role component 'a\u{7f}' is invalid because it contains backspace or whitespace", 1),
    ("b/a\r\nb", "Role component 'a\r\nb' is invalid because it contains backspace or whitespace", 3),
  ])
  func `that are not are refused in the words of Apache Mesos, with the place`(role: String, text: String, offset: Int)
  {
    do {
      try RoleName.validate(role)
      Issue.record("\(role) is valid")
    } catch {
      #expect(error.message == text)
      #expect(error.offset == offset)
    }
  }

  @Test func `lie below their ancestors and nothing else`() {
    #expect(RoleName.isStrictSubrole("a/b", of: "a"))
    #expect(RoleName.isStrictSubrole("a/b/c", of: "a"))
    #expect(!RoleName.isStrictSubrole("a", of: "a"))
    #expect(!RoleName.isStrictSubrole("ab", of: "a"))
    #expect(!RoleName.isStrictSubrole("ab/c", of: "a"))
    #expect(!RoleName.isStrictSubrole("a", of: "a/b"))
    #expect(!RoleName.isStrictSubrole("a", of: "*"))
    #expect(RoleName.ancestors(of: "a/b/c") == ["a/b", "a"])
    #expect(RoleName.ancestors(of: "a") == [])
  }
}
