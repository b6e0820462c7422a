// Whoever writes an executor needs the messages and the errors with one import.
@_exported public import ExecutorCore
@_exported public import MesosModel
@_exported public import MesosRuntime
