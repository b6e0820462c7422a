import Foundation

/// The files of one map task.
struct Shard: Sendable {
  var files: [String] = []
  var bytes = 0
  /// What the paths take in an argument list.
  var argumentBytes = 0

  /// The longest list of paths that is given to one task.
  static let argumentBytesMax = 64 * 1024

  /// Divides the text files of a folder into shards of about the same size, largest file first.
  static func divide(folder: String, into count: Int) throws -> [Shard] {
    let files = try textFiles(below: URL(fileURLWithPath: folder).standardizedFileURL)
    guard !files.isEmpty else { throw JobError("there are no text files in \(folder)") }
    var shards = [Shard](repeating: Shard(), count: min(count, files.count))
    for file in files.sorted(by: { ($1.bytes, $0.path) < ($0.bytes, $1.path) }) {
      let cost = file.path.utf8.count + 1
      let smallest = shards.indices.filter { shards[$0].argumentBytes + cost <= argumentBytesMax }
        .min { (shards[$0].bytes, $0) < (shards[$1].bytes, $1) }
      let index: Int
      if let smallest {
        index = smallest
      } else {
        shards.append(Shard())
        index = shards.count - 1
      }
      shards[index].files.append(file.path)
      shards[index].bytes += file.bytes
      shards[index].argumentBytes += cost
    }
    return shards.filter { !$0.files.isEmpty }
  }

  private static func textFiles(below folder: URL) throws -> [(path: String, bytes: Int)] {
    let keys: [URLResourceKey] = [.isRegularFileKey, .fileSizeKey]
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder.boolValue,
      let walk = FileManager.default.enumerator(
        at: folder, includingPropertiesForKeys: keys, options: [.skipsHiddenFiles])
    else { throw JobError("\(folder.path) is no folder that can be read") }
    var files: [(path: String, bytes: Int)] = []
    for case let file as URL in walk {
      let values = try file.resourceValues(forKeys: Set(keys))
      guard values.isRegularFile == true, let bytes = values.fileSize, try isText(file) else { continue }
      files.append((file.path, bytes))
    }
    return files
  }

  /// Whether the start of a file holds no zero byte.
  private static func isText(_ file: URL) throws -> Bool {
    guard let handle = try? FileHandle(forReadingFrom: file) else { throw JobError("\(file.path) cannot be read") }
    defer { try? handle.close() }
    return try !(handle.read(upToCount: 8_192) ?? Data()).contains(0)
  }
}

/// Why there is no result.
struct JobError: Error {
  let message: String
  init(_ message: String) { self.message = message }
}
