import Foundation
import MesosHTTP
import MesosModel

#if canImport(Glibc)
  import Glibc
#endif

/// Frameworks that subscribe at once, each on a stream of its own, and refuse every offer for a very long time.
final class OfferLoad {
  private struct Framework {
    var descriptor: Int32
    var begin = ContinuousClock.now
    var stream = StreamReader()
    var id = FrameworkID()
    var firstOffers: Double?
  }

  private let port: Int
  private let path = "/master/api/v1/scheduler"
  private var frameworks: [Framework] = []

  init(port: Int) { self.port = port }

  deinit { for framework in frameworks { close(framework.descriptor) } }

  /// - Returns: Seconds from SUBSCRIBE to the first OFFERS of each framework, sorted.
  func firstOffers(_ count: Int) throws -> [Double] {
    let calls = try HTTPExchange(port: port)
    for index in 0..<count { frameworks.append(try subscribe(index)) }
    var events = frameworks.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
    let end = ContinuousClock.now + .seconds(120)
    while frameworks.contains(where: { $0.firstOffers == nil }) {
      try require(
        ContinuousClock.now < end, "\(frameworks.count { $0.firstOffers != nil }) of \(count) frameworks had offers")
      guard poll(&events, nfds_t(events.count), 1_000) > 0 else { continue }
      for index in frameworks.indices where events[index].revents != 0 { try read(index, calls) }
    }
    return frameworks.compactMap(\.firstOffers).sorted()
  }

  private func subscribe(_ index: Int) throws -> Framework {
    let descriptor = try Loopback.connect(port: port, as: "framework \(index)")
    let body = MessageEncoding.protobuf.encode(
      SchedulerCall.with {
        $0.type = .subscribe
        $0.subscribe.frameworkInfo = .with {
          $0.user = "root"
          $0.name = "load-\(index)"
          $0.roles = ["*"]
          $0.capabilities = [.with { $0.type = .multiRole }]
        }
      })
    let head =
      "POST \(path) HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-protobuf\r\n"
      + "Accept: application/x-protobuf\r\nContent-Length: \(body.count)\r\n\r\n"
    let framework = Framework(descriptor: descriptor)
    let bytes = Array(head.utf8) + body
    try require(write(descriptor, bytes, bytes.count) == bytes.count, "framework \(index) cannot subscribe")
    return framework
  }

  private func read(_ index: Int, _ calls: HTTPExchange) throws {
    var records: [[UInt8]] = []
    try withUnsafeTemporaryAllocation(byteCount: 1 << 18, alignment: 16) { buffer in
      let count = recv(frameworks[index].descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
      if count < 0, errno == EAGAIN { return }
      try require(count > 0, "the stream of framework \(index) ended")
      records = try frameworks[index].stream.take(buffer.prefix(count))
    }
    for record in records {
      let event = try MessageEncoding.protobuf.decode(SchedulerEvent.self, from: record)
      switch event.type {
      case .subscribed: frameworks[index].id = event.subscribed.frameworkID
      case .offers:
        if frameworks[index].firstOffers == nil {
          frameworks[index].firstOffers = (ContinuousClock.now - frameworks[index].begin).seconds
        }
        try decline(event.offers.offers.map(\.id), index, calls)
      case .error: throw WrongOutcome(description: "framework \(index): \(event.error.message)")
      default: break
      }
    }
  }

  private func decline(_ offers: [OfferID], _ index: Int, _ calls: HTTPExchange) throws {
    let body = MessageEncoding.protobuf.encode(
      SchedulerCall.with {
        $0.type = .decline
        $0.frameworkID = frameworks[index].id
        $0.decline.offerIds = offers
        $0.decline.filters.refuseSeconds = 1e6
      })
    let id =
      frameworks[index].stream.head?.split(separator: "\r\n")
      .first { $0.lowercased().hasPrefix("mesos-stream-id:") }?.split(separator: ":", maxSplits: 1).last ?? ""
    let answer = try calls.post(
      path, body, type: "application/x-protobuf",
      headers: "Mesos-Stream-Id: \(id.trimmingCharacters(in: .whitespaces))\r\n")
    try require(answer.status == 202, answer.head)
  }
}
