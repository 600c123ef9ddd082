import CTensorKernels
import TensorGraph
import TensorPlan

extension Lowering {
  /// Maximum and the tap that holds it in one go.
  func maxPool(_ window: Window2D, _ kernel: Kernel) -> Run {
    var pool = poolShape(
      window, kernel, image: kernel.readShapes[0], result: kernel.writeShapes[0])
    let (x, y) = (floats(kernel.reads[0]), floats(kernel.writes[0]))
    let (index, threads) = (bytes(kernel.writes[1]), threads)
    return {
      trompe_max_pool(&pool, x, y, index, threads)
      return 0
    }
  }

  func maxPoolIndex(_ operation: MaxPoolIndex, _ kernel: Kernel) -> Run {
    var pool = poolShape(
      operation.window, kernel, image: kernel.readShapes[0], result: kernel.writeShapes[0])
    let (x, index, threads) = (floats(kernel.reads[0]), bytes(kernel.writes[0]), threads)
    return {
      trompe_max_pool(&pool, x, nil, index, threads)
      return 0
    }
  }

  func maxPoolSelect(_ operation: MaxPoolSelect, _ kernel: Kernel) -> Run {
    var pool = poolShape(
      operation.window, kernel, image: kernel.readShapes[0], result: kernel.writeShapes[0])
    let (x, index) = (floats(kernel.reads[0]), bytes(kernel.reads[1]))
    let (y, threads) = (floats(kernel.writes[0]), threads)
    return {
      trompe_max_pool_select(&pool, x, index, y, threads)
      return 0
    }
  }

  func maxPoolScatter(_ operation: MaxPoolScatter, _ kernel: Kernel) -> Run {
    var pool = poolShape(
      operation.window, kernel, image: kernel.writeShapes[0], result: kernel.readShapes[0])
    let (dy, index) = (floats(kernel.reads[0]), bytes(kernel.reads[1]))
    let (dx, threads) = (floats(kernel.writes[0]), threads)
    return {
      trompe_max_pool_scatter(&pool, dy, index, dx, threads)
      return 0
    }
  }
}
