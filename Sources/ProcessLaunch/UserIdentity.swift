import Glibc

/// A user as the kernel knows it: numbers, with the groups that belong to it.
public struct UserIdentity: Hashable, Sendable {
  public var uid: UInt32
  public var gid: UInt32
  /// Every group of the user, its primary one included.
  public var supplementaryGroups: [UInt32]

  public init(uid: UInt32, gid: UInt32, supplementaryGroups: [UInt32]) {
    self.uid = uid
    self.gid = gid
    self.supplementaryGroups = supplementaryGroups
  }

  /// The user that this process runs as.
  public static var current: UserIdentity {
    let count = max(0, getgroups(0, nil))
    var groups = [gid_t](repeating: 0, count: Int(count))
    let filled = max(0, getgroups(count, &groups))
    return UserIdentity(uid: geteuid(), gid: getegid(), supplementaryGroups: Array(groups.prefix(Int(filled))))
  }

  /// Looks a user up by name in the machine's user database.
  ///
  /// - Throws: ``ProcessLaunchError`` of stage `.lookup`; its code is 0 when there is no such user.
  public init(named name: String) throws(ProcessLaunchError) {
    var record = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 1024)
    var code = getpwnam_r(name, &record, &buffer, buffer.count, &found)
    while code == ERANGE, buffer.count < 1 << 20 {
      buffer = [CChar](repeating: 0, count: buffer.count * 4)
      code = getpwnam_r(name, &record, &buffer, buffer.count, &found)
    }
    guard code == 0, found != nil else {
      throw ProcessLaunchError(stage: .lookup, code: code, subject: name)
    }
    let gid = record.pw_gid
    var groups = [gid_t](repeating: 0, count: 64)
    var count = Int32(groups.count)
    if getgrouplist(name, gid, &groups, &count) < 0 {
      groups = [gid_t](repeating: 0, count: min(Int(max(count, 64)), 65_536))
      count = Int32(groups.count)
      guard getgrouplist(name, gid, &groups, &count) >= 0 else {
        throw ProcessLaunchError(stage: .lookup, code: E2BIG, subject: name)
      }
    }
    self.init(uid: record.pw_uid, gid: gid, supplementaryGroups: Array(groups.prefix(Int(count))))
  }
}
