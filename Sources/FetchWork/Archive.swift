import CArchive
import Fetcher
import Glibc

/// Takes an archive apart inside a sandbox.
///
/// Nothing of it can lie or lead outside: names are relative and without `..`; no part of a path is a symbolic link; a symbolic link is
/// relative, goes up only at its beginning and never above the sandbox; a hard link is to a regular file of the sandbox. Device nodes,
/// pipes and sockets are refused. Modes are kept without set-user-id and its like, owners are not.
struct Archive {
  enum Kind: Hashable {
    /// What libarchive knows: tar, also compressed, and zip.
    case archive
    /// One file, compressed with gzip.
    case compressedFile

    /// By the ending of the name, as Apache Mesos does.
    init?(name: String) {
      let archives = [".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz", ".zip"]
      if archives.contains(where: name.hasSuffix) {
        self = .archive
      } else if name.hasSuffix(".gz") {
        self = .compressedFile
      } else {
        return nil
      }
    }
  }

  let kind: Kind
  let name: String

  /// Extracts what `descriptor` has from its present position on.
  func extract(_ descriptor: Int32, into sandbox: borrowing SandboxFolder) throws(FetcherError) {
    guard let reader = archive_read_new() else { throw FetcherError(.badArchive, "libarchive cannot be started") }
    defer { archive_read_free(reader) }
    switch kind {
    case .archive:
      archive_read_support_filter_all(reader)
      archive_read_support_format_all(reader)
    case .compressedFile:
      archive_read_support_filter_gzip(reader)
      archive_read_support_format_raw(reader)
    }
    guard archive_read_open_fd(reader, descriptor, 64 * 1_024) == ARCHIVE_OK else { throw error(reader, "open") }
    while true {
      var entry: OpaquePointer?
      let result = archive_read_next_header(reader, &entry)
      if result == ARCHIVE_EOF { return }
      guard result == ARCHIVE_OK || result == ARCHIVE_WARN, let entry else { throw error(reader, "read an entry of") }
      // Without a filter the raw format takes anything for its one file.
      guard kind == .archive || archive_filter_code(reader, 0) == ARCHIVE_FILTER_GZIP else {
        throw FetcherError(.badArchive, "'\(name.prefix(300))' is not compressed with gzip")
      }
      try extract(entry, reader, into: sandbox)
    }
  }

  private func error(_ reader: OpaquePointer, _ what: String) -> FetcherError {
    let reason = archive_error_string(reader).map { String(cString: $0) } ?? "unknown error"
    return FetcherError(.badArchive, "Cannot \(what) the archive '\(name.prefix(300))': \(reason)")
  }

  private func refusal(_ code: FetcherError.Code, _ path: String, _ why: String) -> FetcherError {
    FetcherError(code, "The archive '\(name.prefix(300))' has '\(path.prefix(300))', \(why)")
  }

  private func extract(
    _ entry: OpaquePointer, _ reader: OpaquePointer, into sandbox: borrowing SandboxFolder
  ) throws(FetcherError) {
    let path: String
    switch kind {
    case .compressedFile:
      path = String((name.split(separator: "/").last ?? "")[...].dropLast(3))
    case .archive:
      guard let text = archive_entry_pathname(entry) else {
        throw FetcherError(.badArchive, "The archive '\(name.prefix(300))' has an entry without a readable name")
      }
      path = String(cString: text)
    }
    let parts = try SandboxFolder.parts(of: path)
    let type = archive_entry_filetype(entry)
    let mode = archive_entry_perm(entry) & 0o777

    if let target = archive_entry_hardlink(entry) {
      try link(String(cString: target), at: path, parts, in: sandbox)
      return
    }
    switch type {
    case Glibc.S_IFDIR:
      let folder = try sandbox.folder(parts, of: path)
      // It must stay usable for what comes into it.
      if kind == .archive, !parts.isEmpty { fchmod(folder.descriptor, mode | 0o700) }
    case Glibc.S_IFREG, 0:
      guard let last = parts.last else { throw refusal(.badArchive, path, "which names no file") }
      let folder = try sandbox.folder(parts.dropLast(), of: path)
      let file = try folder.create(last, of: path)
      guard archive_read_data_into_fd(reader, file.descriptor) >= ARCHIVE_WARN else { throw error(reader, "read") }
      if kind == .archive {
        guard fchmod(file.descriptor, mode & ~0o022) == 0 else { throw systemError(.unwritable, "set a mode") }
        if archive_entry_mtime_is_set(entry) != 0 {
          let time = timespec(tv_sec: archive_entry_mtime(entry), tv_nsec: archive_entry_mtime_nsec(entry))
          let times = [time, time]
          futimens(file.descriptor, times)
        }
      }
    case Glibc.S_IFLNK:
      guard let text = archive_entry_symlink(entry), let last = parts.last else {
        throw refusal(.badArchive, path, "a symbolic link without a target")
      }
      let target = String(cString: text)
      try check(target, at: path, depth: parts.count - 1)
      let folder = try sandbox.folder(parts.dropLast(), of: path)
      try folder.makeRoom(for: last, of: path)
      guard symlinkat(target, folder.descriptor, last) == 0 else {
        throw systemError(.unwritable, "make the link '\(path.prefix(300))'")
      }
    default:
      throw refusal(.unsupportedEntry, path, "which is a device, a pipe or a socket")
    }
  }

  /// - Parameter depth: Of the folder that the link is in, from the sandbox on.
  private func check(_ target: String, at path: String, depth: Int) throws(FetcherError) {
    guard !target.isEmpty, target.utf8.first != UInt8(ascii: "/") else {
      throw refusal(.escapesSandbox, path, "a symbolic link to an absolute path")
    }
    var up = 0
    var goesDown = false
    for part in target.split(separator: "/") where part != "." {
      guard part == ".." else {
        goesDown = true
        continue
      }
      // After a name, which may be a link itself, nobody knows where `..` leads.
      guard !goesDown else { throw refusal(.escapesSandbox, path, "a symbolic link that could leave the sandbox") }
      up += 1
    }
    guard up <= depth else { throw refusal(.escapesSandbox, path, "a symbolic link out of the sandbox") }
  }

  private func link(
    _ target: String, at path: String, _ parts: [String], in sandbox: borrowing SandboxFolder
  ) throws(FetcherError) {
    let source: [String]
    do throws(FetcherError) { source = try SandboxFolder.parts(of: target) } catch {
      throw refusal(.escapesSandbox, path, "a hard link out of the sandbox")
    }
    guard let from = source.last, let to = parts.last else { throw refusal(.badArchive, path, "a link to nothing") }
    let origin = try sandbox.folder(source.dropLast(), of: target)
    var status = stat()
    guard fstatat(origin.descriptor, from, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
      throw refusal(.badArchive, path, "a hard link to what is not there")
    }
    // Moved to another folder, a symbolic link would lead elsewhere.
    guard status.st_mode & Glibc.S_IFMT == Glibc.S_IFREG else {
      throw refusal(.escapesSandbox, path, "a hard link to what is no regular file")
    }
    if source == parts { return }
    let folder = try sandbox.folder(parts.dropLast(), of: path)
    try folder.makeRoom(for: to, of: path)
    guard linkat(origin.descriptor, from, folder.descriptor, to, 0) == 0 else {
      throw systemError(.unwritable, "make the link '\(path.prefix(300))'")
    }
  }
}
