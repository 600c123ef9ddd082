import CTensorKernels
import TensorGraph
import TensorPlan

extension Lowering {
  /// What filters are multiplied with on the way; what is packed is scaled already.
  private func scale(
    _ kernel: Kernel, _ packed: UnsafeMutableRawPointer?
  ) -> UnsafePointer<Float>? {
    packed == nil ? kernel.filterScale.map { UnsafePointer(floats($0)) } : nil
  }

  func convolution(
    _ kernel: Kernel, _ epilogue: Kernel.Epilogue, _ primitive: ConvolutionPrimitive,
    _ packed: UnsafeMutableRawPointer?, _ scratch: UnsafeMutableRawPointer
  ) -> Run {
    let (x, y) = (address[kernel.reads[0]]!, address[kernel.writes[0]]!)
    let (filter, scale) = (packed ?? address[kernel.reads[1]]!, scale(kernel, packed))
    var after = trompe_epilogue()
    after.bias = epilogue.bias.map { UnsafePointer(floats($0)) }
    after.residual = epilogue.residual.map(image)
    after.has_relu = epilogue.hasReLU ? 1 : 0
    after.relu_limit = epilogue.limit ?? 0
    return { primitive.run(x, filter, scale, &after, y, scratch) }
  }

  func inputGradient(
    _ kernel: Kernel, _ postOps: Kernel.BackwardPostOps?, _ prepared: Preparation.Prepared,
    _ packed: UnsafeMutableRawPointer?, _ scratch: UnsafeMutableRawPointer
  ) -> Run {
    let primitive = prepared.convolution!
    let (dx, dy) = (address[kernel.writes[0]]!, address[kernel.reads[0]]!)
    let (filter, scale) = (packed ?? address[kernel.reads[1]]!, scale(kernel, packed))
    if let program = prepared.pointwise {
      program.bind { address[$0]! }
      let cpu = settings.cpu
      return {
        let status = primitive.run(dx, filter, scale, nil, dy, scratch)
        if status == 0 { program.run(scratch: scratch, cpu: cpu) }
        return status
      }
    }
    var after = trompe_epilogue()
    after.residual = postOps?.residual.map(image)
    after.mask = postOps?.mask.map(image)
    after.sums = postOps?.channelSums.map { floats($0) }
    return { primitive.run(dx, filter, scale, &after, dy, scratch) }
  }

  func filterGradient(
    _ kernel: Kernel, _ primitive: ConvolutionPrimitive, _ scratch: UnsafeMutableRawPointer
  ) -> Run {
    let (x, dy) = (address[kernel.reads[0]]!, address[kernel.reads[1]]!)
    let y = floats(kernel.writes[0])
    if primitive.filterIsPlain {
      return { primitive.run(x, y, nil, nil, dy, scratch) }
    }
    let inOrder = scratch + Preparation.aligned(primitive.scratchBytes)
    return {
      let status = primitive.run(x, inOrder, nil, nil, dy, scratch)
      return status != 0
        ? status : trompe_convolution_reorder_filter(primitive.handle, inOrder, nil, y, nil)
    }
  }
}
