import Networks

/// The order in which Keras holds layers (`model.layers`).
extension KerasWriting {
  /// One call of a layer, by positions.
  private struct Call: Hashable {
    let layer: Int
    let call: Int
  }

  /// As Keras does: by the largest distance from the output, of several calls the largest, and of equal
  /// ones first what is met first on the way from the output, each layer before what it reads
  /// (keras/src/ops/function.py, `map_graph`).
  mutating func sort() {
    let positions = Dictionary(
      uniqueKeysWithValues: layers.enumerated().map { ($0.element.name, $0.offset) })
    func called(_ reference: Reference) -> Call {
      Call(layer: positions[reference.name]!, call: reference.call)
    }
    func sources(_ call: Call) -> [Call] {
      // The input layer has none.
      layers[call.layer].calls.dropFirst(call.call).first.map { $0.map(called) } ?? []
    }
    var met = [Int](repeating: .max, count: layers.count)
    var count = 0
    var finished: [Call] = []
    // Depth first, with a stack of its own: a network may be a chain of any length.
    var (begun, done): (Set<Call>, Set<Call>) = ([], [])
    var stack = [called(output)]
    while let top = stack.last {
      if begun.insert(top).inserted {
        if met[top.layer] == .max {
          met[top.layer] = count
          count += 1
        }
        stack += sources(top).reversed().filter { !begun.contains($0) }
      } else {
        stack.removeLast()
        if done.insert(top).inserted { finished.append(top) }
      }
    }
    var distances: [Call: Int] = [:]
    var ofLayers = [Int](repeating: 0, count: layers.count)
    for call in finished.reversed() {
      let distance = max(distances[call, default: 0], ofLayers[call.layer])
      (distances[call], ofLayers[call.layer]) = (distance, distance)
      for source in sources(call) {
        distances[source] = max(distance + 1, distances[source, default: 0])
      }
    }
    let order = layers.indices.sorted {
      (ofLayers[$1], met[$0], $0) < (ofLayers[$0], met[$1], $1)
    }
    layers = order.map { layers[$0] }
  }
}
