/// Places buffers in one arena so that none overlaps another that is alive at the same time.
public struct MemoryPlan: Sendable {
  /// A buffer is alive from step `first` to step `last`, both included.
  public struct Request: Hashable, Sendable {
    public let bytes: Int
    public let first: Int
    public let last: Int

    public init(bytes: Int, first: Int, last: Int) {
      precondition(bytes >= 0 && first <= last, "\(bytes) bytes from step \(first) to \(last)")
      (self.bytes, self.first, self.last) = (bytes, first, last)
    }
  }

  /// Offsets and sizes are multiples of a cache line.
  public static let alignment = 64

  /// Offset of each request in the arena.
  public let offsets: [Int]
  /// Size of the arena.
  public let peakBytes: Int
  /// The most bytes alive at any one step: no plan can be smaller.
  public let lowerBound: Int

  /// Largest first, each at the lowest offset where it fits among those alive with it.
  public init(_ requests: [Request]) {
    func aligned(_ bytes: Int) -> Int { (bytes + Self.alignment - 1) & ~(Self.alignment - 1) }
    var offsets = [Int](repeating: 0, count: requests.count)
    var placed: [(begin: Int, end: Int, first: Int, last: Int)] = []  // by begin
    var peak = 0
    let order = requests.indices.sorted {
      (requests[$1].bytes, requests[$0].first, $0) < (requests[$0].bytes, requests[$1].first, $1)
    }
    for index in order where requests[index].bytes > 0 {
      let request = requests[index]
      let size = aligned(request.bytes)
      var best: (offset: Int, slack: Int)?
      var free = 0
      for other in placed where other.first <= request.last && request.first <= other.last {
        if other.begin - free >= size, other.begin - free - size < best?.slack ?? Int.max {
          best = (free, other.begin - free - size)
        }
        free = max(free, other.end)
      }
      let offset = best?.offset ?? free
      offsets[index] = offset
      peak = max(peak, offset + size)
      let entry = (offset, offset + size, request.first, request.last)
      var (low, high) = (0, placed.count)
      while low < high {
        let middle = (low + high) / 2
        if placed[middle].begin < offset { low = middle + 1 } else { high = middle }
      }
      placed.insert(entry, at: low)
    }
    self.offsets = offsets
    peakBytes = peak
    var change: [Int: Int] = [:]
    for request in requests {
      change[request.first, default: 0] += aligned(request.bytes)
      change[request.last + 1, default: 0] -= aligned(request.bytes)
    }
    var (alive, most) = (0, 0)
    for step in change.keys.sorted() {
      alive += change[step]!
      most = max(most, alive)
    }
    lowerBound = most
  }
}
