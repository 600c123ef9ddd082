import CTensorKernels
import TensorGraph
import TensorPlan

extension Lowering {
  func averagePool(_ operation: AveragePool, _ kernel: Kernel) -> Run {
    var pool = poolShape(
      operation.window, kernel, image: kernel.readShapes[0], result: kernel.writeShapes[0])
    let (x, y, cpu) = (floats(kernel.reads[0]), floats(kernel.writes[0]), cpu)
    let counts: Int32 = operation.countsPadding ? 1 : 0
    return {
      trompe_average_pool(&pool, counts, x, y, cpu)
      return 0
    }
  }

  func averagePoolGradient(_ operation: AveragePoolGradient, _ kernel: Kernel) -> Run {
    var pool = poolShape(
      operation.window, kernel, image: kernel.writeShapes[0], result: kernel.readShapes[0])
    let (dy, dx, cpu) = (floats(kernel.reads[0]), floats(kernel.writes[0]), cpu)
    let counts: Int32 = operation.countsPadding ? 1 : 0
    return {
      trompe_average_pool_gradient(&pool, counts, dy, dx, cpu)
      return 0
    }
  }
}
