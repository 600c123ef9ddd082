import Checkpoints
import Networks
import TensorGraph

extension Architecture {
  /// The layers with parameters as files see them, in Keras's order where Keras has the network's
  /// layers, otherwise in that of `nodes`.
  public var parameterizedLayers: [ParameterizedLayer] {
    let layers = nodes.compactMap(\.parameterizedLayer)
    guard let order = try? kerasLayers() else { return layers }
    var positions: [String: Int] = [:]
    for (position, layer) in order.enumerated() { positions[layer.parameters] = position }
    return layers.sorted { positions[$0.name] ?? .max < positions[$1.name] ?? .max }
  }
}

extension LayerNode {
  fileprivate var parameterizedLayer: ParameterizedLayer? {
    switch layer {
    case .convolution(let layer):
      ParameterizedLayer(
        name: parameterPrefix, kind: layer.isDepthwise ? .depthwiseConvolution : .convolution,
        weightShape: [
          layer.outputChannels, layer.window.height, layer.window.width,
          layer.inputChannels / layer.groups,
        ], hasBias: layer.hasBias)
    case .dense(let layer):
      ParameterizedLayer(
        name: parameterPrefix, kind: .dense, weightShape: [layer.outputs, layer.inputs],
        hasBias: layer.hasBias)
    case .batchNorm(let layer):
      ParameterizedLayer(
        name: parameterPrefix, kind: .batchNorm, weightShape: [layer.channels],
        hasWeight: layer.hasGamma, hasBias: layer.hasBeta)
    case .relu, .maxPool, .averagePool, .adaptiveAveragePool, .globalAveragePool, .flatten, .add,
      .concatenate, .subsampleAndPadChannels, .zeroPadding, .dropout, .softmax:
      nil
    }
  }
}
