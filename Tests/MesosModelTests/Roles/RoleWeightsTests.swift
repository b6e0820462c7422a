import MesosModel
import SwiftProtobuf
import Testing

@Suite struct `Weights of roles` {
  private func info(_ role: String, _ weight: Double) -> WeightInfo {
    WeightInfo.with {
      $0.role = role
      $0.weight = weight
    }
  }

  @Test func `are one where they are not set`() throws {
    let weights = try RoleWeights(parsing: "eng=2,ads=3.5,eng=4")
    #expect(weights["eng"] == 4 && weights["ads"] == 3.5 && weights["dev"] == 1)
    #expect(weights.isSet("eng") && !weights.isSet("dev"))
    #expect(weights.infos == [info("ads", 3.5), info("eng", 4)])
    #expect(try RoleWeights(parsing: "").infos == [])
  }

  @Test(arguments: [
    ("eng=1,eng", "Invalid weight: 'eng'. --weights should be of the form 'role=weight,role=weight'", 6),
    ("eng=1=2", "Invalid weight: 'eng=1=2'. --weights should be of the form 'role=weight,role=weight'", 0),
    ("eng=0", "Invalid weight: 'eng=0'. Weights must be positive", 4),
    ("eng=-1", "Invalid weight: 'eng=-1'. Weights must be positive", 4),
    ("eng=nan", "Invalid weight: 'eng=nan'. Weights must be positive", 4),
    ("eng=2x", "Invalid weight: 'eng=2x'. '2x' is not a number", 4),
    ("eng=1,dev=1", "Invalid weight: 'dev=1'. dev is not a valid role", 6),
    (
      "a b=1", "Invalid weight: 'a b=1'. Role component 'a b' is invalid because it contains backspace or whitespace", 1
    ),
  ])
  func `are refused in the words of Apache Mesos, with the place`(text: String, message: String, offset: Int) throws {
    let whitelist = try RoleWhitelist(["eng"])
    do {
      _ = try RoleWeights(parsing: text, whitelist: whitelist)
      Issue.record("\(text) is taken")
    } catch {
      #expect(error.message == message)
      #expect(error.offset == offset)
    }
  }

  @Test func `are updated all or not at all`() throws {
    var weights = try RoleWeights(parsing: "eng=2")
    let before = weights
    #expect(throws: RoleError.self) { try weights.update([info("eng", 3), info("ads", 0)]) }
    #expect(weights == before)
    #expect(try weights.update([info(" eng\n", 3), info("ads", 1)]) == ["eng", "ads"])
    #expect(weights["eng"] == 3 && weights.isSet("ads"))
  }

  /// The texts are those of Apache Mesos 1.11.0 but for the last two, which it accepts.
  @Test(
    arguments: [
      ("x", 0, "for role 'x': Invalid weight '0': Weights must be positive"),
      ("x", -0.5, "for role 'x': Invalid weight '-0.5': Weights must be positive"),
      ("-x", 1, "Invalid role '-x': Role component '-x' is invalid because it starts with a dash"),
      ("", 1, "Invalid role '': Role names cannot be the empty string"), ("y", 1, "Unknown role 'y'"),
      ("x", .nan, "for role 'x': Invalid weight 'nan': Weights must be positive"),
      ("x", .infinity, "for role 'x': Invalid weight 'inf': Weights must be positive"),
    ] as [(String, Double, String)])
  func `are refused by an update in the words of Apache Mesos`(role: String, weight: Double, text: String) throws {
    var weights = RoleWeights()
    let whitelist = try RoleWhitelist(["x"])
    let separator = text.hasPrefix("for") ? " " : ": "
    do {
      try weights.update([info(role, weight)], whitelist: whitelist)
      Issue.record("\(role) \(weight) is taken")
    } catch { #expect(error.message == "Failed to validate update weights request JSON\(separator)\(text)") }
  }

  @Test func `divide a cluster level by level`() throws {
    let weights = try RoleWeights(parsing: "eng=2")
    let roles: RoleTree<Bool> = ["eng/web": true, "eng/db": true, "ads": true]
    #expect(weights.fairFraction(of: "eng", among: roles) == 2.0 / 3)
    #expect(weights.fairFraction(of: "eng/web", among: roles) == 1.0 / 3)
    #expect(weights.fairFraction(of: "ads", among: roles) == 1.0 / 3)
    #expect(weights.fairFraction(of: "dev", among: roles) == 0)
    // The frameworks of `eng` itself are one more sibling of weight 1.
    let own: RoleTree<Bool> = ["eng": true, "eng/web": true]
    #expect(weights.fairFraction(of: "eng/web", among: own) == 0.5)
  }
}
