public import MesosModel

/// What the program `mesos-fetcher` is told, in its environment, and what it answers on its standard output.
///
/// It runs as the task's user, so that it reads and writes only what that user may, in a session of its own, and ends when nobody
/// reads its output any more.
public struct FetchOrder: Hashable, Sendable {
  public enum Task: Hashable, Sendable {
    /// Say how large the source is.
    case size
    /// Download the source to this absolute path, no more than so many bytes.
    case download(to: String, bytesMax: Int64)
    /// Bring the items into this folder.
    case place(sandbox: String)
  }

  public struct Item: Hashable, Sendable {
    public var uri: CommandInfo.URI
    /// Absolute path of the file with the content, where it was downloaded before.
    public var cachedFile: String?

    public init(uri: CommandInfo.URI, cachedFile: String? = nil) {
      self.uri = uri
      self.cachedFile = cachedFile
    }
  }

  public var task: Task
  /// In the order in which they are brought; `.size` and `.download` have one.
  public var items: [Item]
  public var frameworksHome: String?
  /// A download that brings less than a byte a second for this long fails.
  public var stallTimeout: Duration

  public init(task: Task, items: [Item], frameworksHome: String?, stallTimeout: Duration) {
    self.task = task
    self.items = items
    self.frameworksHome = frameworksHome
    self.stallTimeout = stallTimeout
  }

  private static let prefix = "MESOS_FETCHER_"

  /// The variables that tell it.
  public var environment: [String: String] {
    var variables: [String: String] = [:]
    func set(_ name: String, _ value: String) { variables[Self.prefix + name] = value }
    switch task {
    case .size: set("TASK", "size")
    case .download(let path, let bytesMax):
      set("TASK", "download")
      set("TO", path)
      set("BYTES_MAX", "\(bytesMax)")
    case .place(let sandbox):
      set("TASK", "place")
      set("TO", sandbox)
    }
    set("STALL_NANOSECONDS", "\(stallTimeout.wholeNanoseconds)")
    if let frameworksHome { set("FRAMEWORKS_HOME", frameworksHome) }
    set("ITEMS", "\(items.count)")
    for (index, item) in items.enumerated() {
      set("URI_\(index)", String(decoding: item.uri.jsonBytes(), as: UTF8.self))
      if let file = item.cachedFile { set("CACHED_\(index)", file) }
    }
    return variables
  }

  /// Reads the variables back.
  ///
  /// - Throws: `FetcherError` with code `.programFailed`.
  public init(environment: [String: String]) throws(FetcherError) {
    func value(_ name: String) throws(FetcherError) -> String {
      guard let value = environment[Self.prefix + name] else {
        throw FetcherError(.programFailed, "Expecting '\(Self.prefix + name)' to be set in the environment")
      }
      return value
    }
    func number(_ name: String) throws(FetcherError) -> Int64 {
      guard let number = Int64(try value(name)), number >= 0 else {
        throw FetcherError(.programFailed, "'\(Self.prefix + name)' is no number")
      }
      return number
    }
    switch try value("TASK") {
    case "size": task = .size
    case "download": task = .download(to: try value("TO"), bytesMax: try number("BYTES_MAX"))
    case "place": task = .place(sandbox: try value("TO"))
    default: throw FetcherError(.programFailed, "'\(Self.prefix)TASK' is no task")
    }
    stallTimeout = .nanoseconds(try number("STALL_NANOSECONDS"))
    frameworksHome = environment[Self.prefix + "FRAMEWORKS_HOME"]
    items = []
    for index in 0..<(try number("ITEMS")) {
      do {
        items.append(
          Item(
            uri: try CommandInfo.URI(jsonBytes: Array(try value("URI_\(index)").utf8)),
            cachedFile: environment["\(Self.prefix)CACHED_\(index)"]))
      } catch let error as FetcherError {
        throw error
      } catch {
        throw FetcherError(.programFailed, "'\(Self.prefix)URI_\(index)' is no URI: \(error)")
      }
    }
  }

  /// What the program answers, as text.
  public enum Answer: Hashable, Sendable {
    case done
    /// In bytes.
    case size(Int64)
    case failed(FetcherError)

    public var text: String {
      switch self {
      case .done: "done\n"
      case .size(let bytes): "size \(bytes)\n"
      case .failed(let error): "failed \(error.code)\n\(error.message)\n"
      }
    }

    /// `nil` where the text is no answer, as when the program was killed.
    public init?(text: String) {
      if text == "done\n" {
        self = .done
      } else if text.hasPrefix("size "), text.hasSuffix("\n"), let bytes = Int64(text.dropFirst(5).dropLast()) {
        self = .size(bytes)
      } else if text.hasPrefix("failed "), let end = text.firstIndex(of: "\n") {
        var message = text[text.index(after: end)...]
        if message.hasSuffix("\n") { message.removeLast() }
        self = .failed(
          FetcherError(.init(description: String(text[..<end].dropFirst("failed ".count))), String(message)))
      } else {
        return nil
      }
    }
  }
}
