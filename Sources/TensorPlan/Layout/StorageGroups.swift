/// Sets of storages about which one thing is decided for all of a set.
struct StorageGroups {
  private var parent: [Int]
  private var kept: [Bool]

  init(count: Int) {
    parent = Array(0..<count)
    kept = [Bool](repeating: false, count: count)
  }

  /// The representative of a storage's set.
  func root(_ id: Int) -> Int {
    var id = id
    while parent[id] != id { id = parent[id] }
    return id
  }

  /// Whether anything in the set has to stay as it is.
  func isKept(_ storage: Int) -> Bool { kept[root(storage)] }

  mutating func keep(_ storage: Int) { kept[root(storage)] = true }

  mutating func unite(_ storages: [Int]) {
    for other in storages.dropFirst() {
      let (a, b) = (root(storages[0]), root(other))
      guard a != b else { continue }
      parent[b] = a
      kept[a] = kept[a] || kept[b]
    }
  }
}
