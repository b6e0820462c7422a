// Whoever watches a cluster needs the messages and the folded state with one import.
@_exported public import MesosModel
@_exported public import MesosRuntime
@_exported public import OperatorCore
