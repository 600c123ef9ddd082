import TensorGraph

/// Which activations are kept in bfloat16: half the memory and half the traffic, and convolutions
/// multiply them twice as fast as floats.
///
/// Sums are floats everywhere, and so are parameters, their derivatives, and whatever is not an
/// image between convolutions: outputs, rows, what pooling, concatenation and padding touch. A
/// fusion group reads and writes either. What a convolution adds to is of the same kind as its
/// result. Images of a convolution that is done in floats stay floats.
struct Rounding {
  /// Storages kept in bfloat16.
  let rounded: Set<Int>

  /// - Parameter isRounded: whether a convolution multiplies in bfloat16.
  init(
    _ kernels: [Kernel], _ graph: Graph, storage: [Int], isRounded: (Kernel) -> Bool
  ) {
    var groups = StorageGroups(count: graph.nodes.count)
    for (id, node) in graph.nodes.enumerated() {
      // Where there is one pixel there is nothing to gain.
      let isKept =
        node.isGiven || node.shape.rank != 4 || node.type != .float32
        || node.shape[1] * node.shape[2] <= 1
      if isKept { groups.keep(id) }
    }
    for output in graph.outputs { groups.keep(storage[output]) }
    var images: Set<Int> = []
    for kernel in kernels {
      // Under another shape it is read as floats.
      for (storage, shape) in zip(
        kernel.reads + kernel.writes, kernel.readShapes + kernel.writeShapes)
      where graph.nodes[storage].shape != shape { groups.keep(storage) }
      switch kernel.work {
      case .pointwise(let fused):
        for reduction in fused.reductions { groups.keep(reduction.storage) }
      case .convolution, .inputGradient, .operation, .maxPool:
        let own = kernel.images ?? []
        if !own.isEmpty, isRounded(kernel) {
          images.formUnion(own)
        } else {
          for storage in own { groups.keep(storage) }
        }
        var others = (kernel.reads + kernel.writes).filter { !own.contains($0) }
        if case .convolution(_, let epilogue) = kernel.work, let residual = epilogue.residual {
          groups.unite([residual, kernel.writes[0]])
          others.removeAll { $0 == residual }
        }
        if case .inputGradient(_, let postOps?) = kernel.work {
          // Read as a fusion group reads.
          others.removeAll { $0 == postOps.residual || $0 == postOps.mask }
        }
        for storage in others { groups.keep(storage) }
      }
    }
    rounded = images.filter { !groups.isKept($0) }
  }
}
