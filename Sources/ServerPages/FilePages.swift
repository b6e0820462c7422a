public import MesosHTTP
public import MesosHTTPServer
public import MesosModel
public import SandboxFiles
import StreamingJSON

/// `/files/browse`, `/files/read`, `/files/download`, and LIST_FILES and READ_FILE, over a tree of files.
public enum FilePages {
  /// The three endpoints; anybody who may ask gets an answer.
  public static func routes(_ tree: FileTree) -> [Route] {
    [
      Route("/files/browse", methods: nil) { request in
        let entries = try await browse(tree, try path(of: request))
        var page = try LegacyRecords()
        try page.json.beginArray()
        for entry in entries { try page.entry(entry) }
        try page.json.endArray()
        let all = OutgoingResponse(
          headers: ["Content-Type": MediaType.json.name], body: .slices(try page.json.finish()))
        return try await LegacyPage.adapt(all, to: request)
      },
      Route("/files/read", methods: nil) { request in
        let path = try path(of: request)
        let offset = try number(request, "offset")
        let length = try number(request, "length")
        let slice = try await read(tree, path, offset: offset, length: length)
        let page = try DocumentPages.document { page throws(StreamingJSONError) in
          try page.json.key("data")
          try page.json.string(utf8: slice.bytes)
          try page.field("offset", integer: slice.offset)
        }
        return try await LegacyPage.adapt(page, to: request)
      },
      Route("/files/download", methods: nil) { request in
        let file = try await open(tree, try path(of: request))
        return OutgoingResponse(
          headers: [
            "Content-Disposition": "attachment; filename=\(headerSafe(file.name))", "Content-Type": file.mediaType,
          ],
          body: .stream { stream in
            var offset: Int64 = 0
            while offset < file.size {
              let bytes = try chunk(of: file, at: offset)
              if bytes.isEmpty { return }
              try await stream.write(bytes)
              offset += Int64(bytes.count)
            }
          })
      },
    ]
  }

  /// The answer to LIST_FILES.
  public static func list(_ tree: FileTree, _ path: String) async throws(HTTPFailure) -> [FileInfo] {
    try await browse(tree, path).map { entry in
      var info = FileInfo()
      info.path = entry.path
      info.nlink = Int32(clamping: entry.linkCount)
      info.size = UInt64(clamping: entry.size)
      info.mtime.nanoseconds = entry.modifiedSeconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue
      info.mode = entry.mode
      info.uid = entry.user
      info.gid = entry.group
      return info
    }
  }

  /// The answer to READ_FILE.
  @concurrent
  public static func read(
    _ tree: FileTree, _ path: String, offset: Int64?, length: Int64?
  ) async throws(HTTPFailure) -> FileSlice {
    do { return try tree.read(path, offset: offset, length: length) } catch { throw failure(error) }
  }

  @concurrent
  private static func browse(_ tree: FileTree, _ path: String) async throws(HTTPFailure) -> [FileEntry] {
    do { return try tree.browse(path) } catch { throw failure(error) }
  }

  @concurrent
  private static func open(_ tree: FileTree, _ path: String) async throws(HTTPFailure) -> OpenFile {
    do {
      return try tree.openForDownload(path)
    } catch {
      throw error.code == .notFound ? HTTPFailure.notFound : failure(error)
    }
  }

  private static func chunk(of file: OpenFile, at offset: Int64) throws(HTTPFailure) -> [UInt8] {
    do { return try file.bytes(at: offset, lengthMax: 64 * 1024) } catch { throw failure(error) }
  }

  private static func path(of request: IncomingRequest) throws(HTTPFailure) -> String {
    guard let path = request.queryValue("path"), !path.isEmpty else {
      throw .badRequest("Expecting 'path=value' in query.\n")
    }
    return path
  }

  private static func number(_ request: IncomingRequest, _ name: String) throws(HTTPFailure) -> Int64? {
    guard let text = request.queryValue(name) else { return nil }
    do { return try FileTree.number(text, named: name) } catch { throw failure(error) }
  }

  private static func failure(_ error: FileTreeError) -> HTTPFailure {
    HTTPFailure(status: error.httpStatus, text: error.httpBody)
  }

  /// The name with what could end or split a header field replaced.
  private static func headerSafe(_ name: String) -> String {
    String(
      decoding: name.utf8.map { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") ? $0 : UInt8(ascii: "_") },
      as: UTF8.self)
  }
}

extension LegacyRecords {
  fileprivate mutating func entry(_ entry: FileEntry) throws(StreamingJSONError) {
    try json.beginObject()
    try field("gid", entry.group)
    try field("mode", entry.modeText)
    try field("mtime", Double(entry.modifiedSeconds))
    try field("nlink", integer: Int64(entry.linkCount))
    try field("path", entry.path)
    try field("size", integer: entry.size)
    try field("uid", entry.user)
    try json.endObject()
  }
}
