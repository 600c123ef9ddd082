import Foundation

extension Architecture {
  /// Names of the layers that this network is to Keras, in the order of Keras's `model.layers`, by
  /// which its files number layers; `nil` if Keras has no layers for it.
  ///
  /// keras/src/ops/function.py, map_graph: by the longest way to the output, the longest first, and
  /// of equal ones that first which a search from the output meets first.
  public var kerasLayerOrder: [String]? {
    guard let text = try? kerasModelConfig(), let model = try? KerasModel(text) else { return nil }
    let layers = model.layers
    var positions: [String: Int] = [:]
    for (position, layer) in layers.enumerated() { positions[layer.name] = position }
    let inputs = layers.map { $0.inputs.compactMap { positions[$0] } }
    // Each layer comes after those that it reads, so one pass from the end finds the longest ways.
    var depths = [Int](repeating: 0, count: layers.count)
    for position in layers.indices.reversed() {
      for input in inputs[position] { depths[input] = max(depths[input], depths[position] + 1) }
    }
    var met = [Int?](repeating: nil, count: layers.count)
    var count = 0
    var stack = [layers.count - 1]
    while let position = stack.popLast() {
      guard met[position] == nil else { continue }
      met[position] = count
      count += 1
      stack += inputs[position].reversed()
    }
    return layers.indices.sorted {
      (-depths[$0], met[$0] ?? count) < (-depths[$1], met[$1] ?? count)
    }.map { layers[$0].name }
  }
}
