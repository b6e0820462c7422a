import Foundation
import MesosAuthorization
import MesosHTTP
import MesosHTTPServer
import MesosModel
import MesosSecurity
import Testing

/// Rules of access, after the examples of Apache Mesos' *Authorization*.
struct AccessControlListsTests {
  private func lists(_ json: String) throws -> AccessControlLists {
    try AccessControlLists(json: json.utf8, source: "--acls")
  }

  private func permits(
    _ lists: AccessControlLists, _ action: AuthorizedAction, _ name: String?, _ object: String?
  ) -> Bool {
    lists.permits(action, by: name.map { Principal(value: $0) }, on: object)
  }

  @Test func `without rules everything is allowed, and nothing where that is not wanted`() throws {
    for action in AuthorizedAction.allCases {
      for name in ["a", nil] {
        for object in ["x", nil] {
          #expect(permits(try lists("{}"), action, name, object))
          #expect(!permits(try lists(#"{"permissive":false}"#), action, name, object))
        }
        #expect(try lists("{}").permitsAll(action, by: name.map { Principal(value: $0) }))
        #expect(try !lists(#"{"permissive":false}"#).permitsAll(action, by: name.map { Principal(value: $0) }))
      }
      // Claims alone match no rule.
      #expect(try !lists("{}").permits(action, by: Principal(value: nil, claims: ["cid": "c"]), on: "x"))
      #expect(try !lists("{}").permitsAll(action, by: Principal(value: nil)))
    }
  }

