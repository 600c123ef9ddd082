import CTensorKernels
import TensorGraph
import TensorPlan

extension Lowering {
  /// Maximum and the tap that holds it in one go.
  func maxPool(_ window: Window2D, _ kernel: Kernel) -> Run {
    var pool = poolShape(
      window, kernel, image: kernel.readShapes[0], result: kernel.writeShapes[0])
    let (x, y) = (floats(kernel.reads[0]), floats(kernel.writes[0]))
    let (index, cpu) = (bytes(kernel.writes[1]), cpu)
    return {
      trompe_max_pool(&pool, x, y, index, cpu)
      return 0
    }
  }

  func maxPoolIndex(_ operation: MaxPoolIndex, _ kernel: Kernel) -> Run {
    var pool = poolShape(
      operation.window, kernel, image: kernel.readShapes[0], result: kernel.writeShapes[0])
    let (x, index, cpu) = (floats(kernel.reads[0]), bytes(kernel.writes[0]), cpu)
    return {
      trompe_max_pool(&pool, x, nil, index, cpu)
      return 0
    }
  }

  func maxPoolSelect(_ operation: MaxPoolSelect, _ kernel: Kernel) -> Run {
    var pool = poolShape(
      operation.window, kernel, image: kernel.readShapes[0], result: kernel.writeShapes[0])
    let (x, index) = (floats(kernel.reads[0]), bytes(kernel.reads[1]))
    let (y, cpu) = (floats(kernel.writes[0]), cpu)
    return {
      trompe_max_pool_select(&pool, x, index, y, cpu)
      return 0
    }
  }

  func maxPoolScatter(_ operation: MaxPoolScatter, _ kernel: Kernel) -> Run {
    var pool = poolShape(
      operation.window, kernel, image: kernel.writeShapes[0], result: kernel.readShapes[0])
    let (dy, index) = (floats(kernel.reads[0]), bytes(kernel.reads[1]))
    let (dx, cpu) = (floats(kernel.writes[0]), cpu)
    return {
      trompe_max_pool_scatter(&pool, dy, index, dx, cpu)
      return 0
    }
  }
}
