import TensorGraph

/// Filters that are multiplied with a number for each output channel: a folded batch norm.
extension Fusion {
  mutating func absorbScales() {
    for (id, node) in graph.nodes.enumerated() {
      guard let product = node.operation as? Binary, product.function == .multiply,
        node.shape.rank == 4, !isOutput[id], users[id].allSatisfy({ isFilter(id, of: $0) })
      else { continue }
      for (filter, spread) in [
        (node.operands[0], node.operands[1]), (node.operands[1], node.operands[0]),
      ] where graph.nodes[spread].operation is Broadcast && number(spread) == nil {
        let scale = graph.nodes[spread].operands[0]
        guard graph.nodes[scale].shape == [node.shape[0], 1, 1, 1],
          kind(scale) != .view, kind(filter) != .view, number(filter) == nil
        else { continue }
        scaled[id] = (filter, scale)
        isAbsorbed[id] = true
        break
      }
    }
  }

  func isFilter(_ id: Int, of user: Int) -> Bool {
    let node = graph.nodes[user]
    return (node.operation is Convolution || node.operation is ConvolutionInputGradient)
      && node.operands[0] != id && node.operands[1] == id
  }
}
