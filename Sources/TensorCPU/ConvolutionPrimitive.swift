import CTensorKernels
import TensorGraph
import TensorPlan
import TensorRuntime

/// What a kernel of the convolution family computes, whatever the order of its images.
struct ConvolutionWork {
  let kind: trompe_convolution_kind
  let window: Window2D
  let groups: Int
  let image: Shape
  let filter: Shape
  let result: Shape
  var epilogue = Kernel.Epilogue()
  /// Whether what is added does not stand where the result will.
  var residualIsApart = false
  /// Storages of image and result.
  let storages: (image: Int, result: Int)

  /// Whether bfloat16 is the faster way to multiply.
  func gainsByBFloat16(_ settings: CPUSettings) -> Bool {
    var shape = encoded(settings)
    return trompe_convolution_gains_by_bf16(&shape) != 0
  }

  fileprivate func encoded(_ settings: CPUSettings) -> trompe_convolution_shape {
    var shape = trompe_convolution_shape()
    shape.kind = Int32(kind.rawValue)
    (shape.n, shape.h, shape.w, shape.c) = (
      Int64(image[0]), Int64(image[1]), Int64(image[2]), Int64(image[3])
    )
    (shape.k, shape.r, shape.s) = (Int64(filter[0]), Int64(filter[1]), Int64(filter[2]))
    (shape.p, shape.q) = (Int64(result[1]), Int64(result[2]))
    (shape.stride_y, shape.stride_x) = (Int64(window.strideY), Int64(window.strideX))
    (shape.dilation_y, shape.dilation_x) = (Int64(window.dilationY), Int64(window.dilationX))
    (shape.top, shape.left) = (Int64(window.top), Int64(window.left))
    (shape.bottom, shape.right) = (Int64(window.bottom), Int64(window.right))
    shape.groups = Int64(groups)
    shape.has_bias = epilogue.bias != nil ? 1 : 0
    shape.adds_residual = epilogue.residual != nil ? 1 : 0
    shape.residual_is_apart = residualIsApart ? 1 : 0
    shape.may_use_own_kernels = settings.kernels.library == .own ? 1 : 0
    shape.is_batch_invariant = settings.policy.isBatchInvariant ? 1 : 0
    shape.has_relu = epilogue.hasReLU ? 1 : 0
    shape.relu_limit = epilogue.limit ?? 0
    shape.kernels = settings.kernels.instructionSet.kernels.table
    return shape
  }
}

extension ConvolutionWork {
  /// `nil` if the kernel is no convolution.
  init?(_ kernel: Kernel) {
    switch kernel.work {
    case .convolution(let convolution, let epilogue):
      self.init(
        kind: TROMPE_CONVOLUTION_FORWARD, window: convolution.window, groups: convolution.groups,
        image: kernel.readShapes[0], filter: kernel.readShapes[1], result: kernel.writeShapes[0],
        epilogue: epilogue, storages: (kernel.reads[0], kernel.writes[0]))
    case .inputGradient(let gradient, _):
      self.init(
        kind: TROMPE_CONVOLUTION_INPUT_GRADIENT, window: gradient.window, groups: gradient.groups,
        image: gradient.inputShape, filter: kernel.readShapes[1], result: kernel.readShapes[0],
        storages: (kernel.writes[0], kernel.reads[0]))
    case .operation(let gradient as ConvolutionFilterGradient):
      self.init(
        kind: TROMPE_CONVOLUTION_FILTER_GRADIENT, window: gradient.window, groups: gradient.groups,
        image: kernel.readShapes[0], filter: kernel.writeShapes[0], result: kernel.readShapes[1],
        storages: (kernel.reads[0], kernel.reads[1]))
    default: return nil
    }
  }

  /// A 3×3 window over one square image, to ask what this processor has.
  static func probe(size: Int, channels: Int) -> ConvolutionWork {
    let image: Shape = [1, size, size, channels]
    return ConvolutionWork(
      kind: TROMPE_CONVOLUTION_FORWARD, window: Window2D(3, padding: 1), groups: 1, image: image,
      filter: [channels, 3, 3, channels], result: image, storages: (0, 1))
  }
}

/// One convolution, of oneDNN or of our own kernels, with its layouts.
final class ConvolutionPrimitive {
  let handle: OpaquePointer

  /// - Parameters:
  ///   - order: how a storage stands in memory; NHWC and floats if omitted.
  ///   - usesBFloat16: whether factors are rounded to bfloat16.
  init(
    _ work: ConvolutionWork,
    order: (Int) -> trompe_image_order = { _ in trompe_image_order() }, usesBFloat16: Bool = false,
    settings: CPUSettings = CPUSettings()
  ) throws(ExecutionError) {
    var shape = work.encoded(settings)
    (shape.order_x, shape.order_y) = (order(work.storages.image), order(work.storages.result))
    shape.uses_bf16 = usesBFloat16 ? 1 : 0
    var message = [CChar](repeating: 0, count: 256)
    guard let handle = trompe_convolution_create(&shape, &message, message.count) else {
      let text = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      throw ExecutionError(String(decoding: text, as: UTF8.self))
    }
    self.handle = handle
  }

  deinit { trompe_convolution_destroy(handle) }

  var implementation: String { String(cString: trompe_convolution_implementation(handle)) }
  var isWinograd: Bool { trompe_convolution_is_winograd(handle) != 0 }
  /// Whether an input gradient is finished before it is stored.
  var finishesGradients: Bool { trompe_convolution_fuses_backward_post_ops(handle) != 0 }
  var scratchBytes: Int { trompe_convolution_scratch_bytes(handle) }
  /// Scratch that packing filters with a scale needs.
  var scalingBytes: Int { trompe_convolution_scaling_bytes(handle) }
  var filterBytes: Int { trompe_convolution_filter_bytes(handle) }
  /// Whether plain filters are multiplied with a scale each as they are read.
  var scalesFilters: Bool { trompe_convolution_scales_filters(handle) != 0 }
  var filterIsPlain: Bool { trompe_convolution_filter_is_plain(handle) != 0 }

  /// Runs once: forward, `y` is the result; of an input gradient, `x`; of a filter gradient, `filter`.
  func run(
    _ x: UnsafeMutableRawPointer?, _ filter: UnsafeMutableRawPointer?,
    _ scale: UnsafePointer<Float>?, _ after: UnsafePointer<trompe_epilogue>?,
    _ y: UnsafeMutableRawPointer?, _ scratch: UnsafeMutableRawPointer?
  ) -> Int32 {
    var buffers = trompe_convolution_buffers(
      x: x, filter: filter, scale: scale, y: y, scratch: scratch)
    return trompe_convolution_run(handle, &buffers, after)
  }

  func hasSameFilterLayout(as other: ConvolutionPrimitive) -> Bool {
    trompe_convolution_same_filter_layout(handle, other.handle) != 0
  }
}
