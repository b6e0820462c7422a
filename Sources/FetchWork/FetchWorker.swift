public import Fetcher
import Glibc
import MesosModel
import ProcessLaunch

/// What the program `mesos-fetcher` does: one order, with the rights of the user it runs as.
public struct FetchWorker {
  private let order: FetchOrder

  public init(order: FetchOrder) { self.order = order }

  /// Reads the order from the environment, carries it out, answers on standard output and ends the process.
  public static func runProgram() -> Never {
    setlocale(LC_CTYPE, "C.UTF-8")
    umask(0o022)
    endWithReader()
    let answer: FetchOrder.Answer
    do throws(FetcherError) {
      answer = try FetchWorker(order: FetchOrder(environment: currentEnvironment())).run()
    } catch {
      log("Failed to fetch: \(error.message)")
      answer = .failed(error)
    }
    let bytes = Array(answer.text.utf8)
    let written = bytes.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
    if case .failed = answer { exit(EXIT_FAILURE) }
    exit(written == bytes.count ? EXIT_SUCCESS : EXIT_FAILURE)
  }

  /// Carries the order out.
  public func run() throws(FetcherError) -> FetchOrder.Answer {
    switch order.task {
    case .size:
      return .size(try transfer(try source(of: try onlyItem())).size())
    case .download(let path, let bytesMax):
      let source = try source(of: try onlyItem())
      let file = try OutputFile(creating: path)
      let bytes = try download(source, to: file, bytesMax: bytesMax)
      return .size(bytes)
    case .place(let sandbox):
      let folder = try SandboxFolder(sandbox)
      for item in order.items { try place(item, in: folder) }
      return .done
    }
  }

  private func onlyItem() throws(FetcherError) -> FetchOrder.Item {
    guard let item = order.items.first, order.items.count == 1 else {
      throw FetcherError(.programFailed, "The order has \(order.items.count) items, where one is expected")
    }
    return item
  }

  private func source(of item: FetchOrder.Item) throws(FetcherError) -> FetchSource {
    try FetchSource(item.uri, frameworksHome: order.frameworksHome)
  }

  private func transfer(_ source: FetchSource) -> Transfer {
    Transfer(location: source.location, stallTimeout: order.stallTimeout)
  }

  private func download(
    _ source: FetchSource, to file: borrowing OutputFile, bytesMax: Int64?
  ) throws(FetcherError) -> Int64 {
    let bytes = try transfer(source).copy(to: file, bytesMax: bytesMax)
    if let checksum = source.checksum { try Digest.check(file.descriptor, checksum) }
    return bytes
  }

  private func place(_ item: FetchOrder.Item, in sandbox: borrowing SandboxFolder) throws(FetcherError) {
    let source = try source(of: item)
    let uri = item.uri
    let shown = FetchSource.shown(uri.value)
    let name = uri.hasOutputFile ? uri.outputFile : source.basename
    Self.log("Fetching '\(shown)'\(item.cachedFile == nil ? "" : " from the cache")")

    if let cached = item.cachedFile {
      let input = try InputFile(path: cached)
      if !uri.executable, uri.extract, let kind = Archive.Kind(name: source.basename) {
        try Archive(kind: kind, name: source.basename).extract(input.descriptor, into: sandbox)
        Self.log("Extracted '\(shown)'")
        return
      }
      let file = try sandbox.create(name)
      _ = try input.copy(to: file, bytesMax: nil)
      try finish(uri, file, in: sandbox, name, shown, extracts: false)
    } else {
      let file = try sandbox.create(name)
      _ = try download(source, to: file, bytesMax: nil)
      try finish(uri, file, in: sandbox, name, shown, extracts: true)
    }
  }

  private func finish(
    _ uri: CommandInfo.URI, _ file: borrowing OutputFile, in sandbox: borrowing SandboxFolder, _ name: String,
    _ shown: String, extracts: Bool
  ) throws(FetcherError) {
    if uri.executable {
      guard fchmod(file.descriptor, 0o755) == 0 else { throw systemError(.unwritable, "make '\(name)' executable") }
    } else if uri.extract {
      if extracts, let kind = Archive.Kind(name: name) {
        guard lseek(file.descriptor, 0, SEEK_SET) == 0 else { throw systemError(.badArchive, "read '\(name)'") }
        try Archive(kind: kind, name: name).extract(file.descriptor, into: sandbox)
        Self.log("Extracted '\(shown)'")
        return
      }
      Self.log("Not extracted, as it does not seem to be an archive: '\(shown)'")
    }
    Self.log("Fetched '\(shown)' to '\(name)'")
  }

  static func log(_ text: String) {
    let line = Array("mesos-fetcher: \(text)\n".utf8)
    _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
  }

  /// Ends the process and all of its group as soon as nobody can read its answer any more: the agent has died.
  private static func endWithReader() {
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { _ in
        var item = pollfd(fd: 1, events: 0, revents: 0)
        while item.revents & Int16(POLLERR) == 0 {
          item.revents = 0
          if poll(&item, 1, -1) < 0, errno != EINTR { return nil }
          // A file is never at its end; nothing is to be waited for then.
          if item.revents & Int16(POLLNVAL | POLLHUP) != 0 { return nil }
        }
        kill(0, SIGKILL)
        return nil
      }, nil)
  }
}

func systemError(_ code: FetcherError.Code, _ what: String, _ number: Int32 = errno) -> FetcherError {
  FetcherError(code, "Cannot \(what): \(String(cString: strerror(number)))")
}
