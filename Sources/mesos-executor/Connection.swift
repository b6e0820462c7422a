import Glibc

/// Where the agent listens, as the kernel wants it.
struct AgentAddress {
  private var storage = sockaddr_storage()
  private var length: socklen_t = 0
  let family: Int32

  /// - Parameter host: An address, or a name that is looked up once.
  init?(host: String, port: UInt16) {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_NUMERICHOST
    var found: UnsafeMutablePointer<addrinfo>?
    if getaddrinfo(host, "\(port)", &hints, &found) != 0 {
      hints.ai_flags = 0
      guard getaddrinfo(host, "\(port)", &hints, &found) == 0 else { return nil }
    }
    defer { freeaddrinfo(found) }
    guard let info = found?.pointee, let address = info.ai_addr,
      Int(info.ai_addrlen) <= MemoryLayout<sockaddr_storage>.size
    else { return nil }
    family = info.ai_family
    length = info.ai_addrlen
    withUnsafeMutableBytes(of: &storage) {
      $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(length)))
    }
  }

  /// Begins to connect `descriptor`: 0, or the error.
  func connect(_ descriptor: Int32) -> Int32 {
    var storage = storage
    return withUnsafePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, length) == 0 ? 0 : errno
      }
    }
  }
}

/// One connection to the agent: bytes to be written, and answers.
final class Connection {
  enum Outcome {
    case part(HTTPResponseParser.Part)
    /// The end; `isClean` when the agent closed it between answers, or where that is how an answer ends.
    case closed(reason: String, isClean: Bool)
  }

  let descriptor: Int32
  private var isConnecting = true
  private var outgoing: [UInt8] = []
  private var written = 0
  private var parser = HTTPResponseParser()

  init?(_ address: AgentAddress) {
    descriptor = socket(
      address.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    var on: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, socklen_t(MemoryLayout<Int32>.size))
    let error = address.connect(descriptor)
    guard error == 0 || error == EINPROGRESS || error == EINTR else {
      close(descriptor)
      return nil
    }
  }

  deinit { close(descriptor) }

  var closesConnection: Bool { parser.closesConnection }
  var isIdle: Bool { parser.isBetweenAnswers && written == outgoing.count }

  /// What to wait for.
  var interest: Int16 {
    Int16(isConnecting || written < outgoing.count ? POLLIN | POLLOUT : POLLIN)
  }

  func write(_ bytes: [UInt8]) {
    outgoing = written == outgoing.count ? bytes : Array(outgoing[written...]) + bytes
    written = 0
  }

  /// Writes and reads what it can, and hands out what came of it until `take` says that it wants no more.
  func proceed(_ ready: Int16, take: (Outcome) -> Bool) {
    if isConnecting {
      guard ready & Int16(POLLOUT | POLLERR | POLLHUP) != 0 else { return }
      var error: Int32 = 0
      var length = socklen_t(MemoryLayout<Int32>.size)
      getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
      guard error == 0 else {
        _ = take(.closed(reason: "cannot connect: \(String(cString: strerror(error)))", isClean: false))
        return
      }
      isConnecting = false
    }
    while written < outgoing.count {
      let count = outgoing.withUnsafeBytes { bytes in
        send(descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written, Int32(MSG_NOSIGNAL))
      }
      if count < 0 {
        if errno == EINTR { continue }
        if errno == EAGAIN { break }
        _ = take(.closed(reason: "cannot write: \(String(cString: strerror(errno)))", isClean: false))
        return
      }
      written += count
    }
    if written == outgoing.count, !outgoing.isEmpty {
      outgoing = []
      written = 0
    }
    if ready & Int16(POLLIN | POLLERR | POLLHUP) != 0 { readAnswers(take) }
  }

  private func readAnswers(_ take: (Outcome) -> Bool) {
    // One page-sized piece at a time keeps the process small; what is left makes poll return again.
    var piece = [UInt8](repeating: 0, count: 16 * 1024)
    while true {
      let count = recv(descriptor, &piece, piece.count, 0)
      if count < 0 {
        if errno == EINTR { continue }
        if errno == EAGAIN { return }
        _ = take(.closed(reason: "cannot read: \(String(cString: strerror(errno)))", isClean: false))
        return
      }
      if count == 0 {
        if let part = parser.end() { _ = take(.part(part)) }
        let isClean = parser.isBetweenAnswers || parser.end() != nil
        _ = take(.closed(reason: "the agent closed the connection", isClean: isClean))
        return
      }
      parser.append(piece[..<count])
      do {
        while let part = try parser.next() {
          guard take(.part(part)) else { return }
        }
      } catch {
        _ = take(.closed(reason: "\(error)", isClean: false))
        return
      }
    }
  }
}
