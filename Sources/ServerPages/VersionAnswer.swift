public import MesosModel
import ShellSupport

extension VersionInfo {
  /// What GET_VERSION of these servers says.
  public static var ofThisServer: VersionInfo {
    var info = VersionInfo()
    info.version = ServerVersion.api
    info.buildUser = ServerVersion.builder
    return info
  }
}
