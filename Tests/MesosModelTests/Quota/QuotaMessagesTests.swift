import MesosModel
import SwiftProtobuf
import Testing

extension QuotaConfig {
  /// A config of plain numbers.
  static func of(_ role: String?, guarantees: [String: Double] = [:], limits: [String: Double] = [:]) -> QuotaConfig {
    func messages(_ amounts: [String: Double]) -> [String: MesosValue.Scalar] {
      amounts.mapValues { value in MesosValue.Scalar.with { $0.value = value } }
    }
    return QuotaConfig.with {
      if let role { $0.role = role }
      $0.guarantees = messages(guarantees)
      $0.limits = messages(limits)
    }
  }
}

@Suite struct `Quotas in messages` {
  @Test func `are read from UPDATE_QUOTA and written for GET_QUOTA`() throws {
    let config = QuotaConfig.of("eng", guarantees: ["cpus": 0.25, "mem": 0], limits: ["cpus": 1, "disk": 0])
    let quota = try Quota(config)
    #expect(quota.guarantees == ["cpus": 0.25] && quota.limits == ["cpus": 1, "disk": 0])
    #expect(quota.config(role: "eng") == .of("eng", guarantees: ["cpus": 0.25], limits: ["cpus": 1, "disk": 0]))
    #expect(
      quota.info(role: "eng")
        == QuotaInfo.with {
          $0.role = "eng"
          $0.guarantee = [
            Resource.with {
              $0.name = "cpus"
              $0.type = .scalar
              $0.scalar.value = 0.25
            }
          ]
        })
    #expect(try Quota(.of("*")).isNone && Quota.none.isNone)
    #expect(try Quota(.of("*", limits: ["mem": 1_099_511_627_776])).limits["mem"]?.doubleValue == 1_099_511_627_776)
  }

  /// The texts are those of Apache Mesos 1.11.0, which prints the two maps of the last but one in the order of its hash table.
  @Test(
    arguments: [
      (.of(nil), .missingRole, "'QuotaConfig.role' must be set", nil),
      (
        .of("-x"), .invalidRole,
        "Invalid 'QuotaConfig.role': Role component '-x' is invalid because it starts with a dash",
        nil
      ),
      (
        .of("x", limits: ["cpus": -1]), .invalidAmount,
        "Invalid limit configuration {'cpus': -1}: Negative values not supported", "cpus"
      ),
      (
        .of("x", guarantees: ["cpus": -1]), .invalidAmount,
        "Invalid guarantee configuration {'cpus': -1}: Negative values not supported", "cpus"
      ),
      (
        .of("x", guarantees: ["cpus": .nan]), .invalidAmount,
        "Invalid guarantee configuration {'cpus': nan}: NaN not supported", "cpus"
      ),
      (
        .of("x", limits: ["cpus": .leastNonzeroMagnitude]), .invalidAmount,
        "Invalid limit configuration {'cpus': 0}: Subnormal values not supported", "cpus"
      ),
      (
        .of("x", guarantees: ["cpus": 2e12]), .tooLarge,
        "Invalid 'QuotaConfig.guarantees': {'cpus': 2000000000000} is invalid: values greater than 1 trillion (1000000000000)"
          + " are not supported", "cpus"
      ),
      (
        .of("x", limits: ["mem": 1_099_511_627_777]), .tooLarge,
        "Invalid 'QuotaConfig.limits': {'mem': 1099511627777} is invalid: values greater than 1 exabyte (1099511627776)"
          + " are not supported", "mem"
      ),
      (
        .of("x", guarantees: ["cpus": 2, "mem": 5], limits: ["cpus": 1.5, "mem": 5]), .guaranteeAboveLimit,
        "'QuotaConfig.guarantees' { cpus: 2, mem: 5 } is not contained within the 'QuotaConfig.limits'"
          + " { cpus: 1.5, mem: 5 }", "cpus"
      ),
      (
        .of("x", limits: ["cpus": .infinity]), .tooLarge,
        "Invalid 'QuotaConfig.limits': {'cpus': inf} is invalid: values greater than 1 trillion (1000000000000)"
          + " are not supported", "cpus"
      ),
    ] as [(QuotaConfig, QuotaError.Code, String, String?)])
  func `are refused in the words of Apache Mesos`(
    config: QuotaConfig, code: QuotaError.Code, message: String, resource: String?
  ) {
    #expect(throws: QuotaError(code, message, role: config.hasRole ? config.role : nil, resource: resource)) {
      try Quota(config)
    }
  }

  static func resource(_ name: String, _ value: Double, _ change: (inout Resource) -> Void = { _ in }) -> Resource {
    Resource.with {
      $0.name = name
      $0.type = .scalar
      $0.scalar.value = value
      change(&$0)
    }
  }

  static let ports = Resource.with {
    $0.name = "ports"
    $0.type = .ranges
    $0.ranges.range = [
      MesosValue.Range.with {
        $0.begin = 1
        $0.end = 20
      }
    ]
  }

  private func request(_ role: String, _ guarantee: [Resource]) -> QuotaRequest {
    QuotaRequest.with {
      $0.role = role
      $0.guarantee = guarantee
    }
  }

  @Test func `of the old call guarantee and limit the same`() throws {
    let quota = try Quota(request("eng", [Self.resource("cpus", 2), Self.resource("mem", 0) { $0.role = "*" }]))
    #expect(quota == Quota(guarantees: ["cpus": 2], limits: ["cpus": 2, "mem": 0]))
    let counted = try Quota(request("eng", [Self.ports]), counting: .everything)
    #expect(counted == Quota(guarantees: ["ports": 20], limits: ["ports": 20]))
  }

  /// The texts are those of Apache Mesos 1.11.0.
  @Test(
    arguments: [
      ("y", [], .emptyGuarantee, "QuotaInfo with empty 'guarantee'"),
      (
        "", [resource("cpus", 1)], .invalidRole,
        "QuotaInfo with invalid role: Role names cannot be the empty string"
      ),
      ("y", [ports], .notScalar, "QuotaInfo must not include non-scalar resources"),
      (
        "y", [resource("cpus", 1), resource("cpus", 1)], .duplicateResource,
        "QuotaInfo contains duplicate resource name 'cpus'"
      ),
      ("y", [resource("cpus", 1) { $0.role = "eng" }], .reserved, "QuotaInfo must not contain any ReservationInfo"),
      (
        "y", [resource("cpus", 1) { $0.reservations = [Reservation(.dynamic, role: "eng").message] }], .reserved,
        "QuotaInfo must not contain any ReservationInfo"
      ),
      (
        "y", [resource("cpus", 1) { $0.revocable = Resource.RevocableInfo() }], .revocable,
        "QuotaInfo must not contain RevocableInfo"
      ),
      ("y", [resource("disk", 1) { $0.disk.source.type = .path }], .disk, "QuotaInfo must not contain DiskInfo"),
    ] as [(String, [Resource], QuotaError.Code, String)])
  func `of the old call are refused in the words of Apache Mesos`(
    role: String, guarantee: [Resource], code: QuotaError.Code, message: String
  ) {
    do {
      _ = try Quota(request(role, guarantee))
      Issue.record("\(guarantee) is taken")
    } catch {
      #expect(error.code == code && error.message == message)
      #expect(
        error.role == role && error.resource == guarantee.last?.name || code == .emptyGuarantee || code == .invalidRole)
    }
  }

  @Test func `of the old call hold valid resources`() {
    do {
      _ = try Quota(request("y", [Self.resource("cpus", -1)]))
      Issue.record("a negative amount is taken")
    } catch {
      #expect(error.code == .invalidResource && error.resource == "cpus")
      #expect(error.message.hasPrefix("QuotaInfo with invalid resource: Resource 'cpus:-1' is invalid: "))
    }
    #expect(throws: QuotaError(.missingRole, "QuotaInfo must specify a role")) { try Quota(QuotaInfo()) }
  }
}
