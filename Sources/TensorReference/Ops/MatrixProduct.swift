import TensorGraph

extension MatrixProduct: ReferenceOperation {
  func evaluate(_ operands: [ReferenceArray], result: Shape) -> ReferenceArray {
    let (a, b) = (operands[0], operands[1])
    let (rows, columns) = (result[0], result[1])
    let inner = transposesLeft ? a.shape[0] : a.shape[1]
    var c = ReferenceArray(repeating: 0, shape: result)
    for row in 0..<rows {
      for k in 0..<inner {
        let left = a.values[transposesLeft ? k * rows + row : row * inner + k]
        for column in 0..<columns {
          let right = b.values[transposesRight ? column * inner + k : k * columns + column]
          c.values[row * columns + column] += left * right
        }
      }
    }
    return c
  }
}
