import TensorGraph

/// Post-ops of an input gradient: residual, the mask of a ReLU, and the sums over all pixels.
extension Fusion {
  struct TakenPostOps {
    var end: Int
    var residual: Int?
    var mask: Int?
    var channelSums: Int?

    /// What is read for it.
    var reads: [Int] { [residual, mask].compactMap { $0 } }
  }

  /// An array that is there before `id` and can be read as it stands.
  func stands(_ other: Int, before id: Int) -> Bool {
    other < id && number(other) == nil && kind(other) != .view
      && graph.nodes[other].type == .float32
  }

  /// Whether `id` is the sum of an image over all pixels.
  func sumsPixels(_ id: Int, of image: Shape) -> Bool {
    guard let sum = graph.nodes[id].operation as? Reduction, sum.function == .sum else {
      return false
    }
    return (0..<3).allSatisfy { image[$0] == 1 || sum.axes.contains($0) } && !sum.axes.contains(3)
  }

  mutating func absorbBackwardPostOps() {
    for (id, node) in graph.nodes.enumerated() where node.operation is ConvolutionInputGradient {
      var taken = TakenPostOps(end: id)
      var absorbed: [Int] = []
      while taken.mask == nil, let user = onlyUser(of: taken.end) {
        let next = graph.nodes[user]
        guard let binary = next.operation as? Binary else { break }
        let other = next.operands[0] == taken.end ? next.operands[1] : next.operands[0]
        if binary.function == .add, taken.residual == nil, stands(other, before: id) {
          taken.residual = other
        } else if binary.function == .multiply,
          (graph.nodes[other].operation as? Unary)?.function == .isPositive,
          stands(graph.nodes[other].operands[0], before: id)
        {
          taken.mask = graph.nodes[other].operands[0]
        } else {
          break
        }
        absorbed.append(user)
        taken.end = user
      }
      guard taken.end != id else { continue }
      taken.channelSums = users[taken.end].first { sumsPixels($0, of: node.shape) }
      isAbsorbed[id] = true
      for inner in absorbed + [taken.channelSums].compactMap({ $0 }) { isAbsorbed[inner] = true }
      backwardPostOps[id] = taken
    }
  }
}
