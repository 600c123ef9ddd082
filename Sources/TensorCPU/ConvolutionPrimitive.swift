import CTensorKernels
import TensorGraph

/// One oneDNN convolution with its layouts.
final class ConvolutionPrimitive {
  let handle: OpaquePointer

  init(
    kind: trompe_convolution_kind, window: Window2D, groups: Int, image: Shape, filter: Shape,
    result: Shape, epilogue: (bias: Bool, residual: Bool, relu: Bool) = (false, false, false),
    blocks: (image: Bool, result: Bool) = (false, false), mayUseWinograd: Bool
  ) throws(ExecutionError) {
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
    shape.has_bias = epilogue.bias ? 1 : 0
    shape.adds_to_result = epilogue.residual ? 1 : 0
    shape.has_relu = epilogue.relu ? 1 : 0
    (shape.blocks_x, shape.blocks_y) = (blocks.image ? 1 : 0, blocks.result ? 1 : 0)
    shape.may_use_winograd = mayUseWinograd ? 1 : 0
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
  var scratchBytes: Int { trompe_convolution_scratch_bytes(handle) }
  var filterBytes: Int { trompe_convolution_filter_bytes(handle) }
  var filterIsPlain: Bool { trompe_convolution_filter_is_plain(handle) != 0 }

  func hasSameFilterLayout(as other: ConvolutionPrimitive) -> Bool {
    trompe_convolution_same_filter_layout(handle, other.handle) != 0
  }
}
