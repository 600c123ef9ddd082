import CTensorKernels
import TensorGraph
import TensorPlan

extension Lowering {
  func matrixProduct(_ product: MatrixProduct, _ kernel: Kernel) -> Run {
    let (a, b, y) = (floats(kernel.reads[0]), floats(kernel.reads[1]), floats(kernel.writes[0]))
    let result = kernel.writeShapes[0]
    let inner = kernel.readShapes[0][product.transposesLeft ? 0 : 1]
    let (m, n, k) = (Int64(result[0]), Int64(result[1]), Int64(inner))
    let left: Int32 = product.transposesLeft ? 1 : 0
    let right: Int32 = product.transposesRight ? 1 : 0
    let isBatchInvariant: Int32 = settings.policy.isBatchInvariant ? 1 : 0
    let threads = threads
    return { trompe_matrix_product(left, right, m, n, k, a, b, y, isBatchInvariant, threads) }
  }
}
