import TensorFiles
import TensorGraph

/// How a file orders the axes of an array, against the graph: filters [K, R, S, C] (output channels,
/// rows, columns, input channels of a group), dense weights [outputs, inputs].
public enum AxisOrder: Hashable, Sendable {
  /// As the graph.
  case same
  /// Channels before rows and columns: PyTorch's filters [K, C, R, S].
  case channelsFirst
  /// The first axis last, which is Keras's: filters [R, S, C, K], dense weights [inputs, outputs].
  case outputsLast

  /// The shape in the file of an array that has this shape in the graph.
  public func storedShape(of shape: Shape) -> Shape {
    switch self {
    case .same: shape
    case .channelsFirst:
      Shape([shape[0], shape[shape.rank - 1]] + shape.dimensions[1..<(shape.rank - 1)])
    case .outputsLast: Shape(shape.dimensions.dropFirst() + [shape[0]])
    }
  }

  /// Reads a dataset into memory in the graph's order, block by block: besides `memory` there is one
  /// block at a time.
  ///
  /// - Precondition: the dataset has as many elements as `shape`, and `memory` too.
  func read(
    _ dataset: String, of container: any TensorContainer, shape: Shape,
    into memory: UnsafeMutableBufferPointer<Float>
  ) throws {
    let transposition = transposition(of: shape)
    guard transposition.rows > 1, transposition.columns > 1 else {
      return try container.read(dataset, into: memory)
    }
    let (rows, columns) = (transposition.rows, transposition.columns)
    switch self {
    case .same: preconditionFailure("nothing to transpose")
    case .channelsFirst:
      try container.readBlocks(of: dataset, multipleOf: rows * columns, into: nil) { start, block in
        for matrix in stride(from: 0, to: block.count, by: rows * columns) {
          transpose(
            block.baseAddress! + matrix, rows: rows, columns: columns,
            into: memory.baseAddress! + start + matrix, rowLength: rows)
        }
      }
    case .outputsLast:
      try container.readBlocks(of: dataset, multipleOf: columns, into: nil) { start, block in
        transpose(
          block.baseAddress!, rows: block.count / columns, columns: columns,
          into: memory.baseAddress! + start / columns, rowLength: rows)
      }
    }
  }

  /// Where an element of an array of this shape in the graph stands in the file's array; both
  /// positions count in row-major order.
  func storedPosition(_ position: Int, of shape: Shape) -> Int {
    let (_, rows, columns) = transposition(of: shape)
    guard rows > 1, columns > 1 else { return position }
    let (matrix, inner) = position.quotientAndRemainder(dividingBy: rows * columns)
    let (column, row) = inner.quotientAndRemainder(dividingBy: rows)
    return matrix * rows * columns + row * columns + column
  }

  /// From the graph's order to the file's, exact to the bit.
  func toFile(_ tensor: Tensor) -> Tensor {
    let (count, rows, columns) = transposition(of: tensor.shape)
    return Tensor(
      shape: storedShape(of: tensor.shape),
      values: transposed(tensor.values, count: count, rows: columns, columns: rows))
  }

  /// From the file's order to the graph's, where the array has this shape; exact to the bit.
  func toGraph(_ tensor: Tensor, shape: Shape) -> Tensor {
    let (count, rows, columns) = transposition(of: shape)
    return Tensor(
      shape: shape, values: transposed(tensor.values, count: count, rows: rows, columns: columns))
  }

  /// Each of `count` matrices, one after the other.
  private func transposed(_ values: [Float], count: Int, rows: Int, columns: Int) -> [Float] {
    guard rows > 1, columns > 1 else { return values }
    return [Float](unsafeUninitializedCapacity: values.count) { result, initialized in
      values.withUnsafeBufferPointer { source in
        for start in stride(from: 0, to: values.count, by: rows * columns) {
          transpose(
            source.baseAddress! + start, rows: rows, columns: columns,
            into: result.baseAddress! + start, rowLength: rows)
        }
      }
      initialized = values.count
    }
  }

  /// The matrices to transpose on the way from the file to the graph, for an array of this shape in
  /// the graph.
  private func transposition(of shape: Shape) -> (count: Int, rows: Int, columns: Int) {
    guard shape.count > 0 else { return (0, 0, 0) }
    switch self {
    case .same: return (1, 1, shape.count)
    case .channelsFirst:
      let channels = shape[shape.rank - 1]
      return (shape[0], channels, shape.count / shape[0] / channels)
    case .outputsLast: return (1, shape.count / shape[0], shape[0])
    }
  }
}

/// Transposes a matrix of `rows` by `columns` that lies row by row. The result's rows, one for each
/// column, are `rowLength` elements apart.
///
/// Tile by tile: a tile of both matrices fits the first-level cache.
func transpose(
  _ source: UnsafePointer<Float>, rows: Int, columns: Int, into result: UnsafeMutablePointer<Float>,
  rowLength: Int
) {
  let tile = 16  // A cache line of floats.
  for firstColumn in stride(from: 0, to: columns, by: tile) {
    let lastColumn = min(firstColumn + tile, columns)
    for firstRow in stride(from: 0, to: rows, by: tile) {
      let lastRow = min(firstRow + tile, rows)
      for column in firstColumn..<lastColumn {
        let target = result + column * rowLength
        for row in firstRow..<lastRow { target[row] = source[row * columns + column] }
      }
    }
  }
}
