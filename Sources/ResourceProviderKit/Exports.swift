// Whoever writes a provider needs the messages and the address of the agent with one import.
@_exported public import MesosModel
@_exported public import enum MesosHTTP.MessageEncoding
@_exported public import struct MesosHTTPClient.HTTPEndpoint
@_exported public import class MesosHTTPClient.MesosHTTPClient
