public import MesosModel
import SwiftProtobuf

/// What tells one machine from another: case does not matter in host names, and a name or address that is not given is none.
///
/// - Source: Apache Mesos, `include/mesos/type_utils.hpp`, `operator==(const MachineID&, const MachineID&)`.
public struct MachineName: Hashable, Comparable, Sendable {
  /// In lower case.
  public let hostname: String?
  /// An address of IPv4.
  public let ip: String?

  /// The name of the machine that a message tells of.
  public init(_ id: MachineID) {
    hostname = id.hasHostname ? id.hostname.lowercased() : nil
    ip = id.hasIp ? id.ip : nil
  }

  /// The machine of this host name and address.
  public init(hostname: String?, ip: String?) {
    self.hostname = hostname?.lowercased()
    self.ip = ip
  }

  public static func < (left: Self, right: Self) -> Bool {
    (left.hostname ?? "", left.ip ?? "") < (right.hostname ?? "", right.ip ?? "")
  }
}

/// The schedule of maintenance, and which of its machines are down.
///
/// A machine of the schedule is draining until it is taken down; one that is not in the schedule is up.
public struct MaintenancePlan: Hashable, Sendable {
  /// A machine of the schedule.
  struct Entry: Hashable, Sendable {
    var id: MachineID
    var unavailability: Unavailability
  }

  /// As it was given, without the machines whose maintenance is over.
  public let schedule: MaintenanceSchedule
  /// Machines of the schedule that are down, sorted.
  public let down: [MachineName]
  /// The machines of the schedule, in its order.
  let names: [MachineName]
  private let entries: [MachineName: Entry]
  private let isDown: Set<MachineName>

  /// No maintenance.
  public init() { self.init(schedule: MaintenanceSchedule(), down: []) }

  /// - Parameters:
  ///   - schedule: Found in order by `MaintenanceValidation`.
  ///   - down: Those of its machines that are down; others are left out.
  public init(schedule: MaintenanceSchedule, down: some Sequence<MachineName>) {
    self.schedule = schedule
    var names: [MachineName] = []
    var entries: [MachineName: Entry] = [:]
    for window in schedule.windows {
      for id in window.machineIds {
        let name = MachineName(id)
        if entries.updateValue(Entry(id: id, unavailability: window.unavailability), forKey: name) == nil {
          names.append(name)
        }
      }
    }
    self.names = names
    self.entries = entries
    isDown = Set(down).filter { entries[$0] != nil }
    self.down = isDown.sorted()
  }

  /// Whether no machine is in the schedule.
  public var isEmpty: Bool { names.isEmpty }

  /// When the machine is planned to be out of use.
  public func unavailability(of machine: MachineName) -> Unavailability? { entries[machine]?.unavailability }

  /// The machine as the schedule names it.
  public func id(of machine: MachineName) -> MachineID? { entries[machine]?.id }

  /// Whether the machine was taken down.
  public func isDown(_ machine: MachineName) -> Bool { isDown.contains(machine) }

  /// The machines to be emptied, in the order of the schedule.
  public var drainingMachines: [(name: MachineName, id: MachineID)] {
    names.compactMap { name in
      guard !isDown(name), let entry = entries[name] else { return nil }
      return (name, entry.id)
    }
  }

  /// The machines that are down, in the order of the schedule.
  public var downMachines: [MachineID] { names.filter(isDown).compactMap { entries[$0]?.id } }

  /// The plan without these machines; a window that is left without machines goes with them.
  public func removing(_ machines: Set<MachineName>) -> MaintenancePlan {
    var schedule = schedule
    for index in schedule.windows.indices {
      schedule.windows[index].machineIds.removeAll { machines.contains(MachineName($0)) }
    }
    schedule.windows.removeAll { $0.machineIds.isEmpty }
    return MaintenancePlan(schedule: schedule, down: isDown.subtracting(machines))
  }
}

extension MaintenancePlan: CustomStringConvertible, CustomDebugStringConvertible {
  /// The machines that are draining and those that are down; the same in every process.
  public var description: String {
    func text(_ name: MachineName) -> String { "\(name.hostname ?? "")/\(name.ip ?? "")" }
    return "draining \(names.filter { !isDown($0) }.map(text)), down \(down.map(text))"
  }

  /// The same, with the schedule.
  public var debugDescription: String { "\(description), \(schedule.debugDescription)" }
}
