// Whoever writes a framework needs the messages and the updates with one import.
@_exported public import DemandCore
@_exported public import MesosModel
@_exported public import MesosRuntime
@_exported public import SchedulerCore
