import SwiftProtobuf

/// The rules about schedules of maintenance and lists of machines.
///
/// - Source: Apache Mesos, `src/master/maintenance.cpp`, namespace `validation`.
public enum MaintenanceValidation {
  /// Checks a schedule that is to replace another: each window has machines and a span of time, no machine is in it twice, and no machine
  /// that is down is left out.
  ///
  /// - Parameters:
  ///   - schedule: The new schedule.
  ///   - down: The machines that are down for maintenance.
  /// - Throws: `ValidationError` about the first rule broken.
  /// - Complexity: O(*n*) in the machines.
  public static func validate(_ schedule: MaintenanceSchedule, down: [MachineID]) throws(ValidationError) {
    let path = "windows.machine_ids"
    var scheduled: Set<Machine> = []
    for window in schedule.windows {
      guard !window.machineIds.isEmpty else {
        throw ValidationError(.missingField, "List of machines in the maintenance window is empty", path: path)
      }
      guard window.unavailability.duration.nanoseconds >= 0 else {
        throw ValidationError(
          .invalidValue, "Unavailability 'duration' is negative", path: "windows.unavailability.duration")
      }
      for machine in window.machineIds { try insert(machine, into: &scheduled, path: path) }
    }
    for machine in down where !scheduled.contains(Machine(machine)) {
      throw ValidationError(
        .conflictingFields,
        "Machine '\(text(machine))' is deactivated and cannot be removed from the schedule", path: path)
    }
  }

  /// Checks the machines whose maintenance is to begin or to end: at least one, none twice.
  /// - Throws: `ValidationError` about the first rule broken.
  /// - Complexity: O(*n*).
  public static func validate(_ machines: [MachineID]) throws(ValidationError) {
    guard !machines.isEmpty else {
      throw ValidationError(.missingField, "List of machines is empty", path: "machines")
    }
    var seen: Set<Machine> = []
    for machine in machines { try insert(machine, into: &seen, path: "machines") }
  }

  /// Checks that a machine has a name or an address, and that its address is one of IPv4.
  /// - Throws: `ValidationError` with code `.missingField` or `.invalidValue`.
  public static func validate(_ machine: MachineID) throws(ValidationError) {
    guard !machine.hostname.isEmpty || !machine.ip.isEmpty else {
      throw ValidationError(.missingField, "Both 'hostname' and 'ip' for a machine are empty")
    }
    guard machine.ip.isEmpty || isIPv4(machine.ip) else {
      throw ValidationError(.invalidValue, "Failed to parse IPv4: \(machine.ip)", path: "ip")
    }
  }

  /// What tells one machine from another: case does not matter in names.
  private struct Machine: Hashable {
    var hostname: String?
    var ip: String?

    init(_ id: MachineID) {
      hostname = id.hasHostname ? id.hostname.lowercased() : nil
      ip = id.hasIp ? id.ip : nil
    }
  }

  private static func insert(
    _ machine: MachineID, into machines: inout Set<Machine>, path: String
  ) throws(ValidationError) {
    do { try validate(machine) } catch { throw error.within("", field: path) }
    guard machines.insert(Machine(machine)).inserted else {
      throw ValidationError(
        .duplicate, "Machine '\(text(machine))' appears more than once in the schedule", path: path)
    }
  }

  private static func text(_ machine: MachineID) -> String { String(decoding: machine.jsonBytes(), as: UTF8.self) }

  private static func isIPv4(_ text: String) -> Bool {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return parts.count == 4
      && parts.allSatisfy { part in
        (1...3).contains(part.count) && part.allSatisfy { (0x30...0x39).contains($0) }
          && (part.count == 1 || part.first != UInt8(ascii: "0")) && Int(Substring(part)).map { $0 < 256 } ?? false
      }
  }
}
