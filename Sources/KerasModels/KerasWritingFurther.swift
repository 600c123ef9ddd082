import Foundation
import Networks
import TensorGraph

/// Layers beside convolutions, dense layers, batch norms and pooling.
extension KerasWriting {
  mutating func appendFurther(
    _ node: LayerNode, _ x: Shape, _ inputs: [Reference]
  ) throws(NetworkError) {
    switch node.layer {
    case .activation(let function): try appendActivation(node, function, inputs)
    case .prelu(let layer):
      let slopes = [Int](repeating: 1, count: x.rank - layer.slopes.count) + layer.slopes
      results[node.name] = try writeCall(
        "PReLU", node.parameterPrefix, node, inputs,
        ["shared_axes": slopes.indices.filter { slopes[$0] == 1 && x[$0] > 1 }.map { $0 + 1 }])
    case .layerNorm(let layer):
      let axes = Array((1...x.rank).suffix(layer.extents.count))
      results[node.name] = try writeCall(
        "LayerNormalization", node.parameterPrefix, node, inputs,
        [
          "axis": axes, "epsilon": layer.epsilon, "scale": layer.hasGamma,
          "center": layer.hasBeta,
        ])
    case .layerScale: throw error(node, "Keras has no layer that scales channels alone")
    case .multiply: simple("Multiply", node, inputs)
    case .subtract: simple("Subtract", node, inputs)
    case .divide: throw error(node, "Keras has no layer that divides")
    case .average: simple("Average", node, inputs)
    case .maximum: simple("Maximum", node, inputs)
    case .reshape(let extents): simple("Reshape", node, inputs, ["target_shape": extents])
    case .permute(let order): simple("Permute", node, inputs, ["dims": order.map { $0 + 1 }])
    case .reverseChannels: throw error(node, "Keras has no layer that reverses channels")
    case .resize(let layer):
      let interpolation = layer.interpolation.rawValue
      if layer.height % x[0] == 0, layer.width % x[1] == 0 {
        simple(
          "UpSampling2D", node, inputs,
          ["size": [layer.height / x[0], layer.width / x[1]], "interpolation": interpolation])
      } else {
        simple(
          "Resizing", node, inputs,
          ["height": layer.height, "width": layer.width, "interpolation": interpolation])
      }
    case .crop(let top, let left, let bottom, let right):
      simple("Cropping2D", node, inputs, ["cropping": [[top, bottom], [left, right]]])
    case .rescale(let layer):
      simple(
        "Rescaling", node, inputs,
        ["scale": Self.number(layer.scale), "offset": Self.number(layer.offset)])
    case .normalization:
      // Its statistics are among the weights.
      results[node.name] = try writeCall(
        "Normalization", node.parameterPrefix, node, inputs,
        ["axis": -1, "mean": NSNull(), "variance": NSNull(), "invert": false])
    case .spatialDropout(let rate): simple("SpatialDropout2D", node, inputs, ["rate": rate])
    default: preconditionFailure("\(node.layer.kind) is written above")
    }
  }

  static func number(_ values: [Double]) -> Any { values.count == 1 ? values[0] : values }

  mutating func appendActivation(
    _ node: LayerNode, _ function: ActivationFunction, _ inputs: [Reference]
  ) throws(NetworkError) {
    if let kerasName = function.kerasName {
      return simple("Activation", node, inputs, ["activation": kerasName])
    }
    let name = renamed[node.name] ?? node.name
    switch function {
    case .rectifier(let slope, let maximum):
      simple(
        "ReLU", node, inputs,
        [
          "max_value": maximum.map { $0 as Any } ?? NSNull(), "negative_slope": slope,
          "threshold": 0.0,
        ])
    case .elu(let alpha): simple("ELU", node, inputs, ["alpha": alpha])
    case .hardSigmoid(let slope):
      results[node.name] = writeHardSigmoid(name, slope, inputs)
    case .hardSwish:
      let gate = writeHardSigmoid("\(name).gate", ActivationFunction.hardSlope, inputs)
      results[node.name] = write("Multiply", name, inputs + [gate])
    default: throw error(node, "Keras has no function \(function.name.rawValue) by name")
    }
  }

  /// min(max(slope·x + 1/2, 0), 1): by its name Keras 2 and Keras 3 have other slopes.
  mutating func writeHardSigmoid(
    _ name: String, _ slope: Double, _ inputs: [Reference]
  ) -> Reference {
    let line = write("Rescaling", "\(name).line", inputs, ["scale": slope, "offset": 0.5])
    return write(
      "ReLU", name, [line], ["max_value": 1.0, "negative_slope": 0.0, "threshold": 0.0])
  }
}

extension ActivationFunction {
  /// The name that means the same to Keras 2 and Keras 3.
  var kerasName: String? {
    switch self {
    case .selu: "selu"
    case .silu: "swish"
    case .gelu: "gelu"
    case .sigmoid: "sigmoid"
    case .tanh: "tanh"
    case .softplus: "softplus"
    case .softsign: "softsign"
    case .exponential: "exponential"
    case .elu(alpha: 1): "elu"
    case .mish: "mish"
    case .rectifier, .elu, .geluTanh, .hardSigmoid, .hardSwish: nil
    }
  }
}
