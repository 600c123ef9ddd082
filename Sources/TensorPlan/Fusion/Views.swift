import TensorGraph

/// How a fusion group reads what is stored.
extension Fusion {
  func dense(_ id: Int) -> View {
    View(storage: storage[id], offset: 0, strides: graph.nodes[id].shape.strides)
  }

  /// How a broadcast, slice or transposition (or a chain of them) reads what is stored under it.
  func view(_ id: Int) -> View {
    let node = graph.nodes[id]
    let source = node.operands[0]
    let under = kind(source) == .view && !isNeeded[source] ? view(source) : dense(source)
    let shape = graph.nodes[source].shape
    switch node.operation {
    case let spread as Broadcast:
      let lead = spread.shape.rank - shape.rank
      let strides = (0..<spread.shape.rank).map { axis in
        axis < lead || shape[axis - lead] == 1 ? 0 : under.strides[axis - lead]
      }
      return View(storage: under.storage, offset: under.offset, strides: strides)
    case let slice as Slice:
      let offset = zip(slice.start, under.strides).reduce(under.offset) { $0 + $1.0 * $1.1 }
      return View(
        storage: under.storage, offset: offset, strides: zip(slice.step, under.strides).map(*))
    case let transpose as Transpose:
      return View(
        storage: under.storage, offset: under.offset,
        strides: transpose.order.map { under.strides[$0] })
    default: preconditionFailure("\(node.operation.name) is no view")
    }
  }
}
