import CCurl
import Fetcher
import Glibc
import MesosModel
import ProcessLaunch

/// Gets the content of one location.
struct Transfer {
  let location: FetchSource.Location
  let stallTimeout: Duration

  /// How large the content is, in bytes, as its source tells.
  func size() throws(FetcherError) -> Int64 {
    switch location {
    case .file(let path): return try InputFile(path: path).size()
    case .network(let url):
      let length = try NetworkTransfer(url: url, stallTimeout: stallTimeout).contentLength()
      guard length > 0 else {
        throw FetcherError(.sizeUnknown, "The server does not tell the size of \(FetchSource.shown(url))")
      }
      return length
    case .hadoop(let url): return try HadoopCommand().size(of: url)
    }
  }

  /// Appends the content to a file.
  ///
  /// - Parameter bytesMax: What the source had told; more is an error.
  /// - Returns: How many bytes that were.
  func copy(to file: borrowing OutputFile, bytesMax: Int64?) throws(FetcherError) -> Int64 {
    switch location {
    case .file(let path): return try InputFile(path: path).copy(to: file, bytesMax: bytesMax)
    case .network(let url):
      return try NetworkTransfer(url: url, stallTimeout: stallTimeout).download(to: file, bytesMax: bytesMax)
    case .hadoop(let url):
      let command = try HadoopCommand()
      // The command wants a name that is free, in a folder that it may write.
      var template = Array(".fetch-XXXXXX".utf8CString)
      guard mkdtemp(&template) != nil else { throw systemError(.unwritable, "make a folder for Hadoop") }
      let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let copy = "\(folder)/copy"
      defer {
        unlink(copy)
        // The command leaves its own checksum beside the copy.
        unlink("\(folder)/.copy.crc")
        rmdir(folder)
      }
      try command.copy(url, to: copy)
      return try InputFile(path: copy).copy(to: file, bytesMax: bytesMax)
    }
  }
}

/// One transfer over HTTP or FTP, with libcurl: it follows redirects and uses the proxies that the environment names.
private struct NetworkTransfer: ~Copyable {
  private let handle: UnsafeMutableRawPointer
  private let url: String

  /// What the callback knows.
  private final class Sink {
    let descriptor: Int32
    let bytesMax: Int64?
    var total: Int64 = 0
    var error: FetcherError?

    init(descriptor: Int32, bytesMax: Int64?) {
      self.descriptor = descriptor
      self.bytesMax = bytesMax
    }

