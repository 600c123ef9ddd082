import TensorGraph

extension Convolution: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue {
    text.convolve(
      operands[0], operands[1], "[b, 0, 1, f]x[o, 0, 1, i]->[b, 0, 1, f]",
      stride: [window.strideY, window.strideX],
      pad: [[window.top, window.bottom], [window.left, window.right]],
      filterDilation: [window.dilationY, window.dilationX], groups: groups, result: result)
  }
}

/// A convolution of the cotangent, with zeros between its elements where the stride is larger than 1,
/// by the turned filter, whose input and output channels have changed places.
///
/// The filter is turned by an operation of its own: the attribute of a convolution that means the same
/// takes forty times as long on XLA's CPU.
extension ConvolutionInputGradient: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue {
    let (dy, w) = (operands[0], operands[1])
    var filter = text.reverse(w, axes: [1, 2])
    if groups > 1 {
      // [G·K, R, S, C] to [K, R, S, G·C]: every group's filters beside each other.
      let (filters, channels) = (w.shape[0] / groups, w.shape[3])
      filter = text.reshape(
        filter, to: [groups, filters, w.shape[1], w.shape[2], channels])
      filter = text.transpose(filter, [1, 2, 3, 0, 4])
      filter = text.reshape(filter, to: [filters, w.shape[1], w.shape[2], groups * channels])
    }
    func pad(_ taps: Int, _ stride: Int, _ dilation: Int, _ low: Int, _ axis: Int) -> [Int] {
      let reach = (taps - 1) * dilation
      return [reach - low, result[axis] - 1 - (dy.shape[axis] - 1) * stride + low]
    }
    return text.convolve(
      dy, filter, "[b, 0, 1, f]x[i, 0, 1, o]->[b, 0, 1, f]",
      pad: [
        pad(window.height, window.strideY, window.dilationY, window.top, 1),
        pad(window.width, window.strideX, window.dilationX, window.left, 2),
      ],
      imageDilation: [window.strideY, window.strideX],
      filterDilation: [window.dilationY, window.dilationX], groups: groups, result: result)
  }
}

/// A convolution of the images by the cotangent: channels take the place of the batch, images that of
/// the channels.
extension ConvolutionFilterGradient: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue {
    let (x, dy) = (operands[0], operands[1])
    func pad(_ taps: Int, _ stride: Int, _ dilation: Int, _ low: Int, _ axis: Int) -> [Int] {
      let read = (dy.shape[axis] - 1) * stride + 1 + (taps - 1) * dilation
      return [low, read - x.shape[axis] - low]
    }
    return text.convolve(
      x, dy, "[f, 0, 1, b]x[i, 0, 1, o]->[f, 0, 1, b]",
      stride: [window.dilationY, window.dilationX],
      pad: [
        pad(window.height, window.strideY, window.dilationY, window.top, 1),
        pad(window.width, window.strideX, window.dilationX, window.left, 2),
      ],
      filterDilation: [window.strideY, window.strideX], batchGroups: groups, result: result)
  }
}
