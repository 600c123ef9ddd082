import CTensorKernels
import TensorGraph
import TensorPlan

extension Lowering {
  /// Blocked images are as many more of 16 channels.
  func poolShape(
    _ window: Window2D, _ kernel: Kernel, image x: Shape, result y: Shape
  ) -> trompe_pool {
    let channels = plan.blocked.contains(kernel.reads[0]) ? Int(TROMPE_CHANNEL_BLOCK) : x[3]
    return trompe_pool(
      n: Int64(x[0] * x[3] / max(channels, 1)), h: Int64(x[1]), w: Int64(x[2]),
      c: Int64(channels), p: Int64(y[1]), q: Int64(y[2]), height: Int64(window.height),
      width: Int64(window.width),
      stride_y: Int64(window.strideY), stride_x: Int64(window.strideX),
      dilation_y: Int64(window.dilationY), dilation_x: Int64(window.dilationX),
      top: Int64(window.top), left: Int64(window.left))
  }
}
