import Networks
import TensorGraph

extension NetworkGraph {
  /// The network on the baseline of path methods and of DeepLIFT: one image that is 0 in normalised
  /// space. All images share it, so its batch is 1.
  func loweredOnBaseline(in graph: inout GraphBuilder) throws -> NetworkGraph {
    let shape = input.shape.replacing(axis: 0, with: 1)
    return try lowered(on: graph.constant(Tensor(repeating: 0, shape: shape)), in: &graph)
  }
}