    func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
      total += Int64(bytes.count)
      if let bytesMax, total > bytesMax {
        error = InputFile.tooLarge(bytesMax)
        return false
      }
      var rest = bytes
      while !rest.isEmpty {
        let count = write(descriptor, rest.baseAddress, rest.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else {
          error = systemError(.unwritable, "write what was downloaded")
          return false
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
      return true
    }
  }

  init(url: String, stallTimeout: Duration) throws(FetcherError) {
    self.url = url
    guard let handle = curl_easy_init() else { throw FetcherError(.downloadFailed, "libcurl cannot be started") }
    self.handle = handle
    let seconds = max(1, (stallTimeout.wholeNanoseconds + 999_999_999) / 1_000_000_000)
    ccurl_set_string(handle, CURLOPT_URL, url)
    // A redirect must not lead to files of this machine or to other protocols.
    ccurl_set_string(handle, CURLOPT_PROTOCOLS_STR, "http,https,ftp,ftps")
    ccurl_set_string(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https,ftp,ftps")
    ccurl_set_long(handle, CURLOPT_FOLLOWLOCATION, 1)
    ccurl_set_long(handle, CURLOPT_MAXREDIRS, 30)
    ccurl_set_long(handle, CURLOPT_NOSIGNAL, 1)
    ccurl_set_long(handle, CURLOPT_CONNECTTIMEOUT, Int(seconds))
    ccurl_set_long(handle, CURLOPT_LOW_SPEED_LIMIT, 1)
    ccurl_set_long(handle, CURLOPT_LOW_SPEED_TIME, Int(seconds))
    ccurl_set_string(handle, CURLOPT_USERAGENT, "mesos-fetcher")
  }

  deinit { curl_easy_cleanup(handle) }

  private func perform() throws(FetcherError) {
    let code = curl_easy_perform(handle)
    guard code == CURLE_OK else {
      let isStalled = code == CURLE_OPERATION_TIMEDOUT
      throw FetcherError(
        isStalled ? .stalled : .downloadFailed,
        "Error downloading \(FetchSource.shown(url)): \(String(cString: curl_easy_strerror(code)))")
    }
    var status = 0
    ccurl_response_code(handle, &status)
    let isFTP = url.hasPrefix("ftp")
    guard isFTP || status == 200 else {
      throw FetcherError(
        .downloadFailed, "Error downloading \(FetchSource.shown(url)): received HTTP return code \(status)")
    }
  }

  /// -1 where the server does not tell.
  func contentLength() throws(FetcherError) -> Int64 {
    ccurl_set_long(handle, CURLOPT_NOBODY, 1)
    ccurl_set_writer(handle, { _, size, count, _ in size * count }, nil)
    try perform()
    var length: curl_off_t = -1
    ccurl_content_length(handle, &length)
    return Int64(length)
  }

  func download(to file: borrowing OutputFile, bytesMax: Int64?) throws(FetcherError) -> Int64 {
    let sink = Sink(descriptor: file.descriptor, bytesMax: bytesMax)
    return try withExtendedLifetime(sink) { () throws(FetcherError) -> Int64 in
      ccurl_set_writer(
        handle,
        { bytes, size, count, context in
          guard let bytes, let context else { return 0 }
          let sink = Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
          let length = size * count
          return sink.append(UnsafeRawBufferPointer(start: bytes, count: length)) ? length : 0
        }, Unmanaged.passUnretained(sink).toOpaque())
      do throws(FetcherError) { try perform() } catch { throw sink.error ?? error }
      return sink.total
    }
  }
}

/// Hadoop's command, for what no other way knows: `$HADOOP_HOME/bin/hadoop`, else `hadoop` along `PATH`.
///
/// - Source: Apache Mesos, `src/hdfs/hdfs.cpp`.
struct HadoopCommand {
  private let path: String

  init() throws(FetcherError) {
    if let home = currentEnvironment()["HADOOP_HOME"], !home.isEmpty {
      path = "\(home)/bin/hadoop"
      guard access(path, X_OK) == 0 else { throw systemError(.hadoopFailed, "use the Hadoop client \(path)") }
    } else {
      path = "hadoop"
    }
  }

  func copy(_ url: String, to file: String) throws(FetcherError) {
    _ = try run(["fs", "-copyToLocal", url, file])
  }

  /// In bytes.
  func size(of url: String) throws(FetcherError) -> Int64 {
    let text = try run(["fs", "-du", url])
    // A line with `SIZE [SIZE WITH COPIES] PATH`, after what the command may say otherwise.
    for line in text.split(separator: "\n") where line.contains("/") {
      if let first = line.split(whereSeparator: \.isWhitespace).first, let bytes = Int64(first), bytes >= 0 {
        return bytes
      }
    }
    throw FetcherError(.sizeUnknown, "Hadoop does not tell the size of \(FetchSource.shown(url))")
  }

  private func run(_ arguments: [String]) throws(FetcherError) -> String {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw systemError(.hadoopFailed, "make a pipe") }
    defer { close(ends[0]) }
    let process: LaunchedProcess
    do {
      defer { close(ends[1]) }
      // In the session of this program, so that it ends with it.
      process = try launch(
        LaunchRequest(
          program: .program(path: path, arguments: [path] + arguments), environment: .inherited(),
          standardOutput: .descriptor(ends[1]), standardError: .inherited, startsSession: false))
    } catch {
      throw FetcherError(.hadoopFailed, "Failed to execute the Hadoop client: \(error)")
    }
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = read(ends[0], &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      // More than this is not read; it must flow so that the command can end.
      if output.count < 64 * 1_024 { output += buffer[..<count] }
    }
    var status: Int32 = 0
    while waitpid(process.pid, &status, 0) < 0, errno == EINTR {}
    guard status == 0 else {
      throw FetcherError(
        .hadoopFailed,
        "The Hadoop client failed (status \(status >> 8 & 0xff)) at 'hadoop \(arguments[0]) \(arguments[1])'; stderr has more"
      )
    }
    return String(decoding: output, as: UTF8.self)
  }
}
