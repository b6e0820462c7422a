/// The names that enum values have on the wire.
extension SchedulerCall.TypeEnum {
  /// The name on the wire, such as `ACCEPT`.
  public var wireName: String { bareName(jsonName) }
}

extension SchedulerEvent.TypeEnum {
  /// The name on the wire, such as `OFFERS`.
  public var wireName: String { bareName(jsonName) }
}

extension TaskState {
  /// Such as `TASK_RUNNING`.
  public var wireName: String { bareName(jsonName) }
}

extension FrameworkInfo.Capability.TypeEnum {
  /// Such as `PARTITION_AWARE`.
  public var wireName: String { bareName(jsonName) }
}

extension AgentInfo.Capability.TypeEnum {
  /// Such as `MULTI_ROLE`.
  public var wireName: String { bareName(jsonName) }
}

extension MasterInfo.Capability.TypeEnum {
  /// Such as `AGENT_UPDATE`.
  public var wireName: String { bareName(jsonName) }
}

extension ExecutorInfo.TypeEnum {
  /// Such as `DEFAULT`.
  public var wireName: String { bareName(jsonName) }
}

extension MasterCall.TypeEnum {
  /// Such as `GET_STATE`.
  public var wireName: String { bareName(jsonName) }
}

extension AgentCall.TypeEnum {
  /// Such as `GET_STATE`.
  public var wireName: String { bareName(jsonName) }
}

/// The name without the quotation marks that JSON has around it.
private func bareName(_ jsonName: StaticString) -> String { String(jsonName.description.dropFirst().dropLast()) }
