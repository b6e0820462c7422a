import AgentLink
import DequeModule
import ExecutorCore
import MesosModel
import SchedulerCore

// Connections: made, carrying, broken.
extension SimulatedCluster {
  /// Opens a connection; that it is there arrives at the server first.
  mutating func connect(
    _ purpose: Connection.Purpose, from client: SimulatedNode, to server: SimulatedNode
  ) -> ConnectionNumber {
    lastConnection += 1
    connections[lastConnection] = Connection(purpose: purpose, client: client, server: server)
    return lastConnection
  }

  /// Sends behind what is under way already.
  mutating func send(_ packet: Packet, on number: ConnectionNumber, toServer: Bool) {
    guard let connection = connections[number] else { return }
    let isThere = toServer ? connection.isServerThere : connection.isClientThere
    guard isThere || connection.isHalfOpen else { return }
    let sender = toServer ? connection.client : connection.server
    var isLocal = false
    if case .executorStream = connection.purpose { isLocal = true }
    var delay = draw(configuration.latency, for: sender)
    if isLocal { delay /= 4 } else { for extra in delays { delay += extra } }
    if toServer {
      let at = max(connection.lastUp, now + delay)
      connections[number]?.lastUp = at
      connections[number]?.up.append(packet)
      queue.insert(.arrival(number, toServer: true), at: at)
    } else {
      let at = max(connection.lastDown, now + delay)
      connections[number]?.lastDown = at
      connections[number]?.down.append(packet)
      queue.insert(.arrival(number, toServer: false), at: at)
    }
  }

  /// One end is over. The other hears of it behind everything that was sent before.
  mutating func close(_ number: ConnectionNumber, byClient: Bool, reason: String, isSilent: Bool = false) {
    guard let connection = connections[number] else { return }
    if byClient {
      connections[number]?.isClientThere = false
    } else {
      connections[number]?.isServerThere = false
    }
    let isOtherThere = byClient ? connection.isServerThere : connection.isClientThere
    guard isOtherThere else {
      connections[number] = nil
      return
    }
    if isSilent {
      connections[number]?.isHalfOpen = true
    } else {
      send(.ended(reason: reason), on: number, toServer: byClient)
    }
  }

  /// Breaks a connection at both ends; what was under way is lost.
  mutating func reset(_ number: ConnectionNumber) {
    guard let connection = connections.removeValue(forKey: number) else { return }
    if connection.isServerThere { ended(connection, atServer: true, number, "reset") }
    if connection.isClientThere { ended(connection, atServer: false, number, "reset") }
  }

  /// Every connection of a process ends with it.
  mutating func closeAll(of node: SimulatedNode, isSilent: Bool) {
    for number in connections.keys.sorted() {
      guard let connection = connections[number] else { continue }
      if connection.client == node, connection.isClientThere {
        close(number, byClient: true, reason: "the other side is gone", isSilent: isSilent)
      } else if connection.server == node, connection.isServerThere {
        close(number, byClient: false, reason: "the other side is gone", isSilent: isSilent)
      }
    }
  }

  private func isMuted(_ connection: Connection, toServer: Bool) -> Bool {
    guard !mutedTo.isEmpty || !mutedFrom.isEmpty else { return false }
    if case .executorStream = connection.purpose { return false }
    let (from, to) =
      toServer ? (connection.client, connection.server) : (connection.server, connection.client)
    return mutedFrom[from] != nil || mutedTo[to] != nil
  }

  mutating func arrive(_ number: ConnectionNumber, toServer: Bool) {
    guard let connection = connections[number] else { return }
    guard !isMuted(connection, toServer: toServer) else {
      if toServer {
        connections[number]?.stalledUp += 1
      } else {
        connections[number]?.stalledDown += 1
      }
      return
    }
    let popped =
      toServer ? connections[number]?.up.popFirst() : connections[number]?.down.popFirst()
    guard let packet = popped else { return }
    guard toServer ? connection.isServerThere : connection.isClientThere else {
      // A machine that came back knows nothing of the connection, and says so; one that is down says nothing.
      if connection.isHalfOpen, isUp(toServer ? connection.server : connection.client) { reset(number) }
      return
    }
    if case .ended(let reason) = packet {
      connections[number] = nil
      ended(connection, atServer: toServer, number, reason)
      return
    }
    if toServer { atServer(packet, connection, number) } else { atClient(packet, connection, number) }
  }

  private func isUp(_ node: SimulatedNode) -> Bool {
    switch node {
    case .master: master.core != nil
    case .agent(let index): agents[index].core != nil
    case .framework(let index): frameworks[index].core != nil
    case .executor(let number): executors[number] != nil
    }
  }

  /// Lets what a partition held back arrive.
  mutating func releaseStalled() {
    for number in connections.keys.sorted() {
      guard let connection = connections[number] else { continue }
      if connection.stalledUp > 0, !isMuted(connection, toServer: true) {
        connections[number]?.stalledUp = 0
        let at = now + draw(configuration.latency, for: connection.client)
        for _ in 0..<connection.stalledUp { queue.insert(.arrival(number, toServer: true), at: at) }
      }
      if connection.stalledDown > 0, !isMuted(connection, toServer: false) {
        connections[number]?.stalledDown = 0
        let at = now + draw(configuration.latency, for: connection.server)
        for _ in 0..<connection.stalledDown { queue.insert(.arrival(number, toServer: false), at: at) }
      }
    }
  }

  // MARK: What arrives

  private mutating func atServer(_ packet: Packet, _ connection: Connection, _ number: ConnectionNumber) {
    switch connection.server {
    case .master:
      guard master.core != nil else { return refuse(number) }
      arriveAtMaster(packet, connection, number)
    case .agent(let index):
      guard agents[index].core != nil else { return refuse(number) }
      arriveAtAgent(index, packet, connection, number)
    case .framework, .executor: break
    }
  }

  /// Nobody listens.
  private mutating func refuse(_ number: ConnectionNumber) {
    close(number, byClient: false, reason: Self.refusal)
  }

  static let refusal = "connection refused"

  private mutating func atClient(_ packet: Packet, _ connection: Connection, _ number: ConnectionNumber) {
    switch connection.client {
    case .agent(let index): arriveFromMaster(index, packet, number)
    case .framework(let index): arriveAtFramework(index, packet, connection, number)
    case .executor(let executor): arriveAtExecutor(executor, packet, connection, number)
    case .master: break
    }
  }

  private mutating func ended(
    _ connection: Connection, atServer: Bool, _ number: ConnectionNumber, _ reason: String
  ) {
    switch atServer ? connection.server : connection.client {
    case .master: connectionEndedAtMaster(connection, number)
    case .agent(let index):
      if atServer {
        executorStreamEnded(index, connection)
      } else {
        exchangeEnded(index, number)
      }
    case .framework(let index): connectionEndedAtFramework(index, connection, number, reason)
    case .executor(let executor): streamEndedAtExecutor(executor, connection, reason)
    }
  }

  mutating func callTimedOut(_ number: ConnectionNumber) {
    guard let connection = connections[number], connection.isClientThere else { return }
    close(number, byClient: true, reason: "timed out")
    ended(connection, atServer: false, number, "no answer within \(configuration.callTimeout)")
  }
}
