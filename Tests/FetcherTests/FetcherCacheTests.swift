import Fetcher
import MesosTestKit
import Testing

struct FetcherCacheTests {
  private func key(_ uri: String, user: String? = "anna") -> FetcherCache.Key { .init(user: user, uri: uri) }

  /// Downloads and gives back.
  private func add(_ uri: String, bytes: Int64, to cache: inout FetcherCache) throws -> [String] {
    guard case .download = cache.claim(key(uri), basename: uri) else { return [] }
    let victims = try cache.reserve(key(uri), bytes: bytes)
    cache.finish(key(uri), bytes: bytes)
    cache.release(key(uri))
    return victims.map(\.key.uri)
  }

  @Test func `one downloads, the others wait, and later ones find the file`() throws {
    var cache = FetcherCache(capacity: 100)
    let first = cache.claim(key("u"), basename: "tool.tar.gz")
    #expect(first == .download(file: "c1-tool.tar.gz"))
    #expect(cache.claim(key("u"), basename: "tool.tar.gz") == .wait)
    #expect(try cache.reserve(key("u"), bytes: 60).isEmpty)
    #expect(cache.file(of: key("u")) == nil)
    cache.finish(key("u"), bytes: 50)
    #expect(cache.used == 50)
    #expect(cache.claim(key("u"), basename: "tool.tar.gz") == .ready(file: "c1-tool.tar.gz"))
    #expect(cache.checkInvariants())
  }

  @Test func `each user has entries of their own`() {
    var cache = FetcherCache(capacity: 100)
    #expect(cache.claim(key("u", user: "anna"), basename: "u") == .download(file: "c1-u"))
    #expect(cache.claim(key("u", user: "bert"), basename: "u") == .download(file: "c2-u"))
    #expect(cache.claim(key("u", user: nil), basename: "u") == .download(file: "c3-u"))
  }

  @Test func `the entry asked for longest ago goes first`() throws {
    var cache = FetcherCache(capacity: 100)
    #expect(try add("a", bytes: 40, to: &cache) == [])
    #expect(try add("b", bytes: 40, to: &cache) == [])
    // Asked for again, so `b` is the older one now.
    #expect(cache.claim(key("a"), basename: "a") == .ready(file: "c1-a"))
    cache.release(key("a"))
    #expect(try add("c", bytes: 40, to: &cache) == ["b"])
    #expect(try add("d", bytes: 90, to: &cache) == ["a", "c"])
    #expect(cache.used == 90)
  }

  @Test func `what is in use stays, and a download without room leaves all as it was`() throws {
    var cache = FetcherCache(capacity: 100)
    #expect(try add("a", bytes: 30, to: &cache) == [])
    #expect(cache.claim(key("a"), basename: "a") == .ready(file: "c1-a"))
    #expect(try add("b", bytes: 60, to: &cache) == [])
    #expect(cache.claim(key("c"), basename: "c") == .download(file: "c3-c"))
    let error = #expect(throws: FetcherError.self) { try cache.reserve(key("c"), bytes: 71) }
    #expect(error?.code == .cacheFull)
    #expect(cache.used == 90)
    #expect(cache.file(of: key("b")) != nil)
    cache.fail(key("c"))
    #expect(cache.count == 2)
    #expect(throws: FetcherError.self) { try cache.reserve(key("x"), bytes: 101) }
    #expect(cache.checkInvariants())
  }

  @Test func `a failed download is forgotten, and the next who asks downloads`() throws {
    var cache = FetcherCache(capacity: 100)
    _ = cache.claim(key("u"), basename: "u")
    _ = try cache.reserve(key("u"), bytes: 80)
    cache.fail(key("u"))
    #expect(cache.used == 0)
    #expect(cache.claim(key("u"), basename: "u") == .download(file: "c2-u"))
  }

  @Test func `long names are cut in the middle`() {
    var cache = FetcherCache(capacity: 1)
    #expect(
      cache.claim(key("u"), basename: "a-rather-long-name-of-1.2.3.tar.gz")
        == .download(file: "c1-a-rather-l_2.3.tar.gz"))
  }

  /// Every claim is counted by the test as well.
  @Test(arguments: Seeds.all)
  func `sizes add up whatever happens, and nothing in use goes`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    var cache = FetcherCache(capacity: 1_000)
    var held: [(key: FetcherCache.Key, isReady: Bool)] = []
    for step in 0..<2_000 {
      switch Int.random(in: 0..<4, using: &rng) {
      case 0, 1:
        let key = key("u\(Int.random(in: 0..<12, using: &rng))")
        switch cache.claim(key, basename: "f") {
        case .ready: held.append((key, true))
        case .wait: held.append((key, false))
        case .download:
          let bytes = Int64.random(in: 0...400, using: &rng)
          do {
            for victim in try cache.reserve(key, bytes: bytes) {
              #expect(!held.contains { $0.key == victim.key }, "SIM_SEED=\(seed) step=\(step)")
            }
            if Bool.random(using: &rng) {
              cache.finish(key, bytes: bytes / 2)
              held.append((key, true))
            } else {
              cache.fail(key)
            }
          } catch {
            cache.fail(key)
          }
        }
      case 2: if let index = held.indices.randomElement(using: &rng) { cache.release(held.remove(at: index).key) }
      default:
        for (key, isReady) in held where isReady {
          #expect(cache.file(of: key) != nil, "SIM_SEED=\(seed) step=\(step)")
        }
      }
      #expect(cache.checkInvariants(), "SIM_SEED=\(seed) step=\(step)")
    }
  }
}
