import Networks
import TensorGraph

extension GraphBuilder {
  /// For layers that only move, copy or drop elements: the adjoint, which brings `y`, shaped as the
  /// output, back to the inputs. `nil` for layers that compute.
  mutating func routed(_ step: NetworkGraph.Step, _ y: Value) throws -> [Value]? {
    let shape = step.inputs[0].shape
    switch step.layer {
    case .dropout, .spatialDropout: return [y]
    case .reverseChannels: return [try reversingChannels(y)]
    case .reshape: return [try reshape(y, to: shape)]
    case .permute(let order):
      var inverse = [Int](repeating: 0, count: shape.rank)
      for (position, axis) in ([0] + order.map { $0 + 1 }).enumerated() { inverse[axis] = position }
      return [try transpose(y, inverse)]
    case .crop(let top, let left, let bottom, let right):
      return [
        try append(
          Pad(low: [0, top, left, 0], high: [0, bottom, right, 0], interior: [0, 0, 0, 0]), [y])
      ]
    case .flatten(let order):
      guard order == .channelsFirst, shape.rank == 4, shape[1] * shape[2] > 1 else {
        return [try reshape(y, to: shape)]
      }
      let image = try reshape(y, to: [shape[0], shape[3], shape[1], shape[2]])
      return [try transpose(image, [0, 2, 3, 1])]
    case .concatenate:
      var begin = 0
      return try step.inputs.map { input in
        let end = begin + input.shape[-1]
        defer { begin = end }
        return try slice(y, axis: y.shape.rank - 1, begin..<end)
      }
    case .zeroPadding(let top, let left, _, _):
      let rows = try slice(y, axis: 1, top..<top + shape[1])
      return [try slice(rows, axis: 2, left..<left + shape[2])]
    case .subsampleAndPadChannels(let stride, let before, _):
      let sampled = try slice(y, axis: 3, before..<before + shape[3])
      func beyond(_ axis: Int) -> Int { shape[axis] - ((sampled.shape[axis] - 1) * stride + 1) }
      return [
        try append(
          Pad(
            low: [0, 0, 0, 0], high: [0, beyond(1), beyond(2), 0],
            interior: [0, stride - 1, stride - 1, 0]), [sampled])
      ]
    default: return nil
    }
  }
}
