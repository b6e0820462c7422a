import Glibc

/// The files and folders of cgroups: the kernel's, or a model of them.
public protocol CgroupFiles: Sendable {
  func read(_ path: String) throws(ContainerizerError) -> String
  func write(_ text: String, to path: String) throws(ContainerizerError)
  func exists(_ path: String) -> Bool
  /// Makes one folder; nothing where it is there.
  func makeFolder(_ path: String) throws(ContainerizerError)
  /// Removes one folder without folders in it; nothing where it is not there.
  func removeFolder(_ path: String) throws(ContainerizerError)
  /// The names of the folders in a folder, sorted; none where it is not there.
  func folders(in path: String) throws(ContainerizerError) -> [String]
}

/// The kernel's.
public struct SystemCgroupFiles: CgroupFiles {
  /// Bytes of one file that are read at most.
  private static let lengthMax = 1 << 20

  public init() {}

  public func read(_ path: String) throws(ContainerizerError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ContainerizerError(.cgroup, "Cannot open \(path)", errno: errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    while bytes.count < Self.lengthMax {
      var failure: Int32 = 0
      let chunk = [UInt8](unsafeUninitializedCapacity: 4_096) { buffer, count in
        var got: Int
        repeat { got = Glibc.read(descriptor, buffer.baseAddress, 4_096) } while got < 0 && errno == EINTR
        if got < 0 { failure = errno }
        count = max(0, got)
      }
      guard failure == 0 else { throw ContainerizerError(.cgroup, "Cannot read \(path)", errno: failure) }
      if chunk.isEmpty { break }
      bytes += chunk
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  public func write(_ text: String, to path: String) throws(ContainerizerError) {
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ContainerizerError(.cgroup, "Cannot open \(path)", errno: errno) }
    defer { close(descriptor) }
    var text = text
    let (written, number) = text.withUTF8 { bytes in
      var count: Int
      repeat { count = Glibc.write(descriptor, bytes.baseAddress, bytes.count) } while count < 0 && errno == EINTR
      return (count == bytes.count, errno)
    }
    guard written else {
      throw ContainerizerError(.cgroup, "Cannot write '\(text.prefix(80))' to \(path)", errno: number)
    }
  }

  public func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  public func makeFolder(_ path: String) throws(ContainerizerError) {
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
      throw ContainerizerError(.cgroup, "Cannot make \(path)", errno: errno)
    }
  }

  public func removeFolder(_ path: String) throws(ContainerizerError) {
    guard rmdir(path) == 0 || errno == ENOENT else {
      throw ContainerizerError(.cgroup, "Cannot remove \(path)", errno: errno)
    }
  }

  public func folders(in path: String) throws(ContainerizerError) -> [String] {
    guard let folder = opendir(path) else {
      guard errno == ENOENT else { throw ContainerizerError(.cgroup, "Cannot list \(path)", errno: errno) }
      return []
    }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      guard entry.pointee.d_type == UInt8(DT_DIR) else { continue }
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}
