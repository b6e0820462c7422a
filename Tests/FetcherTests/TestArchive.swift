import CArchive
import Foundation

/// An archive of a test's making, hostile ones included.
struct TestArchive {
  enum Entry {
    case file(String, String = "content", mode: mode_t = 0o644)
    case folder(String, mode: mode_t = 0o755)
    case symbolicLink(String, to: String)
    case hardLink(String, to: String)
    case device(String)
    case pipe(String)
  }

  enum Format {
    case tar
    case tarGzip
    case tarBzip2
    case tarXZ
    case zip
  }

  struct Failed: Error {}

  static func write(_ entries: [Entry], as format: Format, to path: String) throws {
    guard let writer = archive_write_new() else { throw Failed() }
    defer { archive_write_free(writer) }
    switch format {
    case .tar: break
    case .tarGzip: archive_write_add_filter_gzip(writer)
    case .tarBzip2: archive_write_add_filter_bzip2(writer)
    case .tarXZ: archive_write_add_filter_xz(writer)
    case .zip: archive_write_set_format_zip(writer)
    }
    if format != .zip { archive_write_set_format_pax_restricted(writer) }
    guard archive_write_open_filename(writer, path) == ARCHIVE_OK else { throw Failed() }
    for entry in entries {
      guard let header = archive_entry_new() else { throw Failed() }
      defer { archive_entry_free(header) }
      var content: [UInt8] = []
      func set(_ name: String, _ type: UInt32, _ mode: mode_t) {
        archive_entry_set_pathname(header, name)
        archive_entry_set_filetype(header, type)
        archive_entry_set_perm(header, mode)
        archive_entry_set_size(header, Int64(content.count))
        archive_entry_set_mtime(header, 1_000_000_000, 0)
      }
      let (regular, directory, link, device, pipe): (UInt32, UInt32, UInt32, UInt32, UInt32) = (
        0o100000, 0o040000, 0o120000, 0o020000, 0o010000
      )
      switch entry {
      case .file(let name, let text, let mode):
        content = Array(text.utf8)
        set(name, regular, mode)
      case .folder(let name, let mode): set(name, directory, mode)
      case .symbolicLink(let name, let target):
        set(name, link, 0o777)
        archive_entry_set_symlink(header, target)
      case .hardLink(let name, let target):
        set(name, regular, 0o644)
        archive_entry_set_hardlink(header, target)
      case .device(let name): set(name, device, 0o666)
      case .pipe(let name): set(name, pipe, 0o666)
      }
      guard archive_write_header(writer, header) == ARCHIVE_OK else { throw Failed() }
      if !content.isEmpty { archive_write_data(writer, content, content.count) }
    }
    guard archive_write_close(writer) == ARCHIVE_OK else { throw Failed() }
  }
}

/// A folder that goes with the value.
final class Scratch: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "fetcher-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for folder in ["source", "sandbox"] {
      try FileManager.default.createDirectory(atPath: "\(path)/\(folder)", withIntermediateDirectories: true)
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func source(_ name: String) -> String { "\(path)/source/\(name)" }
  func sandbox(_ name: String = "") -> String { name.isEmpty ? "\(path)/sandbox" : "\(path)/sandbox/\(name)" }

  func write(_ text: String, to name: String) throws -> String {
    let path = source(name)
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  func text(_ name: String) throws -> String { try String(contentsOfFile: sandbox(name), encoding: .utf8) }

  /// Every path in the sandbox, sorted.
  func contents() throws -> [String] { try FileManager.default.subpathsOfDirectory(atPath: sandbox()).sorted() }

  func mode(_ name: String) throws -> Int {
    try FileManager.default.attributesOfItem(atPath: sandbox(name))[.posixPermissions] as? Int ?? -1
  }
}