  /// Every pair of a request and a rule: whether it decides, and what.
  ///
  /// - Source: Apache Mesos 1.11, `authorizer/local/authorizer.cpp`, the tables of `matches` and `allows`.
  @Test func `the first rule whose principals and objects match decides`() throws {
    let entities: [(json: String, one: Bool?, any: Bool?)] = [
      (#"{"values":["a"]}"#, true, nil), (#"{"values":["b"]}"#, nil, nil), (#"{"type":"SOME"}"#, nil, nil),
      (#"{"type":"ANY"}"#, true, true), (#"{"type":"NONE"}"#, false, false),
    ]
    for isPermissive in [true, false] {
      for principals in entities {
        for users in entities {
          let rules = try lists(
            #"{"permissive":\#(isPermissive),"run_tasks":[{"principals":\#(principals.json),"users":\#(users.json)}]}"#)
          for name in ["a", nil] {
            for object in ["a", nil] {
              let subject = name == nil ? principals.any : principals.one
              let target = object == nil ? users.any : users.one
              let expected = subject.flatMap { subject in target.map { subject && $0 } } ?? isPermissive
              #expect(permits(rules, .runTask, name, object) == expected, "\(principals.json) \(users.json)")
            }
            let principal = name.map { Principal(value: $0) }
            if rules.permitsAll(.runTask, by: principal) {
              for object in ["a", "b", "c", nil] { #expect(rules.permits(.runTask, by: principal, on: object)) }
            }
          }
        }
      }
    }
  }

  @Test func `roles are matched as a tree`() throws {
    let rules = try lists(
      #"""
      {"permissive":false,"register_frameworks":[
        {"principals":{"values":["eng"]},"roles":{"values":["eng","eng/%"]}},
        {"principals":{"values":["kids"]},"roles":{"values":["eng/%","*"]}}]}
      """#)
    let expected: [(String, String, Bool)] = [
      ("eng", "eng", true), ("eng", "eng/web", true), ("eng", "eng/web/x", true), ("eng", "english", false),
      ("eng", "ops", false), ("kids", "eng", false), ("kids", "eng/web", true), ("kids", "*", true),
    ]
    for (name, role, isAllowed) in expected {
      #expect(permits(rules, .registerFramework, name, role) == isAllowed, "\(name) \(role)")
    }
    #expect(!rules.permitsAll(.registerFramework, by: Principal(value: "kids")))
    // Of users a percent sign is part of the name.
    let users = try lists(
      #"{"permissive":false,"run_tasks":[{"principals":{"type":"ANY"},"users":{"values":["a/%"]}}]}"#)
    #expect(!permits(users, .runTask, "x", "a/b"))
    #expect(permits(users, .runTask, "x", "a/%"))
  }

  @Test func `an earlier rule hides a later one`() throws {
    let rules = try lists(
      #"""
      {"teardown_frameworks":[
        {"principals":{"values":["ops"]},"framework_principals":{"type":"ANY"}},
        {"principals":{"type":"NONE"},"framework_principals":{"type":"ANY"}}]}
      """#)
    #expect(permits(rules, .teardownFramework, "ops", "fw"))
    #expect(!permits(rules, .teardownFramework, "dev", "fw"))
    #expect(!permits(rules, .teardownFramework, nil, nil))
    #expect(rules.permitsAll(.teardownFramework, by: Principal(value: "ops")))
    #expect(!rules.permitsAll(.teardownFramework, by: nil))
  }

  @Test(arguments: [
    (#"{"run_task":[]}"#, "'run_task' is no list of rules"),
    (#"{"permissive":1}"#, "true or false"),
    (#"{"run_tasks":[{"principals":{},"user":{}}]}"#, "'user' is no member of a rule of 'run_tasks'"),
    (#"{"run_tasks":[{"principals":{}}]}"#, "'users' is missing here"),
    (#"{"run_tasks":[{"principals":{"type":"ALL"},"users":{}}]}"#, "'ALL' is no type of an entity"),
    (#"{"run_tasks":[{"principals":{"value":["a"]},"users":{}}]}"#, "'value' is no member of an entity"),
    (
      #"{"view_flags":[{"principals":{},"flags":{"values":["x"]}}]}"#,
      "ACL.ViewFlags type must be either NONE or ANY"
    ),
    (
      #"{"get_endpoints":[{"principals":{},"paths":{"values":["/state"]}}]}"#,
      "Path: '/state' is not an authorizable path"
    ),
    ("{", "--acls"),
  ])
  func `rules that cannot be meant are refused, with their place`(json: String, words: String) throws {
    let error = #expect(throws: SecurityError.self) { try lists(json) }
    #expect(error?.code == .badRules)
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
  }

  @Test func `every list of rules is read by its name`() throws {
    for list in AccessControlList.allCases {
      let json = #"{"\#(list.rawValue)":[{"principals":{"type":"ANY"},"\#(list.objectsName)":{"type":"NONE"}}]}"#
      #expect(throws: Never.self) { try lists(json) }
    }
    let names = Set(AccessControlList.allCases.map(\.rawValue))
    #expect(names.count == 54)
  }
}

struct CredentialTests {
  private static let file =
    #"{"credentials":[{"principal":"ops","secret":"s3cr3t"},{"principal":"dev","secret":"other"}]}"#

  private func authenticate(_ field: String?) async throws -> AuthenticationOutcome {
    let store = try CredentialStore(json: Self.file.utf8, source: "file")
    let authenticator = BasicAuthenticator(realm: "here", credentials: store)
    return await authenticator.authenticate(field.map { ["Authorization": $0] } ?? [:])
  }

  private func basic(_ text: String) -> String { "Basic " + Data(text.utf8).base64EncodedString() }

  @Test func `a principal is known by its own secret`() async throws {
    #expect(try await authenticate(basic("ops:s3cr3t")) == .principal(Principal(value: "ops")))
    #expect(try await authenticate(basic("dev:other")) == .principal(Principal(value: "dev")))
  }

  @Test(arguments: [
    nil, "", "Basic", "Basic ", "Basic %%%%", "Basic b3Bz", "basic b3BzOnMzY3IzdA==", "Bearer b3BzOnMzY3IzdA==",
    "Basic b3BzOnMzY3IzdA", "Basic b3BzOnMzY3IzdA===", "Basic b3BzOnMzY3IzdA== x", "Basic  b3BzOnMzY3IzdA==",
    "Basic =3BzOnMzY3IzdA==",
  ])
  func `anything else is asked to authenticate`(field: String?) async throws {
    #expect(try await authenticate(field) == .unauthorized(challenges: ["Basic realm=\"here\""]))
  }

  @Test(arguments: ["ops:other", "ops:", "ops:s3cr3t:", "ops:s3cr3t ", "nobody:s3cr3t", ":s3cr3t", "ops", "OPS:s3cr3t"])
  func `a wrong secret is answered as no secret is`(pair: String) async throws {
    #expect(try await authenticate(basic(pair)) == .unauthorized(challenges: ["Basic realm=\"here\""]))
  }

  @Test func `secrets show in nothing that is written about them`() throws {
    let store = try CredentialStore(json: Self.file.utf8, source: "file")
    var dumped = ""
    dump(store, to: &dumped)
    for text in ["\(store)", String(reflecting: store), dumped] { #expect(!text.contains("s3cr3t")) }
    for bad in [
      #"{"credentials":[{"principal":"ops","secret":"s3cr3t"},{"principal":"ops","secret":"s3cr3t"}]}"#,
      #"{"credentials":[{"principal":1,"secret":"s3cr3t"}]}"#, #"{"credentials":[{"secret":"s3cr3t"}]}"#,
      #"{"credentials":[{"principal":"ops","secret":"s3cr3t"}"#,
      #"{"credential":{"principal":"ops","secret":"s3cr3t"}}"#,
      #"{"credentials":[]}"#, "",
    ] {
      let error = #expect(throws: SecurityError.self) { try CredentialStore(json: bad.utf8, source: "file") }
      #expect(
        error.map { !$0.message.contains("s3cr3t") && $0.message.contains("file") } == true, "\(error?.message ?? "")")
    }
  }
}
