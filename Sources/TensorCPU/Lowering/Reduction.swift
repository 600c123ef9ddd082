import CTensorKernels
import TensorGraph
import TensorPlan

extension Lowering {
  func argMax(_ kernel: Kernel) -> Run {
    let (x, index) = (floats(kernel.reads[0]), indices(kernel.writes[0]))
    let columns = kernel.readShapes[0][-1]
    let rows = kernel.writeShapes[0].count
    return {
      trompe_argmax(Int64(rows), Int64(columns), x, index)
      return 0
    }
  }

  func topKMask(_ mask: TopKMask, _ kernel: Kernel) -> Run {
    let (x, y) = (floats(kernel.reads[0]), floats(kernel.writes[0]))
    let columns = kernel.readShapes[0][-1]
    let rows = kernel.readShapes[0].count / max(columns, 1)
    return {
      trompe_top_k_mask(Int64(rows), Int64(columns), Int64(mask.count), x, y)
      return 0
    }
  }

  func oneHot(_ oneHot: OneHot, _ kernel: Kernel) -> Run {
    let (index, y) = (indices(kernel.reads[0]), floats(kernel.writes[0]))
    let rows = kernel.readShapes[0].count
    return {
      trompe_one_hot(Int64(rows), Int64(oneHot.depth), index, y)
      return 0
    }
  }
}
