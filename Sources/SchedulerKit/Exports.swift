// Whoever writes a framework needs the messages and the updates with one import.
@_exported public import DemandCore
@_exported public import MesosModel
@_exported public import MesosRuntime
@_exported public import SchedulerCore
@_exported public import struct MesosHTTPClient.ClientTLS
@_exported public import struct MesosHTTPClient.HTTPClientConfiguration
@_exported public import struct MesosHTTPClient.HTTPCredentials
@_exported public import struct MesosHTTPClient.HTTPProxy
@_exported public import struct MesosHTTPClient.PEM
