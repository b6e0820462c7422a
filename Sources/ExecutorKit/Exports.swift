// Whoever writes an executor needs the messages and the errors with one import.
@_exported public import ExecutorCore
@_exported public import MesosModel
@_exported public import MesosRuntime
@_exported public import struct MesosHTTPClient.ClientTLS
@_exported public import struct MesosHTTPClient.HTTPCredentials
@_exported public import struct MesosHTTPClient.HTTPProxy
@_exported public import struct MesosHTTPClient.PEM
