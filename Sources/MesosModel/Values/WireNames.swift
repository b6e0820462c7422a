/// The names that enum values have on the wire.
extension TaskState {
  /// Such as `TASK_RUNNING`.
  public var wireName: String { jsonName.description }
}

extension FrameworkInfo.Capability.TypeEnum {
  /// Such as `PARTITION_AWARE`.
  public var wireName: String { jsonName.description }
}

extension AgentInfo.Capability.TypeEnum {
  /// Such as `MULTI_ROLE`.
  public var wireName: String { jsonName.description }
}

extension MasterInfo.Capability.TypeEnum {
  /// Such as `AGENT_UPDATE`.
  public var wireName: String { jsonName.description }
}

extension ExecutorInfo.TypeEnum {
  /// Such as `DEFAULT`.
  public var wireName: String { jsonName.description }
}

extension MasterCall.TypeEnum {
  /// Such as `GET_STATE`.
  public var wireName: String { jsonName.description }
}

extension AgentCall.TypeEnum {
  /// Such as `GET_STATE`.
  public var wireName: String { jsonName.description }
}
