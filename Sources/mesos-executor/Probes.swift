import ExecutorCore
import Glibc
import ProcessLaunch

/// One probe of the task that is under way.
protocol RunningProbe: AnyObject {
  var descriptor: Int32 { get }
  /// What to wait for.
  var interest: Int16 { get }
  /// The outcome, once there is one.
  func proceed(_ ready: Int16) -> TaskProbe.Outcome?
  /// Ends what is left of it.
  func end()
}

/// Why a probe could not be begun.
struct ProbeError: Error, CustomStringConvertible {
  var description: String
}

/// A command that tells by its exit code.
final class CommandProbe: RunningProbe {
  private let process: LaunchedProcess
  private let ended: ProcessDescriptor

  init(_ launch: CommandLaunch, in sandbox: String?) throws {
    let program: LaunchRequest.Program =
      switch launch.program {
      case .shell(let text): .shell(text)
      case .program(let path, let arguments): .program(path: path, arguments: arguments)
      }
    process = try ProcessLaunch.launch(
      LaunchRequest(
        program: program, environment: .exactly(launch.environment), workingDirectory: sandbox,
        standardOutput: .descriptor(2), standardError: .inherited))
    guard let descriptor = try ProcessDescriptor(process) else { throw ProbeError(description: "it is gone already") }
    ended = descriptor
  }

  var descriptor: Int32 { ended.fileDescriptor }
  var interest: Int16 { Int16(POLLIN) }

  func proceed(_ ready: Int16) -> TaskProbe.Outcome? {
    switch ended.reap() {
    case .exited(let code): .exited(code: code)
    case .some(let other): .failed("the command \(other)")
    case nil: nil
    }
  }

  /// Kills what the command started, and takes its status.
  func end() {
    _ = try? killTree(session: process)
    var status: Int32 = 0
    while waitpid(process.pid, &status, 0) < 0, errno == EINTR {}
  }
}

/// A connection to the loopback address, and over it a request where there is a path.
final class SocketProbe: RunningProbe {
  private static let answerBytesMax = 64 * 1_024
  let descriptor: Int32
  private var isConnecting = true
  private var request: [UInt8]
  private let isHTTP: Bool
  private var parser = HTTPResponseParser()
  private var received = 0

  init(port: UInt16, isIPv6: Bool, path: String?) throws {
    let host = isIPv6 ? "::1" : "127.0.0.1"
    guard let address = AgentAddress(host: host, port: port) else {
      throw ProbeError(description: "no loopback address")
    }
    isHTTP = path != nil
    let shown = isIPv6 ? "[\(host)]" : host
    let target = path.map { $0.hasPrefix("/") ? $0 : "/\($0)" } ?? "/"
    request =
      isHTTP
      ? Array(
        "GET \(target) HTTP/1.1\r\nHost: \(shown):\(port)\r\nUser-Agent: mesos-executor\r\nAccept: */*\r\nConnection: close\r\n\r\n"
          .utf8)
      : []
    guard !target.utf8.contains(where: { $0 <= 32 || $0 == 127 }) else {
      throw ProbeError(description: "the path of the check has a blank or control character")
    }
    descriptor = socket(
      address.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw ProbeError(description: String(cString: strerror(errno))) }
    // What cannot connect at once shows when it is waited for.
    failure = address.connect(descriptor)
    if failure == EINPROGRESS || failure == EINTR { failure = 0 }
  }

  private var failure: Int32 = 0

  deinit { close(descriptor) }

  var interest: Int16 { Int16(isConnecting || !request.isEmpty ? POLLOUT : POLLIN) }

  func proceed(_ ready: Int16) -> TaskProbe.Outcome? {
    if isConnecting {
      var length = socklen_t(MemoryLayout<Int32>.size)
      if failure == 0 { getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &length) }
      guard failure == 0 else {
        return isHTTP ? .failed("cannot connect: \(String(cString: strerror(failure)))") : .connected(false)
      }
      isConnecting = false
      guard isHTTP else { return .connected(true) }
    }
    while !request.isEmpty {
      let count = send(descriptor, request, request.count, Int32(MSG_NOSIGNAL))
      if count < 0 {
        if errno == EINTR { continue }
        return errno == EAGAIN ? nil : .failed("cannot write: \(String(cString: strerror(errno)))")
      }
      request.removeFirst(count)
    }
    return readAnswer()
  }

  private func readAnswer() -> TaskProbe.Outcome? {
    var piece = [UInt8](repeating: 0, count: 4 * 1_024)
    while true {
      let count = recv(descriptor, &piece, piece.count, 0)
      if count < 0 {
        if errno == EINTR { continue }
        return errno == EAGAIN ? nil : .failed("cannot read: \(String(cString: strerror(errno)))")
      }
      guard count > 0 else { return .failed("the task closed the connection without an answer") }
      received += count
      guard received <= Self.answerBytesMax else { return .failed("the head of the answer is too long") }
      parser.append(piece[..<count])
      do {
        while let part = try parser.next() {
          // What follows the status is of no interest.
          if case .head(let status) = part { return .answered(status: status) }
        }
      } catch {
        return .failed("\(error)")
      }
    }
  }

  func end() {}
}
