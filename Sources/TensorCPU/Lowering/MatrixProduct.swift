import CTensorKernels
import TensorGraph
import TensorPlan

extension Lowering {
  func matrixProduct(_ product: MatrixProduct, _ kernel: Kernel) -> Run {
    let (a, b, y) = (floats(kernel.reads[0]), floats(kernel.reads[1]), floats(kernel.writes[0]))
    let result = kernel.writeShapes[0]
    let inner = kernel.readShapes[0][product.transposesLeft ? 0 : 1]
    var shape = trompe_matrix_shape(
      transposes_a: product.transposesLeft ? 1 : 0, transposes_b: product.transposesRight ? 1 : 0,
      m: Int64(result[0]), n: Int64(result[1]), k: Int64(inner),
      is_batch_invariant: settings.policy.isBatchInvariant ? 1 : 0)
    let cpu = cpu
    return { trompe_matrix_product(&shape, a, b, y, cpu) }
  }
}
