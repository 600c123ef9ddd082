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
  public func fileShape(of shape: Shape) -> Shape {
    shape.rank == 4 ? [shape[0], shape[3], shape[1], shape[2]] : shape
  }

  /// The shape in the graph of an array that has this shape in the file.
  public func graphShape(of shape: Shape) -> Shape {
    shape.rank == 4 ? [shape[0], shape[2], shape[3], shape[1]] : shape
  }

  /// From the file's order of axes to the graph's, exact to the bit.
  public func toGraph(_ tensor: Tensor) -> Tensor {
    let shape = tensor.shape
    guard shape.rank == 4 else { return tensor }
    return Tensor(
      shape: graphShape(of: shape),
      values: transposingMatrices(
        tensor.values, count: shape[0], rows: shape[1], columns: shape[2] * shape[3]))
  }

  /// From the graph's order of axes to the file's, exact to the bit.
  public func toFile(_ tensor: Tensor) -> Tensor {
    let shape = tensor.shape
    guard shape.rank == 4 else { return tensor }
    return Tensor(
      shape: fileShape(of: shape),
      values: transposingMatrices(
        tensor.values, count: shape[0], rows: shape[1] * shape[2], columns: shape[3]))
  }
}

/// Transposes each of `count` matrices of `rows` by `columns`, row-major, one after the other.
///
/// Rows and columns of a filter are few against its channels, and one matrix fits the cache, so plain
/// loops reach the speed of memory.
private func transposingMatrices(_ values: [Float], count: Int, rows: Int, columns: Int) -> [Float]
{
  guard rows > 1, columns > 1 else { return values }
  return [Float](unsafeUninitializedCapacity: values.count) { result, initialized in
    values.withUnsafeBufferPointer { source in
      let size = rows * columns
      for start in stride(from: 0, to: count * size, by: size) {
        for column in 0..<columns {
          for row in 0..<rows {
            result.initializeElement(
              at: start + column * rows + row, to: source[start + row * columns + column])
          }
        }
      }
    }
    initialized = values.count
  }
}
