import TensorGraph

/// Post-ops of a convolution: bias, residual, ReLU and the limit of a ReLU6.
extension Fusion {
  func onlyUser(of id: Int) -> Int? {
    isOutput[id] || users[id].count != 1 ? nil : users[id][0]
  }

  /// The vector that `id` repeats along every axis but the last, if it does.
  func channelVector(_ id: Int, channels: Int) -> Int? {
    guard graph.nodes[id].operation is Broadcast else { return nil }
    let source = graph.nodes[id].operands[0]
    let shape = graph.nodes[source].shape
    return shape.count == channels && shape.rank > 0 && shape[-1] == channels ? source : nil
  }

  /// The number above 0 that `id` repeats everywhere, if it does.
  private func positiveNumber(_ id: Int) -> Float? {
    guard graph.nodes[id].operation is Broadcast,
      let scalar = graph.nodes[graph.nodes[id].operands[0]].operation as? Scalar
    else { return nil }
    let number = Float(scalar.value)
    return number > 0 && number.isFinite ? number : nil
  }

  mutating func absorbEpilogues() {
    for (id, node) in graph.nodes.enumerated() where node.operation is Convolution {
      var end = id
      var taken = Kernel.Epilogue()
      var absorbed: [Int] = []
      while taken.limit == nil, let user = onlyUser(of: end) {
        let next = graph.nodes[user]
        if taken.hasReLU {
          // What is not a number is the second operand: it stays.
          guard let binary = next.operation as? Binary, binary.function == .minimum,
            next.operands[1] == end, let limit = positiveNumber(next.operands[0])
          else { break }
          taken.limit = limit
        } else if let binary = next.operation as? Binary, binary.function == .add {
          let other = next.operands[0] == end ? next.operands[1] : next.operands[0]
          if taken.bias == nil, taken.residual == nil,
            let vector = channelVector(other, channels: node.shape[3])
          {
            taken.bias = vector
          } else if taken.residual == nil, stands(other, before: id) {
            taken.residual = other
          } else {
            break
          }
        } else if let unary = next.operation as? Unary, unary.function == .relu {
          taken.hasReLU = true
        } else {
          break
        }
        absorbed.append(end)
        end = user
      }
      guard end != id else { continue }
      for inner in absorbed { isAbsorbed[inner] = true }
      isAbsorbed[end] = true
      epilogue[id] = (end, taken)
    }
  }
}
