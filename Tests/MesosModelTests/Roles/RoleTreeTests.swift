import MesosModel
import MesosTestKit
import Testing

@Suite struct `Role trees` {
  @Test func `keep each role before those below it and siblings in order`() {
    let tree: RoleTree<Int> = ["eng/web": 1, "eng-ops": 2, "ads": 3, "eng/db/a": 4, "eng": 5]
    #expect(tree.roles() == ["ads", "eng", "eng/db", "eng/db/a", "eng/web", "eng-ops"])
    #expect(tree.entries().map(\.role) == ["ads", "eng", "eng/db/a", "eng/web", "eng-ops"])
    #expect(tree.entries().map(\.value) == [3, 5, 4, 1, 2])
    #expect(tree.roles(under: "eng") == ["eng", "eng/db", "eng/db/a", "eng/web"])
    #expect(tree.entries(under: "eng/db").map(\.role) == ["eng/db/a"])
    #expect(tree.children(of: nil) == ["ads", "eng", "eng-ops"])
    #expect(tree.children(of: "eng") == ["eng/db", "eng/web"])
    #expect(tree.children(of: "nobody") == [])
    #expect(tree.ancestors(of: "eng/db/a/x").map(\.role) == ["eng/db/a", "eng"])
    #expect(tree.contains("eng/db") && tree["eng/db"] == nil)
    #expect(tree.count == 5)
  }

  @Test func `forget what was only implied`() {
    var tree: RoleTree<Int> = ["a/b/c": 1, "a/b": 2]
    #expect(tree.remove("a/b") == 2)
    #expect(tree.roles() == ["a", "a/b", "a/b/c"])
    #expect(tree.remove("a/b") == nil)
    tree["a/b/c"] = nil
    #expect(tree.isEmpty && tree.roles() == [] && !tree.contains("a"))
    #expect(tree == [:])
  }

  @Test(arguments: Seeds.few(4))
  func `are what a dictionary and sorting give`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    var tree: RoleTree<Int> = [:]
    var naive: [String: Int] = [:]
    for step in 0..<80 {
      let role = (0..<Int.random(in: 1...4, using: &rng)).map { _ in
        ["a", "b", "a-", "a."][Int.random(in: 0..<4, using: &rng)]
      }
      .joined(separator: "/")
      switch Int.random(in: 0..<4, using: &rng) {
      case 0:
        tree[role] = nil
        naive[role] = nil
      case 1:
        tree[role, default: 0] += step
        naive[role, default: 0] += step
      default:
        tree[role] = step
        naive[role] = step
      }
      let all = Set(naive.keys.flatMap { [$0] + RoleName.ancestors(of: $0) })
      func components(_ role: String) -> [String] { role.split(separator: "/").map(String.init) }
      func sorted(_ roles: some Sequence<String>) -> [String] {
        roles.sorted { components($0).lexicographicallyPrecedes(components($1)) }
      }
      #expect(tree.roles() == sorted(all))
      #expect(tree.roles() == all.sorted(by: RoleName.precedes))
      #expect(tree.entries().map(\.role) == sorted(naive.keys))
      #expect(tree.entries().allSatisfy { naive[$0.role] == $0.value } && tree.count == naive.count)
      #expect(tree.children(of: role) == sorted(all.filter { RoleName.parent(of: $0) == role }))
      #expect(tree.children(of: nil) == sorted(all.filter { RoleName.parent(of: $0) == nil }))
      #expect(tree.entries(under: role).map(\.role) == sorted(naive.keys.filter { RoleName.isInSubtree($0, of: role) }))
      #expect(tree.ancestors(of: role).map(\.role) == RoleName.ancestors(of: role).filter { naive[$0] != nil })
      var other: RoleTree<Int> = [:]
      for (role, value) in naive { other[role] = value }
      #expect(tree == other && tree.hashValue == other.hashValue)
      other["q"] = 1
      #expect(tree != other)
    }
  }

  @Test func `lists of roles are read, and those that stand there twice told`() throws {
    #expect(try RoleName.parseList("") == [])
    #expect(try RoleName.parseList("a,b/c,,a") == ["a", "b/c", "a"])
    #expect(throws: RoleError("Role component ' b' is invalid because it contains backspace or whitespace", offset: 2))
    {
      try RoleName.parseList("a, b")
    }
    let whitelist = try RoleWhitelist(parsing: "b,a,b")
    #expect(whitelist.roles == ["*", "a", "b"] && whitelist.duplicates == ["b"])
    #expect(whitelist.contains("*") && whitelist.contains("a") && !whitelist.contains("a/x"))
  }

  @Test func `names are taken apart`() {
    #expect(RoleName.parent(of: "a/b/c") == "a/b" && RoleName.parent(of: "a") == nil)
    #expect(RoleName.basename(of: "a/b") == "b" && RoleName.basename(of: "a") == "a")
    #expect(RoleName.isNested("a/b") && !RoleName.isNested("a"))
    #expect(RoleName.isInSubtree("a/b", of: "a") && RoleName.isInSubtree("a", of: "a"))
    #expect(!RoleName.isInSubtree("ab", of: "a"))
  }
}
