import CZlib
import Synchronization

/// Compresses one document as it is written.
final class GzipStream: Sendable {
  private struct State: ~Copyable {
    let stream: UnsafeMutablePointer<z_stream>

    /// `nil` without memory.
    init?() {
      stream = .allocate(capacity: 1)
      stream.initialize(to: z_stream())
      // Fast: the pages are polled, and compress tenfold at any level.
      guard swift_mesos_gzip_init(stream, 1) == Z_OK else {
        stream.deallocate()
        return nil
      }
    }

    deinit {
      deflateEnd(stream)
      stream.deallocate()
    }

    mutating func compress(_ bytes: [UInt8], isLast: Bool) -> [UInt8] {
      var result: [UInt8] = []
      var bytes = bytes
      bytes.withUnsafeMutableBufferPointer { input in
        stream.pointee.next_in = input.baseAddress
        stream.pointee.avail_in = UInt32(clamping: input.count)
        var isFull = true
        while isFull {
          let piece = [UInt8](unsafeUninitializedCapacity: 32 * 1024) { output, count in
            stream.pointee.next_out = output.baseAddress
            stream.pointee.avail_out = UInt32(output.count)
            // It ends where there is room left in the output: all of the input is taken then.
            _ = deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
            count = output.count - Int(stream.pointee.avail_out)
            isFull = stream.pointee.avail_out == 0
          }
          result += piece
        }
        stream.pointee.next_in = nil
      }
      return result
    }
  }

  private let state: Mutex<State>

  /// `nil` without memory.
  init?() {
    guard let state = State() else { return nil }
    self.state = Mutex(state)
  }

  /// What is to be sent for these bytes; it may come with later ones.
  func compress(_ bytes: [UInt8]) -> [UInt8] { state.withLock { $0.compress(bytes, isLast: false) } }

  /// The rest.
  func finish() -> [UInt8] { state.withLock { $0.compress([], isLast: true) } }
}
