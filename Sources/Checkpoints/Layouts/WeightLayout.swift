import TensorGraph

/// The order of axes in a file against the graph's.
///
/// In the graph a convolution filter is [K, R, S, C] (output channels, rows, columns, input channels)
/// and a dense layer's weight [out, in].
public enum WeightLayout: String, Codable, Hashable, Sendable {
  /// PyTorch's state dict: convolution filters OIHW, that is [K, C, R, S], and all else as in the
  /// graph. Every array of rank 4 is a filter.
  case torchvision

  /// The shape in the file of an array that has this shape in the graph.
  public func fileShape(of shape: Shape) -> Shape { order(of: shape).storedShape(of: shape) }

  /// The shape in the graph of an array that has this shape in the file.
  public func graphShape(of shape: Shape) -> Shape {
    shape.rank == 4 ? [shape[0], shape[2], shape[3], shape[1]] : shape
  }

  /// From the file's order of axes to the graph's, exact to the bit.
  public func toGraph(_ tensor: Tensor) -> Tensor {
    let shape = graphShape(of: tensor.shape)
    return order(of: shape).toGraph(tensor, shape: shape)
  }

  /// From the graph's order of axes to the file's, exact to the bit.
  public func toFile(_ tensor: Tensor) -> Tensor { order(of: tensor.shape).toFile(tensor) }

  private func order(of shape: Shape) -> AxisOrder { shape.rank == 4 ? .channelsFirst : .same }
}
